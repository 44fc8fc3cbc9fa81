// Ways to a PostgreSQL that lead nowhere: TLS that it does not speak, certificates that nobody vouches for, files that are not there.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { makeCertificates } from '../real/loopback.ts'

let folder: string
let certificates: ReturnType<typeof makeCertificates>
const servers: Server[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gv-ways-'))
  certificates = makeCertificates(folder)
})
afterAll(() => {
  for (const one of servers) one.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A server that answers the first word of who comes. */
const urlOf = async (answer: (socket: Socket) => void, query = ''): Promise<string> => {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `postgres://u:hidden@127.0.0.1:${(server.address() as AddressInfo).port}/x${query}`
}

const opened = (url: string) => openStore({ url, folder })

test('it speaks no TLS: that does not mend itself', async () => {
  const url = await urlOf(socket => socket.end('N'), '?sslmode=verify-full')
  await expect(opened(url)).rejects.toMatchObject({
    ...{ kind: 'refused', retry: 'never', message: expect.stringContaining('does not support SSL') },
    remedy: expect.stringContaining('ssl = on'),
  })
})

test('what answers is no PostgreSQL', async () => {
  const url = await urlOf(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), '?sslmode=verify-full')
  await expect(opened(url)).rejects.toMatchObject({ kind: 'unreachable', retry: 'soon' })
})

test('nobody vouches for its certificate: somebody has to act, and it is tried again', async () => {
  const [key, cert] = [readFileSync(certificates.key), readFileSync(certificates.cert)]
  const answer = (socket: Socket) => {
    socket.write('S')
    new TLSSocket(socket, { isServer: true, key, cert }).on('error', () => {})
  }
  await expect(opened(await urlOf(answer, '?sslmode=verify-full'))).rejects.toMatchObject({
    ...{ kind: 'unreachable', retry: 'later' },
    remedy: expect.stringContaining('sslrootcert'),
  })
})

test('a file that its URL names is not there: it says which, and not the password', async () => {
  const url = await urlOf(() => {}, '?sslmode=verify-full&sslrootcert=/not/there.pem')
  const fault = await opened(url).catch(error => error)
  expect(fault).toMatchObject({ kind: 'refused', message: expect.stringContaining('/not/there.pem') })
  expect(fault.message).not.toContain('hidden')
})
