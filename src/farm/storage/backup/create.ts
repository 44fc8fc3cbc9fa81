// Making a back-up: copied beside, compared with what it should be, published by one rename.
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { Fault, UsageError } from '../../../model/fault.ts'
import { errnoFault } from '../../../text/errno.ts'
import { copySparse, digestOf, flush } from '../../files.ts'
import { loadImage } from '../../image/manifest.ts'
import { allTemplates, check, type TemplateManifest, templateFolder } from '../../templates.ts'
import { requireRoom } from '../room.ts'
import { diskUsage, sizeText } from '../usage.ts'
import { type BackupPlace, beginBackup, endBackup, roomOf, sweepBackups } from './place.ts'
import { type Backup, type BackupRecord, content, flushFolder, titleOf, writeRecord } from './record.ts'
import { pruneBackups } from './retain.ts'

/** Templates whose labels differ only in the base's commit follow each other. */
const familyOf = ({ image, label }: TemplateManifest): string =>
  `${image}: ${label.replace(/\b[0-9a-f]{7,40}\b/g, '…')}`

type Source = Omit<BackupRecord, 'host' | 'createdAt' | 'files'> & {
  folder: string
  /** What the files should be, by name. */
  expected: Map<string, string>
}

/** Backs up the images and templates of these names (of a template: the beginning of its id); none: every image that is there, and of
 *  each line of templates the one that was frozen last. Faults: exhausted, damaged (the original is), refused. */
export const createBackups = async (place: BackupPlace, names: string[]): Promise<Backup[]> => {
  await sweepBackups(place.folder)
  const made: Backup[] = []
  for (const source of await sourcesOf(place, names)) made.push(await createBackup(place, source))
  return made
}

const sourcesOf = async (place: BackupPlace, names: string[]): Promise<Source[]> => {
  const templates = (await allTemplates(place.farm)).sort((a, b) => b.createdAt.localeCompare(a.createdAt))
  const images = place.images.filter(({ kind }) => kind !== 'libvirt').map(({ name }) => name)
  if (names.length === 0) {
    const there = await Promise.all(
      images.map(name =>
        loadImage(place.farm, name).then(
          () => [name],
          error => (error instanceof Fault && error.kind === 'refused' ? [] : Promise.reject(error)),
        ),
      ),
    )
    const newest = templates.filter(
      (one, index) => templates.findIndex(other => familyOf(other) === familyOf(one)) === index,
    )
    const ofImages = await Promise.all(there.flat().map(name => imageSource(place, name)))
    return [...ofImages, ...(await Promise.all(newest.map(one => templateSource(place, one))))]
  }
  return await Promise.all(
    names.map(async name => {
      if (images.includes(name)) return await imageSource(place, name)
      const found = templates.filter(({ id }) => id.startsWith(name))
      if (found[0] && found.length === 1) return await templateSource(place, found[0])
      const many = found.length > 1 ? 'several templates begin with' : 'no image or template is called'
      throw new UsageError(`${many} ${name}`, 'See what there is: grapevine farm show')
    }),
  )
}

const imageSource = async (place: BackupPlace, name: string): Promise<Source> => {
  const image = await loadImage(place.farm, name)
  const files = Object.values(image.files).filter(file => file !== undefined)
  return {
    ...{ kind: 'image', name, label: name, image: name, family: name, needs: [] },
    own: basename(image.folder),
    folder: image.folder,
    expected: new Map(files.map(({ file, sha256 }) => [file, sha256])),
  }
}

const templateSource = async (place: BackupPlace, manifest: TemplateManifest): Promise<Source> => {
  const { id, label, image, files } = manifest
  const folder = templateFolder(place.farm, id)
  await check(folder, manifest)
  const needs: BackupRecord['needs'] = []
  for (const { file, sha256 } of files)
    if (sha256 === undefined) needs.push({ file, sha256: await digestOf(file, { signal: place.signal }) })
  const own = files.flatMap(({ file, sha256 }) => (sha256 === undefined ? [] : [[file, sha256] as const]))
  return {
    ...{ kind: 'template', name: id, label, image, family: familyOf(manifest), needs, own: id, folder },
    expected: new Map(own),
  }
}

const createBackup = async (place: BackupPlace, source: Source): Promise<Backup> => {
  const { folder, expected, ...facts } = source
  const { kind, name, label } = facts
  const what = kind === 'image' ? `image ${name}` : `template ${name.slice(0, 12)} (${label})`
  const bytes = await diskUsage(folder)
  await mkdir(place.folder, { recursive: true })
  const making = await beginBackup(place.folder, `${kind}-${name}-${randomBytes(4).toString('hex')}`)
  try {
    await requireRoom(roomOf(place, 'backups'), { what: `backing up ${what}`, bytes, into: making })
    place.progress(`${what}: copying ${sizeText(bytes)}`)
    const files = await copyAll({ what, folder, into: content(making), expected }, place)
    const createdAt = new Date().toISOString()
    const record: BackupRecord = { ...facts, host: hostname(), createdAt, files }
    await writeRecord(making, record)
    const backup = await publish(place.folder, making, record)
    place.progress(`${what}: backed up`)
    for (const old of await pruneBackups({ ...place, only: record.family }))
      place.progress(`${titleOf(old.backup)}: removed, ${old.why}`)
    return backup
  } catch (error) {
    throw errnoFault(error, 'backing up', folder)
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

type CopyAll = { what: string; folder: string; into: string; expected: Map<string, string> }

/** The files that the manifest names, as they should be, and the manifest: a damaged original is not backed up as a good one. */
const copyAll = async (
  { what, folder, into, expected }: CopyAll,
  { progress, signal }: BackupPlace,
): Promise<BackupRecord['files']> => {
  await mkdir(into, { recursive: true })
  const names = [...expected.keys(), 'manifest.json']
  const there = await readdir(folder)
  const gone = names.find(name => !there.includes(name))
  if (gone) throw new Fault('damaged', 'later', `${what}: ${gone} is missing`)
  const files: BackupRecord['files'] = []
  for (const [index, name] of names.entries()) {
    progress(`${what}: copying ${name}`, index, names.length)
    const copy = join(into, name)
    await copySparse(join(folder, name), copy, signal)
    await flush(copy)
    const sha256 = await digestOf(copy, { signal })
    const should = expected.get(name)
    if (should !== undefined && should !== sha256)
      throw new Fault(
        'damaged',
        'later',
        `${what}: ${name} is not what its manifest says; it is not backed up`,
        {
          remedy: 'grapevine farm scrub',
        },
      )
    files.push({ file: name, bytes: (await stat(copy)).size, sha256 })
  }
  await flushFolder(into)
  return files
}

/** From here on it counts. */
const publish = async (folder: string, making: string, record: BackupRecord): Promise<Backup> => {
  const time = record.createdAt.replaceAll(':', '-')
  const within = join(folder, `${record.kind}s`, record.name)
  const place = join(within, time)
  await mkdir(within, { recursive: true })
  await endBackup(making)
  await flushFolder(making)
  await rename(making, place)
  for (const above of [within, join(folder, `${record.kind}s`), folder]) await flushFolder(above)
  return { ...record, folder: place, time }
}
