// Bugs of a tracker, what we write to them, and which comment is which mail.
//
// A write: pending ──taken──▶ writing ──taken by the tracker──▶ written
//             ▲                  │  └──refused for good──▶ failed
//             └──────put off─────┘     (writing, and nobody knows: looked for by its mark before it is written again)
import type { Instant } from './instant.ts'
import type { MessageId } from './mail.ts'
import type { SeriesId } from './series.ts'

/** A bug's address, as people open it: `https://bugs.example.org/show_bug.cgi?id=7`. */
export type BugUrl = string

export type Bug = {
  url: BugUrl
  /** The tracker's number. */
  id: number
  /** As the tracker calls it: NEW, RESOLVED; of GitHub: open, closed. */
  status: string
  resolution: string
  isOpen: boolean
  summary: string
  product: string
  component: string
  keywords: string[]
  whiteboard: string
  seeAlso: string[]
  /** Names of flags that are set (`grapevine?`, `grapevine+`); of GitHub: labels. */
  flags: string[]
  /** May not everybody read it? */
  isRestricted: boolean
  changedAt: Instant
}

export type BugComment = {
  /** The tracker's; its description has one, too. */
  id: number
  /** 0: the description. */
  number: number
  /** Login: never shown to others. */
  author: string
  /** Name for people, without an address; '' if there is none. */
  authorName: string
  at: Instant
  text: string
  isPrivate: boolean
  /** undefined: none. */
  attachment: { id: number; name: string; type: string; bytes: number; url: string } | undefined
}

/** A change of fields. What is not given stays. */
export type BugChange = {
  /** Only if its status is one of these now. */
  from?: string[]
  status?: string
  resolution?: string
  addKeywords?: string[]
  removeKeywords?: string[]
  /** Put into the whiteboard, instead of what was there in the brackets of the same name: `[grapevine: passed]`. */
  whiteboard?: string
  addSeeAlso?: string[]
}

export type BugDraft = {
  product: string
  component: string
  version: string
  summary: string
  text: string
  /** Further fields that a site asks for: op_sys, rep_platform, labels. */
  fields: Record<string, string>
}

/** result: of a series · landed: it is in the base · mirror: a mail of the thread · incident, notice: of a bug that tells of an incident */
export type BugWriteKind = 'result' | 'landed' | 'mirror' | 'incident' | 'track'

export type BugWriteState =
  /** `why`: it was not taken the last time. */
  | { at: 'pending'; notBefore: Instant; tries: number; why?: string }
  | { at: 'writing'; since: Instant; tries: number }
  /** `refused`: the comment is there, but its change of fields is not allowed, and why. */
  | { at: 'written'; when: Instant; bug: BugUrl; comment: number | undefined; refused?: string }
  | { at: 'failed'; when: Instant; why: string }

/** What is to be written to one bug, once. */
export type BugWrite = {
  /** Content id of what it tells; also its mark in the comment. */
  id: string
  tracker: string
  /** undefined: the bug is made by it (`create`). */
  bug: BugUrl | undefined
  kind: BugWriteKind
  project: string
  series: SeriesId | undefined
  /** Whole; the client cuts it where the tracker's limit is, with `link` to the rest. undefined: no comment. */
  text: string | undefined
  /** Where all of it can be read. */
  link: string | undefined
  change: BugChange | undefined
  create: BugDraft | undefined
  createdAt: Instant
  state: BugWriteState
}

/** One comment is one mail: the pair makes both ways idempotent. */
export type BugLink = {
  tracker: string
  bug: BugUrl
  comment: number
  /** Digest of the text that was carried over: an edited comment has another one. */
  digest: string
  messageId: MessageId
  /** Which of the two was first. */
  from: 'bug' | 'list'
  at: Instant
}

/** A bug and a thread whose comments are kept in step. */
export type Track = {
  tracker: string
  bug: BugUrl
  project: string
  /** First mail of the thread. */
  thread: MessageId
  by: string
  since: Instant
  /** Last time that something was said on either side. */
  lastAt: Instant
  state: { at: 'on' } | { at: 'off'; when: Instant; why: string }
}
