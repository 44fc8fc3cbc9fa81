// The reply stage, second half: a saved reply → out, at most once. The machine is in model/reply.ts; this performs its duties.
import { Fault } from '../../model/fault.ts'
import { nextReply, type Reply, type ReplyEvent, type ReplyState, replyDuty } from '../../model/reply.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MailSink } from '../../ports/mail-sink.ts'
import type { Store } from '../../ports/store.ts'

export type DeliverPorts = { store: Store; sink: MailSink; clock: Clock }

// A reply that this process is sending right now was not left behind by a dead one: nobody may take it for that.
const underway = new WeakMap<MailSink, Set<string>>()

const alone = async <T>(sink: MailSink, id: string, act: () => Promise<T>): Promise<T | undefined> => {
  const ids = underway.get(sink) ?? new Set()
  underway.set(sink, ids)
  if (ids.has(id)) return undefined
  ids.add(id)
  try {
    return await act()
  } finally {
    ids.delete(id)
  }
}

/**
 * Does what is due for a reply, and returns the state that it then has; `pending` says when to call again. undefined: there
 * is no such reply, or this process is at it already. Repeatable at any point: what may have been sent is looked for first.
 * Throws the store's Faults, and the sink's where it cannot be asked whether a mail got out.
 */
export const deliver =
  (ports: DeliverPorts) =>
  (id: string): Promise<ReplyState | undefined> =>
    alone(ports.sink, id, async () => {
      const reply = await ports.store.reply(id)
      return reply && step(ports, reply)
    })

const step = async (ports: DeliverPorts, reply: Reply): Promise<ReplyState | undefined> => {
  const { clock, sink } = ports
  const { mail, state } = reply
  const duty = replyDuty(state, clock.now())
  if (!duty) return state
  if (duty.do === 'look') {
    const found = await sink.find(mail.messageId)
    const looked = await move(ports, reply, { on: 'looked', found })
    // `pending` again, and due: one more round sends it.
    return looked?.state.at === 'pending' ? step(ports, looked) : looked?.state
  }
  const sending = await move(ports, reply, { on: 'taken' })
  if (!sending) return (await ports.store.reply(reply.id))?.state
  const after = await move(ports, sending, await send(sink, sending))
  return after?.state
}

/** Saves where the event leads. undefined: somebody else moved it meanwhile. */
const move = async (
  { store, clock }: DeliverPorts,
  reply: Reply,
  event: ReplyEvent,
): Promise<Reply | undefined> => {
  const state = nextReply(reply.state, event, clock.now())
  return (await store.moveReply(reply.id, reply.state, state)) ? { ...reply, state } : undefined
}

/** One try. A `timeout` is a mail that was handed over without an answer: it may have got out. Whatever else is no Fault leaves the reply in `sending`. */
const send = async (sink: MailSink, { mail }: Reply): Promise<ReplyEvent> => {
  try {
    return { on: 'accepted', answer: await sink.send(mail) }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const found = error.kind === 'timeout' ? await sink.find(mail.messageId) : 'absent'
    if (found !== 'absent') return { on: 'looked', found }
    return error.retry === 'never'
      ? { on: 'refused', why: error.message }
      : { on: 'deferred', why: error.message, soon: error.retry === 'soon' }
  }
}
