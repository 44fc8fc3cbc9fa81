// A reply on its way out. Mail is the one effect that cannot be repeated: the id is chosen and `sending` is saved before anything is sent.
//
//   pending ──taken──▶ sending ──accepted──▶ sent (pending again for those recipients whom the server put off)
//      ▲                 │──refused for good, or tried for days──▶ failed
//      └────deferred─────┘──found again after a crash, or no answer came: did it get out? Looked for, several times over minutes
//                             here ──▶ sent · absent, or not seen all the time ──▶ pending · unknown ──▶ unconfirmed
//   unconfirmed, failed ──resent by a person──▶ pending        pending, unconfirmed ──dropped by a person──▶ failed
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
  /** An invitation (RFC 5545, RFC 5546) that goes with it. */
  calendar?: { method: 'PUBLISH' | 'REQUEST' | 'CANCEL'; text: string }
  date: Instant
}

export type ReplyState =
  | { at: 'pending'; notBefore: Instant; tries: number; done?: string[] }
  | { at: 'sending'; since: Instant; tries: number; done?: string[]; look?: Look }
  | { at: 'sent'; when: Instant; answer: string }
  | { at: 'failed'; when: Instant; why: string }
  | { at: 'unconfirmed'; since: Instant }

/** Looking for a mail that may have got out: how often it was looked for, when the next time is, and when it ends. */
export type Look = { times: number; next: Instant; until: Instant }

/**
 * verdict: on a series · answer: to a command, or a request to confirm one · digest: what a list hears of a day · alert: to the
 * administrator · notice: of an incident or of maintenance · mirror: a comment of a bug · login: a link that logs in
 */
export type ReplyKind = 'verdict' | 'answer' | 'digest' | 'alert' | 'notice' | 'mirror' | 'login'

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

/** What a digest says of one thing: a series, or a run by night. Made when it is known, so that the digest only puts lines together. */
export type DigestLine = {
  /** Content id: said twice, it is one line. */
  id: string
  project: string
  at: Instant
  /** Those with news come first. */
  news: boolean
  /** In a few words: `2 new failures`. Untrusted, like all that follows. */
  finding: string
  title: string
  /** Further lines below the title. */
  details?: string[]
  /** Who sent it; '' for nobody. */
  who: string
  /** Where it is talked about; undefined: nowhere. */
  messageId: MessageId | undefined
  links: { name: string; url: string }[]
}

/** Where a mail is that may have got out. absent: it surely did not · not-seen: not where our mail comes past, not yet at least */
export type Found = 'here' | 'absent' | 'not-seen' | 'unknown'

/**
 * accepted: `putOff` are recipients whom the server will take later, `done` those it has taken, or never will · refused: will never
 * be taken · deferred: was not taken, may be later · looked: for a mail that may have got out · resent, dropped: by a person
 */
export type ReplyEvent =
  | { on: 'taken' }
  | { on: 'accepted'; answer: string; putOff?: { done: string[]; why: string } }
  | { on: 'deferred'; why: string; soon: boolean }
  | { on: 'refused'; why: string }
  /** `forMs`: how long it is looked for, from the first time. */
  | { on: 'looked'; found: Found; forMs?: Millis }
  | { on: 'resent' }
  | { on: 'dropped'; why: string }

/** send: hand it over, once · look: ask whether it got out, before anything else */
export type ReplyDuty = { do: 'send' } | { do: 'look' }

const firstWaitMs: Millis = 60_000
const firstShortWaitMs: Millis = 15_000
const longestWaitMs: Millis = 6 * 3_600_000
/** With the waits above these last more than five days, as RFC 5321 §4.5.4.1 asks for. */
export const maxReplyTries = 32

/** How long a mail that may have got out is looked for, if it should come to us at once. */
export const lookForMs: Millis = 5 * 60_000
const firstLookWaitMs: Millis = 5_000
const longestLookWaitMs: Millis = 60_000

/** How long to wait after so many tries: twice as long each time, up to six hours. */
export const replyWait = (tries: number, soon: boolean): Millis =>
  Math.min(longestWaitMs, (soon ? firstShortWaitMs : firstWaitMs) * 2 ** Math.max(0, Math.min(tries, 20) - 1))

