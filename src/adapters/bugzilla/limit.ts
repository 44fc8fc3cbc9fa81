// How fast a tracker is asked: a bucket of tokens that fills steadily, so that a back-fill does not wear it out.
import type { Clock } from '../../ports/clock.ts'

export type Rate = { perMinute: number; burst: number }

/** Resolves when it is one's turn. Those who cannot wait are let through, and others wait the longer. */
export const rateLimit = (
  clock: Clock,
  { perMinute, burst }: Rate,
): ((options: { waits: boolean }) => Promise<void>) => {
  const tokenMs = 60_000 / perMinute
  let tokens = burst
  let filledAt = clock.now()
  return async ({ waits }) => {
    const now = clock.now()
    tokens = Math.min(burst, tokens + Math.max(0, now - filledAt) / tokenMs) - 1
    filledAt = now
    if (waits && tokens < 0) await clock.sleep(Math.ceil(-tokens * tokenMs))
  }
}
