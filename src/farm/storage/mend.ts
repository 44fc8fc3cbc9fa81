// Damage is mended: an image is built again or restored, a template is frozen anew when it is asked for. Then its incident is closed.
import { type BuiltImageConfig, isBuilt } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import { buildImage } from '../image/build.ts'
import { loadImage } from '../image/manifest.ts'
import { findTemplate } from '../templates.ts'
import { type BackupPlace, roomOf } from './backup/place.ts'
import { listBackups, titleOf } from './backup/record.ts'
import { restoreBackup } from './backup/restore.ts'
import { proveImage } from './proof.ts'
import { addDamage, type Damage, readScrubState, removeDamage } from './scrub-state.ts'

/** Between two tries: a mirror that does not answer comes back some time. */
const againMs = 10 * 60_000
/** A template that nobody asked for in this time is not wanted any more. */
const forgottenMs = 24 * 3_600_000

/** Looks at all damage that is on record, says it again (once is enough: see Alarm), mends what can be mended, and closes what is over.
 *  `place.folder`: the back-ups. Gives what is left. Throws only if it is interrupted. */
export const mend = async (place: BackupPlace): Promise<Damage[]> => {
  await noteBackups(place)
  for (const damage of (await readScrubState(place.farm)).open) {
    const { trouble, about, detail } = damage
    const how = await attempt(place, damage)
    if (how === undefined) {
      await place.alarm.raise(trouble, about, detail)
      continue
    }
    place.progress(`${about}: ${how}`)
    await removeDamage(place.farm, damage)
    await place.alarm.clear(trouble, about, how)
  }
  return (await readScrubState(place.farm)).open
}

/** How it was mended; undefined: not yet. */
const attempt = async (place: BackupPlace, damage: Damage): Promise<string | undefined> => {
  const { trouble, about, since, triedAt = 0 } = damage
  if (trouble === 'template-damaged') {
    if (await findTemplate(place.farm, about)) return 'frozen anew'
    return Date.now() - since > forgottenMs ? 'put aside; nobody has needed it since' : undefined
  }
  if (trouble === 'backup-damaged') {
    const all = await listBackups(place.folder)
    const found = all.find(one => titleOf(one) === about)
    return found?.damaged ? undefined : found ? 'it passed a later verification' : 'removed'
  }
  if (Date.now() - triedAt < againMs) return undefined
  try {
    return await mendImage(place, about)
  } catch (error) {
    if (place.signal?.aborted) throw error
    const why = error instanceof Fault ? error.message : String(error)
    place.progress(`image ${about} is not mended yet: ${why}`)
    await addDamage(place.farm, { ...damage, triedAt: Date.now() })
    return undefined
  }
}

const mendImage = async (place: BackupPlace, name: string): Promise<string> => {
  const { farm, images, accelerator, user, signal, progress } = place
  const config = images.find(image => image.name === name)
  if (!config) return 'put aside; the configuration does not name it any more'
  const there = await loadImage(farm, name).catch(() => undefined)
  const how = there ? 'another version of it is there' : await remake(place, config)
  // Restoring has booted it already.
  if (how.startsWith(restored)) return how
  const { folder } = await loadImage(farm, name)
  const proof = { farm, images, accelerator, user, signal, log: progress, room: roomOf(place, 'farm') }
  await proveImage(proof, { name, files: folder })
  return `${how}, and it boots`
}

const restored = 'restored'

const remake = async (place: BackupPlace, config: BackupPlace['images'][number]): Promise<string> => {
  if (!isBuilt(config)) return await restoreProven(place, config.name)
  try {
    await rebuild(place, config)
    return 'built again'
  } catch (error) {
    if (place.signal?.aborted) throw error
    // No mirror, say. A back-up is as good; without one, why it was not built is what people must know.
    return await restoreProven(place, config.name).catch(() => Promise.reject(error))
  }
}

const rebuild = async (place: BackupPlace, config: BuiltImageConfig): Promise<void> => {
  const { farm, reserveMiB, progress, signal } = place
  await buildImage({ config, folder: farm, reserveMiB, progress, ...(signal && { signal }) })
}

/** From the newest back-up that was proven, else from the newest that is not known as damaged: restoring proves it. */
const restoreProven = async (place: BackupPlace, name: string): Promise<string> => {
  const all = (await listBackups(place.folder)).filter(one => one.kind === 'image' && one.name === name)
  const good = all.find(one => one.verified && !one.damaged) ?? all.find(one => !one.damaged)
  if (!good)
    throw new Fault('refused', 'later', `image ${name} is damaged, and there is no good back-up of it`, {
      remedy: `bring it in again: grapevine image import ${name}`,
    })
  await restoreBackup(place, name, good.time)
  return `${restored} from its back-up of ${good.time}, and it boots`
}

/** Back-ups are marked by whatever command found the damage: from here on it is on record. */
const noteBackups = async ({ farm, folder }: BackupPlace): Promise<void> => {
  const known = (await readScrubState(farm)).open
  for (const backup of await listBackups(folder)) {
    const about = titleOf(backup)
    if (!backup.damaged || known.some(one => one.about === about)) continue
    const detail = backup.damaged.why
    await addDamage(farm, { trouble: 'backup-damaged', about, detail, since: Date.now() })
  }
}
