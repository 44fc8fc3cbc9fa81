// Putting a back-up back: copied beside, compared, proven by a guest, and made the current one by one rename. What is there stays until then.
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Fault } from '../../../model/fault.ts'
import { errnoFault } from '../../../text/errno.ts'
import { digestOf } from '../../files.ts'
import { imagesFolder } from '../../image/manifest.ts'
import { lockUnless, unlock } from '../../lock.ts'
import { thisOwner, tokenOf } from '../../owner.ts'
import { making } from '../../reap.ts'
import { findTemplate, publish, quarantine, seal, templateFolder, templatesIn } from '../../templates.ts'
import { ownFolder } from '../../yard.ts'
import { copyBack } from './copy.ts'
import { type BackupPlace, sweepBackups } from './place.ts'
import { type Backup, flushFolder, titleOf } from './record.ts'
import { chooseBackups, condemnBackup, flawOf, proveBackup, templateIn } from './verify.ts'

/** Restores the newest back-up of an image or template that is not known as damaged, or the one of that time. Faults: refused (none,
 *  damaged before, the template's image is another one), damaged (found now: it is marked), exhausted. Resolves with one line for people. */
export const restoreBackup = async (place: BackupPlace, name: string, time?: string): Promise<string> => {
  await sweepBackups(place.folder)
  const backup = choose(only(await chooseBackups(place.folder, { names: [name], every: true }), name), time)
  place.progress(`${titleOf(backup)}: comparing its bytes`)
  const flaw = await flawOf(backup, place.signal)
  if (flaw) {
    await condemnBackup(place, backup, flaw)
    throw refused(backup, flaw)
  }
  return await (backup.kind === 'image' ? restoreImage(place, backup) : restoreTemplate(place, backup))
}

/** The beginning of an id may be that of several templates. */
const only = (all: Backup[], wanted: string): Backup[] => {
  const images = all.filter(({ kind }) => kind === 'image')
  if (images.length > 0) return images
  const names = [...new Set(all.map(({ name }) => name))]
  if (names.length === 1) return all
  const begin = `${names.length} templates in the back-ups begin with ${wanted}`
  throw new Fault('refused', 'never', `${begin}: ${names.map(name => name.slice(0, 12)).join(', ')}`, {
    remedy: 'name one of them: grapevine backup list',
  })
}

const choose = (all: Backup[], time: string | undefined): Backup => {
  const found =
    time === undefined ? all.find(({ damaged }) => !damaged) : all.find(one => one.time.startsWith(time))
  const [newest] = all
  if (found?.damaged) throw refused(found, found.damaged.why)
  if (found) return found
  if (newest?.damaged && time === undefined) throw refused(newest, newest.damaged.why)
  throw new Fault('refused', 'never', `there is no back-up of that time: ${time}`, {
    remedy: 'see what there is: grapevine backup list',
  })
}

const refused = (backup: Backup, why: string): Fault =>
  new Fault('damaged', 'never', `${titleOf(backup)} is damaged and is not restored: ${why}`, {
    remedy: 'take another one: grapevine backup list, then grapevine backup restore NAME --at TIME',
  })

const restoreImage = async (place: BackupPlace, backup: Backup): Promise<string> => {
  const images = imagesFolder(place.farm)
  const title = titleOf(backup)
  const copy = join(images, `.restoring-${backup.name}-${randomBytes(4).toString('hex')}`)
  await mkdir(copy, { recursive: true })
  try {
    await copyBack(place, backup, copy)
    place.progress(`${title}: booting it`)
    await proveBackup(place, backup, copy)
    await flushFolder(copy)
    await putInPlace(images, copy, backup)
    await point(images, backup)
    return `${title} is the current one`
  } catch (error) {
    throw errnoFault(error, 'restoring', images)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

/** Templates know an image by its folder's name: it comes back under the same. An intact one that is there already stays. */
const putInPlace = async (images: string, copy: string, backup: Backup): Promise<void> => {
  const own = join(images, backup.own)
  const there = await readdir(own).catch(() => undefined)
  if (there && (await isSame(own, backup))) return
  if (there) await rename(own, join(images, `damaged-${Date.now()}-${backup.own.replace('@', '-')}`))
  await rename(copy, own)
  await flushFolder(images)
}

const isSame = async (own: string, { files }: Backup): Promise<boolean> => {
  for (const { file, sha256 } of files)
    if ((await digestOf(join(own, file)).catch(() => '')) !== sha256) return false
  return true
}

const point = async (images: string, { own, name }: Backup): Promise<void> => {
  const link = join(images, `.link-${own}-${randomBytes(4).toString('hex')}`)
  await symlink(basename(own), link)
  await rename(link, join(images, name))
  await flushFolder(images)
}

const restoreTemplate = async (place: BackupPlace, backup: Backup): Promise<string> => {
  const { farm, signal } = place
  const owner = thisOwner(tokenOf(farm))
  const id = backup.name
  const title = titleOf(backup)
  await mkdir(templatesIn(farm), { recursive: true })
  const lock = join(templatesIn(farm), `.lock-${id}`)
  await lockUnless(lock, owner, async () => false, signal)
  try {
    const there = await findTemplate(farm, id)
    if (there && (await isSame(templateFolder(farm, id), { ...backup, files: own(backup) })))
      return `${title}: the template is there, every byte as it was`
    const copy = await ownFolder(
      { owner },
      join(templatesIn(farm), `${making}${id}-${randomBytes(4).toString('hex')}`),
    )
    try {
      await copyBack(place, backup, copy)
      // The files are other ones for stat(2): the manifest is written anew.
      const { files: _, ...facts } = await templateIn(copy)
      await seal(copy, facts)
      place.progress(`${title}: making a clone of it`)
      await proveBackup(place, backup, copy)
      if (there) await quarantine(farm, id)
      await publish(farm, copy, id)
    } finally {
      await rm(copy, { recursive: true, force: true })
    }
    return `${title} is in place again`
  } catch (error) {
    throw errnoFault(error, 'restoring', templatesIn(farm))
  } finally {
    await unlock(lock)
  }
}

/** Without the manifest, which holds the marks of the files on this disk. */
const own = ({ files }: Backup) => files.filter(({ file }) => file !== 'manifest.json')
