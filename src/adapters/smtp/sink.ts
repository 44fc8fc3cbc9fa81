// Our mail out over SMTP, at the end of the flow.

import { Fault } from '../../model/fault.ts'
import type { OutgoingMail } from '../../model/reply.ts'
import type { MailSink, RefusedRecipient, SendOptions, Taken } from '../../ports/mail-sink.ts'
import { mailBytes, type Signer } from '../../text/bytes.ts'
import { collapsed } from '../../text/clean.ts'
import type { Progress } from './fault.ts'
import { openSession, placeOf, type Sent, type Session, type SmtpPlace } from './session.ts'

export type SmtpOptions = SmtpPlace & {
  signer?: Signer | undefined
  /** Our own address, where every mail is sent as well, by the envelope alone: found there, it got out. */
  copyTo?: string | undefined
  /** So long a connection is kept for the next mail. Default: 0, not at all. */
  keepMs?: number
}

/**
 * Hands mails to an SMTP server. `send` resolves with the server's answer and with the recipients that it refused. Faults:
 * refused/never (5xx to all, or a mail that cannot be composed), refused/later (4xx, a login that fails, a key that cannot sign),
 * unreachable/soon (not connected, or lost before the mail was handed over), timeout/later (all of the mail was handed over, and
 * no answer came: it may have got out).
 */
export const smtpSink = (options: SmtpOptions): MailSink => {
  const kept = keeper(options)
  return {
    send: (mail, how) => send(options, kept, { mail, ...how }),
    find: async () => 'unknown',
    probe: async () => {
      const session = await openSession(options)
      session.quit()
      return `${placeOf(options)} answers${options.login === undefined ? '' : ' and lets us in'}`
    },
    close: async () => kept.take()?.quit(),
  }
}

type Keeper = { take(): Session | undefined; give(session: Session): void }

/** Holds one connection for the next mail: setting one up to a far server costs many round trips. */
const keeper = ({ keepMs = 0 }: SmtpOptions): Keeper => {
  let held: { session: Session; timer: NodeJS.Timeout } | undefined
  const take = (): Session | undefined => {
    const session = held?.session
    clearTimeout(held?.timer)
    held = undefined
    return session?.isLost() ? undefined : session
  }
  return {
    take,
    give(session) {
      if (keepMs === 0 || held !== undefined) return session.quit()
      held = { session, timer: setTimeout(() => take()?.quit(), keepMs) }
      held.timer.unref()
    },
  }
}

type Order = SendOptions & { mail: OutgoingMail }

const send = async (
  options: SmtpOptions,
  kept: Keeper,
  { mail, without = [], again = false }: Order,
): Promise<Taken> => {
  const built = await mailBytes(mail, options.signer)
  if (!built.ok)
    throw new Fault('refused', built.forGood ? 'never' : 'later', `mail ${mail.messageId}: ${built.why}`)
  const { from, to } = built.envelope
  const recipients = to.filter(address => !without.includes(address.toLowerCase()))
  const copies = again ? [] : copyFor(options, recipients)
  const isReal = (address: string) => !copies.includes(address)
  const sent = await handOver(options, kept, {
    envelope: { from, to: [...recipients, ...copies] },
    bytes: built.bytes,
    // A copy to ourselves alone would say later that the mail got out.
    enough: accepted => accepted.some(isReal),
  })
  // The mail is not held up for the copy; that it is refused for good, operators should know.
  const refused = refusedIn(sent).filter(one => one.forGood || isReal(one.address))
  return { answer: collapsed(sent.response), refused }
}

const copyFor = ({ copyTo }: SmtpOptions, recipients: string[]): string[] =>
  copyTo === undefined || recipients.some(one => one.toLowerCase() === copyTo.toLowerCase()) ? [] : [copyTo]

const refusedIn = ({ rejected, rejectedErrors = [] }: Sent): RefusedRecipient[] =>
  rejected.map((address, i) => {
    const error = rejectedErrors[i]
    const code = Number(error && 'responseCode' in error ? error.responseCode : 0)
    return { address, why: collapsed(error?.message ?? 'refused'), forGood: code >= 500 && code !== 503 }
  })

type HandOver = Omit<Parameters<Session['send']>[0], 'progress'>

/** A kept connection may have ended without a word; a mail that was not handed over by then is handed over a new one. */
const handOver = async (options: SmtpOptions, kept: Keeper, order: HandOver): Promise<Sent> => {
  const session = kept.take()
  if (session !== undefined) {
    const progress: Progress = { at: 'talking' }
    try {
      return await give(kept, session, { ...order, progress })
    } catch (error) {
      const mayTryAgain =
        error instanceof Fault &&
        progress.at !== 'sent' &&
        (error.kind === 'unreachable' || /\b421\b/.test(error.message))
      if (!mayTryAgain) throw error
    }
  }
  return give(kept, await openSession(options), { ...order, progress: { at: 'talking' } })
}

const give = async (kept: Keeper, session: Session, order: Parameters<Session['send']>[0]): Promise<Sent> => {
  const sent = await session.send(order)
  kept.give(session)
  return sent
}
