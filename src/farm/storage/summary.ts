// Where the farm's disk goes, for people: images, templates, clones, back-ups, packages; and what of it could be removed.
import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { imagesFolder } from '../image/manifest.ts'
import { isVersion } from '../image/versions.ts'
import { allTemplates, templateFolder, templatesIn } from '../templates.ts'
import { listBackups, titleOf } from './backup/record.ts'
import { findPrunable, type Prunable } from './prunable.ts'
import { type Look, lookAtRoom } from './room.ts'
import { type Damage, readScrubState } from './scrub-state.ts'
import { diskUsage, namesIn } from './usage.ts'

export type Taking = {
  kind: 'image' | 'template' | 'damaged' | 'clone' | 'backup' | 'packages'
  name: string
  bytes: number
  note: string
}

export type Summary = { room: Look; takes: Taking[]; prunable: Prunable[]; damage: Damage[] }

export type SummaryPlace = { farm: string; backups: string; reserveMiB: number | undefined }

export const summarise = async ({ farm, backups, reserveMiB }: SummaryPlace): Promise<Summary> => {
  const found = [
    ...(await images(farm)),
    ...(await templates(farm)),
    ...(await damagedOnes(farm)),
    ...(await listBackups(backups)).map(one => ({
      ...{ kind: 'backup' as const, name: titleOf(one), path: one.folder },
      note: one.damaged ? 'damaged' : one.verified ? 'proven' : 'not proven yet',
    })),
    ...inside(join(farm, 'clones'), 'clone', await namesIn(join(farm, 'clones'))),
    { kind: 'packages' as const, name: 'downloads for images', path: join(farm, 'cache'), note: '' },
  ]
  const takes = await Promise.all(
    found.map(async ({ path, ...one }) => ({ ...one, bytes: await diskUsage(path) })),
  )
  const room = await lookAtRoom({ folder: farm, reserveMiB })
  return { room, takes, prunable: await findPrunable(farm), damage: (await readScrubState(farm)).open }
}

type Found = Omit<Taking, 'bytes'> & { path: string }

const inside = (folder: string, kind: Taking['kind'], names: string[]): Found[] =>
  names.map(name => ({ kind, name, path: join(folder, name), note: '' }))

const images = async (farm: string): Promise<Found[]> => {
  const folder = imagesFolder(farm)
  const found: Found[] = []
  for (const name of await namesIn(folder)) {
    if (!isVersion(name)) continue
    const current = await readlink(join(folder, name.slice(0, name.lastIndexOf('@')))).catch(() => '')
    const note = current === name ? 'current' : 'earlier'
    found.push({ kind: 'image', name, path: join(folder, name), note })
  }
  return found
}

const templates = async (farm: string): Promise<Found[]> =>
  (await allTemplates(farm)).map(({ id, label, createdAt }) => ({
    ...{ kind: 'template', name: `${id.slice(0, 12)} (${label})`, path: templateFolder(farm, id) },
    note: `frozen ${createdAt.slice(0, 16).replace('T', ' ')}`,
  }))

const damagedOnes = async (farm: string): Promise<Found[]> => {
  const places = [imagesFolder(farm), templatesIn(farm)]
  const all = await Promise.all(
    places.map(async place =>
      inside(
        place,
        'damaged',
        (await namesIn(place)).filter(name => name.startsWith('damaged-')),
      ),
    ),
  )
  return all.flat()
}
