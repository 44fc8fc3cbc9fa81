// What a patch of the demo is, before write-mailbox.ts makes a mail of it.
import type { Person } from './people.ts'

/** Replaces `from`, which stands in the file exactly once, by `to`. No `from`: `to` is the whole file. */
export type Edit = { file: string; from?: string; to: string }

/** One commit. `body` without the sign-off; `below`: a note under the `---` line. */
export type Patch = { title: string; body: string; edits: Edit[]; below?: string }

/** One run of `git format-patch` and `git send-email`. */
export type Posting = {
  key: string
  author: Person
  /** When it was sent, ISO 8601; each further mail of it a second later. */
  sent: string
  /** start: main as the demo begins · next: main after it has moved · a posting's key: somebody's private tree with that in it */
  base: string
  patches: Patch[]
  cover?: { title: string; body: string }
  /** Further options of `git format-patch`. */
  format?: string[]
  /** The posting that this one answers. */
  inReplyTo?: string
  /** Positions that got lost on the way. */
  lost?: number[]
  /** Seconds from sending to arrival, by position. */
  delays?: Record<number, number>
  /** How the mail was spoiled on its way; see write-mailbox.ts. */
  spoil?: 'base64-attachment' | 'parent-folder' | 'latin-1' | 'list-tag'
  later?: boolean
}
