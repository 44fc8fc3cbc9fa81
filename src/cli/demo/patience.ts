// When is the demo stuck? A slow or busy machine takes its time; only one on which nothing happens any more does not end. Pure.
import type { Instant, Millis } from '../../model/instant.ts'

/** Without anything new; a test of the demo takes seconds, and one that was put off waits for a minute. */
export const stuckAfterMs: Millis = 15 * 60_000

/** Is told at each look what there is, and whether there was something new; true: it is stuck. */
export const patience = (
  start: Instant,
): ((now: Instant, seen: { lines: number; left: string }) => boolean) => {
  let [movedAt, last] = [start, '']
  return (now, { lines, left }) => {
    if (lines > 0 || left !== last) movedAt = now
    last = left
    return now - movedAt >= stuckAfterMs
  }
}
