// Bug trackers, as far as known failures need them. Which tracker an address belongs to, the adapter knows.
import type { BugState } from '../model/known.ts'

export type Bugs = {
  /** undefined: no tracker that is known has that address. Throws a Fault: unreachable, refused, malformed. */
  look(bug: string): Promise<Omit<BugState, 'seenAt'> | undefined>
  /** Writes a comment, and opens the bug again if it is closed. `mark` stands in the comment: one of that mark that is there already is not written again. */
  reopen(bug: string, comment: { text: string; mark: string }): Promise<void>
}
