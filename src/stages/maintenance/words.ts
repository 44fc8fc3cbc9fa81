// The maintenance stage, last half: what people are told of a window, to one list or to the operators. Words are in templates/.
import type { Instant, Millis } from '../../model/instant.ts'
import type { Address } from '../../model/mail.ts'
import { isReminded, type Maintenance } from '../../model/maintenance.ts'
import type { Notice, NoticeKind } from '../../model/notice.ts'
import { type Invitation, invitation, sayRepeat } from '../../text/calendar.ts'
import { oneLine } from '../../text/clean.ts'
import { sayDay, sayLength, saySpan, sayTime } from '../../text/span.ts'

export type WindowNotice = Extract<
  NoticeKind,
  'announced' | 'reminder' | 'begun' | 'overrun' | 'done' | 'cancelled'
>

export type WordsInput = {
  window: Maintenance
  kind: WindowNotice
  to: Notice['to']
  /** What was said of it before to the same people, the oldest first. */
  earlier: Notice[]
  /** Series of the project that wait now; of all projects for operators. */
  waiting: number
  following: Maintenance | undefined
  remindMs: Millis
  everyMs: Millis
  bot: Address
  /** Of the status page; undefined: there is none that people could open. */
  url: string | undefined
  now: Instant
}

export type Words = {
  subject: string
  template: string
  variables: object
  calendar: Invitation | undefined
  nextWord: Instant | undefined
  said: Record<string, string>
}

const iso = (when: Instant): string => new Date(when).toISOString()

/** What people know of it by what was said last; undefined: nothing. */
const known = (earlier: Notice[]): { from: Instant; to: Instant } | undefined => {
  const last = earlier.findLast(({ said }) => said.from !== undefined && said.to !== undefined)?.said
  return last && { from: Date.parse(last.from ?? ''), to: Date.parse(last.to ?? '') }
}

/** What one notice says and another does not; the same thing said twice is one notice. */
const saidOf = ({ window, kind }: WordsInput): Record<string, string> => {
  const { from, to, reason, sequence, state } = window
  const common = { from: iso(from), to: iso(to), reason, sequence: String(sequence) }
  if (kind !== 'overrun' || state.at !== 'running') return common
  return { ...common, after: state.overrunTold === undefined ? '' : iso(state.overrunTold) }
}

/** When they hear of it again, at the latest. */
const nextWordOf = ({ window, kind, remindMs, everyMs, now }: WordsInput): Instant | undefined => {
  if (kind === 'done' || kind === 'cancelled') return undefined
  if (kind === 'announced' && window.state.at !== 'running' && isReminded(window, now, remindMs))
    return window.from - remindMs
  return window.to > now ? window.to : now + everyMs
}

/** An invitation goes where something of it is new. */
const calendarOf = (input: WordsInput): Invitation | undefined => {
  const { window, kind, bot, now } = input
  const { state, reason, to } = window
  const isNew =
    kind === 'announced' || kind === 'begun' || kind === 'cancelled' || (kind === 'overrun' && to > now)
  if (!isNew) return undefined
  return invitation({
    ...{ window, bot, now },
    summary: `${bot.name || 'Grapevine'}: maintenance`,
    description: `${oneLine(reason, 500)}. Results of patches that are sent meanwhile come afterwards.`,
    ...(state.at === 'cancelled' ? { cancelled: { whole: state.whole === true } } : {}),
  })
}

const subjects: Record<WindowNotice, (when: string) => string> = {
  announced: when => `Maintenance planned: ${when}`,
  reminder: when => `Maintenance begins soon: ${when}`,
  begun: when => `Maintenance has begun: ${when}`,
  overrun: when => `Maintenance takes longer: ${when}`,
  done: when => `Maintenance is over: ${when}`,
  cancelled: when => `Maintenance cancelled: ${when}`,
}

const project = (to: Notice['to']): string | null => (to === 'operators' ? null : to.list)

/** All variables of all templates, as each must be there. */
const variablesOf = (input: WordsInput) => {
  const { window, to, waiting, following, remindMs, everyMs, url, now } = input
  const { id, hosts, from, reason, repeat, series, state } = window
  const before = known(input.earlier)
  return {
    ...{ id, project: project(to), whole: hosts.length === 0, hosts: hosts.join(', '), waiting },
    ...{ reason: oneLine(reason, 500), when: saySpan(from, window.to), url: url ?? null },
    ...{ was: before === undefined ? null : saySpan(before.from, before.to) },
    ...{ wasEnd: before === undefined ? null : sayTime(before.to), end: sayTime(window.to) },
    every: sayLength(everyMs),
    isStill: state.at === 'running' && state.overrunTold !== undefined,
    in: sayLength(Math.max(from - now, 60_000)),
    ...{ isRunning: state.at === 'running', isLate: window.to <= now },
    remind: isReminded(window, now, remindMs) ? sayLength(remindMs) : null,
    repeats: repeat === undefined ? null : sayRepeat(repeat, series?.start ?? from),
    next: following === undefined ? null : saySpan(following.from, following.to),
    took: state.at === 'running' ? sayLength(now - state.since) : null,
    why: state.at === 'cancelled' ? oneLine(state.why, 500) : null,
    allOfIt: state.at === 'cancelled' && state.whole === true,
  }
}

const subjectOf = ({ window, kind, earlier }: WordsInput): string =>
  kind === 'announced' && earlier.length > 0
    ? `Maintenance changed: ${sayDay(window.from)}`
    : subjects[kind](sayDay(window.from))

/** What is said, and how. Pure but for its templates. */
export const windowWords = (input: WordsInput): Words => {
  const { kind } = input
  return {
    subject: subjectOf(input),
    template: `notice-maintenance-${kind}`,
    variables: { w: variablesOf(input) },
    calendar: calendarOf(input),
    nextWord: nextWordOf(input),
    said: saidOf(input),
  }
}
