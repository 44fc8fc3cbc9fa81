// Has something that happened again and again stopped? Shared by detectors that count how runs ended. Pure.
import type { Instant, Millis } from '../../model/instant.ts'
import type { RunEnd } from '../../model/run-end.ts'

const enoughGood = 3

/** Quiet for half of the window while other runs went well, or for all of it. So what comes and goes within the window is one trouble. */
export const isCalm = (
  ends: RunEnd[],
  isBad: (end: RunEnd) => boolean,
  { now, windowMs }: { now: Instant; windowMs: Millis },
): boolean => {
  const last = Math.max(...ends.filter(isBad).map(({ endedAt }) => endedAt), Number.NEGATIVE_INFINITY)
  const good = ends.filter(end => end.endedAt > last && end.kind !== 'ours' && !isBad(end))
  return now - last >= windowMs || (now - last >= windowMs / 2 && good.length >= enoughGood)
}
