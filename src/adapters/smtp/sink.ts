// Our mail out over SMTP, at the end of the flow: one connection a mail.
import { once } from 'node:events'
import { Readable } from 'node:stream'
import MailComposer from 'nodemailer/lib/mail-composer'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { Login } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { OutgoingMail } from '../../model/reply.ts'
import type { MailSink } from '../../ports/mail-sink.ts'
import { compose } from '../../text/compose.ts'
import { type Progress, smtpFault } from './fault.ts'

export type SmtpOptions = {
  host: string
  port: number
  /** TLS from the first byte; else STARTTLS where the server offers it. */
  secure: boolean
  /** PEM file of the authority that signed the server's certificate. */
  ca?: string | undefined
  login?: Login | undefined
  /** For the connection, the greeting, and each answer. Default 60 s (RFC 5321 §4.5.3.2 asks for minutes; a retry comes anyway). */
  timeoutMs?: number
}

type Sent = { response: string; rejected: string[]; rejectedErrors?: Error[] | undefined }

/**
 * Hands mails to an SMTP server. `send` resolves with the server's answer; recipients that it refused stand behind it.
 * Faults: refused/never (5xx, or a mail that cannot be composed), refused/later (4xx, a login that fails), unreachable/soon
 * (not connected, or lost before the mail was handed over), timeout/later (all of the mail was handed over, and no answer
 * came: it may have got out).
 */
export const smtpSink = (options: SmtpOptions): MailSink => ({
  send: mail => send(options, mail),
  find: async () => 'unknown',
  probe: async () => {
    const place = placeOf(options)
    await withConnection(options, { at: 'connecting' }, async () => undefined)
    return `${place} answers${options.login === undefined ? '' : ' and lets us in'}`
  },
})

const placeOf = ({ host, port }: SmtpOptions): string => `smtp ${host}:${port}`

const send = async (options: SmtpOptions, mail: OutgoingMail): Promise<string> => {
  const composed = compose(mail)
  if (!composed.ok) throw new Fault('refused', 'never', `mail ${mail.messageId}: ${composed.why}`)
  const bytes = await new MailComposer(composed.options).compile().build()
  const progress: Progress = { at: 'connecting' }
  const {
    response,
    rejected,
    rejectedErrors = [],
  } = await withConnection(options, progress, connection =>
    handOver(connection, composed.envelope, bytes, progress),
  )
  const refused = rejected.map(
    (address, i) => `${address} (${oneLine(rejectedErrors[i]?.message ?? 'refused')})`,
  )
  return refused.length === 0 ? oneLine(response) : `${oneLine(response)}; refused: ${refused.join(', ')}`
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

const handOver = (
  connection: SMTPConnection,
  envelope: { from: string; to: string[] },
  bytes: Buffer,
  progress: Progress,
): Promise<Sent> =>
  new Promise((resolve, reject) => {
    // Nobody reads from it before the server has taken the envelope and asks for the mail.
    const message = Readable.from([bytes], { objectMode: false })
    message.once('end', () => {
      progress.at = 'sent'
    })
    connection.send(envelope, message, (error, info) =>
      error || !info
        ? reject(error ?? new Error('no answer'))
        : resolve({ ...info, response: info.response ?? '' }),
    )
  })

/** Connects, logs in, acts, says goodbye. Whatever goes wrong leaves as a Fault. */
const withConnection = async <T>(
  options: SmtpOptions,
  progress: Progress,
  act: (connection: SMTPConnection) => Promise<T>,
): Promise<T> => {
  const connection = new SMTPConnection(connectionOptions(options))
  // A second error after the first would have no listener, and end the process.
  connection.on('error', () => undefined)
  const lost = once(connection, 'error').then(([error]) => {
    throw error
  })
  // After the goodbye nobody listens to it any more.
  lost.catch(() => undefined)
  try {
    await Promise.race([lost, ready(connection, options)])
    progress.at = 'talking'
    const result = await Promise.race([lost, act(connection)])
    connection.quit()
    return result
  } catch (error) {
    connection.close()
    throw smtpFault(error, placeOf(options), progress)
  }
}

const ready = async (connection: SMTPConnection, { login }: SmtpOptions): Promise<void> => {
  await new Promise<void>((resolve, reject) =>
    connection.connect(error => (error ? reject(error) : resolve())),
  )
  if (login === undefined) return
  const { user } = login
  const pass = 'password' in login ? login.password.reveal() : ''
  const auth = { user, pass, credentials: { user, pass } }
  await new Promise<void>((resolve, reject) =>
    connection.login(auth, error => (error ? reject(error) : resolve())),
  )
}

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|::1)$/.test(host)

const connectionOptions = (options: SmtpOptions) => {
  const { host, port, secure, login, timeoutMs = 60_000 } = options
  return {
    host,
    port,
    secure,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    // A password never goes over a network in the clear. Nobody listens in on this machine's loopback, where servers
    // often have a certificate that nobody signed.
    requireTLS: login !== undefined && !secure && !isLoopback(host),
    tls: { rejectUnauthorized: !isLoopback(host) },
  }
}
