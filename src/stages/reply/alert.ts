// A mail to the operators: that mail was kept back by the caps. One a day, as its id says the day.
import type { Instant } from '../../model/instant.ts'
import type { Address } from '../../model/mail.ts'
import type { MailCounts } from '../../model/policy.ts'
import type { Reply } from '../../model/reply.ts'
import { cleanLine } from '../../text/clean.ts'
import { headerText } from '../../text/compose.ts'
import { contentId } from '../../text/digest.ts'
import { commonHeaders, messageIdOf } from './envelope.ts'
import { mailText, render } from './render.ts'

export type AlertInput = {
  administrator: Address
  bot: Address
  caps: MailCounts
  /** 2026-11-22: there is one alert on each. */
  day: string
  /** What was kept back first, and why. */
  about: string
  why: string
  now: Instant
}

export const composeAlert = (given: AlertInput): Reply => {
  const { administrator, bot, caps, day, about, why, now } = given
  const id = `a${contentId(23, 'mail-capped', day)}`
  return {
    id,
    kind: 'alert',
    series: undefined,
    project: '',
    thread: undefined,
    mail: {
      messageId: messageIdOf(id, bot),
      from: { ...bot, name: headerText(bot.name) },
      to: [{ ...administrator, name: headerText(administrator.name) }],
      cc: [],
      subject: `Mail was not sent: over the cap, ${day}`,
      inReplyTo: undefined,
      references: [],
      headers: commonHeaders({ project: undefined, bot, auto: 'auto-generated' }),
      text: mailText(
        render('alert-capped', { caps, day, about: cleanLine(about, 200), why: cleanLine(why, 300) }),
      ),
      date: now,
    },
    state: { at: 'pending', notBefore: now, tries: 0 },
  }
}
