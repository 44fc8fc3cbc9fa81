// A webhook of ours at a real server: signed so that the standard's own library takes it, and every kind of no told apart.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hookPost } from '../../src/adapters/hooks/post.ts'
import type { HookConfig } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'

let server: Server
let heard: { headers: IncomingHttpHeaders; body: string; path: string }[] = []
const post = hookPost()
const key = `whsec_${Buffer.from('a key of thirty-two bytes, or so').toString('base64')}`

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    heard.push({ headers: request.headers, body, path: request.url ?? '' })
    if (request.url === '/cut') return void request.socket.destroy()
    const status = Number(request.url?.slice(1)) || 204
    response.writeHead(status, { location: '/elsewhere', 'retry-after': '7' }).end()
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
})
afterAll(async () => {
  await post.close()
  server.close()
})

const hook = (path: string, text = key): HookConfig => ({
  ...{ name: 'chat', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}` },
  ...{ secret: secret(text), events: [], ca: undefined },
})

const call = () => ({ id: 'msg_1', at: Date.now(), body: '{"type":"series.verdict","data":"ä"}' })

test('the receiver can prove that it is ours', async () => {
  heard = []
  expect((await post.post(hook(''), call())).status).toBe(204)
  expect((await post.post(hook('', 'plain ö'), call())).status).toBe(204)
  const [first, second] = heard
  const headers = (one: typeof first) => one?.headers as Record<string, string>
  expect(new Webhook(key).verify(first?.body ?? '', headers(first))).toMatchObject({ data: 'ä' })
  const plain = new Webhook(Buffer.from('plain ö'), { format: 'raw' })
  expect(plain.verify(second?.body ?? '', headers(second))).toMatchObject({ type: 'series.verdict' })
  expect(() => new Webhook(key).verify(`${first?.body} `, headers(first))).toThrow(/signature/)
})

test('another place is not gone to, and a wish for later is heard', async () => {
  heard = []
  expect(await post.post(hook('302'), call())).toEqual({ status: 302, retryAfterMs: 7000 })
  expect(await post.post(hook('503'), call())).toEqual({ status: 503, retryAfterMs: 7000 })
  expect(heard.map(({ path }) => path)).toEqual(['/302', '/503'])
})

test('no answer, and a secret that is none, are Faults that tell no address', async () => {
  await expect(post.post(hook('cut'), call())).rejects.toMatchObject({
    ...{ kind: 'unreachable', message: expect.not.stringContaining('127.0.0.1') },
  })
  await expect(post.post(hook('', 'whsec_???'), call())).rejects.toMatchObject({ kind: 'refused' })
})
