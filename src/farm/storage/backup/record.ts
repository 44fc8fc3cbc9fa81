// Back-ups on their disk: a folder each, KIND/NAME/TIME, with the files in `content` and a record beside them that says what they should be.
import { open, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { flush } from '../../files.ts'
import { namesIn } from '../usage.ts'

/** One part of a path: a record that lies on another disk must not lead out of its folder. */
const fileName = z.string().regex(/^(?!\.\.?$)[\w.@-]+$/)

const fileSchema = z.object({ file: fileName, bytes: z.number(), sha256: z.string() })

const recordSchema = z.object({
  kind: z.enum(['image', 'template']),
  /** The image's name, or the template's id. */
  name: fileName,
  /** For people. */
  label: z.string(),
  image: z.string(),
  /** What retention counts together: one image, or the states of one template on different bases. */
  family: z.string(),
  host: z.string(),
  createdAt: z.string(),
  /** Its folder's name in the farm's `images` or `templates`. */
  own: fileName,
  /** In `content`. */
  files: z.array(fileSchema),
  /** Of the image, which a template needs besides its own: absolute paths. */
  needs: z.array(z.object({ file: z.string(), sha256: z.string() })),
  /** Its bytes were compared and it ran: when, and what it did. */
  verified: z.object({ at: z.string(), how: z.string() }).optional(),
  /** What was wrong when it was looked at last. */
  damaged: z.object({ at: z.string(), why: z.string() }).optional(),
})

export type BackupRecord = z.infer<typeof recordSchema>
export type Backup = BackupRecord & {
  /** Absolute. */
  folder: string
  /** The last part of `folder`: when it was made. */
  time: string
}

const recordFile = 'backup.json'
/** Prefix of back-ups that are being made, and of ones that are being removed. */
export const unfinished = '.making-'
export const content = (folder: string): string => join(folder, 'content')

/** Of the newest first. One whose record cannot be read counts as damaged. `folder`: farm.backup.folder. */
export const listBackups = async (folder: string): Promise<Backup[]> => {
  const found: Backup[] = []
  for (const kind of ['image', 'template'] as const)
    for (const name of await namesIn(join(folder, `${kind}s`)))
      for (const time of await namesIn(join(folder, `${kind}s`, name)))
        if (!time.startsWith('.')) found.push(await readBackup(folder, { kind, name, time }))
  return found.sort((a, b) => b.time.localeCompare(a.time))
}

const readBackup = async (
  folder: string,
  { kind, name, time }: { kind: 'image' | 'template'; name: string; time: string },
): Promise<Backup> => {
  const place = join(folder, `${kind}s`, name, time)
  try {
    const text = await readFile(join(place, recordFile), 'utf8')
    return { ...recordSchema.parse(JSON.parse(text)), folder: place, time }
  } catch {
    const damaged = { at: new Date().toISOString(), why: `${recordFile} cannot be read` }
    const unknown = { label: name, image: '', family: `${kind} ${name}`, host: '', createdAt: '', own: '' }
    return { kind, name, ...unknown, files: [], needs: [], damaged, folder: place, time }
  }
}

/** On the disk when it returns; the record before stays until then. */
export const writeRecord = async (place: string, record: BackupRecord): Promise<void> => {
  const { data } = recordSchema.safeParse(record)
  const file = join(place, recordFile)
  await writeFile(`${file}.new`, `${JSON.stringify(data, undefined, 2)}\n`)
  await flush(`${file}.new`)
  await rename(`${file}.new`, file)
  await flushFolder(place)
}

/** A rename is durable when its folder is (fsync(2)). */
export const flushFolder = async (folder: string): Promise<void> => {
  await using handle = await open(folder)
  await handle.sync()
}

export const titleOf = ({ kind, name, label, time }: Backup): string =>
  kind === 'image' ? `image ${name} of ${time}` : `template ${name.slice(0, 12)} (${label}) of ${time}`
