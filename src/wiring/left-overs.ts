// What killed processes left half-written in the data folders. The bot and the worker clear it away when they start.
import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { gitScratch } from '../adapters/git/mail.ts'
import type { Config } from '../config/config.ts'
import { sweepBackups } from '../farm/storage/backup/place.ts'
import type { Millis } from '../model/instant.ts'

const hour = 3_600_000

type Place = { folder: string; prefix: string; olderThanMs: Millis }

/** Other processes may be writing beside us, on other hosts too: what counts is how long nobody has touched it. */
const sweep = async ({ folder, prefix, olderThanMs }: Place): Promise<void> => {
  const names = await readdir(folder).catch((): string[] => [])
  for (const name of names.filter(name => name.startsWith(prefix))) {
    const path = join(folder, name)
    const { mtimeMs } = await lstat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (Date.now() - mtimeMs > olderThanMs) await rm(path, { recursive: true, force: true }).catch(() => {})
  }
}

/** Blobs are written in one go; a first fetch of a large repository takes hours. */
export const clearData = async ({ data }: Pick<Config, 'data'>): Promise<void> => {
  await sweep({ folder: join(data, 'blobs', 'tmp'), prefix: '', olderThanMs: hour })
  for (const folder of gitScratch.places)
    await sweep({ folder, prefix: gitScratch.prefix, olderThanMs: hour })
  await sweep({ folder: join(data, 'mirrors'), prefix: 'tmp-', olderThanMs: 24 * hour })
}

/** Half-made images, half-fetched packages, half-made back-ups. Clones and templates are the farm's to reap. */
export const clearFarm = async ({ farm }: Pick<Config, 'farm'>): Promise<void> => {
  const images = join(farm.data, 'images')
  for (const prefix of ['.building-', '.restoring-', '.removing-', '.link-'])
    await sweep({ folder: images, prefix, olderThanMs: 6 * hour })
  await sweep({ folder: join(farm.data, 'templates'), prefix: '.removing-', olderThanMs: hour })
  await sweep({ folder: join(farm.data, 'cache'), prefix: 'incoming-', olderThanMs: 6 * hour })
  await sweepBackups(farm.backup.folder)
}
