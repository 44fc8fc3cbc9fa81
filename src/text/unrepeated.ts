// A log that does not say the same thing over and over: some loops meet the same trouble thousands of times. Used beside the flow.
import type { Instant, Millis } from '../model/instant.ts'

type Say = (level: 'info' | 'warn' | 'error', what: string) => void

const mostKept = 100

/** Says a line again only when `everyMs` have passed. A minute if not given. */
export const unrepeated = (
  say: Say,
  {
    now,
    level = 'error',
    everyMs = 60_000,
  }: { now: () => Instant; level?: 'warn' | 'error'; everyMs?: Millis },
): ((what: string) => void) => {
  const said = new Map<string, Instant>()
  return what => {
    if (now() - (said.get(what) ?? Number.NEGATIVE_INFINITY) < everyMs) return
    if (said.size >= mostKept) said.clear()
    said.set(what, now())
    say(level, what)
  }
}
