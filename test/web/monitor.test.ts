// What monitoring asks for: numbers that are true and bounded, and whether the pages are ready. And tokens on their page.
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { Fault } from '../../src/model/fault.ts'
import { tokenPages } from '../../src/web/api/tokens.ts'
import { app } from '../../src/web/app.ts'
import type { Env, WebParts } from '../../src/web/parts.ts'
import { addToken, heldToken } from '../../src/wiring/tokens.ts'
import { host, incident } from '../contract/samples.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'
import { webParts } from './open.ts'

let flow: Flow
beforeAll(async () => {
  flow = await openFlow(command => ({
    ending: { kind: 'finished', exitCode: 0 },
    output: command.script.includes('./tests/all') ? 'TAP version 14\n1..1\nok 1 - counts\n' : '',
  }))
})
afterAll(() => flow.close())

const open = (metrics: Config['web']['metrics'], more: Partial<WebParts> = {}) => {
  const { config } = flow.wired
  const wired = { ...flow.wired, config: { ...config, web: { ...config.web, metrics } } }
  return app(webParts(wired, more))
}

/** Without those of the process itself. */
const ours = (text: string): string[] => text.split('\n').filter(line => /^grapevine_(?!http)/.test(line))

test('numbers are of the store, count what ended once, and name no address', async () => {
  const pages = open('open')
  const read = async () => (await pages.request('/metrics')).text()
  expect(await read()).toContain('grapevine_database_up 1')
  const now = flow.wired.clock.now()
  await flow.wired.store.saveHost(host('alpha', { seenAt: now, slots: 4, busy: 1 }))
  await flow.wired.store.openIncident(incident('disk-error'))
  await flow.bring([letter({ subject: '[PATCH] tally: count' })])
  await flow.settle()
  await pages.request('/series/nothing')
  await pages.request('/api/v1/queue')
  for (let times = 0; times < 3; times++) {
    await (flow.wired.clock as unknown as { advance(ms: number): Promise<void> }).advance(5_000)
    const text = await read()
    for (const line of [
      'grapevine_host_slots{host="alpha"} 4',
      'grapevine_incidents{severity="minor",state="open"} 1',
      'grapevine_tasks{state="queued"} 0',
      'grapevine_verdicts_total{project="tally",kind="all-well"} 1',
      'grapevine_runs_total{outcome="tested",image="debian",host="here"} 2',
    ])
      expect(ours(text)).toContain(line)
    expect(text).toMatch(
      /^grapevine_http_request_duration_seconds_count\{method="GET",route="[^"]*",status="4xx"\} 1$/m,
    )
    expect(text).toContain('route="/api/v1/queue",status="2xx"} 1\n')
    expect(text).not.toContain('nothing')
  }
  // Pages that were started later know all verdicts, too.
  const later = await (await open('open').request('/metrics')).text()
  expect(ours(later)).toContain('grapevine_verdicts_total{project="tally",kind="all-well"} 1')
})

test('runs that ended between two looks are all counted, however many they are', async () => {
  const { store, clock } = flow.wired
  const now = clock.now() + 1_000
  const ends = Array.from({ length: 12_000 }, (_, count) => ({
    ...{
      run: `r${count}`,
      task: 't',
      job: 'j',
      project: 'tally',
      image: 'debian',
      host: 'many',
      startedAt: now,
    },
    ...{ endedAt: now + count, kind: 'tested' as const },
  })).reverse()
  const runEnds: typeof store.runEnds = async ({ since, limit }) =>
    ends.filter(({ endedAt }) => endedAt > since).slice(0, limit)
  const pages = open('open', { wired: async () => ({ ...flow.wired, store: { ...store, runEnds } }) })
  expect(ours(await (await pages.request('/metrics')).text())).toContain(
    'grapevine_runs_total{outcome="tested",image="debian",host="many"} 12000',
  )
})

