// One turn of a reply's delivery, and what operators hear of it: the last step of the flow.
import type { Fault } from '../model/fault.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { OutgoingMail, Reply } from '../model/reply.ts'
import type { MailSink } from '../ports/mail-sink.ts'
import { noteFailure } from '../stages/bounce/bounce.ts'
import { type Delivery, deliver } from '../stages/deliver/deliver.ts'
import { statusIn } from '../text/dsn.ts'
import { openAlarm } from './alarm.ts'
import { sendAlert } from './alert.ts'
import { findMail } from './find-mail.ts'
import type { Wired } from './wire.ts'

/** So long nothing may leave before it is trouble. */
const unreachableMs: Millis = 10 * 60_000

const recipientsOf = ({ to, cc }: OutgoingMail): string[] => [...to, ...cc].map(({ address }) => address)

// Since when nothing leaves through a sink; kept by this process, as it is its own view.
const failingSince = new WeakMap<MailSink, Instant>()

/** Is it the way out that fails, and not this mail? Faults of the way come with a remedy, or before there was an answer. */
const isTheWay = (fault: Fault): boolean =>
  fault.kind === 'unreachable' || (fault.retry !== 'never' && fault.remedy !== undefined)

const theWayFails = async (wired: Wired, fault: Fault): Promise<void> => {
  const now = wired.clock.now()
  const since = failingSince.get(wired.sink)
  if (since === undefined) {
    failingSince.set(wired.sink, now)
    wired.log('warn', `mail cannot leave: ${fault.message}; it waits, and is tried again`)
    return
  }
  if (now - since < unreachableMs) return
  const detail = `nothing leaves since ${new Date(since).toISOString()}: ${fault.message}`
  await openAlarm(wired, undefined).raise(
    'mail-unreachable',
    'mail.out',
    fault.remedy === undefined ? detail : `${detail}. ${fault.remedy}`,
  )
}

const theWayWorks = async (wired: Wired): Promise<void> => {
  if (failingSince.delete(wired.sink)) wired.log('info', 'mail leaves again')
  await openAlarm(wired, undefined).clear('mail-unreachable', 'mail.out', 'a mail left')
}

const refusedRemedy = (id: string) => `See it with: grapevine reply show ${id}`

/** A recipient whom the server never takes. Nobody is told by mail of an alert that fails: that would never end. */
const tellRefused = async (
  wired: Wired,
  { reply, address, why }: { reply: Reply; address: string; why: string },
): Promise<void> => {
  await openAlarm(wired, undefined).raise('mail-refused', address, `${why}. ${refusedRemedy(reply.id)}`)
  if (reply.kind === 'alert') return
  await sendAlert(wired, {
    reason: `mail-refused ${address}`,
    subject: `mail to ${address} is refused`,
    text: `The mail server does not take mail of ours to ${address}:\n\n  ${why}\n\n${refusedRemedy(reply.id)}`,
  })
}

const tellUnconfirmed = async (wired: Wired, { id, kind, mail }: Reply): Promise<void> => {
  const what = `A mail may have been sent or not, and is not sent again: ${mail.subject} (${mail.messageId}).`
  const remedy = `Look on the list whether it arrived. Then: grapevine reply drop ${id}, or grapevine reply resend ${id}`
  await openAlarm(wired, undefined).raise('mail-unconfirmed', id, `${what} ${remedy}`)
  if (kind === 'alert') return
  await sendAlert(wired, {
    reason: `mail-unconfirmed ${id}`,
    subject: 'a mail may have been sent or not',
    text: `${what}\n\n${remedy}`,
  })
}

const afterSent = async (wired: Wired, { reply, refused }: Delivery): Promise<void> => {
  await theWayWorks(wired)
  const notTaken = new Set(refused.map(({ address }) => address.toLowerCase()))
  const alarm = openAlarm(wired, undefined)
  for (const address of recipientsOf(reply.mail))
    if (!notTaken.has(address.toLowerCase())) await alarm.clear('mail-refused', address, 'a mail was taken')
}

/** Also told by the server at once, and not only by a bounce, an address can be dead. */
const noteRefused = async (
  wired: Wired,
  reply: Reply,
  { address, why }: { address: string; why: string },
) => {
  const status = statusIn(why)
  if (status?.startsWith('5'))
    await noteFailure(mailOutPorts(wired))({ address, status, mail: reply.mail.messageId })
}

/** What the bounce stage needs: who must never fall silent is a matter of configuration. */
export const mailOutPorts = ({ store, clock, config }: Wired) => ({
  store,
  clock,
  neverSilent: [
    config.administrator.address,
    config.bot.address,
    ...config.projects.map(project => project.list.address),
  ].map(address => address.toLowerCase()),
})

const report = async (wired: Wired, delivery: Delivery): Promise<void> => {
  const { reply, refused, fault, unwanted } = delivery
  const { state } = reply
  if (fault !== undefined && isTheWay(fault)) await theWayFails(wired, fault)
  else if (fault === undefined && !unwanted && 'answer' in state) await afterSent(wired, delivery)
  for (const one of refused.filter(({ forGood }) => forGood)) {
    await tellRefused(wired, { reply, ...one })
    await noteRefused(wired, reply, one)
  }
  if (unwanted && state.at === 'failed')
    wired.log('info', `a mail is not sent: ${state.why}`, { reply: reply.id, series: reply.series })
  else if (state.at === 'failed') {
    const [address = 'nobody', ...others] = recipientsOf(reply.mail)
    wired.log('error', `a mail will not be sent: ${state.why}`, { reply: reply.id, series: reply.series })
    if (others.length === 0) await noteRefused(wired, reply, { address, why: state.why })
    await tellRefused(wired, { reply, address, why: state.why })
  }
  if (state.at === 'unconfirmed') await tellUnconfirmed(wired, reply)
}

/** A copy to ourselves comes at once. Where only a list's own mail can tell, the list may be moderated, or greylist us. */
const listMs: Millis = 3_600_000
const patience = ({ config: { mail } }: Wired): { lookForMs?: Millis } => {
  if (mail.lookForMs !== undefined) return { lookForMs: mail.lookForMs }
  return mail.inbox.length > 0 ? {} : { lookForMs: listMs }
}

/** Does what is due for a reply, and tells operators what they must know. Repeatable. Returns the reply as it is then. */
export const turnReply =
  (wired: Wired) =>
  async (id: string): Promise<Reply | undefined> => {
    const before = (await wired.store.reply(id))?.state.at
    const delivery = await deliver({ ...wired, findMail: findMail(wired), ...patience(wired) })(id)
    // What was over before was told then.
    if (delivery !== undefined && (before === 'pending' || before === 'sending'))
      await report(wired, delivery)
    return delivery?.reply
  }
