// Old logs and the like go, if the configuration says how long they are kept. One of the bot's loops.
import type { Millis } from '../model/instant.ts'
import { pruneBlobs } from '../stages/upkeep/prune-blobs.ts'
import type { Wired } from './wire.ts'

export const pruneBlobsEveryMs: Millis = 6 * 3_600_000

/** Repeatable. Throws the Faults of store and blobs. */
export const tendOldBlobs = async (
  wired: Pick<Wired, 'store' | 'blobs' | 'clock' | 'config' | 'log'>,
): Promise<void> => {
  const { keepLogsMs } = wired.config
  if (keepLogsMs === undefined) return
  const gone = await pruneBlobs(wired, keepLogsMs)
  if (gone > 0) wired.log('info', `${gone} old logs and other files of runs went, as keepLogs says`)
}
