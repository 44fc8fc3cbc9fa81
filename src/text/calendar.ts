// A maintenance window as an invitation (RFC 5545 for its form, RFC 5546 for what it asks), and the rule by which one is repeated.
import {
  ICalCalendar,
  ICalCalendarMethod,
  type ICalEventData,
  ICalEventStatus,
  ICalEventTransparency,
} from 'ical-generator'
import rrule from 'rrule'
import type { Instant } from '../model/instant.ts'
import type { Address } from '../model/mail.ts'
import type { Maintenance } from '../model/maintenance.ts'
import type { OutgoingMail } from '../model/reply.ts'
import { oneLine } from './clean.ts'

export type Invitation = NonNullable<OutgoingMail['calendar']>

export type InvitationInput = {
  window: Maintenance
  bot: Address
  summary: string
  description: string
  now: Instant
  /** It will not be; `whole`: nor will any later one of its series. */
  cancelled?: { whole: boolean }
}

/** RFC 5545 §3.8.4.7: the same for ever, for all of a series; by it a program finds what it is to change. */
const uidOf = ({ id, series }: Maintenance, bot: Address): string =>
  `maintenance-${series?.id ?? id}@${bot.address.split('@').at(-1) ?? 'localhost'}`

/** Which part of a series: all of it, from its start and by its rule; or this one, by the time that the rule gives it (§3.8.4.4). */
const place = (window: Maintenance, cancelled: InvitationInput['cancelled']): ICalEventData => {
  const { from, to, series, repeat, sequence } = window
  if (repeat === undefined || series === undefined) return { start: at(from), end: at(to) }
  const isAll = cancelled ? cancelled.whole : sequence === 0
  if (!isAll) return { start: at(from), end: at(to), recurrenceId: at(series.slot) }
  const { start, lengthMs } = series
  return { start: at(start), end: at(start + lengthMs), repeating: `RRULE:${repeat}` }
}

const at = (when: Instant): Date => new Date(when)

/** Published, and not asked for an answer (RFC 5546 §3.2.1): a list does not come or stay away. */
export const invitation = (input: InvitationInput): Invitation => {
  const { window, bot, now, cancelled } = input
  const method = cancelled ? 'CANCEL' : 'PUBLISH'
  const prodId = { company: 'Grapevine', product: 'maintenance' }
  const calendar = new ICalCalendar({ method: ICalCalendarMethod[method], prodId })
  calendar.createEvent({
    ...{ id: uidOf(window, bot), sequence: window.sequence, stamp: at(now), ...place(window, cancelled) },
    summary: oneLine(input.summary, 200),
    description: oneLine(input.description, 1000),
    organizer: { name: oneLine(bot.name, 80) || 'Grapevine', email: bot.address },
    status: cancelled ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
    // Nobody is busy because machines rest.
    transparency: ICalEventTransparency.TRANSPARENT,
  })
  return { method, text: calendar.toString() }
}

const short: Record<string, string> = {
  daily: 'FREQ=DAILY',
  weekly: 'FREQ=WEEKLY',
  monthly: 'FREQ=MONTHLY',
  yearly: 'FREQ=YEARLY',
}

const ruleFrom = (repeat: string, start: Instant) =>
  new rrule.RRule({ ...rrule.RRule.parseString(repeat), dtstart: at(start) })

/**
 * As it is kept: `weekly`, or RFC 5545 §3.3.10 as in `FREQ=MONTHLY;BYDAY=1TU`. Throws an Error that says what is wrong: no rule, more often
 * than daily, without `from` itself, or never again after it. `from`: in whole seconds.
 */
export const repeatRule = (text: string, from: Instant): string => {
  const said = text.trim().replace(/^RRULE:/i, '')
  const rule = short[said.toLowerCase()] ?? said.toUpperCase()
  if (!/^[A-Z0-9=,;+-]{5,200}$/.test(rule) || !/(^|;)FREQ=/.test(rule)) throw new Error('it is no rule')
  if (!/(^|;)FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;|$)/.test(rule) || /BY(HOUR|MINUTE|SECOND)=/.test(rule))
    throw new Error('it must be repeated by the day, week, month or year')
  const [first, next] = firstTwo(rule, from)
  if (first !== from) throw new Error('by it this window itself would not be')
  if (next === undefined) throw new Error('it never comes again')
  return rule
}

const firstTwo = (rule: string, from: Instant): (Instant | undefined)[] => {
  try {
    return [from - 1, from].map(after => nextOccurrence(rule, { start: from, after }))
  } catch {
    throw new Error('it is no rule')
  }
}

/** The first one after `after`, of those that begin at `start` (which counts as one); undefined: there is none. */
export const nextOccurrence = (
  repeat: string,
  { start, after }: { start: Instant; after: Instant },
): Instant | undefined => ruleFrom(repeat, start).after(at(after))?.getTime()

/** `every month on the 1st Tuesday`; the rule itself where there are no words for it. */
export const sayRepeat = (repeat: string, start: Instant): string => {
  const said = ruleFrom(repeat, start).toText()
  return said.startsWith('every') ? said : repeat
}
