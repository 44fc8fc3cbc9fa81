// Who goes away in the middle of what they send: no fault of ours is noted for it.
import { createConnection } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { app } from '../../src/web/app.ts'
import { type Served, serve } from '../../src/web/server.ts'
import { addToken } from '../../src/wiring/tokens.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { webParts } from './open.ts'

let flow: Flow
let served: Served
let noted: string[]

beforeEach(async () => {
  flow = await openFlow(async () => ({ ending: { kind: 'finished', exitCode: 0 }, output: '' }))
  noted = []
  const { config } = flow.wired
  const wired = { ...flow.wired, config: { ...config, web: { ...config.web, metrics: 'open' as const } } }
  const pages = app(webParts(wired, { log: (level, says) => noted.push(`${level}: ${says}`) }))
  served = await serve(pages, { host: '127.0.0.1', port: 0 })
  return () => served.close()
})
afterEach(() => flow.close())

test.each([
  ['a form', '/login/mail', 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99', 'a=b'],
  ['a form of unknown length', '/login/mail', 'Transfer-Encoding: chunked', '3\r\na=b\r\n'],
  ['patches', '/api/v1/submissions', 'Content-Type: application/mbox\r\nContent-Length: 99', 'From '],
])('%s', async (_, path, headers, begin) => {
  const { store, clock } = flow.wired
  const { token } = await addToken(store, {
    ...{ name: 'nightly', scopes: ['submit'], by: 'olga', now: clock.now() },
  })
  const query = path.startsWith('/api') ? '?project=tally' : ''
  const line = createConnection(served.port, '127.0.0.1')
  line.write(
    `POST ${path}${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n${headers}\r\n\r\n${begin}`,
    () => setImmediate(() => line.destroy()),
  )
  const numbers = async () => (await fetch(`http://127.0.0.1:${served.port}/metrics`)).text()
  const answered = new RegExp(`route="${path}",status="(...)"\\} 1\n`)
  await expect
    .poll(async () => {
      await (clock as unknown as { advance(ms: number): Promise<void> }).advance(3_000)
      return answered.exec(await numbers())?.[1]
    })
    .toMatch(/[34]xx/)
  expect(noted).toEqual([])
})
