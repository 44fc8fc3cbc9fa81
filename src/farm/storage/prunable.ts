// What could be removed to make room: things that nothing refers to, or that are made again when they are needed.
import { lstat, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { manifestFile as imageManifest, imagesFolder } from '../image/manifest.ts'
import { isVersion } from '../image/versions.ts'
import { templatesInUse } from '../reap.ts'
import { spareTemplates, type TemplateManifest, templatesIn } from '../templates.ts'
import { diskUsage, namesIn } from './usage.ts'

export type Prunable = {
  kind: 'template' | 'image version' | 'quarantined' | 'left-over' | 'package'
  /** For people. */
  name: string
  path: string
  bytes: number
  why: string
}

const hour = 3_600_000
/** Longer than any build or copy goes without touching its folder. */
const abandonedMs = 6 * hour
/** Packages that came lately may be wanted by a build that runs. */
const freshPackageMs = 24 * hour
const keptQuarantined = 1

/** Prefixes in `images` of what is not yet, or not any more, an image. */
const unfinished = /^\.(building|importing|restoring|link|removing)-/

/** Everything of the farm that nobody needs, biggest first. `inUse`: templates that must stay, besides those of running clones. */
export const findPrunable = async (folder: string, inUse: Iterable<string> = []): Promise<Prunable[]> => {
  const used = new Set([...inUse, ...(await templatesInUse(folder))])
  const { spare, kept } = await spareTemplates(folder, used)
  const templates = spare.map(({ manifest, path, why }) => ({
    ...{ kind: 'template' as const, name: `${manifest.id.slice(0, 12)} (${manifest.label})`, path, why },
  }))
  const found = [
    ...templates,
    ...(await oldImages(folder, kept)),
    ...(await quarantined(folder)),
    ...(await leftOvers(folder)),
    ...(await packages(folder)),
  ]
  const sized = await Promise.all(found.map(async one => ({ ...one, bytes: await diskUsage(one.path) })))
  return sized.sort((a, b) => b.bytes - a.bytes)
}

/** Removes it. A folder goes out of sight first, by one rename: nobody finds half of it. */
export const removePrunable = async ({ path }: Pick<Prunable, 'path'>): Promise<void> => {
  const aside = join(dirname(path), `.removing-${process.pid}-${Date.now()}-${path.split('/').at(-1)}`)
  try {
    await rename(path, aside)
    await rm(aside, { recursive: true, force: true })
  } catch {
    // Somebody else was faster.
  }
}

type Found = Omit<Prunable, 'bytes'>

/** Builds that are not the current one, that no kept template lies on, and whose successor has proved itself by a template. */
const oldImages = async (folder: string, kept: TemplateManifest[]): Promise<Found[]> => {
  // As templates name them: their paths have no links. Images that another farm lends are not ours to remove.
  const images = join(await realpath(folder), 'images')
  if ((await realpath(images).catch(() => '')) !== images) return []
  const names = await namesIn(images)
  const bases = new Set(kept.flatMap(({ files }) => files.map(({ file }) => dirname(file))))
  const found: Found[] = []
  for (const version of names.filter(isVersion)) {
    const name = version.slice(0, version.lastIndexOf('@'))
    const current = await readlink(join(images, name)).catch(() => undefined)
    if (current === undefined || current === version || !bases.has(join(images, current))) continue
    // Since the current one may still be tried: what a person put back is newer than its build.
    if (bases.has(join(images, version))) continue
    const path = join(images, version)
    found.push({ kind: 'image version', name: version, path, why: 'replaced, and no template lies on it' })
  }
  return found
}

const quarantined = async (folder: string): Promise<Found[]> => {
  const places = [templatesIn(folder), imagesFolder(folder)]
  const all = await Promise.all(
    places.map(async place => {
      const names = (await namesIn(place)).filter(name => name.startsWith('damaged-')).sort()
      return names.slice(0, -keptQuarantined).map(name => join(place, name))
    }),
  )
  const why = 'damaged, and there is a newer one to look at'
  return all.flat().map(path => ({ kind: 'quarantined', name: path.split('/').at(-1) ?? path, path, why }))
}

const leftOvers = async (folder: string): Promise<Found[]> => {
  const within = async (place: string, pattern: RegExp): Promise<string[]> =>
    (await namesIn(place)).filter(name => pattern.test(name)).map(name => join(place, name))
  const paths = [
    ...(await within(imagesFolder(folder), unfinished)),
    ...(await within(templatesIn(folder), /^\.removing-/)),
    ...(await within(join(folder, 'cache'), /^incoming-/)),
  ]
  const found: Found[] = []
  for (const path of paths) {
    const { mtimeMs } = await lstat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (Date.now() - mtimeMs < abandonedMs) continue
    found.push({
      kind: 'left-over',
      name: path.split('/').at(-1) ?? path,
      path,
      why: 'nobody works on it any more',
    })
  }
  return found
}

/** Downloaded packages: the next build fetches them again. */
const packages = async (folder: string): Promise<Found[]> => {
  const found: Found[] = []
  for (const place of ['debs', 'debian-debs'].map(name => join(folder, 'cache', name)))
    for (const name of (await namesIn(place)).filter(name => name.endsWith('.deb'))) {
      const path = join(place, name)
      // A download keeps the archive's mtime; ctime says when it came here.
      const { ctimeMs } = await stat(path).catch(() => ({ ctimeMs: Number.POSITIVE_INFINITY }))
      if (Date.now() - ctimeMs < freshPackageMs) continue
      found.push({ kind: 'package', name, path, why: 'fetched again by the next build that needs it' })
    }
  return found
}

/** Is it an image's folder, with a manifest in it? */
export const isImageVersion = async (path: string): Promise<boolean> =>
  (await stat(join(path, imageManifest)).catch(() => undefined)) !== undefined
