// The deliver stage: a saved reply → out, at most once. The machine is in model/reply.ts; this performs its duties.
import { isSilenced } from '../../model/address.ts'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { MessageId } from '../../model/mail.ts'
import {
  type Found,
  nextReply,
  type OutgoingMail,
  type Reply,
  type ReplyEvent,
  replyDuty,
} from '../../model/reply.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MailSink, RefusedRecipient, Taken } from '../../ports/mail-sink.ts'
import type { Store } from '../../ports/store.ts'

export type DeliverPorts = {
  store: Store
  sink: MailSink
  clock: Clock
  /** Looks in the mailboxes that our mail comes past. absent: all could be asked, and it is in none. Not given: there is none. */
  findMail?(messageId: MessageId): Promise<'here' | 'absent' | 'unknown'>
  /** How long a mail that may have got out is looked for there. */
  lookForMs?: Millis
}

/** What came of a reply's turn. */
export type Delivery = {
  reply: Reply
  /** Recipients whom the server did not take, though it took others. */
  refused: RefusedRecipient[]
  /** Why it was not sent, where that is not the mail's fault alone. */
  fault?: Fault
  /** It was not sent, as nobody whom it is for wants it or can get it; that is known already. */
  unwanted?: true
}

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
 * Does what is due for a reply, and returns it with the state that it then has; `replyDue` says when to call again. undefined: there
 * is no such reply, or this process is at it already. Repeatable at any point: what may have been sent is looked for first.
 * Throws the store's Faults, and the sink's where it cannot be asked whether a mail got out.
 */
export const deliver =
  (ports: DeliverPorts) =>
  (id: string): Promise<Delivery | undefined> =>
    alone(ports.sink, id, async () => {
      const reply = await ports.store.reply(id)
      return reply && step(ports, reply)
    })

const step = async (ports: DeliverPorts, reply: Reply): Promise<Delivery | undefined> => {
  const duty = replyDuty(reply.state, ports.clock.now())
  if (!duty) return { reply, refused: [] }
  if (duty.do === 'look') {
    const looked = await move(ports, reply, await look(ports, reply.mail))
    // `pending` again, and due: one more round sends it.
    return looked?.state.at === 'pending' ? step(ports, looked) : asIs(looked)
  }
  const sending = await move(ports, reply, { on: 'taken' })
  if (!sending) return asIs(await ports.store.reply(reply.id))
  const { event, ...rest } = await send(ports, sending)
  const after = await move(ports, sending, event)
  return after && { reply: after, ...rest }
}

const asIs = (reply: Reply | undefined): Delivery | undefined => reply && { reply, refused: [] }

/** Saves where the event leads. undefined: somebody else moved it meanwhile. */
const move = async (
  { store, clock }: Pick<DeliverPorts, 'store' | 'clock'>,
  reply: Reply,
  event: ReplyEvent,
): Promise<Reply | undefined> => {
  const state = nextReply(reply.state, event, clock.now())
  return (await store.moveReply(reply.id, reply.state, state)) ? { ...reply, state } : undefined
}

type Looked = Extract<ReplyEvent, { on: 'looked' }>

const look = async (ports: DeliverPorts, mail: OutgoingMail): Promise<Looked> => {
  const { lookForMs } = ports
  return {
    on: 'looked',
    found: await whereIs(ports, mail),
    ...(lookForMs === undefined ? {} : { forMs: lookForMs }),
  }
}

/** Where it goes is asked first: a folder knows. Then where it comes past: what was read from there, and what waits there to be read. */
const whereIs = async ({ sink, store, findMail }: DeliverPorts, mail: OutgoingMail): Promise<Found> => {
  const exact = await sink.find(mail.messageId)
  if (exact !== 'unknown') return exact
  if ((await store.mailsByMessageId(mail.messageId)).length > 0) return 'here'
  const found = (await findMail?.(mail.messageId)) ?? 'unknown'
  return found === 'absent' ? 'not-seen' : found
}

type Tried = Omit<Delivery, 'reply'> & { event: ReplyEvent }

/** One try. A `timeout` is a mail that was handed over without an answer: it may have got out. Whatever else is no Fault leaves the reply in `sending`. */
const send = async (ports: DeliverPorts, { mail, state }: Reply): Promise<Tried> => {
  const done = state.at === 'sending' ? (state.done ?? []) : []
  const silenced = await silencedOf(ports, mail)
  const without = [...new Set([...done, ...silenced])]
  const recipients = addressesOf(mail).filter(address => !without.includes(address))
  if (recipients.length === 0) return { event: nobodyLeft(done, silenced), refused: [], unwanted: true }
  try {
    return { ...afterTaken(await ports.sink.send(mail, { without, again: done.length > 0 }), recipients) }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const looked = error.kind === 'timeout' ? await look(ports, mail) : undefined
    if (looked !== undefined && looked.found !== 'absent') return { event: looked, refused: [], fault: error }
    const event: ReplyEvent =
      error.retry === 'never'
        ? { on: 'refused', why: error.message }
        : { on: 'deferred', why: error.message, soon: error.retry === 'soon' }
    return { event, refused: [], fault: error }
  }
}

const addressesOf = ({ to, cc }: OutgoingMail): string[] => [
  ...new Set([...to, ...cc].map(({ address }) => address.toLowerCase())),
]

const silencedOf = async ({ store, clock }: DeliverPorts, mail: OutgoingMail): Promise<string[]> => {
  const now = clock.now()
  const known = await Promise.all(addressesOf(mail).map(address => store.address(address)))
  return known.flatMap(one => (one !== undefined && isSilenced(one, now) ? [one.address] : []))
}

const nobodyLeft = (done: string[], silenced: string[]): ReplyEvent =>
  done.length > 0
    ? { on: 'accepted', answer: 'all others have it' }
    : { on: 'refused', why: `nobody is left to send it to: ${silenced.join(', ')} gets no mail any more` }

const afterTaken = ({ answer, refused }: Taken, recipients: string[]): Tried => {
  const waiting = refused.filter(({ forGood }) => !forGood)
  const words = refused.map(({ address, why }) => `${address} (${why})`).join(', ')
  const said = refused.length === 0 ? answer : `${answer}; refused: ${words}`
  if (waiting.length === 0) return { event: { on: 'accepted', answer: said }, refused }
  const left = new Set(waiting.map(({ address }) => address.toLowerCase()))
  const done = recipients.filter(address => !left.has(address))
  return { event: { on: 'accepted', answer: said, putOff: { done, why: words } }, refused }
}
