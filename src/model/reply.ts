// A reply on its way out. Mail is the one effect that cannot be repeated: the id is chosen and `sending` is saved before anything is sent.
//
//   pending ──▶ sending ──accepted──▶ sent
//      ▲           │──refused for good──▶ failed
//      └─try later─┘──found again after a crash: on the list? sent : unconfirmed (a person decides)
import type { Instant } from './instant.ts'
import type { Address, MessageId } from './mail.ts'
import type { SeriesId } from './series.ts'

/** A mail of ours, complete but for its transport. Recipients come from the mail and the configuration only. */
export type OutgoingMail = {
  messageId: MessageId
  from: Address
  to: Address[]
  cc: Address[]
  subject: string
  inReplyTo: MessageId | undefined
  /** Oldest first (RFC 5322 §3.6.4). */
  references: MessageId[]
  /** Further headers, by name; values without line breaks. */
  headers: Record<string, string>
  text: string
  date: Instant
}

export type ReplyState =
  | { at: 'pending'; notBefore: Instant; tries: number }
  | { at: 'sending'; since: Instant; tries: number }
  | { at: 'sent'; when: Instant; answer: string }
  | { at: 'failed'; when: Instant; why: string }
  | { at: 'unconfirmed'; since: Instant }

export type Reply = {
  /** Content id of what it answers: the same verdict is answered once. */
  id: string
  series: SeriesId
  project: string
  mail: OutgoingMail
  state: ReplyState
}
