// Damage that was found: put out of the way, told, and remembered until it is mended (mend.ts).
import { readlink, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Alarm } from '../../model/incident.ts'
import { imagesFolder } from '../image/manifest.ts'
import { allTemplates, quarantine } from '../templates.ts'
import { addDamage } from './scrub-state.ts'

export type DamagePlace = {
  /** The farm's data folder. */
  folder: string
  alarm: Alarm
  /** Called with the templates that were put aside, and why: what runs on them must not be believed any more. */
  onDamage?: ((templates: string[], why: string) => Promise<void>) | undefined
  log?: ((line: string) => void) | undefined
}

/** Puts a template aside; the next request for it freezes it anew. */
export const condemnTemplate = async (place: DamagePlace, id: string, why: string): Promise<void> => {
  const { folder, alarm, onDamage, log } = place
  log?.(`template ${id} is put aside: ${why}`)
  await quarantine(folder, id)
  await onDamage?.([id], why)
  await addDamage(folder, { trouble: 'template-damaged', about: id, detail: why, since: Date.now() })
  await alarm.raise('template-damaged', id, `${why}; it is frozen anew when it is needed`)
}

/** Puts an image's version aside, and the templates that lie on it. `version`: its folder's name. */
export const condemnImage = async (place: DamagePlace, version: string, why: string): Promise<void> => {
  const { folder, alarm, onDamage, log } = place
  // As templates name it: their paths have no links.
  const images = await realpath(imagesFolder(folder))
  const own = join(images, version)
  const name = version.slice(0, version.lastIndexOf('@'))
  const upon = (await allTemplates(folder)).filter(({ files }) =>
    files.some(({ file }) => dirname(file) === own),
  )
  log?.(`image ${name} is put aside${upon.length > 0 ? ', with the templates that lie on it' : ''}: ${why}`)
  if ((await readlink(join(images, name)).catch(() => '')) === version)
    await rm(join(images, name), { force: true })
  await rename(own, join(images, `damaged-${Date.now()}-${version.replace('@', '-')}`)).catch(() => {})
  // At once: from here on somebody mends it, even if we die.
  await addDamage(folder, { trouble: 'image-damaged', about: name, detail: why, since: Date.now() })
  for (const { id } of upon) await quarantine(folder, id)
  await onDamage?.(
    upon.map(({ id }) => id),
    why,
  )
  await alarm.raise(
    'image-damaged',
    name,
    `${why}; it is built again, or restored from its newest proven back-up`,
  )
}
