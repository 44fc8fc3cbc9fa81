// Bug trackers. Which tracker an address belongs to, the adapter knows; nothing above it knows Bugzilla from GitHub.
import type { Bug, BugChange, BugComment, BugDraft, BugUrl } from '../model/bug.ts'
import type { Instant } from '../model/instant.ts'
import type { BugState } from '../model/known.ts'

/** What a tracker says of a bug. gone: not there, or not for us to see. */
export type BugWord = Pick<BugState, 'is'>

/** As far as known failures need them. */
export type Bugs = {
  /** undefined: no tracker that is known has that address. Throws a Fault: unreachable, refused, malformed. */
  look(bug: string): Promise<BugWord | undefined>
  /** Writes a comment, and opens the bug again if it is closed. `mark` stands in the comment: one of that mark that is there already is
   *  not written again. Throws a Fault: unreachable, malformed; refused for good (`never`) where we may not, or no tracker has that address. */
  reopen(bug: string, comment: { text: string; mark: string }): Promise<void>
}

/** Where a sweep goes on; opaque, kept in the store. */
export type SweepCursor = string

export type Sweep = {
  /** Bugs that changed since, the oldest change first; each of them at least once, some perhaps again. */
  bugs: Bug[]
  next: SweepCursor
  /** There is more at once. */
  more: boolean
}

/** What is written with a comment. */
export type Writing = {
  /** Stands in the comment, and is looked for before it is written again. */
  mark: string
  text: string | undefined
  /** Where the whole text is, if the tracker takes only a part of it. */
  link: string | undefined
  change: BugChange | undefined
}

/** One tracker; it is asked only about bugs that are its own. Writes to one bug come one after another. All throw Faults: unreachable,
 *  timeout (it may have been done), refused (`never`: for good), malformed, exhausted (rate limit: `later`). */
export type Tracker = Bugs & {
  /** As the configuration calls it. */
  name: string
  owns(bug: string): boolean
  /** Address of a bug that is named by its number, an alias that was learnt, or an address; undefined: not one of this tracker's. */
  addressOf(name: string): BugUrl | undefined
  /** Asks which bugs have these names, where they may be aliases and are not known. */
  learn(names: string[]): Promise<void>
  /** Who we are there, what it is, and what will not work; the key is proven. */
  probe(): Promise<{ version: string; login: string; warnings: string[] }>
  /** undefined: gone, or not for us to see. */
  bug(bug: BugUrl): Promise<Bug | undefined>
  /** In order. `since`: also those of that moment, and somewhat earlier ones. Private ones are left out, and so is every comment of a restricted bug. */
  comments(bug: BugUrl, since?: Instant): Promise<BugComment[]>
  /**
   * To see whether somebody changed what was read already, with two requests at most, however many bugs are asked about: the comments of some of
   * these bugs, perhaps of none just now, without names and attachments. `gone`: not there, or not for all to see.
   */
  peek(bugs: BugUrl[]): Promise<Map<BugUrl, BugComment[] | 'gone'>>
  /** Of these products if any are given. A sweep with nothing new costs three requests at most. */
  sweep(cursor: SweepCursor | undefined, filter: { products: string[] }): Promise<Sweep>
  /** The comment's id, if the tracker tells it. `refused`: it is written, but the change is not allowed, and why. Repeatable: what stands
   *  there with that mark is not written again. */
  write(bug: BugUrl, writing: Writing): Promise<{ comment: number | undefined; refused?: string }>
  /** Makes a bug. Repeatable by its mark. */
  create(draft: BugDraft, mark: string): Promise<BugUrl>
  /** Address of one comment. */
  commentUrl(bug: BugUrl, comment: { id: number; number: number }): string
}
