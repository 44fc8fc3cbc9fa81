// A forge, as the bot needs it: pull requests in; checks, comments, statuses and branches out. Today: GitHub, as an App.
import type { ForgeEvent, Pull, PullRef, Repository } from '../model/forge.ts'
import type { Instant } from '../model/instant.ts'
import type { Commit } from '../model/job.ts'

/** What the forge says of a pull request; what we make of it is not its business. */
export type PullWord = Omit<Pull, 'project' | 'version' | 'series' | 'unusable'>

export type PullComment = {
  id: number
  number: number
  by: { login: string; isBot: boolean }
  text: string
  at: Instant
  changedAt: Instant
}

/** A mark on a line of a changed file. */
export type Annotation = {
  path: string
  startLine: number
  endLine: number
  level: 'notice' | 'warning' | 'failure'
  title: string
  message: string
}

/** A check run (https://docs.github.com/rest/checks/runs), as it should stand. */
export type Check = {
  name: string
  /** Ours: series and image. By it, one that is there already is found. */
  externalId: string
  head: Commit
  status: 'queued' | 'in_progress' | 'completed'
  conclusion?: 'success' | 'failure' | 'neutral' | 'cancelled' | 'skipped' | 'timed_out' | 'action_required'
  startedAt?: Instant
  endedAt?: Instant
  /** Where its details are; undefined: nowhere. */
  url: string | undefined
  title: string
  /** Markdown. */
  summary: string
  /** Markdown. */
  text?: string
  annotations: Annotation[]
}

export type Status = {
  context: string
  state: 'error' | 'failure' | 'pending' | 'success'
  description: string
  url: string | undefined
}

/** A repository as git reaches it. */
export type Remote = {
  url: string
  /** An HTTP header, secret; it lasts for minutes. */
  header: string
  /** Path of the certificates (PEM) that sign its own. */
  ca?: string
  proxy?: string
}

/** What somebody may do in a repository, from least to most. */
export type Permission = 'none' | 'read' | 'triage' | 'write' | 'maintain' | 'admin'

/**
 * All throw Faults: unreachable, timeout (a write may have been done), refused (`never`: for good), malformed, exhausted (a rate limit: `later`).
 * Every write is repeatable: what stands there already is found, and changed.
 */
export type Forge = {
  /** Who we are there, and what we may not do that we need; the key is proven. */
  probe(): Promise<{ login: string; warnings: string[] }>
  /** undefined: gone, or not for us to see. */
  pull(ref: PullRef): Promise<PullWord | undefined>
  /** Those that changed after that moment (and, without one, all that are open), the oldest change first. Costs one request if nothing did. */
  pullsSince(repository: Repository, since: Instant | undefined): Promise<PullWord[]>
  /** Comments on any pull request of the repository, made or changed since, in order. */
  commentsSince(repository: Repository, since: Instant): Promise<PullComment[]>
  comment(repository: Repository, id: number): Promise<PullComment | undefined>
  permission(repository: Repository, login: string): Promise<Permission>
  /** Where git fetches from and pushes to, with what it needs to be let in. */
  remote(repository: Repository): Promise<Remote>

  /** Writes the check; returns its id. `known`: the id that it had. */
  putCheck(repository: Repository, check: Check, known: string | undefined): Promise<string>
  /** One comment of ours that holds `mark`; '' as text: it is taken away. */
  putComment(
    ref: PullRef,
    comment: { mark: string; text: string },
    known: string | undefined,
  ): Promise<string>
  putStatus(repository: Repository, commit: Commit, status: Status): Promise<void>
  /** Shows that a command was heard. Repeatable. */
  react(repository: Repository, comment: number, how: '+1' | 'confused' | 'eyes'): Promise<void>
  close(): Promise<void>
}

/** What comes in by webhooks. */
export type ForgeHook = {
  /** undefined: genuine, and nothing for us. Fault refused: the signature is wrong · malformed. */
  read(given: { id: string; name: string; signature: string; body: string }): Promise<ForgeEvent | undefined>
}
