// Mail of ours is queued here, whatever it says: within the caps, and the operators hear once a day what the caps kept back.
import type { Instant, Millis } from '../model/instant.ts'
import type { MailCounts } from '../model/policy.ts'
import type { Reply } from '../model/reply.ts'
import { composeAlert } from '../stages/reply/alert.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { openAlarm } from './alarm.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'store' | 'queue' | 'config' | 'clock' | 'log'>

export const dayMs: Millis = 86_400_000
const dayOf = (now: Instant): string => new Date(now).toISOString().slice(0, 10)

/** Mails of the last 24 hours: in that thread, to that address, in all. What was given up does not count. */
export const countSent = async (
  { store, clock }: Ports,
  { thread, author }: { thread: string | undefined; author: string | undefined },
): Promise<MailCounts> => {
  const since = clock.now() - dayMs
  return {
    thread: thread === undefined ? 0 : await store.countReplies({ since, thread }),
    author: author === undefined ? 0 : await store.countReplies({ since, to: author }),
    total: await store.countReplies({ since }),
  }
}

/** Tells the operators, once a day however often it is called, and opens the incident. Repeatable. Before what it is about is saved: a crash
 *  in between must not leave mail kept back that nobody hears of. */
export const tellCapped = async (ports: Ports, what: { about: string; why: string }): Promise<void> => {
  const { store, queue, config, clock } = ports
  const now = clock.now()
  const alert = composeAlert({ ...config, caps: config.mail.caps, day: dayOf(now), ...what, now })
  await openAlarm(ports, undefined).raise('mail-capped', 'mail', `${what.about}: ${what.why}`)
  if (await store.addReply(alert)) await queue.push(pushes.reply(alert.id, 0))
}

/** The trouble is over when a whole day, and the one before, had no alert. */
export const tendCapped = async (ports: Ports): Promise<void> => {
  const { store, config, clock } = ports
  const open = (await store.incidents({ open: true })).some(({ trouble }) => trouble === 'mail-capped')
  if (!open) return
  const now = clock.now()
  for (const at of [now, now - dayMs]) {
    const about = { about: '', why: '', now: at, day: dayOf(at) }
    if (await store.reply(composeAlert({ ...config, caps: config.mail.caps, ...about }).id)) return
  }
  await openAlarm(ports, undefined).clear('mail-capped', 'mail', 'no mail was kept back for a day')
}

/** Why a mail may not leave: the caps. undefined: it may. */
const overCap = async (ports: Ports, { thread, mail, project }: Reply): Promise<string | undefined> => {
  const { caps } = ports.config.mail
  const lists = new Set(ports.config.projects.map(({ list }) => list.address.toLowerCase()))
  const since = ports.clock.now() - dayMs
  const { thread: inThread, total } = await countSent(ports, { thread, author: undefined })
  if (total >= caps.total) return `${total} mails have left in 24 hours, which is the cap`
  if (inThread >= caps.thread) return `${inThread} mails have gone into this thread in 24 hours`
  for (const { address } of [...mail.to, ...mail.cc]) {
    if (lists.has(address.toLowerCase())) continue
    const count = await ports.store.countReplies({ since, to: address })
    if (count >= caps.author) return `${count} mails have gone to ${address} in 24 hours (${project})`
  }
  return undefined
}

/**
 * Queues an answer or another mail that is no verdict. capped: it is kept, but not sent, and the operators hear of it · there: it is
 * queued already. Repeatable.
 */
export const queueMail = async (ports: Ports, reply: Reply): Promise<'queued' | 'capped' | 'there'> => {
  const { store, queue, clock } = ports
  if (await store.reply(reply.id)) {
    await queue.push(pushes.reply(reply.id, 0))
    return 'there'
  }
  const why = await overCap(ports, reply)
  if (why !== undefined) {
    await tellCapped(ports, { about: `${reply.kind} to ${reply.mail.to[0]?.address ?? 'nobody'}`, why })
    await store.addReply({ ...reply, state: { at: 'failed', when: clock.now(), why: `not sent: ${why}` } })
    return 'capped'
  }
  const isNew = await store.addReply(reply)
  await queue.push(pushes.reply(reply.id, 0))
  return isNew ? 'queued' : 'there'
}
