// Where mail comes from. A source reads; it never changes what it reads.
import type { Instant } from '../model/instant.ts'

/** Where a source goes on; opaque to everybody else. JSON. undefined: from the start. */
export type Cursor = unknown

export type RawMail = {
  raw: Buffer
  arrivedAt: Instant /** For people: file and offset, commit, UID. */
  where: string
}

export type MailBatch = {
  mails: RawMail[] /** Save it only when all of `mails` are stored. */
  cursor: Cursor
  /** What could not be read, or not in whole; a line each, for people. It holds up nothing else. */
  troubles?: string[]
}

export type MailSource = {
  readonly name: string
  /** All that is there past the cursor, in order of arrival, in batches of bounded size; ends when there is no more.
   *  Repeatable: the same cursor gives the same mails again. Faults: unreachable, refused, malformed (with the place). */
  read(cursor: Cursor, signal?: AbortSignal): AsyncIterable<MailBatch>
  /** Calls `wake` when there may be news; a hint only, the sweep does not rely on it. Returns how to stop. */
  watch(wake: () => void): () => void
}
