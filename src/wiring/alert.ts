// Word to the administrator that needs no list: a mail of its own, at most one a day about the same thing. Beside the flow.
import { dayMs, type Instant } from '../model/instant.ts'
import type { MessageId } from '../model/mail.ts'
import type { Reply } from '../model/reply.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { headerText } from '../text/compose.ts'
import { contentId } from '../text/digest.ts'
import { messageIdOf } from '../text/envelope.ts'
import { render } from '../text/render.ts'
import type { Wired } from './wire.ts'

export type Alert = {
  /** What it is about: the same reason is told once a day (UTC). */
  reason: string
  subject: string
  /** What happened, and what can be done; may hold untrusted words. Or a template of its own, with its variables. */
  text: string | { template: string; variables: object }
}

/** Of the alert of that reason on that day. */
export const alertId = (reason: string, at: Instant): string =>
  `a${contentId(23, reason, Math.floor(at / dayMs))}`

const wordsOf = (text: Alert['text'], host: string): string[] =>
  typeof text === 'string'
    ? render('alert', { text, host })
    : render(text.template, { ...text.variables, host })

const alertMail = (wired: Pick<Wired, 'config' | 'clock'>, { reason, subject, text }: Alert): Reply => {
  const { config, clock } = wired
  const now = clock.now()
  const id = alertId(reason, now)
  const messageId: MessageId = messageIdOf(id, config.bot)
  return {
    id,
    kind: 'alert',
    series: undefined,
    project: '',
    thread: undefined,
    mail: {
      messageId,
      from: config.bot,
      to: [config.administrator],
      cc: [],
      subject: headerText(`Grapevine: ${subject}`).slice(0, 200).toWellFormed(),
      inReplyTo: undefined,
      references: [],
      headers: {
        'Auto-Submitted': 'auto-generated',
        'X-Grapevine-Alert': headerText(reason).slice(0, 100).toWellFormed(),
      },
      text: `${wordsOf(text, config.host).join('\n')}\n`,
      date: now,
    },
    state: { at: 'pending', notBefore: now, tries: 0 },
  }
}

/** Queues it, unless it was said today. */
export const sendAlert = async (
  wired: Pick<Wired, 'config' | 'clock' | 'store' | 'queue'>,
  alert: Alert,
): Promise<void> => {
  const reply = alertMail(wired, alert)
  if (await wired.store.addReply(reply)) await wired.queue.push(pushes.reply(reply.id, 0))
}
