// What the farm remembers of libvirt's domains, in its own folder: which template is which snapshot, which snapshots are its own, who holds a domain.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { sha256 } from '../../text/digest.ts'
import { type Owner, ownerSchema } from '../owner.ts'

const templateSchema = z.object({
  id: z.string(),
  label: z.string(),
  image: z.string(),
  uri: z.string(),
  domain: z.string(),
  snapshot: z.string(),
  /** Digest of the snapshot's description: it is still the same one. */
  identity: z.string(),
  /** Made by this farm, and proven by a revert. Only such are ever deleted. */
  own: z.boolean(),
  createdAt: z.string(),
  usedAt: z.string(),
})
export type TemplateRecord = z.infer<typeof templateSchema>

const holdSchema = z.object({ owner: ownerSchema, uri: z.string(), domain: z.string(), run: z.string() })
/** Written before a domain is touched, removed when it is off again. */
export type HoldRecord = z.infer<typeof holdSchema>

export type Records = ReturnType<typeof openRecords>

export const openRecords = (folder: string) => {
  const home = join(folder, 'libvirt')
  const templates = join(home, 'templates')
  const holds = join(home, 'holds')

  const write = async (file: string, value: unknown) => {
    await mkdir(join(file, '..'), { recursive: true })
    const making = `${file}.${randomUUID()}.new`
    await writeFile(making, `${JSON.stringify(value, undefined, 2)}\n`)
    await rename(making, file)
  }
  const holdFile = (uri: string, domain: string) => join(holds, `${nameOf(uri, domain)}.json`)

  return {
    /** The lock of a domain: one run at a time, whatever process of this farm it is. */
    lockFile: async (uri: string, domain: string): Promise<string> => {
      await mkdir(home, { recursive: true })
      return join(home, `.lock-${nameOf(uri, domain)}`)
    },
    template: (id: string) => read(join(templates, `${fileName(id)}.json`), templateSchema),
    templates: () => readAll(templates, templateSchema),
    keep: (record: TemplateRecord) => write(join(templates, `${fileName(record.id)}.json`), record),
    forget: (id: string) => rm(join(templates, `${fileName(id)}.json`), { force: true }),
    holds: () => readAll(holds, holdSchema),
    hold: (record: HoldRecord) => write(holdFile(record.uri, record.domain), record),
    letGo: (uri: string, domain: string) => rm(holdFile(uri, domain), { force: true }),
  }
}

const nameOf = (uri: string, domain: string): string => sha256(`${uri}\0${domain}`).slice(0, 24)

const fileName = (id: string): string => id.replace(/[^\w.-]/g, '_')

const read = async <T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> => {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}

const readAll = async <T>(folder: string, schema: z.ZodType<T>): Promise<T[]> => {
  const names = await readdir(folder).catch((): string[] => [])
  const all = await Promise.all(
    names.filter(name => name.endsWith('.json')).map(name => read(join(folder, name), schema)),
  )
  return all.filter(one => one !== undefined)
}

export type { Owner }
