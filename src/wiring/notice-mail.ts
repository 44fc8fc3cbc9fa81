// Notices on their way out: as all mail of ours, but kept in the journal, so that they leave while the database is away.
import { Fault } from '../model/fault.ts'
import { replyDuty } from '../model/reply.ts'
import type { Journal } from '../ports/journal.ts'
import type { Queue } from '../ports/queue.ts'
import type { Store } from '../ports/store.ts'
import { turnReply } from './mail-out.ts'
import type { Wired } from './wire.ts'

/** What is better known a little less than not sent at all. */
const unlessAway = async <T>(instead: T, ask: () => Promise<T>): Promise<T> => {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof Fault) return instead
    throw error
  }
}

/** The store, but what is known of replies is asked of the journal. */
const withNotices = (store: Store, journal: Journal): Store => {
  const own: Partial<Store> = {
    reply: async id => (await journal.notice(id))?.reply ?? (await store.reply(id)),
    moveReply: (id, from, to) => journal.moveNotice(id, from, to),
    replyByMessageId: async messageId =>
      (await journal.notices()).find(one => one.reply.mail.messageId === messageId)?.reply,
    mailsByMessageId: (...given) => unlessAway([], () => store.mailsByMessageId(...given)),
    // What is over need not be said to be over while nobody can note it.
    liveIncident: of => unlessAway(undefined, () => store.liveIncident(of)),
    address: address => unlessAway(undefined, () => store.address(address)),
  }
  return new Proxy(store, {
    get: (target, key, receiver) => Reflect.get(own, key) ?? Reflect.get(target, key, receiver),
  })
}

/** A sweep pushes what is due again; nobody waits for a Redis that is away. */
const withoutWaiting = (queue: Queue): Queue => ({
  ...queue,
  push: async (...pushes) => {
    queue.push(...pushes).catch(() => {})
  },
})

/** Sends what is due, at most once each. One that fails does not keep the others back. */
export const sendNotices = async (wired: Wired): Promise<void> => {
  const { journal, clock, log } = wired
  const due = (await journal.notices()).filter(
    ({ held, reply }) => !held && replyDuty(reply.state, clock.now()) !== undefined,
  )
  if (due.length === 0) return
  const turn = turnReply({
    ...wired,
    store: withNotices(wired.store, journal),
    queue: withoutWaiting(wired.queue),
  })
  for (const { id } of due)
    try {
      const reply = await turn(id)
      if (reply?.state.at === 'sent') log('info', `notice is sent: ${reply.mail.subject}`, { notice: id })
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      log('warn', `notice ${id}: ${error.message}`)
    }
}
