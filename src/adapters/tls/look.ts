// Until when a server's certificate holds: the handshake is made, the dates are read, and nothing else is sent. Beside the flow.
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls'
import { Fault } from '../../model/fault.ts'
import type { Instant, Millis } from '../../model/instant.ts'

/** tls: from the first byte · smtp: after STARTTLS (RFC 3207) · imap: after STARTTLS (RFC 9051, 6.2.1) */
export type TlsServer = { host: string; port: number; start: 'tls' | 'smtp' | 'imap' }

const mostChars = 64 * 1024

type Lines = { next(is: RegExp): Promise<string>; end(): void }

/** The server's lines, before TLS begins. `end` leaves the socket as TLS needs it. */
const linesOf = (socket: Socket): Lines => {
  let text = ''
  let wake = () => {}
  let isOver = false
  const hear = (chunk: Buffer) => {
    text += chunk.toString('latin1')
    if (text.length > mostChars) socket.destroy()
    wake()
  }
  const over = () => {
    isOver = true
    wake()
  }
  socket.on('data', hear)
  socket.on('close', over)
  const take = (): string | undefined => {
    const end = text.indexOf('\n')
    if (end < 0) return undefined
    const line = text.slice(0, end)
    text = text.slice(end + 1)
    return line
  }
  return {
    async next(is) {
      for (;;) {
        for (let line = take(); line !== undefined; line = take()) if (is.test(line)) return line
        if (isOver) throw new Error('it hung up before TLS began')
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    end() {
      socket.off('data', hear)
      socket.off('close', over)
    },
  }
}

/** Asks for TLS on a connection that begins without. */
const startTls = async (socket: Socket, { start }: TlsServer): Promise<void> => {
  const lines = linesOf(socket)
  if (start === 'smtp') {
    await lines.next(/^220 /)
    socket.write('EHLO localhost\r\n')
    await lines.next(/^250 /)
    socket.write('STARTTLS\r\n')
    const answer = await lines.next(/^\d\d\d /)
    if (!answer.startsWith('220')) throw new Error('it offers no STARTTLS')
  } else {
    await lines.next(/^\* (?:OK|PREAUTH)/)
    socket.write('a STARTTLS\r\n')
    const answer = await lines.next(/^a /)
    if (!/^a OK/i.test(answer)) throw new Error('it offers no STARTTLS')
  }
  lines.end()
}

const mostInChain = 8

/** The earliest end in the chain as the server sends it, up to but without the root that signs itself. */
const endOfChain = (peer: DetailedPeerCertificate): Instant => {
  const ends: Instant[] = []
  let at: DetailedPeerCertificate | undefined = peer
  while (at?.valid_to && ends.length < mostInChain) {
    const issuer: DetailedPeerCertificate | undefined = at.issuerCertificate
    if (ends.length === 0 || issuer !== at) ends.push(Date.parse(at.valid_to))
    at = issuer === at ? undefined : issuer
  }
  return Math.min(...ends)
}

const handshake = (server: TlsServer, socket: Socket | undefined, signal: AbortSignal): Promise<Instant> =>
  new Promise((resolve, reject) => {
    const { host, port } = server
    const secure = connectTls({
      ...(socket ? { socket } : { host, port }),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      // One that has ended, or that nobody trusts, is looked at as well; nothing is sent to it.
      rejectUnauthorized: false,
    })
    const end = () => secure.destroy()
    signal.addEventListener('abort', () => {
      end()
      reject(signal.reason)
    })
    secure.once('error', reject)
    secure.once('close', () => reject(new Error('it hung up during the handshake')))
    secure.once('secureConnect', () => {
      const until = endOfChain(secure.getPeerCertificate(true))
      end()
      if (Number.isFinite(until)) resolve(until)
      else reject(new Error('it shows no certificate'))
    })
  })

const plainSocket = ({ host, port }: TlsServer, signal: AbortSignal): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connectPlain({ host, port, signal })
    // Whoever waits for an answer hears of it too; without a listener it would end the process.
    socket.on('error', reject)
    socket.once('connect', () => resolve(socket))
  })

const look = async (server: TlsServer, signal: AbortSignal): Promise<Instant> => {
  if (server.start === 'tls') return handshake(server, undefined, signal)
  const socket = await plainSocket(server, signal)
  try {
    const hangUp = () => socket.destroy()
    signal.addEventListener('abort', hangUp, { once: true })
    await startTls(socket, server)
    return await handshake(server, socket, signal)
  } finally {
    socket.destroy()
  }
}

/** When the server's certificate ends, or one above it that it sends, whichever comes first. Whether it can be trusted, others check.
 *  Faults: unreachable, timeout. */
export const certificateEnd = async (server: TlsServer, timeoutMs: Millis = 10_000): Promise<Instant> => {
  const place = `${server.host}:${server.port}`
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    return await look(server, signal)
  } catch (cause) {
    if (signal.aborted) throw new Fault('timeout', 'later', `${place}: no TLS within ${timeoutMs / 1000} s`)
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Fault('unreachable', 'later', `${place}: its certificate could not be read: ${why}`, { cause })
  }
}
