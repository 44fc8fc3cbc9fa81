// A clock that stands still until a test moves it.
import type { Instant, Millis } from '../../src/model/instant.ts'
import type { Clock } from '../../src/ports/clock.ts'

export type FakeClock = Clock & {
  /** Moves on, and wakes the sleepers whose time has come, in their order. */
  advance(ms: Millis): Promise<void>
  /** How many sleep. */
  sleepers(): number
}

type Sleeper = { at: Instant; wake: () => void }

/** Starts at `start`; the default is a Monday noon of 2026. */
export const fakeClock = (start: Instant = Date.UTC(2026, 0, 5, 12)): FakeClock => {
  let now = start
  let sleepers: Sleeper[] = []

  const sleep = (span: Millis, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      if (span <= 0) return resolve()
      const sleeper = { at: now + span, wake: resolve }
      sleepers = [...sleepers, sleeper]
      signal?.addEventListener(
        'abort',
        () => {
          sleepers = sleepers.filter(other => other !== sleeper)
          reject(signal.reason)
        },
        { once: true },
      )
    })

  const advance = async (ms: Millis) => {
    const end = now + ms
    for (;;) {
      const [next] = sleepers.filter(sleeper => sleeper.at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      sleepers = sleepers.filter(sleeper => sleeper !== next)
      now = next.at
      next.wake()
      // Whoever woke may go to sleep again before the end.
      await new Promise(setImmediate)
    }
    now = end
  }

  return { now: () => now, sleep, advance, sleepers: () => sleepers.length }
}
