// A reply on its way out. Mail is the one effect that cannot be repeated: the id is chosen and `sending` is saved before anything is sent.
//
//   pending ──taken──▶ sending ──accepted──▶ sent
//      ▲                 │──refused for good, or tried for days──▶ failed
//      └────deferred─────┘──found again after a crash, or no answer came: did it get out?
//                             here ──▶ sent · absent ──▶ pending · unknown ──▶ unconfirmed (a person decides)
import type { Instant, Millis } from './instant.ts'
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

/**
 * verdict: on a series · answer: to a command, or a request to confirm one · digest: what a list hears of a day · alert: to the
 * administrator
 */
export type ReplyKind = 'verdict' | 'answer' | 'digest' | 'alert'

/** What leaves by mail. */
export type Reply = {
  /** Content id of what it answers: the same verdict is answered once. */
  id: string
  kind: ReplyKind
  /** undefined: of no series. */
  series: SeriesId | undefined
  project: string
  /** First mail of the thread that it goes into, for counting; undefined: it begins one. */
  thread: MessageId | undefined
  mail: OutgoingMail
  state: ReplyState
}

/** refused: will never be taken · deferred: was not taken, may be later · looked: where a mail is that may have got out */
export type ReplyEvent =
  | { on: 'taken' }
  | { on: 'accepted'; answer: string }
  | { on: 'deferred'; why: string; soon: boolean }
  | { on: 'refused'; why: string }
  | { on: 'looked'; found: 'here' | 'absent' | 'unknown' }

/** send: hand it over, once · look: ask whether it got out, before anything else */
export type ReplyDuty = { do: 'send' } | { do: 'look' }

const firstWaitMs: Millis = 60_000
const firstShortWaitMs: Millis = 15_000
const longestWaitMs: Millis = 6 * 3_600_000
/** With the waits above these last more than five days, as RFC 5321 §4.5.4.1 asks for. */
export const maxReplyTries = 32

/** How long to wait after so many tries: twice as long each time, up to six hours. */
export const replyWait = (tries: number, soon: boolean): Millis =>
  Math.min(longestWaitMs, (soon ? firstShortWaitMs : firstWaitMs) * 2 ** Math.max(0, Math.min(tries, 20) - 1))

/** What a saved state obliges us to do now. A reply that is `sending` was left there by a process that died. */
export const replyDuty = (state: ReplyState, now: Instant): ReplyDuty | undefined => {
  if (state.at === 'pending') return now >= state.notBefore ? { do: 'send' } : undefined
  return state.at === 'sending' ? { do: 'look' } : undefined
}

/** Where an event takes a reply; the same state back: it came too late, or does not concern it. `sent`, `failed` and `unconfirmed` are final. */
export const nextReply = (state: ReplyState, event: ReplyEvent, now: Instant): ReplyState => {
  if (state.at === 'pending')
    return event.on === 'taken' && now >= state.notBefore
      ? { at: 'sending', since: now, tries: state.tries + 1 }
      : state
  if (state.at !== 'sending') return state
  switch (event.on) {
    case 'taken':
      return state
    case 'accepted':
      return { at: 'sent', when: now, answer: event.answer }
    case 'refused':
      return { at: 'failed', when: now, why: event.why }
    case 'deferred':
      return later(state.tries, now, event)
    case 'looked':
      if (event.found === 'here') return { at: 'sent', when: now, answer: 'found where our mail goes' }
      if (event.found === 'unknown') return { at: 'unconfirmed', since: state.since }
      return state.tries >= maxReplyTries
        ? { at: 'failed', when: now, why: `given up after ${state.tries} tries` }
        : { at: 'pending', notBefore: now, tries: state.tries }
  }
}

const later = (tries: number, now: Instant, { why, soon }: { why: string; soon: boolean }): ReplyState =>
  tries >= maxReplyTries
    ? { at: 'failed', when: now, why: `given up after ${tries} tries: ${why}` }
    : { at: 'pending', notBefore: now + replyWait(tries, soon), tries }