/** What a saved state obliges us to do now. A reply that is `sending` was left there by a process that died, or had no answer. */
export const replyDuty = (state: ReplyState, now: Instant): ReplyDuty | undefined => {
  if (state.at === 'pending') return now >= state.notBefore ? { do: 'send' } : undefined
  if (state.at !== 'sending') return undefined
  return now >= (state.look?.next ?? 0) ? { do: 'look' } : undefined
}

/** When the next duty is; undefined: never. */
export const replyDue = (state: ReplyState): Instant | undefined =>
  state.at === 'pending' ? state.notBefore : state.at === 'sending' ? (state.look?.next ?? 0) : undefined

/** Where an event takes a reply; the same state back: it came too late, or does not concern it. `sent` is final; from `failed` and `unconfirmed` only people lead on. */
export const nextReply = (state: ReplyState, event: ReplyEvent, now: Instant): ReplyState => {
  switch (event.on) {
    case 'resent':
      return state.at === 'unconfirmed' || state.at === 'failed'
        ? { at: 'pending', notBefore: now, tries: 0 }
        : state
    case 'dropped':
      return state.at === 'unconfirmed' || state.at === 'pending'
        ? { at: 'failed', when: now, why: event.why }
        : state
    case 'taken':
      return state.at === 'pending' && now >= state.notBefore
        ? { at: 'sending', since: now, tries: state.tries + 1, ...doneOf(state) }
        : state
    default:
      return state.at === 'sending' ? afterSending(state, event, now) : state
  }
}

type Sending = Extract<ReplyState, { at: 'sending' }>

const doneOf = ({ done }: { done?: string[] }): { done?: string[] } => (done === undefined ? {} : { done })

const afterSending = (
  state: Sending,
  event: Extract<ReplyEvent, { on: 'accepted' | 'refused' | 'deferred' | 'looked' }>,
  now: Instant,
): ReplyState => {
  switch (event.on) {
    case 'accepted': {
      const { putOff, answer } = event
      if (putOff === undefined) return { at: 'sent', when: now, answer }
      if (state.tries >= maxReplyTries)
        return { at: 'sent', when: now, answer: `${answer}; given up: ${putOff.why}` }
      const done = [...new Set([...(state.done ?? []), ...putOff.done])]
      return later({ ...state, done }, now, { why: putOff.why, soon: false })
    }
    case 'refused':
      return { at: 'failed', when: now, why: event.why }
    case 'deferred':
      return later(state, now, event)
    case 'looked':
      return afterLook(state, event, now)
  }
}

const afterLook = (
  state: Sending,
  { found, forMs = lookForMs }: Extract<ReplyEvent, { on: 'looked' }>,
  now: Instant,
): ReplyState => {
  // Some have it from an earlier try: finding it says nothing of the others.
  if (found === 'here' && state.done === undefined)
    return { at: 'sent', when: now, answer: 'found where our mail goes' }
  if (found === 'absent') return again(state, now)
  const { times, until } = state.look ?? { times: 0, until: now + forMs }
  if (found !== 'here' && now < until) {
    const wait = Math.min(longestLookWaitMs, firstLookWaitMs * 2 ** Math.min(times, 10))
    return { ...state, look: { times: times + 1, next: Math.min(until, now + wait), until } }
  }
  return found === 'not-seen' && state.done === undefined
    ? again(state, now)
    : { at: 'unconfirmed', since: state.since }
}

const again = (state: Sending, now: Instant): ReplyState =>
  state.tries >= maxReplyTries
    ? { at: 'failed', when: now, why: `given up after ${state.tries} tries` }
    : { at: 'pending', notBefore: now, tries: state.tries, ...doneOf(state) }

const later = (state: Sending, now: Instant, { why, soon }: { why: string; soon: boolean }): ReplyState => {
  const { tries } = state
  return tries >= maxReplyTries
    ? { at: 'failed', when: now, why: `given up after ${tries} tries: ${why}` }
    : { at: 'pending', notBefore: now + replyWait(tries, soon), tries, ...doneOf(state) }
}
