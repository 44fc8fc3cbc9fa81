// The templates on this host's disk: published by one rename, looked at before each fork, put aside when they were changed.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { Fault } from '../model/fault.ts'
import { errnoOf } from '../text/errno.ts'
import { changeOf, digestOf, fileMarkSchema, flush, markOf } from './files.ts'
import { parts } from './freeze.ts'

const manifestSchema = z.object({
  id: z.string(),
  label: z.string(),
  image: z.string(),
  content: z.string(),
  createdAt: z.string(),
  qemu: z.string(),
  machine: z.string(),
  cpu: z.string(),
  accelerator: z.enum(['kvm', 'tcg']),
  fingerprint: z.string(),
  layout: z.object({
    memoryMiB: z.number(),
    cpus: z.number(),
    accelerator: z.enum(['kvm', 'tcg']),
    kernel: z.string().optional(),
    initrd: z.string().optional(),
    append: z.string(),
    disk: z.boolean(),
    bus: z.enum(['virtio', 'sata']).optional(),
    firmware: z.string().optional(),
  }),
  os: z.enum(['linux', 'windows']).default('linux'),
  shell: z.string(),
  base: z.object({ file: z.string(), format: z.string() }).optional(),
  state: z.object({ bytes: z.number(), sha256: z.string() }),
  canary: z.string(),
  /** Digest of what it is one state of; the next state goes on from it. */
  line: z.string().optional(),
  /** How many templates it came by since the image. */
  generation: z.number().default(0),
  /** Own files by their name, those of the image by their absolute path; digests of the own ones. */
  files: z.array(fileMarkSchema.extend({ sha256: z.string().optional() })),
})

/** All that a fork needs to know, and what a person may want to. */
export type TemplateManifest = z.infer<typeof manifestSchema>

const manifestFile = 'manifest.json'
/** Touched at each use; no part of the template. */
const usedFile = 'used'
const keptPerLine = 4
const keptQuarantined = 2
const unusedMs = 14 * 24 * 3_600_000

export const templatesIn = (folder: string): string => join(folder, 'templates')
export const templateFolder = (folder: string, id: string): string => join(templatesIn(folder), id)

/** The manifest of a template that is there; undefined if it is not, or not readable. */
export const findTemplate = async (folder: string, id: string): Promise<TemplateManifest | undefined> => {
  try {
    return parseTemplate(await readFile(join(templateFolder(folder, id), manifestFile), 'utf8'))
  } catch {
    return undefined
  }
}

