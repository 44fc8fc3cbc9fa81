// Looking for damage: digests of templates and images are compared with their manifests, one file at a time, least recently compared first.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Fault } from '../../model/fault.ts'
import { errnoOf } from '../../text/errno.ts'
import { digestOf, type Pace } from '../files.ts'
import { imagesFolder, manifestFile } from '../image/manifest.ts'
import { flawOf as flawOfTables } from '../image/qemu-img.ts'
import { isVersion } from '../image/versions.ts'
import { allTemplates, templateFolder } from '../templates.ts'
import { condemnImage, condemnTemplate, type DamagePlace } from './damage.ts'
import { changeScrubState, readScrubState } from './scrub-state.ts'
import { namesIn } from './usage.ts'

type Unit = {
  kind: 'template' | 'image'
  /** The template's id, or the image version's folder name. */
  of: string
  path: string
  sha256: string
}

export type Scrubbed =
  | { did: 'nothing' }
  /** The signal came first: it is the next one's turn again. */
  | { did: 'stopped'; file: string }
  | { did: 'sound'; file: string; bytes: number; left: number }
  | { did: 'damaged'; file: string; why: string; left: number }

const day = 24 * 3_600_000

export type ScrubOptions = Pace & {
  /** Files that were compared after this are left alone; milliseconds since 1970. Default: a week ago. */
  since?: number
}

/** Compares one file. Damage is put aside and told. */
export const scrubNext = async (place: DamagePlace, options: ScrubOptions = {}): Promise<Scrubbed> => {
  const { folder } = place
  const { since = Date.now() - 7 * day, ...pace } = options
  const { scrubbedAt } = await readScrubState(folder)
  const at = ({ path }: Unit) => scrubbedAt[path] ?? 0
  const due = (await unitsOf(folder)).filter(one => at(one) < since).sort((a, b) => at(a) - at(b))
  const [unit] = due
  if (!unit) return { did: 'nothing' }
  const file = unit.path
  try {
    const why = await flawOf(unit, pace)
    if (why === undefined || !(await stillWanted(folder, unit))) {
      await remember(folder, file)
      const { size } = await stat(file).catch(() => ({ size: 0 }))
      return { did: 'sound', file, bytes: size, left: due.length - 1 }
    }
    await (unit.kind === 'template' ? condemnTemplate : condemnImage)(place, unit.of, why)
    return { did: 'damaged', file, why, left: due.length - 1 }
  } catch (error) {
    if (pace.signal?.aborted) return { did: 'stopped', file }
    throw error
  }
}

const flawOf = async (unit: Unit, pace: Pace): Promise<string | undefined> => {
  const { path, sha256 } = unit
  try {
    return (await digestOf(path, pace)) === sha256
      ? await tableFlaw(unit, pace)
      : `${path} is not what it was: its bytes have changed`
  } catch (error) {
    // Whatever its reason is: an interruption is no damage.
    pace.signal?.throwIfAborted()
    if (error instanceof Fault && error.kind === 'damaged' && !isForbidden(error.cause)) return error.message
    throw error
  }
}

/** A disk that was bad when it was made keeps its digest. */
const tableFlaw = async ({ kind, path }: Unit, { signal }: Pace): Promise<string | undefined> => {
  if (kind !== 'image' || !path.endsWith('.qcow2')) return undefined
  try {
    const flaw = await flawOfTables(path, { signal })
    return flaw && `${path}: ${flaw}`
  } catch (error) {
    // That it cannot be checked says nothing about it.
    if (error instanceof Fault) return undefined
    throw error
  }
}

/** That this process may not read a file says nothing about its bytes. */
const isForbidden = (cause: unknown): boolean => ['EACCES', 'EPERM'].includes(errnoOf(cause) ?? '')

/** It may have been removed, or made anew, while it was read. */
const stillWanted = async (folder: string, unit: Unit): Promise<boolean> =>
  (await unitsOf(folder)).some(({ path, sha256 }) => path === unit.path && sha256 === unit.sha256)

/** Files that are gone are forgotten on the way. */
const remember = (folder: string, file: string): Promise<void> =>
  changeScrubState(folder, ({ scrubbedAt, open }) => {
    const recent = Object.entries(scrubbedAt).filter(([, at]) => Date.now() - at < 60 * day)
    return { open, scrubbedAt: { ...Object.fromEntries(recent), [file]: Date.now() } }
  })

const unitsOf = async (folder: string): Promise<Unit[]> => [
  ...(await templateUnits(folder)),
  ...(await imageUnits(folder)),
]

const templateUnits = async (folder: string): Promise<Unit[]> =>
  (await allTemplates(folder)).flatMap(({ id, files }) =>
    files.flatMap(({ file, sha256 }) =>
      sha256 === undefined
        ? []
        : [{ kind: 'template' as const, of: id, path: join(templateFolder(folder, id), file), sha256 }],
    ),
  )

const filesSchema = z.object({
  files: z.record(z.string(), z.object({ file: z.string(), sha256: z.string() }).optional()),
})

/** Every version, not only the current one: templates lie on it. */
const imageUnits = async (folder: string): Promise<Unit[]> => {
  const images = imagesFolder(folder)
  const units: Unit[] = []
  for (const version of (await namesIn(images)).filter(isVersion)) {
    const text = await readFile(join(images, version, manifestFile), 'utf8').catch(() => '{}')
    for (const file of filesIn(text))
      units.push({ kind: 'image', of: version, path: join(images, version, file.file), sha256: file.sha256 })
  }
  return units
}

const filesIn = (text: string): { file: string; sha256: string }[] => {
  try {
    return Object.values(filesSchema.parse(JSON.parse(text)).files).filter(file => file !== undefined)
  } catch {
    return []
  }
}
