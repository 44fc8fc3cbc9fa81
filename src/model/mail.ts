// A mail as the flow sees it: what its headers claim, what it carries, and what became of it.
import type { Instant } from './instant.ts'
import type { Wish } from './series.ts'

/** Lower-case hex SHA-256 of the raw bytes: the same bytes are the same mail, wherever they came from. */
export type MailId = string

/** With angle brackets, `<left@right>` (RFC 5322 §3.6.4). */
export type MessageId = string

/** Project of mail that is for the bot itself: bounces, commands, whatever is from no list. No project can have this name. */
export const botProject = '@bot'

export type Address = { name: string; address: string }

/** Why a mail must not be answered by a program (RFC 3834 §2). */
export type AutoKind = 'bounce' | 'auto-reply' | 'list-manager' | 'bot'

/** What the headers and the text say. Everything in here is untrusted. */
export type ParsedMail = {
  messageId: MessageId | undefined
  /** Only what looks like a message id; In-Reply-To first, then References from the newest to the oldest, no repeats. */
  ancestors: MessageId[]
  /** Decoded (RFC 2047), unfolded, white space collapsed. */
  subject: string
  /** The From: header as it stands. */
  from: Address | undefined
  /** Who wrote it: From: with the rewriting of list software undone. */
  author: Address | undefined
  /** X-Original-From:, where a list that rewrote From: keeps it. */
  originalFrom?: Address
  replyTo: Address[]
  to: Address[]
  cc: Address[]
  /** What Date: claims; never used for windows, dates lie. */
  date: Instant | undefined
  /** RFC 2919 List-Id, without the brackets; undefined if there is none. */
  listId: string | undefined
  auto: AutoKind | undefined
  /** The text parts, decoded; for commands and display. Patches are applied from the raw bytes. */
  text: string
  /** Damage that makes a patch unusable and that the author should hear of. */
  damage: Damage[]
}

export type Damage = 'format-flowed' | 'non-breaking-spaces' | 'undecodable'

/** What Subject: says of a patch; see text/subject.ts. */
export type SubjectTags = {
  /** A PATCH (or RFC, RESEND …) tag or a counter stands in a leading bracket. */
  patch: boolean
  /** 1 where none is written. */
  version: number
  versionGiven: boolean
  /** 0 is the cover letter. */
  position: number | undefined
  /** undefined for `3/n`, and where there is no counter. */
  total: number | undefined
  /** Words in the brackets that are neither tag, version nor counter: branch names, list tags. */
  tags: string[]
  /** Re:, Aw:, Fwd: … stood before everything else. */
  reply: boolean
  /** The subject without prefixes and brackets. */
  title: string
}

/** How one file is changed by a patch. */
export type FileChange = {
  /** undefined: the file is made (or unmade) by this patch. */
  before: string | undefined
  after: string | undefined
  kind: 'modify' | 'add' | 'delete' | 'rename' | 'copy' | 'mode'
  binary: boolean
  /** Abbreviated blob ids of the `index` line, as they stand there. */
  blobs: { before: string; after: string } | undefined
  added: number
  removed: number
}

/** The patch that a mail carries, as `git mailinfo` reads it. */
export type Patch = {
  /** `git patch-id --stable`, 40 hex digits: equal for the same change whatever its line numbers and white space.
   *  undefined: git has none for a patch without `diff` lines, or without hunks. */
  patchId: string | undefined
  author: Address
  subject: string
  files: FileChange[]
  /** Full or abbreviated commit id of a `base-commit:` trailer. */
  baseCommit: string | undefined
  /** Why it cannot be applied; its author is told. undefined: nothing was found wrong with it. */
  unusable?: { kind: 'damaged' | 'unsafe'; why: string }
}

/** What became of a mail; every mail has exactly one, and it can be looked up. */
export type Disposition =
  | { kind: 'new' }
  | { kind: 'patch'; series: string; position: number }
  | { kind: 'cover'; series: string }
  | { kind: 'comment'; series: string }
  | { kind: 'duplicate'; of: MailId }
  | { kind: 'conflict'; of: MailId; why: string }
  | { kind: 'not-a-patch'; why: string }
  /** With the series that it is a part of; without: of no series, told by an older Grapevine. */
  | { kind: 'damaged' | 'unsafe'; why: string; series?: string; position?: number }
  | { kind: 'unreadable'; why: string }
  | { kind: 'automatic'; auto: AutoKind }
  | { kind: 'own' }

/** A mail as it is kept. */
export type Mail = {
  id: MailId
  project: string
  /** Name of the source that brought it. */
  source: string
  /** When we, or the archive, got it. */
  arrivedAt: Instant
  size: number
  parsed: ParsedMail | undefined
  tags: SubjectTags | undefined
  patch: Patch | undefined
  disposition: Disposition
  /** Of one that was handed in: where and against what its series is to be tested. */
  wish?: Wish
  /** What it becomes once what it says to the bot is noted; `new` until then. undefined: assemble decides, or it is decided. */
  decided?: Disposition
}

/** The source of mails that somebody hands in at that moment. Operators' are tested at once; a submitter's wait for an operator where those
 *  of the list would. */
export const handSource = (at: Instant, by: 'operator' | 'submitter' = 'operator'): string =>
  by === 'submitter' ? `hand-${at}-submitter` : `hand-${at}`

/** Did somebody hand it in, instead of the list bringing it? */
export const isByHand = ({ source }: Pick<Mail, 'source'>): boolean =>
  /^hand-\d{9,}(?:-submitter)?$/.test(source)

/** Was that somebody who is no operator? */
export const isBySubmitter = (mail: Pick<Mail, 'source'>): boolean =>
  isByHand(mail) && mail.source.endsWith('-submitter')
