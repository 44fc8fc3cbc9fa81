// A command that somebody sent by mail, and how far it has come. The answer is saved together with the state that it tells of.
//
//   received ──allowed, and From: proven or no proof needed──▶ done
//      │  └──not allowed, not understood, or it cannot be done──▶ refused
//      └──a proof is needed──▶ waiting ──confirmed──▶ done | refused
//                                 └──nobody confirmed in time──▶ expired
import type { Instant, Millis } from './instant.ts'
import type { MailId, MessageId } from './mail.ts'
import type { SeriesId } from './series.ts'

/** Content id of mail (by Message-ID), project, sender and line: the same mail again, by another way, is the same command. */
export type CommandId = string

/** What is asked for. Names in it are untrusted. */
export type Request =
  | { do: 'test'; images: string[]; against?: string }
  | { do: 'retest' }
  | { do: 'cancel' | 'status' | 'help' | 'subscribe' | 'unsubscribe' | 'pause' }
  /** Without a host: the queue. */
  | { do: 'resume'; host?: string }
  | { do: 'drain'; host: string }
  /** Without a series: that of the thread. */
  | { do: 'release'; series?: SeriesId }
  | { do: 'notice'; text: string }
  /** A bug by number or address, kept in step with the thread. Without one: that which the series names. */
  | { do: 'track'; bug?: string }
  | { do: 'untrack' }
  | { do: 'confirm'; token: string }
  /** Known failures, by what their ids begin with. */
  | { do: 'known'; what: 'list' }
  | { do: 'known'; what: 'confirm'; id: string; bug?: string }
  | { do: 'known'; what: 'reject'; id: string }
  /** Incidents, by what their ids begin with. Without one: that of the notice which the mail answers. */
  | { do: 'incident'; what: 'list' }
  | { do: 'incident'; what: 'show'; id?: string }
  | { do: 'incident'; what: 'confirm' | 'real'; id?: string }
  | { do: 'incident'; what: 'open'; text: string }
  | { do: 'incident'; what: 'note' | 'resolve'; id: string; text: string }
  | { do: 'incident'; what: 'amend'; id: string; field: string; text: string }
  | { do: 'incident'; what: 'merge'; id: string; into: string }
  /** Nothing that can be done; `nearest` is a line that could have been meant. */
  | { do: 'unknown'; why: string; nearest: string }
  /** So many more stood in the mail than are done. */
  | { do: 'too-many'; more: number }

/** Its part of the answer to its mail, where others of that mail were still to be done. `as`: what it counts as. */
export type Said = { as: 'done' | 'refused' | 'unknown' | 'confirm'; lines: string[] }

export type CommandState =
  | { at: 'received' }
  /** `token`: hex SHA-256 of what the mail to the sender has in it. */
  | { at: 'waiting'; token: string; until: Instant; said?: Said }
  | { at: 'done'; when: Instant; what: string; said?: Said }
  | { at: 'refused'; when: Instant; why: string; said?: Said }
  | { at: 'expired'; when: Instant }

export type Command = {
  id: CommandId
  /** Where the mail is kept; '@bot' for one to the bot alone. */
  project: string
  mail: MailId
  messageId: MessageId | undefined
  /** 1-based, among the commands of its mail. */
  position: number
  /** Lower case; who the mail says that it is from. */
  sender: string
  /** As it was written, for people. */
  line: string
  request: Request
  /** What it is about; undefined: of no series, or not looked at yet. */
  series: SeriesId | undefined
  /** Of the series: the verdict of this round, or a later one, answers it. undefined: not done yet. */
  round?: number
  createdAt: Instant
  state: CommandState
}

/** Only so many in one mail. */
export const maxCommands = 3

export const confirmWithinMs: Millis = 48 * 3_600_000

/** A signature proves that its owner wrote the mail once; an old one may be somebody's who kept it. */
export const proofAgeMs: Millis = 7 * 86_400_000
/** Clocks differ. */
export const proofAheadMs: Millis = 3_600_000

/** How often a series is tested on demand in 24 hours. */
export const maxRequests = 5

export type CommandEvent =
  | { on: 'asked'; token: string }
  | { on: 'acted'; what: string }
  | { on: 'denied'; why: string }
  | { on: 'looked' }

/** Where an event takes a command; the same state back: it came too late. `done`, `refused` and `expired` are final. */
export const nextCommand = (state: CommandState, event: CommandEvent, now: Instant): CommandState => {
  if (state.at !== 'received' && state.at !== 'waiting') return state
  if (state.at === 'waiting' && now >= state.until) return { at: 'expired', when: now }
  switch (event.on) {
    case 'asked':
      return state.at === 'received'
        ? { at: 'waiting', token: event.token, until: now + confirmWithinMs }
        : state
    case 'acted':
      return { at: 'done', when: now, what: event.what }
    case 'denied':
      return { at: 'refused', when: now, why: event.why }
    case 'looked':
      return state
  }
}

const operators = ['pause', 'resume', 'drain', 'release', 'notice', 'known', 'incident'] as const

/** Is it for operators only? */
export const isForOperators = (request: Request): boolean => operators.some(one => one === request.do)

/** Does it mean the same in every project? */
export const isForAll = (request: Request): boolean =>
  ['pause', 'resume', 'drain', 'known', 'incident', 'unsubscribe', 'subscribe'].includes(request.do) ||
  (request.do === 'release' && request.series !== undefined)

const isLook = (request: Request): boolean =>
  (request.do === 'known' || request.do === 'incident') &&
  (request.what === 'list' || request.what === 'show')

/** Must it be sure who asks? Where it harms others if somebody else says it. A test costs machine time only, and any patch causes one; who
 *  is subscribed again against his will says `unsubscribe` once more; a list of known failures or incidents goes to an operator, whoever asks
 *  in his name. */
export const needsProof = (request: Request): boolean =>
  (isForOperators(request) && !isLook(request)) ||
  ['cancel', 'track', 'untrack', 'unsubscribe'].includes(request.do)
