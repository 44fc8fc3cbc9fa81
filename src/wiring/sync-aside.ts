// Bugs that cannot be read, though their tracker answers: left alone for a while, so that the others do not wait for them.
import type { BugUrl } from '../model/bug.ts'
import { Fault } from '../model/fault.ts'
import type { Instant, Millis } from '../model/instant.ts'
import { isTheTracker } from '../stages/bugs/write.ts'

/** Until when each is left alone. */
export type Aside = Map<BugUrl, Instant>

const asideMs: Millis = 600_000

export const isAside = (aside: Aside, url: BugUrl, now: Instant): boolean => now < (aside.get(url) ?? 0)

/** What comes of a bug that could not be read: later again, or never. Throws what is no matter of this bug alone. */
export const setAside = (aside: Aside, url: BugUrl, given: { error: unknown; now: Instant }) => {
  const { error, now } = given
  if (!(error instanceof Fault) || isTheTracker(error)) throw error
  aside.set(url, now + asideMs)
  return { again: error.retry !== 'never', why: error.message }
}
