// Proving back-ups: every byte is compared with the record, then a guest runs from it. What was found is written into the record.
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../../model/fault.ts'
import { digestOf } from '../../files.ts'
import { thisOwner, tokenOf } from '../../owner.ts'
import { parseTemplate, type TemplateManifest } from '../../templates.ts'
import { ownFolder } from '../../yard.ts'
import { proveImage, proveTemplate } from '../proof.ts'
import { copyBack } from './copy.ts'
import { type BackupPlace, roomOf, sweepBackups } from './place.ts'
import { type Backup, type BackupRecord, content, listBackups, titleOf, writeRecord } from './record.ts'

export type Verdict = { backup: Backup; sound: boolean; says: string }

/** Verifies the back-ups of these names, or of all: the newest of each, or every one. Throws only what is no back-up's fault. */
export const verifyBackups = async (
  place: BackupPlace,
  { names, every }: { names: string[]; every: boolean },
): Promise<Verdict[]> => {
  await sweepBackups(place.folder)
  const verdicts: Verdict[] = []
  for (const backup of await chooseBackups(place.folder, { names, every })) {
    verdicts.push(await verifyBackup(place, backup))
  }
  return verdicts
}

/** Of the newest first. Fault refused (never) if there is none of a name. */
export const chooseBackups = async (
  folder: string,
  { names, every }: { names: string[]; every: boolean },
): Promise<Backup[]> => {
  const all = await listBackups(folder)
  const isNamed = ({ kind, name }: Backup, wanted: string) =>
    kind === 'image' ? name === wanted : name.startsWith(wanted)
  for (const wanted of names)
    if (!all.some(one => isNamed(one, wanted)))
      throw new Fault('refused', 'never', `there is no back-up of ${wanted} in ${folder}`, {
        remedy: 'see what there is: grapevine backup list',
      })
  const chosen = all.filter(one => names.length === 0 || names.some(wanted => isNamed(one, wanted)))
  return every
    ? chosen
    : chosen.filter((one, index) => chosen.findIndex(other => other.name === one.name) === index)
}

const verifyBackup = async (place: BackupPlace, backup: Backup): Promise<Verdict> => {
  place.progress(`${titleOf(backup)}: comparing its bytes`)
  const why = (await flawOf(backup, place.signal)) ?? (await run(place, backup))
  if (why !== undefined) {
    await condemnBackup(place, backup, why)
    return { backup, sound: false, says: why }
  }
  const how = backup.kind === 'image' ? 'it booted' : 'a clone had the right checksums'
  const { damaged: _, ...record } = backup
  await writeRecord(backup.folder, { ...record, verified: { at: new Date().toISOString(), how } })
  await place.alarm.clear('backup-damaged', titleOf(backup), how)
  return { backup, sound: true, says: `every byte is as it was, and ${how}` }
}

/** Marked, told, and never counted as a good one again until it passes a later verification. */
export const condemnBackup = async (
  { alarm }: Pick<BackupPlace, 'alarm'>,
  backup: Backup,
  why: string,
): Promise<void> => {
  const { verified: _, ...record } = backup
  // Without a record that could be read there is nothing to mark: it says so itself.
  if (backup.own !== '')
    await writeRecord(backup.folder, { ...record, damaged: { at: new Date().toISOString(), why } })
  await alarm.raise('backup-damaged', titleOf(backup), why)
}

/** Which file is not what was backed up; undefined: all are. */
export const flawOf = async (backup: Backup, signal?: AbortSignal): Promise<string | undefined> => {
  if (backup.own === '') return backup.damaged?.why
  for (const { file, bytes, sha256 } of backup.files) {
    const path = join(content(backup.folder), file)
    const found = await stat(path).catch(() => undefined)
    if (!found) return `${path} is missing`
    if (found.size !== bytes) return `${path} has ${found.size} bytes and should have ${bytes}`
    const digest = await digestOf(path, { signal }).catch(error => {
      signal?.throwIfAborted()
      if (error instanceof Fault && error.kind === 'damaged') return error.message
      throw error
    })
    if (digest !== sha256) return `${path} is not what was backed up`
  }
  return undefined
}

/** Why it makes no guest; undefined: it does. Throws what is the host's trouble. */
const run = async (place: BackupPlace, backup: Backup): Promise<string | undefined> => {
  place.progress(`${titleOf(backup)}: ${backup.kind === 'image' ? 'booting it' : 'making a clone of it'}`)
  try {
    if (backup.kind === 'template' || !(await runsInPlace(place, backup)))
      await withCopy(place, backup, files => proveBackup(place, backup, files))
    return undefined
  } catch (error) {
    const itself = error instanceof Fault && ['damaged', 'timeout', 'malformed'].includes(error.kind)
    if (!itself) throw error
    return error.message
  }
}

/** An image is large and only read. False: QEMU's user may not come where the back-ups are. */
const runsInPlace = async (place: BackupPlace, backup: Backup): Promise<boolean> => {
  try {
    await proveBackup(place, backup, content(backup.folder))
    return true
  } catch (error) {
    if (error instanceof Fault && /may not open/.test(error.message)) return false
    throw error
  }
}

/** A folder of the farm that the next worker removes if we die. */
const withCopy = async (
  place: BackupPlace,
  backup: Backup,
  use: (files: string) => Promise<void>,
): Promise<void> => {
  const owner = thisOwner(tokenOf(place.farm))
  const unique = `.proof-${randomBytes(6).toString('hex')}`
  const own = await ownFolder({ owner }, join(place.farm, 'clones', unique))
  const files = join(own, 'files')
  try {
    await mkdir(files)
    await copyBack(place, backup, files)
    await use(files)
  } finally {
    await rm(own, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Runs a guest from a back-up's files, which lie in `files`. Fault refused if the template's image is not there as it was. */
export const proveBackup = async (place: BackupPlace, backup: BackupRecord, files: string): Promise<void> => {
  const { farm, images, accelerator, user, signal, progress } = place
  const proof = { farm, images, accelerator, user, signal, log: progress, room: roomOf(place, 'farm') }
  if (backup.kind === 'image') return await proveImage(proof, { name: backup.name, files })
  await requireNeeds(backup, signal)
  await proveTemplate(proof, { manifest: await templateIn(files), files })
}

const requireNeeds = async ({ label, image, needs }: BackupRecord, signal?: AbortSignal): Promise<void> => {
  for (const { file, sha256 } of needs) {
    const there = await stat(file).catch(() => undefined)
    const why = !there
      ? 'is gone'
      : (await digestOf(file, { signal })) === sha256
        ? undefined
        : 'is another one now'
    if (why)
      throw new Fault(
        'refused',
        'later',
        `the template ${label} lies on a file of its image, which ${why}: ${file}`,
        {
          remedy: `if there is a back-up of that image: grapevine backup restore ${image}; otherwise the template is frozen anew when it is needed`,
        },
      )
  }
}

export const templateIn = async (files: string): Promise<TemplateManifest> => {
  const manifest = parseTemplate(await readFile(join(files, 'manifest.json'), 'utf8'))
  if (!manifest) throw new Fault('damaged', 'never', `${files}: its manifest is not one of a template`)
  return manifest
}
