// The real time: the clock port outside of tests.
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../../ports/clock.ts'

// A longer timer fires at once (setTimeout takes 31 bits of milliseconds).
const longestMs = 2 ** 31 - 1

/** The system's clock. `sleep` rejects with the reason of the signal. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (span, signal) => {
    signal?.throwIfAborted()
    try {
      for (let left = Math.max(0, span); left > 0; left -= longestMs)
        await wait(Math.min(left, longestMs), undefined, signal && { signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}
