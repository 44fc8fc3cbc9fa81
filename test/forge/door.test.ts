// Who may send webhooks, how much, and how often the wrong way: with a real server of the pages' kind where bodies are on their way.
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { serve } from '@hono/node-server'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { secret } from '../../src/config/secret.ts'
import { app } from '../../src/web/app.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { webParts } from '../web/open.ts'

const path = '/api/github/webhooks'
const key = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
}).privateKey

let flow: Flow
let pages: ReturnType<typeof app>
beforeEach(async () => {
  flow = await openFlow(async () => ({ ending: { kind: 'finished', exitCode: 0 } }))
  const github = {
    ...{ id: 1, key: secret(key), secret: secret('hush') },
    ...{ api: 'http://127.0.0.1:1', site: 'http://127.0.0.1:1', ca: undefined, proxy: undefined },
  }
  flow.wired.config = { ...flow.wired.config, github }
  pages = app(webParts(flow.wired))
})
afterEach(() => flow.close())

const signed = (body: string, by = 'hush') => `sha256=${createHmac('sha256', by).update(body).digest('hex')}`

const post = async (
  from: string,
  { by = 'hush', more = {} }: { by?: string; more?: Record<string, string> } = {},
) => {
  const body = '{"zen":"Keep it logically awesome."}'
  const headers = {
    ...{ 'x-forwarded-for': from, 'x-github-event': 'ping', 'x-github-delivery': 'd-1' },
    ...{ 'x-hub-signature-256': signed(body, by), 'content-length': String(body.length) },
    ...more,
  }
  const answer = await pages.request(path, { method: 'POST', headers, body })
  return { status: answer.status, wait: Number(answer.headers.get('retry-after')) }
}

test('who signs wrongly again and again waits, and nobody else does', async () => {
  for (let n = 0; n < 20; n++) expect((await post('192.0.2.7', { by: 'guess' })).status).toBe(401)
  const { status, wait } = await post('192.0.2.7')
  expect(status).toBe(429)
  expect(wait).toBeGreaterThan(100)
  expect((await post('192.0.2.8')).status).toBe(202)
})

test('what says that it is too large, or is not signed, is not read', async () => {
  const untouched = new ReadableStream(
    { pull: () => expect.unreachable('it was read') },
    { highWaterMark: 0 },
  )
  const ask = async (headers: Record<string, string>) => {
    const request = new Request(`http://127.0.0.1${path}`, {
      ...{ method: 'POST', headers: { 'x-github-event': 'ping', ...headers }, body: untouched },
      duplex: 'half',
    } as RequestInit)
    return (await pages.request(request)).status
  }
  const good = { 'x-hub-signature-256': signed('') }
  expect(await ask({ ...good, 'content-length': String(26 << 20) })).toBe(413)
  expect(await ask({ 'content-length': '10' })).toBe(401)
  expect(await ask({ 'content-length': '10', 'x-hub-signature-256': 'sha1=00' })).toBe(401)
})

test('who sends too slowly is not waited for, and counts as one who signs wrongly', async () => {
  const begin = () =>
    pages.request(
      new Request(`http://127.0.0.1${path}`, {
        ...{ method: 'POST', body: new ReadableStream(), duplex: 'half' },
        headers: {
          ...{ 'x-forwarded-for': '192.0.2.9', 'x-github-event': 'ping', 'content-length': '10' },
          'x-hub-signature-256': signed(''),
        },
      } as RequestInit),
    )
  const slow = Array.from({ length: 20 }, begin)
  const { clock } = flow.wired
  await expect
    .poll(async () => {
      await (clock as unknown as { advance(ms: number): Promise<void> }).advance(15_000)
      return Promise.race([slow[19], 'waits'])
    })
    .not.toBe('waits')
  expect((await Promise.all(slow)).map(({ status }) => status)).toEqual(Array(20).fill(408))
  expect((await post('192.0.2.9')).status).toBe(429)
  expect((await post('192.0.2.8')).status).toBe(202)
})

test('only so many large bodies are on their way at once, and small ones still come in', async () => {
  const server = serve({ fetch: pages.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const sockets: Socket[] = []
  const head = (length: number, body = '') =>
    [
      ...[`POST ${path} HTTP/1.1`, 'Host: x', 'X-GitHub-Event: ping', 'X-GitHub-Delivery: d-1'],
      ...[`X-Hub-Signature-256: ${signed(body)}`, `Content-Length: ${length}`, 'Connection: close', '', body],
    ].join('\r\n')
  const begin = (text: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    sockets.push(socket)
    return new Promise(resolve => {
      socket.once('data', bytes => resolve(bytes.toString().split(' ')[1] ?? ''))
      socket.once('close', () => resolve('closed'))
    })
  }
  try {
    // Whichever comes second finds no room; the other one is waited for.
    const answers = [begin(head(24 << 20)), begin(head(24 << 20))]
    expect(await Promise.race(answers)).toBe('503')
    const small = '{"zen":"Speak like a human."}'
    expect(await begin(head(small.length, small))).toBe('202')
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  }
})
