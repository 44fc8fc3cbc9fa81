// How much mail has left, and what happens when it is too much: it is kept back, and the operators hear of that once a day.
import { dayMs } from '../model/instant.ts'
import type { MessageId } from '../model/mail.ts'
import type { MailCounts } from '../model/policy.ts'
import type { Reply, ReplyKind } from '../model/reply.ts'
import { openAlarm } from './alarm.ts'
import { alertId, sendAlert } from './alert.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'store' | 'queue' | 'config' | 'clock' | 'log'>

const reason = 'mail-capped'

/**
 * Mails of the last 24 hours: of that kind in that thread and to that address, and of all kinds in all. What was given up does not count.
 * By kind, as anybody can ask for answers in another's name: these must not use up what verdicts may.
 */
export const countSent = async (
  { store, clock }: Pick<Ports, 'store' | 'clock'>,
  { thread, author, kind }: { thread: MessageId | undefined; author: string | undefined; kind: ReplyKind },
): Promise<MailCounts> => {
  const since = clock.now() - dayMs
  return {
    thread: thread === undefined ? 0 : await store.countReplies({ since, thread, kind }),
    author: author === undefined ? 0 : await store.countReplies({ since, to: author, kind }),
    total: await store.countReplies({ since }),
  }
}

/**
 * Tells the operators that mail is kept back, once a day however often it is called, and opens the incident. Repeatable. Call it before
 * saving what it is about: after a crash in between, mail would be kept back and nobody would know.
 */
export const tellCapped = async (
  ports: Ports,
  { about, why }: { about: string; why: string },
): Promise<void> => {
  const { thread, author, total } = ports.config.mail.caps
  await openAlarm(ports, undefined).raise('mail-capped', 'mail', `not sent: ${about}: ${why}`)
  await sendAlert(ports, {
    reason,
    subject: 'mail was kept back',
    text: [
      'I have kept back mail today, as more would have left than the configuration allows (mail.caps). The first was:',
      `\n    ${about}\n    ${why}\n`,
      `The caps for 24 hours are ${thread} in one thread, ${author} to one author, ${total} in all.`,
      'Replies that are kept back are not sent later; "grapevine reply list" shows them.',
      'Perhaps a program answers my mail, or somebody sends very much. If it was only a busy day, raise the caps.',
    ].join('\n'),
  })
}

/** The mail as one that is not sent but kept, for operators to see and perhaps to send; they are told. */
export const keptBack = async (
  ports: Ports,
  reply: Reply,
  over: { about: string; why: string },
): Promise<Reply> => {
  await tellCapped(ports, over)
  return { ...reply, state: { at: 'failed', when: ports.clock.now(), why: `not sent: ${over.why}` } }
}

/** The trouble is over when a whole day, and the one before, had no alert. */
export const tendCapped = async (ports: Ports): Promise<void> => {
  const { store, clock } = ports
  const open = (await store.incidents({ open: true })).some(({ trouble }) => trouble === 'mail-capped')
  if (!open) return
  const now = clock.now()
  for (const at of [now, now - dayMs]) if (await store.reply(alertId(reason, at))) return
  await openAlarm(ports, undefined).clear('mail-capped', 'mail', 'no mail was kept back for a day')
}
