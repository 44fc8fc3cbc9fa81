// One conversation with an SMTP server: connected, encrypted, logged in; and one mail after another in it.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import type SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { SMTPConnectionOptions } from 'nodemailer/lib/smtp-connection'
import { z } from 'zod'
import type { Login, Secret } from '../../config/config.ts'
import type { Envelope } from '../../text/compose.ts'
import { errnoFault } from '../../text/errno.ts'
import { type Progress, smtpFault } from './fault.ts'

export type SmtpPlace = {
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

export type Sent = {
  response: string
  rejected: string[]
  rejectedErrors?: Error[] | undefined
}

export type Session = {
  /** Hands one mail over. `enough` looks at who was accepted before the mail itself is sent; false: it is not, and the connection ends. */
  send(given: {
    envelope: Envelope
    bytes: Buffer
    enough: (accepted: string[]) => boolean
    progress: Progress
  }): Promise<Sent>
  /** Says goodbye. */
  quit(): void
  /** Was it lost meanwhile? */
  isLost(): boolean
}

export const placeOf = ({ host, port }: SmtpPlace): string => `smtp ${host}:${port}`

/** Connects and logs in. Whatever goes wrong leaves as a Fault. */
export const openSession = async (place: SmtpPlace): Promise<Session> => {
  const options = connectionOptions(place)
  // The pages hardly ever send a mail.
  const { default: Connection } = await import('nodemailer/lib/smtp-connection')
  const connection = new Connection(options)
  // A second error after the first would have no listener, and end the process.
  connection.on('error', () => undefined)
  let over = false
  connection.on('end', () => {
    over = true
  })
  const lost = once(connection, 'error').then(([error]) => {
    over = true
    throw error
  })
  // After the goodbye nobody listens to it any more.
  lost.catch(() => undefined)
  const guarded = async <T>(progress: Progress, act: () => Promise<T>): Promise<T> => {
    try {
      return await Promise.race([lost, act()])
    } catch (error) {
      over = true
      connection.close()
      throw smtpFault(error, placeOf(place), progress)
    }
  }
  await guarded({ at: 'connecting' }, () => ready(connection, place))
  return {
    send: ({ envelope, bytes, enough, progress }) =>
      guarded(progress, () => handOver(connection, { envelope, bytes, enough, progress })),
    quit: () => connection.quit(),
    isLost: () => over,
  }
}

type HandOver = Parameters<Session['send']>[0]

const handOver = (
  connection: SMTPConnection,
  { envelope, bytes, enough, progress }: HandOver,
): Promise<Sent> =>
  new Promise((resolve, reject) => {
    progress.at = 'talking'
    // Nobody reads from it before the server has answered to the envelope and asks for the mail.
    const message = new Readable({
      read() {
        const answered = envelopeOf(connection)
        if (!enough(answered.accepted)) return void reject(refusedByAll(answered))
        this.push(bytes)
        this.push(null)
      },
    })
    message.once('end', () => {
      progress.at = 'sent'
    })
    connection.send({ ...envelope, size: bytes.length }, message, (error, info) =>
      error || !info
        ? reject(error ?? new Error('no answer'))
        : resolve({
            response: info.response ?? '',
            rejected: info.rejected ?? [],
            rejectedErrors: info.rejectedErrors,
          }),
    )
  })

/** How the server answered to each recipient, in nodemailer's own notes: it tells of them only after the mail was sent. */
const Answered = z.object({
  accepted: z.array(z.string()),
  rejected: z.array(z.string()),
  rejectedErrors: z.array(z.instanceof(Error)),
})
type Answered = z.infer<typeof Answered>

const envelopeOf = (connection: SMTPConnection): Answered =>
  Answered.parse(Reflect.get(connection, '_envelope'))

/** As nodemailer says it where the server takes nobody. */
const refusedByAll = ({ rejected, rejectedErrors }: Answered): Error =>
  Object.assign(new Error(rejectedErrors[0]?.message ?? 'all recipients were refused'), {
    code: 'EENVELOPE',
    rejected,
    rejectedErrors,
  })

const ready = async (connection: SMTPConnection, { login }: SmtpPlace): Promise<void> => {
  await new Promise<void>((resolve, reject) =>
    connection.connect(error => (error ? reject(error) : resolve())),
  )
  if (login === undefined) return
  const { user } = login
  const auth =
    'password' in login
      ? { user, credentials: { user, pass: login.password.reveal() } }
      : { user, method: byToken }
  await new Promise<void>((resolve, reject) =>
    connection.login(auth, error => (error ? reject(error) : resolve())),
  )
}

/** nodemailer takes a handler of ours for XOAUTH2 only under another name: else it wants its own token machinery. */
const byToken = 'XOAUTH2-BY-TOKEN'

/** AUTH XOAUTH2, as Google and Microsoft describe it; the token is asked for anew, as it is renewed every hour or so. */
const xoauth2 = (user: string, token: Secret): NonNullable<SMTPConnectionOptions['customAuth']> => ({
  [byToken]: async ({ sendCommand }) => {
    const words = `user=${user}\x01auth=Bearer ${token.reveal()}\x01\x01`
    const answer = await sendCommand(`AUTH XOAUTH2 ${Buffer.from(words).toString('base64')}`)
    // 334: the reason follows, once it is asked for.
    const last = answer.status === 334 ? await sendCommand('') : answer
    if (last.status !== 235) throw new Error(`${last.status} ${last.text}`)
  },
})

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|::1)$/.test(host)

const readAuthority = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw errnoFault(error, 'mail.smtp.ca', file)
  }
}

const connectionOptions = (place: SmtpPlace): SMTPConnectionOptions => {
  const { host, port, secure, ca, login, timeoutMs = 60_000 } = place
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
    tls: {
      rejectUnauthorized: ca !== undefined || !isLoopback(host),
      ...(ca === undefined ? {} : { ca: readAuthority(ca) }),
    },
    ...(login !== undefined && 'token' in login ? { customAuth: xoauth2(login.user, login.token) } : {}),
  }
}
