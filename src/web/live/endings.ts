// Runs that ended although nobody told those who follow their logs: a host that died says no end; whoever frees its tasks saves it.
import type { Millis } from '../../model/instant.ts'
import type { RunRecord } from '../../model/job.ts'
import type { WebParts } from '../parts.ts'
import type { Changes } from './changes.ts'

type OnEnd = (record: RunRecord) => void

export type Endings = {
  /** Calls back once, when the store says that it is over. One look for all who wait. */
  of(run: string, onEnd: OnEnd): { stop(): void }
}

/** Its last words are on their way; and they are the same for all. */
const lastWordsMs: Millis = 2_000

export const endingsOf = ({ wired, clock }: Pick<WebParts, 'wired' | 'clock'>, changes: Changes): Endings => {
  const watched = new Map<string, { waiting: Set<OnEnd>; stop(): void }>()
  const watch = (run: string) => {
    const waiting = new Set<OnEnd>()
    const given = new AbortController()
    let [isLooking, isAsked] = [false, false]
    const look = async () => {
      await clock.sleep(lastWordsMs, given.signal)
      isAsked = false
      const record = await (await wired()).store.run(run)
      if (record?.endedAt !== undefined) for (const onEnd of [...waiting]) onEnd(record)
    }
    const lookAll = async () => {
      isLooking = true
      while (isAsked) await look()
    }
    const listening = changes.on([`run:${run}`], () => {
      isAsked = true
      // The next change is the next chance.
      const end = () => {
        isLooking = false
      }
      if (!isLooking) void lookAll().then(end, end)
    })
    const stop = () => {
      given.abort()
      listening.stop()
    }
    return { waiting, stop }
  }
  return {
    of(run, onEnd) {
      const one = watched.get(run) ?? watch(run)
      watched.set(run, one)
      one.waiting.add(onEnd)
      return {
        stop() {
          one.waiting.delete(onEnd)
          if (one.waiting.size > 0 || watched.get(run) !== one) return
          watched.delete(run)
          one.stop()
        },
      }
    },
  }
}
