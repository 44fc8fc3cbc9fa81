// git on the host: reads mails and keeps a bare mirror of each project's repository. No patch is ever applied here.
import type { Readable } from 'node:stream'
import type { Instant } from '../model/instant.ts'
import type { Commit } from '../model/job.ts'
import type { Address, MessageId } from '../model/mail.ts'
import type { Remote } from './forge.ts'

/** What `git mailinfo` makes of a raw mail. */
export type MailInfo = { author: Address; subject: string; message: string; patch: Buffer }

export type GitMail = {
  /** In the order of the input; undefined where git finds no usable mail, or one that is beyond what a patch can be (10 MiB, in a mail of 14 MiB). */
  mailinfo(raws: Buffer[]): Promise<(MailInfo | undefined)[]>
  /** `git patch-id --stable` of each; undefined where there is no diff in it. */
  patchIds(patches: Buffer[]): Promise<(string | undefined)[]>
  /** What `git apply -p<strip>` says against the form of each, one line; undefined where it reads it to its end. Whether it fits a
   *  base is another question. */
  refusals(patches: { patch: Buffer; strip: 0 | 1 }[]): Promise<(string | undefined)[]>
}

/** What a path holds in a commit: the (abbreviated) id of a blob; undefined: nothing is there. */
export type FileState = { path: string; blob: string | undefined }

export type WantedFiles = {
  /** Where the search begins; it goes back from there. */
  tip: Commit
  /** Commits of after it are looked at even where there are many of them. */
  since: Instant
  /** A commit will do in which all of one set are true. An empty set is none. */
  anyOf: FileState[][]
}

/** A patch that is looked for: by what it changes, or, where its maintainer changed that, by the mail that a trailer of the commit names. */
export type WantedChange = { patchId: string; path: string; messageId?: MessageId; title?: string }

export type WantedChanges = {
  tip: Commit
  since: Instant
  /** What is in this one was looked at before. */
  after?: Commit
  changes: WantedChange[]
}

/** A pull request, of which all but the numbers is other people's words. */
export type PullWanted = {
  remote: Remote
  number: number
  head: Commit
  /** The branch that it is to go into. */
  base: string
  /** Of the subjects of its patches. */
  version: number
  /** Of the one patch that it becomes where there are merges among its commits. */
  title: string
  author: Address
  maxPatches: number
  maxBytes: number
}

export type PullPatches =
  /** Mails as `git format-patch` writes them, in order; they apply to `base`. */
  | { kind: 'patches'; base: Commit; patches: Buffer[] }
  /** Why not, for its author. */
  | { kind: 'unusable'; why: string }
  /** That head is not there any more. */
  | { kind: 'moved' }

export type Mirror = {
  /** Brings the mirror up to date; with `ifOlderThanMs`, only if this process has not done so for that long. Fault
   *  unreachable: the old state stays usable. */
  fetch(repository: string, options?: { ifOlderThanMs?: number }): Promise<void>
  /** The commit that a branch, tag or (abbreviated) commit id names, in the mirror as it is. */
  resolve(repository: string, name: string): Promise<Commit | undefined>
  /** Fetches one commit, whole id, which no branch or tag needs to lead to, and keeps it. false: the server has none or gives it to nobody.
   *  Faults: as fetch. */
  fetchCommit(repository: string, commit: Commit): Promise<boolean>
  /** The newest of the last 2,000 commits (of `since`, 20,000) with files like these; undefined: none, or it took too long. Bounded,
   *  whatever is asked for. */
  commitWith(repository: string, wanted: WantedFiles): Promise<Commit | undefined>
  /** A commit and those before it, the newest first; at most so many. Subjects are other people's words. Faults: as resolve. */
  log(repository: string, from: Commit, limit: number): Promise<{ commit: Commit; subject: string }[]>
  /** Which of these changes (`git patch-id --stable`) are in the branch: by patch id, the newest commit that brought each. Only commits of
   *  after `since` are looked at, and by what they change only those that touch one of the paths: a change needs one of its paths there. A
   *  trailer `Message-ID:` tells alone; `Link:`, which also names what was only talked about, together with the title. Bounded. Faults: as
   *  resolve, timeout. */
  landed(repository: string, wanted: WantedChanges): Promise<Map<string, Commit>>
  /** Fetches a pull request beside the mirror of that repository, and writes its commits as patches. Faults: as fetch. */
  pullPatches(repository: string, wanted: PullWanted): Promise<PullPatches>
  /** A tar with one folder `.git`: a shallow bare-less repository in which `git checkout -f COMMIT` works. */
  snapshot(repository: string, commit: Commit): Promise<{ size: number; stream: Readable }>
}

export type PushedSeries = {
  /** Of the project: its mirror has the base. */
  repository: string
  base: Commit
  /** A git bundle of base..HEAD, out of a guest: hostile bytes. */
  bundle: () => Readable
  /** So many commits it may have. */
  most: number
  branch: string
  to: Remote
}

/** Series as branches of a repository elsewhere. */
export type Branches = {
  /** Checks the commits (git's own fsck, one line of them from the base on) and makes the branch point there, wherever it was. Repeatable.
   *  Faults: damaged (never; the bundle is not what it should be), refused (never or later; the other side does not take it), unreachable,
   *  timeout, exhausted. */
  push(series: PushedSeries): Promise<Commit>
  /** Repeatable: a branch that is not there is gone. Faults: as push. */
  remove(branch: string, from: Remote): Promise<void>
}
