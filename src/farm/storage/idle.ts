// What a worker does for its storage beside its tasks: the disk is watched, damage is mended, and while nothing runs, files are compared.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { type BackupPlace, roomOf } from './backup/place.ts'
import type { DamagePlace } from './damage.ts'
import { mend } from './mend.ts'
import { lacksRoom, watchRoom } from './room.ts'
import { scrubNext } from './scrub.ts'

export type IdleWork = Omit<BackupPlace, 'signal'> &
  Pick<DamagePlace, 'onDamage'> & {
    /** Does nothing run here now? Scrubbing stops within 0.1 s when this becomes false. */
    isIdle: () => boolean
    /** Ends it. */
    signal: AbortSignal
    /** Bytes that are read while nothing runs. Default: 100 MiB/s. */
    mibPerSecond?: number
    /** Between two looks at the disk. While it lacks room, they are closer: work waits for whoever makes some. */
    roundMs?: Millis
  }

const soonMs: Millis = 5_000

/** Runs until the signal; never throws. What goes wrong is told to `progress`, and tried again. */
export const scrubWhileIdle = async (work: IdleWork): Promise<void> => {
  const { signal, progress, isIdle, roundMs = 30_000 } = work
  const pause = () =>
    sleep(lacksRoom(work.farm) ? Math.min(soonMs, roundMs) : roundMs, undefined, { signal }).catch(() => {})
  while (!signal.aborted) {
    try {
      await watchRoom(roomOf(work, 'farm'))
      await mend(work)
      while (isIdle() && !signal.aborted) if ((await scrubOne(work)) === 'nothing') break
    } catch (error) {
      if (signal.aborted) return
      progress(`looking after the disk: ${error instanceof Fault ? error.message : String(error)}`)
    }
    await pause()
  }
}

/** One file, given up when a task comes. */
const scrubOne = async (work: IdleWork): Promise<'nothing' | 'more'> => {
  const { farm, alarm, onDamage, progress, isIdle, signal, mibPerSecond = 100 } = work
  const busy = new AbortController()
  const look = setInterval(() => isIdle() || busy.abort(), 100)
  const either = AbortSignal.any([signal, busy.signal])
  try {
    const place = { folder: farm, alarm, onDamage, log: progress }
    const { did } = await scrubNext(place, { signal: either, mibPerSecond })
    if (did === 'damaged') await mend(work)
    return did === 'nothing' ? 'nothing' : 'more'
  } finally {
    clearInterval(look)
  }
}
