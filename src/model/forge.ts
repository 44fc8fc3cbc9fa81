// A forge (GitHub): pull requests, what its webhooks tell, and what we show there. Beside the flow: a pull request enters it at assemble.
//
//   pull:   open ⇄ closed; open ──▶ merged. Each new head is a new version of its series.
//   event:  new ──done, or pointless by now──▶ done          (a webhook's word, kept until it is dealt with)
//   shown:  what stands on the forge is compared with what should stand there; the difference is written. Nothing is ever "sent".
import type { Instant } from './instant.ts'
import type { Commit } from './job.ts'
import type { SeriesId } from './series.ts'

/** owner/name, as the forge spells it. */
export type Repository = string

export type PullRef = { repository: Repository; number: number }

/** A pull request as it was read last. Title, body, names and branches are other people's words. */
export type Pull = PullRef & {
  project: string
  title: string
  body: string
  url: string
  /** Of the account that opened it. */
  author: { login: string; id: number }
  head: Commit
  /** The branch that it is to go into, and where that was when the pull request was read. */
  base: { branch: string; commit: Commit }
  state: 'open' | 'closed' | 'merged'
  isDraft: boolean
  changedAt: Instant
  /** How many heads it had that were tested, or are; the version of its newest series. */
  version: number
  /** Of `head`; undefined: none yet. */
  series: SeriesId | undefined
  /** Why its head cannot be tested, for its author; undefined: nothing is known against it. */
  unusable?: string
}

/** Where a series of a pull request came from: enough to show its results there. */
export type PullOrigin = PullRef & { head: Commit; url: string; login: string }

/** What somebody did there that no later look would show. Whatever a look does show (pull requests, comments) is only named, and then read. */
export type ForgeEvent = {
  /** The delivery's id (X-GitHub-Delivery): the same word twice is one word. */
  id: string
  repository: Repository
  receivedAt: Instant
  what:
    | { kind: 'pull'; number: number }
    | { kind: 'comment'; number: number; comment: number }
    /** Somebody pressed "Re-run": of one check, or (check undefined) of all of that commit. */
    | { kind: 'rerun'; head: Commit; check: string | undefined; by: string }
    /** The App was installed, or may do other things than before. */
    | { kind: 'installation' }
  state: { at: 'new' } | { at: 'done'; when: Instant; how: string }
}

/** One thing of ours on the forge. `on`: the commit, pull request or branch that it is of; `name`: of the check or status. */
export type ShownPlace = {
  repository: Repository
  kind: 'check' | 'comment' | 'status' | 'branch'
  on: string
  name: string
}

/** What stands there, as far as we know. */
export type Shown = ShownPlace & {
  series: SeriesId
  /** The forge's own id of it; '' where it has none. */
  remote: string
  /** Digest of what was written last; '' for nothing: it is not there (any more). */
  digest: string
  at: Instant
  /** Why it could not be written, and when it is tried again; undefined: it stands there. */
  trouble?: {
    why: string
    tries: number
    notBefore: Instant
    /** Digest of what was refused for good: anything else is tried at once. */
    refused?: string
  }
}