test('a look that takes long is waited for, not begun again', async () => {
  const { store, clock } = flow.wired
  const slow = Promise.withResolvers<void>()
  let [looks, later] = [0, 0]
  const holds: typeof store.holds = async () => {
    looks++
    await slow.promise
    return []
  }
  const pages = open('open', {
    clock: { ...clock, now: () => clock.now() + later },
    wired: async () => ({ ...flow.wired, store: { ...store, holds, hosts: async () => [host('alpha')] } }),
  })
  const first = pages.request('/metrics')
  await expect.poll(() => looks).toBe(1)
  later = 10_000
  const second = pages.request('/metrics')
  slow.resolve()
  const texts = await Promise.all([first, second].map(async answer => ours(await (await answer).text())))
  expect(looks).toBe(1)
  const hosts = (lines: string[]) => lines.filter(line => /^grapevine_hosts\{.* 1$/.test(line))
  expect(texts.map(hosts)).toEqual([[expect.any(String)], [expect.any(String)]])
})

test('a database that is away is a number, too', async () => {
  const away = open('open', { wired: () => Promise.reject(new Fault('unreachable', 'soon', 'no answer')) })
  expect(await (await away.request('/metrics')).text()).toContain('grapevine_database_up 0')
  const ready = await away.request('/readyz')
  expect([ready.status, await ready.json()]).toEqual([503, { ready: false, database: false, queue: false }])
})

test('who reads numbers shows a token with the scope for it', async () => {
  const pages = open('token')
  const now = flow.wired.clock.now()
  const made = (scopes: ('metrics' | 'read')[]) =>
    addToken(flow.wired.store, { name: 'prometheus', scopes, by: 'olga', now })
  const status = async (token?: string) =>
    (await pages.request('/metrics', token ? { headers: { authorization: `Bearer ${token}` } } : {})).status
  expect(await status()).toBe(401)
  expect(await status((await made(['read'])).token)).toBe(403)
  expect(await status((await made(['metrics'])).token)).toBe(200)
})

test('an operator makes a token that is shown once, and revokes it', async () => {
  const pages = new Hono<Env>()
  pages.use(async (c, next) => {
    c.set('viewer', { name: 'olga', address: undefined, by: 'mail', role: 'operator' })
    c.set('csrf', 'secret')
    await next()
  })
  pages.route('/', tokenPages(webParts(flow.wired)))
  const post = (path: string, fields: [string, string][]) =>
    pages.request(path, { method: 'POST', body: new URLSearchParams(fields) })
  const made = await post('/tokens', [
    ['name', 'nightly <b>'],
    ['scope', 'read'],
    ['scope', 'operate'],
    ['days', '30'],
  ])
  expect(made.status).toBe(303)
  const text = await (await pages.request('/tokens')).text()
  const token = /gvt_[\w-]{43}/.exec(text)?.[0] ?? ''
  expect(text).toContain('nightly &lt;b&gt;')
  const { store, clock } = flow.wired
  const kept = await heldToken(store, token, clock.now())
  expect(kept).toMatchObject({
    scopes: ['read', 'operate'],
    by: 'olga',
    expiresAt: clock.now() + 30 * 86_400_000,
  })
  expect(await (await pages.request('/tokens')).text()).not.toContain('gvt_')
  const wrong = await post('/tokens', [
    ['name', 'for "x"'],
    ['days', '30'],
  ])
  expect(wrong.status).toBe(422)
  expect(await wrong.text()).toMatch(
    /Choose at least one thing[\s\S]*value="for &quot;x&quot;"[\s\S]*value="30"/,
  )
  expect((await post('/tokens/revoke', [['id', kept?.id ?? '']])).status).toBe(303)
  expect(await heldToken(store, token, clock.now())).toBeUndefined()
})

test('readers are led to the login instead of the tokens', async () => {
  const answer = await open('token').request('/tokens')
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/login?to=%2Ftokens'])
})
