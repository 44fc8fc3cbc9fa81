// Bug trackers, as far as known failures need them. Which tracker an address belongs to, the adapter knows.
import type { BugState } from '../model/known.ts'

/** What a tracker says of a bug. gone: not there, or not for us to see. */
export type BugWord = Pick<BugState, 'is'>

export type Bugs = {
  /** undefined: no tracker that is known has that address. Throws a Fault: unreachable, refused, malformed. */
  look(bug: string): Promise<BugWord | undefined>
  /** Writes a comment, and opens the bug again if it is closed. `mark` stands in the comment: one of that mark that is there already is
   *  not written again. Throws a Fault: unreachable, malformed; refused for good (`never`) where we may not, or no tracker has that address. */
  reopen(bug: string, comment: { text: string; mark: string }): Promise<void>
}

/** One tracker; it is asked only about bugs that are its own. */
export type Tracker = Bugs & { owns(bug: string): boolean }
