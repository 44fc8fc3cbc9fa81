// One connection to an IMAP server: logged in, with the mailbox open for reading only. Used by session.ts, find.ts and look.ts.
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { ImapFlow } from 'imapflow'
import type { ImapSourceConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { errnoFault } from '../../text/errno.ts'
import { imapFault, placeOf } from './fault.ts'

/** Of a mail so many bytes are read, and not one more; nobody sends such a patch, and memory is bounded. */
export const largestMail = 50 * 1024 * 1024

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/** A command during which not a byte comes for so long has failed. */
const silenceMs = 120_000

/**
 * Connects, logs in and opens the mailbox by EXAMINE, which changes nothing in it. The token or password is asked for anew.
 * `connectMs`: how long the server may take until it greets. `signal`: it is no longer wanted.
 * Faults: unreachable, timeout, refused (login, certificate, mailbox), each with a remedy.
 */
export const connect = async (
  config: ImapSourceConfig,
  { connectMs = 30_000, signal }: { connectMs?: Millis; signal?: AbortSignal } = {},
): Promise<ImapFlow> => {
  const { host, port, secure, login, mailbox } = config
  const ca = config.ca === undefined ? undefined : await authority(config.ca)
  // A big library, and only the bot reads mailboxes.
  const { ImapFlow } = await import('imapflow')
  const client = new ImapFlow({
    ...{ host, port, secure, logger: false, disableAutoIdle: true, clientInfo: { name: 'Grapevine' } },
    ...(secure || isLoopback(host) ? {} : { doSTARTTLS: true }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    auth: {
      user: login.user,
      ...('token' in login ? { accessToken: login.token.reveal() } : { pass: login.password.reveal() }),
    },
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: silenceMs,
    maxLiteralSize: largestMail + 1024 * 1024,
    maxResponseSize: largestMail + 8 * 1024 * 1024,
  })
  // Whoever waits for an answer hears of it too; without a listener it would end the process.
  client.on('error', () => {})
  const hangUp = () => client.close()
  signal?.addEventListener('abort', hangUp, { once: true })
  try {
    // It may have been told while the library was read.
    if (signal?.aborted) throw new Fault('unreachable', 'soon', `imap ${host}: it is no longer wanted`)
    await client.connect()
    await client.mailboxOpen(mailbox, { readOnly: true })
    return client
  } catch (error) {
    const fault = imapFault(error, config)
    client.close()
    throw fault
  } finally {
    signal?.removeEventListener('abort', hangUp)
  }
}

const authority = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path)
  } catch (error) {
    throw errnoFault(error, 'ca', path)
  }
}

/** Says goodbye, or hangs up if there is no answer soon. Never throws. */
export const disconnect = async (client: ImapFlow): Promise<void> => {
  const timer = setTimeout(() => client.close(), 1000)
  await client.logout().catch(() => {})
  clearTimeout(timer)
  client.close()
}

/** imapflow waits for ever for a server that does not answer IDLE: whoever asks after it must have a limit of its own. */
export const answerWithin = async (
  ms: Millis,
  { client, config, ask }: { client: ImapFlow; config: ImapSourceConfig; ask: () => Promise<unknown> },
): Promise<void> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(
      new Fault('timeout', 'soon', `${placeOf(config)}: the server did not answer for ${ms / 1000} s`),
    )
    client.close()
  }, ms)
  try {
    const asked = ask()
    asked.catch(() => {})
    await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
