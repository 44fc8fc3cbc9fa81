// How many back-ups stay: so many good ones of each image and each line of templates, and never without the last one that was proven.
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sweepBackups } from './place.ts'
import { type Backup, listBackups, unfinished } from './record.ts'

export type Retired = { backup: Backup; why: string }

/** What may go, of all back-ups. Damaged ones never count as good; they go when a good and proven one is there. */
export const retired = (all: Backup[], keep: number): Retired[] => {
  const families = Map.groupBy(all, ({ kind, family }) => `${kind} ${family}`)
  return [...families.values()].flatMap(family => {
    const sorted = family.toSorted((a, b) => b.time.localeCompare(a.time))
    const good = sorted.filter(({ damaged }) => !damaged)
    const lastProven = good.find(({ verified }) => verified)
    const beyond = good.slice(keep).filter(one => one !== lastProven)
    const damaged = lastProven ? sorted.filter(one => one.damaged) : []
    return [
      ...beyond.map(backup => ({ backup, why: `${keep} newer ones are kept` })),
      ...damaged.map(backup => ({ backup, why: `damaged: ${backup.damaged?.why}` })),
    ]
  })
}

type Pruning = { folder: string; keep: number; dryRun?: boolean /** Only this family. */; only?: string }

/** Removes what is beyond `keep`; gives what it removed, or would remove. */
export const pruneBackups = async ({ folder, keep, dryRun, only }: Pruning): Promise<Retired[]> => {
  await sweepBackups(folder)
  const all = (await listBackups(folder)).filter(({ family }) => only === undefined || family === only)
  const gone = retired(all, keep)
  if (dryRun) return gone
  for (const { backup } of gone) {
    // Out of sight by one rename: half of a back-up is never taken for one.
    const aside = join(folder, `${unfinished}${backup.kind}-${backup.name}-${backup.time}-old`)
    await rename(backup.folder, aside)
    await rm(aside, { recursive: true, force: true })
  }
  return gone
}
