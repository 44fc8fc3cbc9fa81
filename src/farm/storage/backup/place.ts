// What every back-up command needs to know: the farm, the folder of the back-ups, and who hears of trouble. And what dead processes left there.
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { ImageConfig } from '../../../config/config.ts'
import type { Alarm } from '../../../model/incident.ts'
import type { Progress } from '../../../ports/farm.ts'
import { isAlive, ownerSchema, thisOwner, tokenOf } from '../../owner.ts'
import type { Accelerator } from '../../qemu.ts'
import type { RoomPlace } from '../room.ts'
import { namesIn } from '../usage.ts'
import { unfinished } from './record.ts'

export type BackupPlace = {
  /** The farm's data folder. */
  farm: string
  images: ImageConfig[]
  accelerator: 'auto' | Accelerator
  /** farm.backup: where they are, and how many of each image and template. */
  folder: string
  keep: number
  reserveMiB?: number | undefined
  /** farm.user. */
  user?: string | undefined
  alarm: Alarm
  progress: Progress
  signal?: AbortSignal | undefined
}

export const roomOf = (
  { folder, farm, reserveMiB, alarm }: BackupPlace,
  where: 'backups' | 'farm',
): RoomPlace => ({
  folder: where === 'farm' ? farm : folder,
  reserveMiB,
  alarm,
  prune: { farm },
})

/** Back-ups may lie where other hosts write too: a process is known by its host as well. */
const makerSchema = ownerSchema.extend({ host: z.string() })
const makerFile = 'maker.json'

/** An empty folder beside the back-ups of a name, ours until it is renamed. */
export const beginBackup = async (folder: string, unique: string): Promise<string> => {
  const making = join(folder, `${unfinished}${unique}`)
  await mkdir(making, { recursive: true })
  const maker = { ...thisOwner(tokenOf(folder)), host: hostname() }
  await writeFile(join(making, makerFile), JSON.stringify(maker))
  return making
}

export const endBackup = (making: string): Promise<void> => rm(join(making, makerFile), { force: true })

/** Removes what processes of this host left that died while they made a back-up. Every command does it first. */
export const sweepBackups = async (folder: string): Promise<void> => {
  for (const name of (await namesIn(folder)).filter(name => name.startsWith(unfinished))) {
    const making = join(folder, name)
    const maker = await readFile(join(making, makerFile), 'utf8')
      .then(text => makerSchema.parse(JSON.parse(text)))
      .catch(() => undefined)
    // Without a maker its maker died before it could say so, or is about to say it.
    const left = maker ? maker.host === hostname() && !isAlive(maker) : await isOld(making)
    if (left) await rm(making, { recursive: true, force: true })
  }
}

const isOld = async (path: string): Promise<boolean> => {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > 3_600_000
}