/** undefined: it is none. */
export const parseTemplate = (text: string): TemplateManifest | undefined => {
  try {
    return manifestSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** All that are there, in no order. */
export const allTemplates = async (folder: string): Promise<TemplateManifest[]> => {
  const names = await readdir(templatesIn(folder)).catch((): string[] => [])
  const found = await Promise.all(names.map(id => findTemplate(folder, id)))
  // One that is put aside or not yet published has another name than its id.
  return found.filter((one, index): one is TemplateManifest => one?.id === names[index])
}

/** Stat marks and digests of the finished files in `making`, and the manifest itself, all on the disk. */
export const seal = async (
  making: string,
  facts: Omit<TemplateManifest, 'files'>,
): Promise<TemplateManifest> => {
  const own = (await readdir(making)).filter(name => Object.values<string>(parts).includes(name))
  const files: TemplateManifest['files'] = []
  for (const name of own) {
    await flush(join(making, name))
    const sha256 = await digestOf(join(making, name))
    files.push({ ...(await markOf(join(making, name))), file: name, sha256 })
  }
  const { kernel, initrd, firmware } = facts.layout
  for (const file of [kernel, initrd, firmware, facts.base?.file]) if (file) files.push(await markOf(file))
  const manifest = { ...facts, files }
  await writeFile(join(making, manifestFile), `${JSON.stringify(manifest, undefined, 2)}\n`)
  await flush(join(making, manifestFile))
  return manifest
}

/** Fault damaged (soon) that names the file, if one is not what it was. */
export const check = async (folder: string, manifest: TemplateManifest): Promise<void> => {
  for (const mark of manifest.files) {
    const change = await changeOf(mark, resolve(folder, mark.file))
    if (change) throw new Fault('damaged', 'soon', `template ${manifest.label}: ${change}`)
  }
}

/** From here on others find it. What lies there by that name is no template any more: half of one that was being removed, say. */
export const publish = async (folder: string, making: string, id: string): Promise<void> => {
  const at = templateFolder(folder, id)
  await rename(making, at).catch(async error => {
    if (!['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error
    await remove(at)
    await rename(making, at)
  })
  await flush(templatesIn(folder))
}

/** By one rename, and then for good: nobody finds half of it. */
const remove = async (template: string): Promise<void> => {
  const aside = join(dirname(template), `.removing-${randomUUID()}`)
  await rename(template, aside).catch(() => {})
  await rm(aside, { recursive: true, force: true })
}

/** Out of the way, for a person to look at; the next template() freezes anew. The newest few are kept. */
export const quarantine = async (folder: string, id: string): Promise<void> => {
  const all = templatesIn(folder)
  const aside = `damaged-${Date.now()}-${id}`
  await rename(templateFolder(folder, id), join(all, aside)).catch(() => {})
  const old = (await readdir(all)).filter(name => name.startsWith('damaged-')).sort()
  for (const name of old.slice(0, -keptQuarantined))
    await rm(join(all, name), { recursive: true, force: true })
}

export const touch = async (folder: string, id: string): Promise<void> => {
  const file = join(templateFolder(folder, id), usedFile)
  const now = new Date()
  await utimes(file, now, now).catch(() => writeFile(file, '').catch(() => {}))
}

type Spare = { manifest: TemplateManifest; path: string; why: string; useless: boolean }

/** Templates that are not in use and may go, and those that stay. `useless`: no clone was made of it for two weeks, or it is not among
 *  the newest few of its line; otherwise it was only replaced, by one of another image or QEMU. */
export const spareTemplates = async (
  folder: string,
  inUse: Set<string>,
): Promise<{ spare: Spare[]; kept: TemplateManifest[] }> => {
  const all = await Promise.all(
    (await allTemplates(folder)).map(async manifest => {
      const path = templateFolder(folder, manifest.id)
      return { manifest, path, used: await lastUse(path) }
    }),
  )
  const newer = new Map<string, number>()
  const spare: Spare[] = []
  const kept: TemplateManifest[] = []
  for (const { manifest, path, used } of all.sort((a, b) => b.used - a.used)) {
    const family = familyOf(manifest)
    const rank = newer.get(family) ?? 0
    newer.set(family, rank + 1)
    const replaced = all.some(other => replaces(other.manifest, manifest, used))
    const old =
      rank >= keptPerLine
        ? 'newer ones of its kind are kept'
        : Date.now() - used > unusedMs && 'not used for two weeks'
    const why = old || (replaced && 'made with another image or QEMU than the newest')
    if (why && !inUse.has(manifest.id)) spare.push({ manifest, path, why, useless: Boolean(old) })
    else kept.push(manifest)
  }
  return { spare, kept }
}

/** The same for templates that follow each other as a base moves. Without a line only the label says what it is. */
export const familyOf = ({ line, image, label, fingerprint }: TemplateManifest): string =>
  line ?? `${image} ${label} ${fingerprint}`

/** Was the other one made after this one was last used, of other files or for another machine? */
const replaces = (other: TemplateManifest, one: TemplateManifest, used: number): boolean => {
  if (other.image !== one.image || Date.parse(other.createdAt) < used) return false
  const ground = ({ fingerprint, files }: TemplateManifest) =>
    JSON.stringify([fingerprint, files.filter(({ sha256 }) => sha256 === undefined).map(({ file }) => file)])
  return ground(other) !== ground(one)
}

/** Removes templates that are not in use: all but the newest few of a line, and what nobody has forked for two weeks. Those that were
 *  only replaced go when room is needed. */
export const prune = async (folder: string, inUse: Set<string>): Promise<void> => {
  await mkdir(templatesIn(folder), { recursive: true })
  const { spare } = await spareTemplates(folder, inUse)
  for (const { path, useless } of spare) if (useless) await remove(path)
}

const lastUse = async (template: string): Promise<number> => {
  for (const name of [usedFile, manifestFile]) {
    const found = await stat(join(template, name)).catch(() => undefined)
    if (found) return found.mtimeMs
  }
  return 0
}
