// Until when a server's certificate holds, asked of real servers: TLS from the first byte, and after STARTTLS of SMTP and IMAP.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTls, TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisConnection } from '../../src/adapters/bullmq/connection.ts'
import { pingRedis } from '../../src/adapters/bullmq/ping.ts'
import { certificateEnd } from '../../src/adapters/tls/look.ts'

const folder = mkdtempSync(join(tmpdir(), 'grapevine-tls-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Pair = { key: Buffer; cert: Buffer }
let pair: Pair
let until: number

/** Signed by itself; the dates are in it as they are. */
const makePair = (name: string, days: number): Pair => {
  const file = (kind: string) => join(folder, `${name}.${kind}`)
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`]
  const out = ['-keyout', file('key'), '-out', file('pem'), '-days', String(days)]
  execFileSync('openssl', ['req', '-x509', ...made, ...out], { stdio: 'pipe' })
  return { key: readFileSync(file('key')), cert: readFileSync(file('pem')) }
}

beforeAll(() => {
  pair = makePair('localhost', 3)
  const said = execFileSync('openssl', ['x509', '-noout', '-enddate'], { input: pair.cert }).toString()
  until = Date.parse(said.replace('notAfter=', ''))
})

let servers: Server[] = []
afterEach(() => {
  for (const server of servers) server.close()
  servers = []
})

const listening = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Says something, waits for each of these, answers; then begins TLS. */
const talking = (greeting: string, answers: [RegExp, string][]): Server =>
  createServer(async (socket: Socket) => {
    socket.on('error', () => {})
    socket.write(greeting)
    for (const [wanted, answer] of answers) {
      const [said] = await once(socket, 'data')
      if (!wanted.test(String(said))) return void socket.destroy()
      socket.write(answer)
    }
    new TLSSocket(socket, { isServer: true, ...pair }).on('error', () => {})
  })

const smtp: [RegExp, string][] = [
  [/^EHLO \S+\r\n$/, '250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n'],
  [/^STARTTLS\r\n$/, '220 go\r\n'],
]

describe('a certificate', () => {
  const at = { host: '127.0.0.1' }

  it('is read from the first byte', async () => {
    const port = await listening(createTls(pair))
    expect(await certificateEnd({ ...at, port, start: 'tls' })).toBe(until)
  })

  it('is read after STARTTLS of SMTP', async () => {
    const port = await listening(talking('220-mx\r\n220 mx\r\n', smtp))
    expect(await certificateEnd({ ...at, port, start: 'smtp' })).toBe(until)
  })

  it('is read after STARTTLS of IMAP', async () => {
    const port = await listening(talking('* OK there\r\n', [[/^a STARTTLS\r\n$/, 'a OK go\r\n']]))
    expect(await certificateEnd({ ...at, port, start: 'imap' })).toBe(until)
  })

  it.each<[string, () => Server, 'smtp' | 'imap' | 'tls', RegExp]>([
    [
      'offers no STARTTLS',
      () =>
        talking('220 mx\r\n', [
          [/EHLO/, '250 mx\r\n'],
          [/STARTTLS/, '502 no\r\n'],
        ]),
      'smtp',
      /offers no STARTTLS/,
    ],
    [
      'refuses STARTTLS',
      () => talking('* OK there\r\n', [[/STARTTLS/, 'a BAD no\r\n']]),
      'imap',
      /offers no STARTTLS/,
    ],
    [
      'hangs up',
      () => createServer(socket => void socket.destroy()),
      'imap',
      /certificate could not be read/,
    ],
    [
      'speaks no TLS',
      () => createServer(socket => void socket.on('error', () => {}).end('hello\r\n')),
      'tls',
      /certificate could not be read/,
    ],
  ])('of a server that %s is a Fault', async (_, make, start, words) => {
    const port = await listening(make())
    const asked = certificateEnd({ ...at, port, start })
    await expect(asked).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringMatching(words) })
  })

  it('of a server that says nothing is not waited for', async () => {
    const sockets: Socket[] = []
    const port = await listening(createServer(socket => void sockets.push(socket.on('error', () => {}))))
    const asked = certificateEnd({ ...at, port, start: 'smtp' }, 100)
    await expect(asked).rejects.toMatchObject({ kind: 'timeout' })
    for (const socket of sockets) socket.destroy()
  })
})

it('a Redis that is not there is a Fault, soon', async () => {
  const connection = redisConnection({ where: join(folder, 'none.sock'), log: () => {} })
  await expect(pingRedis(connection, 100)).rejects.toMatchObject({ kind: 'unreachable' })
})
