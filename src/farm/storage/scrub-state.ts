// What scrubbing remembers between calls and processes: when each file was compared last, and which damage is not mended yet.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { flush } from '../files.ts'
import { lockUnless, unlock } from '../lock.ts'
import { thisOwner, tokenOf } from '../owner.ts'

const damageSchema = z.object({
  trouble: z.enum(['template-damaged', 'image-damaged', 'backup-damaged']),
  /** Template's id, image's name, or the back-up. */
  about: z.string(),
  detail: z.string(),
  since: z.number(),
  /** When mending was tried last. */
  triedAt: z.number().optional(),
})
export type Damage = z.infer<typeof damageSchema>

const stateSchema = z.object({
  /** Milliseconds since 1970, by absolute path. */
  scrubbedAt: z.record(z.string(), z.number()),
  open: z.array(damageSchema),
})
export type ScrubState = z.infer<typeof stateSchema>

const fileOf = (folder: string): string => join(folder, 'scrub.json')

/** Empty if there is none, or if it cannot be read: then everything is compared once more. `folder`: the farm's. */
export const readScrubState = async (folder: string): Promise<ScrubState> => {
  try {
    return stateSchema.parse(JSON.parse(await readFile(fileOf(folder), 'utf8')))
  } catch {
    return { scrubbedAt: {}, open: [] }
  }
}

/** Changes it; a worker and a command may do so at the same time. */
export const changeScrubState = async (
  folder: string,
  change: (state: ScrubState) => ScrubState,
): Promise<void> => {
  const lock = join(folder, '.scrub-lock')
  await lockUnless(lock, thisOwner(tokenOf(folder)), async () => false)
  try {
    const file = fileOf(folder)
    await writeFile(`${file}.new`, `${JSON.stringify(change(await readScrubState(folder)), undefined, 2)}\n`)
    await flush(`${file}.new`)
    await rename(`${file}.new`, file)
  } finally {
    await unlock(lock)
  }
}

const isSame = (one: Damage, other: Pick<Damage, 'trouble' | 'about'>): boolean =>
  one.trouble === other.trouble && one.about === other.about

export const addDamage = (folder: string, damage: Damage): Promise<void> =>
  changeScrubState(folder, state => ({
    ...state,
    open: [...state.open.filter(one => !isSame(one, damage)), damage],
  }))

export const removeDamage = (folder: string, damage: Pick<Damage, 'trouble' | 'about'>): Promise<void> =>
  changeScrubState(folder, state => ({ ...state, open: state.open.filter(one => !isSame(one, damage)) }))

/** Somebody found them bad: they are compared next. `of`: the image version's, or template's, folder name. */
export const scrubSoon = (folder: string, { of, files }: { of: string; files: string[] }): Promise<void> =>
  changeScrubState(folder, ({ scrubbedAt, open }) => {
    const isOne = (path: string) => files.some(file => path.endsWith(`/${of}/${file}`))
    return {
      open,
      scrubbedAt: Object.fromEntries(Object.entries(scrubbedAt).filter(([path]) => !isOne(path))),
    }
  })
