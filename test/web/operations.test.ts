// What operators do by forms: done, refused, and written down; and who may not.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { boardQueues } from '../../src/adapters/bullmq/board.ts'
import { redisConnection } from '../../src/adapters/bullmq/connection.ts'
import type { Session } from '../../src/model/access.ts'
import { Fault } from '../../src/model/fault.ts'
import { digestOf } from '../../src/web/access/session.ts'
import { app } from '../../src/web/app.ts'
import { deedOf } from '../../src/web/operations/deed.ts'
import type { Pages } from '../../src/web/parts.ts'
import { operate } from '../../src/wiring/operate.ts'
import { host, series } from '../contract/samples.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { startRedis, type TestRedis } from '../real/redis.ts'
import { type Browser, browser } from './browser.ts'
import { webParts } from './open.ts'

let flow: Flow
let one: Browser
let pages: Pages
let later: number

const token = 'o'.repeat(43)
const now = () => flow.wired.clock.now()

const session = (): Session => ({
  ...{ id: digestOf(token), csrf: 'c'.repeat(43), createdAt: now(), seenAt: now(), expiresAt: now() + 1e9 },
  viewer: { name: 'olga@example.org', address: 'olga@example.org', by: 'mail', role: 'operator' },
})

beforeEach(async () => {
  flow = await openFlow(async () => ({ ending: { kind: 'finished', exitCode: 0 }, output: '' }))
  const { store } = flow.wired
  await store.saveSession(session())
  await store.saveHost(host('alpha', { seenAt: now(), stoppedAt: undefined } as never))
  later = 0
  const { clock } = flow.wired
  pages = app(webParts(flow.wired, { clock: { ...clock, now: () => clock.now() + later } }))
  one = browser(pages)
  one.cookies.set('grapevine', token)
  await one.get('/operations')
})
afterEach(() => flow.close())

const done = async () =>
  (await flow.wired.store.audits({ limit: 20 }))
    .reverse()
    .map(({ who, what, about, reason, came }) => `${who}: ${what} ${about} (${reason})${came && `: ${came}`}`)

/** On the page itself, or on the one that it leads to. */
const said = async (answer: Response) => {
  const to = answer.headers.get('location')
  const text = await (to === null ? answer : await one.get(to)).text()
  return /<p class="(said|problem)" role="(?:status|alert)">([^<]*)</.exec(text)?.slice(1)
}

describe('forms', () => {
  test('a host is drained and resumed, and it is written down', async () => {
    const answer = await one.post('/operations/drain', {
      on: 'host',
      name: 'alpha',
      reason: 'new disk',
      until: '2 h',
    })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/operations'])
    expect(await said(answer)).toEqual([
      'said',
      'Host alpha takes no new tasks; what runs may end, until 2026-01-05 14:00 UTC.',
    ])
    const [hold] = await flow.wired.store.holds()
    expect(hold).toMatchObject({
      how: 'drain',
      reason: 'new disk',
      by: 'olga@example.org',
      until: now() + 7_200_000,
    })
    const page = await (await one.get('/operations')).text()
    expect(page).not.toContain('takes no new tasks')
    expect(page).toMatch(/host alpha<\/th><td class="not-ok">.*drained: what runs may end<\/td><td>new disk/)
    await one.post('/operations/resume', { on: 'host', name: 'alpha' })
    expect(await flow.wired.store.holds()).toEqual([])
    expect(await done()).toEqual([
      'olga@example.org: drain host alpha (new disk)',
      'olga@example.org: resume host alpha ()',
    ])
  })

  test('what cannot be done says why, and is written down as not done', async () => {
    const answer = await one.post('/operations/stop', { on: 'host', name: 'bete', reason: 'x' })
    expect(answer.status).toBe(409)
    expect(await said(answer)).toEqual(['problem', 'There is no host bete.'])
    expect(await flow.wired.store.holds()).toEqual([])
    expect(await done()).toEqual(['olga@example.org: stop host bete (x): no: there is no host bete'])
  })

  test('what was typed is there again, with why it was not taken', async () => {
    const typed = { on: 'host', name: 'alpha', until: 'tomorrow "8"', reason: 'a <b>disk</b>' }
    const answer = await one.post('/operations/drain', typed)
    expect(answer.status).toBe(422)
    const page = await answer.text()
    expect(page).toContain('is neither a span nor a date and time')
    expect(page).toContain('name="until" value="tomorrow &quot;8&quot;"')
    expect(page).toContain('name="reason" value="a &lt;b&gt;disk&lt;/b&gt;"')
    expect(page).toContain('<input type="hidden" name="on" value="host">')
    const power = await one.post('/operations/power', { host: 'alpha', act: 'off', reason: 'x' })
    expect(await power.text()).toContain('name="force" value="yes">')
  })

  test('a page that reads itself again in the background takes no word away', async () => {
    const answer = await one.post('/operations/drain', { on: 'host', name: 'alpha', reason: 'x' })
    const quiet = { cookie: `grapevine=${token}`, 'sec-fetch-dest': 'empty' }
    expect(await (await pages.request('/operations', { headers: quiet })).text()).not.toContain(
      'class="said"',
    )
    expect((await said(answer))?.[0]).toBe('said')
  })

  test('what is said on one page, another tab takes not away; nor one that is loaded beforehand', async () => {
    const deed = { on: 'host', name: 'alpha', reason: 'x' }
    const drained = await one.post('/operations/drain', { ...deed, back: '/farm?days=7' })
    const resumed = await one.post('/operations/resume', deed)
    expect(await (await one.get('/series')).text()).not.toContain('class="said"')
    const early = { cookie: `grapevine=${token}`, 'sec-fetch-dest': 'document', 'sec-purpose': 'prefetch' }
    expect(await (await pages.request('/farm', { headers: early })).text()).not.toContain('class="said"')
    expect(await said(drained)).toEqual(['said', expect.stringContaining('takes no new tasks')])
    expect(await said(resumed)).toEqual(['said', expect.not.stringContaining('no new tasks')])
    expect(await (await one.get('/farm')).text()).not.toContain('class="said"')
  })

  test('what was not done is tried anew, however soon', async () => {
    const deed = { id: 's1', reason: 'by mistake' }
    expect((await one.post('/operations/cancel', deed)).status).toBe(409)
    await flow.wired.store.saveSeries([series('s1')])
    expect((await said(await one.post('/operations/cancel', deed)))?.[0]).toBe('said')
  })

  test('the same twice is done twice if another was between', async () => {
    for (const deed of ['drain', 'resume', 'drain'])
      await one.post(`/operations/${deed}`, { on: 'host', name: 'alpha', reason: 'x' })
    expect(await flow.wired.store.holds()).toHaveLength(1)
  })

  test('without a reason nothing is done', async () => {
    const answer = await one.post('/operations/drain', { on: 'queue', reason: '  ' })
    expect(await said(answer)).toEqual(['problem', 'A reason is missing.'])
    expect(await flow.wired.store.holds()).toEqual([])
  })

  test('the queue is paused', async () => {
    await one.post('/operations/drain', { on: 'queue', reason: 'the cooling is out' })
    expect((await flow.wired.store.holds())[0]?.on).toEqual({ kind: 'queue' })
    expect(await (await one.get('/operations')).text()).toContain('It is paused: see what is held.')
    const home = await (await app(webParts(flow.wired)).request('/')).text()
    expect(home).toMatch(/The queue is paused since [^<]+: the cooling is out\./)
    expect(await (await one.get('/')).text()).toMatch(/The queue is paused by [^<]+ since /)
  })

  test('a held series goes on once, and its author is known', async () => {
    const { store } = flow.wired
    await store.saveSeries([series('s1', { state: { at: 'held', why: 'its author is new' } } as never)])
    expect(await (await one.get('/operations')).text()).toContain('its author is new')
    const release = () => one.post('/operations/release', { series: 's1', reason: 'looked at' })
    const [first, twin] = await Promise.all([release(), release()])
    expect([first.status, twin.status, (await release()).status]).toEqual([303, 303, 303])
    expect((await store.series('s1'))?.state).toEqual({ at: 'complete' })
    expect(await done()).toEqual([expect.stringContaining('release series s1')])
    later = 6_000
    expect(await said(await release())).toEqual(['problem', 'Series s1 is not held: it is complete.'])
  })

  test('a series is cancelled, and tested again', async () => {
    const { store } = flow.wired
    await store.saveSeries([series('s1', { state: { at: 'planned', job: undefined } } as never)])
    expect(await said(await one.post('/operations/cancel', { id: 's1', reason: 'by mistake' }))).toEqual([
      'said',
      'Series s1 is cancelled: no task taken away; its author gets no mail.',
    ])
    expect(await said(await one.post('/operations/retest', { series: 's1', reason: 'after all' }))).toEqual([
      'said',
      'Series s1 is tested again.',
    ])
    const page = await (await one.get('/series/s1')).text()
    for (const deed of ['retest', 'cancel']) expect(page).toContain(`action="/operations/${deed}"`)
    expect(await (await app(webParts(flow.wired)).request('/series/s1')).text()).not.toContain('/operations/')
    expect(await store.series('s1')).toMatchObject({ state: { at: 'complete' }, round: 1 })
    const bad = await one.post('/operations/retest', { series: 's1', images: 'plan9', reason: 'x' })
    expect((await said(bad))?.[0]).toBe('problem')
  })

  test('a series is tested again though the bot saves it at that moment, and nothing is lost', async () => {
    const { store, inTurn } = flow.wired
    await store.saveSeries([series('s1', { state: { at: 'planned', job: undefined } } as never)])
    const read = await store.series('s1')
    const late = { ...store }
    let reads = 0
    late.series = async id => {
      const found = await store.series(id)
      // The bot's turn comes between what is read to decide, and what is saved.
      if (found && ++reads === 2)
        await inTurn(() => store.saveSeries([{ ...found, title: 'as the bot says' }]))
      return found
    }
    const deed = { do: 'retest', series: 's1' } as const
    const wired = { ...flow.wired, store: late }
    expect(await operate(wired, { who: 'olga', by: 'cli', deed, reason: 'x' })).toHaveProperty('did')
    expect(reads).toBe(3)
    expect(await store.series('s1')).toMatchObject({ title: 'as the bot says', round: 1 })
    // What the bot read before the retest it may not save any more.
    if (read) await expect(store.saveSeries([read])).rejects.toMatchObject({ retry: 'soon' })
    expect((await store.series('s1'))?.round).toBe(1)
  })

  test('an incident is opened, changed and resolved', async () => {
    const { store } = flow.wired
    const answer = await one.post('/operations/open-incident', {
      about: 'no network',
      severity: 'major',
      hosts: 'alpha',
    })
    expect(answer.status).toBe(303)
    const [incident] = await store.incidents()
    expect(incident).toMatchObject({ about: 'no network', severity: 'major', owner: 'olga@example.org' })
    const id = incident?.id ?? ''
    await one.post('/operations/incident', {
      id,
      decision: 'amend',
      cause: 'a cable',
      back: `/incidents/${id}`,
    })
    expect((await store.incident(id))?.cause).toBe('a cable')
    const end = await one.post('/operations/incident', {
      id,
      decision: 'resolve',
      reason: 'plugged in',
      back: `/incidents/${id}`,
    })
    expect(end.headers.get('location')).toBe(`/incidents/${id}`)
    expect((await said(end))?.[0]).toBe('said')
    expect((await store.incident(id))?.resolved?.how).toBe('plugged in')
  })

  test('maintenance is planned, not twice at once, and called off', async () => {
    const plan = { hosts: 'alpha', from: '2026-01-06 18:00', to: '2 h', reason: 'new disks' }
    expect(await said(await one.post('/operations/plan-maintenance', plan))).toEqual([
      'said',
      expect.stringContaining('is planned: Tuesday 6 January 2026, 18:00 to 20:00 UTC'),
    ])
    const [window] = await flow.wired.store.maintenances()
    expect(window).toMatchObject({
      from: Date.UTC(2026, 0, 6, 18),
      to: Date.UTC(2026, 0, 6, 20),
      hosts: ['alpha'],
    })
    const twice = await one.post('/operations/plan-maintenance', { ...plan, from: '2026-01-06 19:00' })
    expect((await said(twice))?.[1]).toContain(`Maintenance ${window?.id} of alpha is planned for`)
    const id = window?.id ?? ''
    await one.post('/operations/move-maintenance', { id, from: '2026-01-07 18:00' })
    expect((await flow.wired.store.maintenances())[0]?.to).toBe(Date.UTC(2026, 0, 7, 20))
    expect((await one.post('/operations/finish-maintenance', { id })).status).toBe(409)
    await one.post('/operations/cancel-maintenance', { id, reason: 'late' })
    expect((await flow.wired.store.maintenances())[0]?.state).toMatchObject({ at: 'cancelled', why: 'late' })
  })

  test('a power switch that nobody configured is none', async () => {
    const answer = await one.post('/operations/power', { host: 'alpha', act: 'cycle', reason: 'hangs' })
    expect(await said(answer)).toEqual([
      'problem',
      'There is no power switch of host alpha in the configuration.',
    ])
  })

  test('a deed that there is not is no page', async () => {
    expect((await one.post('/operations/explode', { reason: 'x' })).status).toBe(404)
    expect((await one.post('/operations/toString', { reason: 'x' })).status).toBe(404)
  })
})

test('text of a form is text on the page and in the log', async () => {
  const evil = '<script>alert(1)</script>\r\nSet-Cookie: a=b'
  const answer = await one.post('/operations/drain', { on: 'host', name: 'alpha', reason: evil })
  expect(await answer.text()).not.toContain('<script>alert')
  for (const path of ['/operations', '/audit', `/audit?about=${encodeURIComponent(evil)}`]) {
    const page = await (await one.get(path)).text()
    expect(page).not.toContain('<script>alert')
  }
  expect(await (await one.get('/audit')).text()).toContain(
    '&lt;script&gt;alert(1)&lt;/script&gt; Set-Cookie: a=b',
  )
})

test('while the database is away incidents are told, also to who is logged in, and nobody is sent to the login', async () => {
  const wired = async () => {
    throw new Fault('unreachable', 'soon', 'database: gone')
  }
  const away = browser(app(webParts(flow.wired, { wired })))
  away.cookies.set('grapevine', token)
  const asked = await Promise.all(['/incidents', '/operations', '/series'].map(away.get))
  expect(asked.map(({ status }) => status)).toEqual([200, 503, 503])
  expect(await asked[1]?.text()).toContain('<a href="/status">')
})

test('readers are led to the login, and other pages cannot send these forms', async () => {
  const reader = browser(app(webParts(flow.wired)))
  for (const path of ['/operations', '/audit', '/queues']) {
    const answer = await reader.get(path)
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      `/login?to=${encodeURIComponent(path)}`,
    ])
  }
  expect((await reader.post('/operations/drain', { on: 'queue', reason: 'x' })).status).toBe(303)
  const foreign = { 'sec-fetch-site': 'cross-site' }
  expect((await one.post('/operations/drain', { on: 'queue', reason: 'x' }, foreign)).status).toBe(403)
  expect(await flow.wired.store.holds()).toEqual([])
})

test('the audit log goes on where its page ends', async () => {
  for (let i = 0; i < 120; i++)
    await flow.wired.store.addAudit({
      ...{
        id: `a${i}`,
        at: 1000 + i,
        who: 'w',
        by: 'cli',
        what: 'drain',
        about: 'host alpha',
        reason: `r${i}.`,
        came: '',
      },
    })
  const first = await (await one.get('/audit?about=host+alpha')).text()
  expect(first).toContain('r119.')
  expect(first).not.toContain('r19.')
  const next = /href="(\/audit\?before=[^"]+)"/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? ''
  expect(await (await one.get(next)).text()).toMatch(/r19\..*r0\./s)
})

test('a form says what a deed is, or what is wrong with it', () => {
  const at = Date.UTC(2026, 0, 5, 12)
  const say = (name: string, fields: Record<string, string>) =>
    deedOf(name, Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, [value]])), at)
  expect(say('drain', { on: 'image', name: 'debian', until: '2026-12-24T18:00', reason: 'r' })).toEqual({
    deed: { do: 'drain', on: { kind: 'image', name: 'debian' }, until: Date.UTC(2026, 11, 24, 18) },
    reason: 'r',
  })
  expect(say('known', { id: 'k1', decision: 'confirm', bug: 'https://bugs.example.org/1' })).toMatchObject({
    deed: { decision: { do: 'confirm', bug: 'https://bugs.example.org/1' } },
  })
  expect(say('incident', { id: 'i1', decision: 'note', what: 'w' })).toMatchObject({
    deed: { decision: { do: 'note', what: 'w' } },
  })
  const wrong: [string, Record<string, string>][] = [
    ['drain', { on: 'everything' }],
    ['drain', { on: 'host' }],
    ['drain', { on: 'queue', until: 'tomorrow' }],
    ['known', { id: 'k1', decision: 'confirm', bug: 'javascript:alert(1)' }],
    ['known', { id: 'k1', decision: 'bug' }],
    ['plan-maintenance', { from: 'now', to: '1 h' }],
    ['plan-maintenance', { all: 'yes', hosts: 'alpha', from: '1 h', to: '1 h' }],
    ['power', { host: 'alpha', act: 'explode' }],
    ['incident', { id: 'i1', decision: 'forget' }],
  ]
  expect(wrong.filter(([name, fields]) => !('no' in (say(name, fields) ?? {})))).toEqual([])
})

describe('the board of the queues', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  test('operators look into the queues, and touch nothing', async () => {
    const connection = redisConnection({ where: redis.socket, log: () => {} })
    const opened: ReturnType<typeof boardQueues>[] = []
    const board = (images: string[]) => {
      const all = opened[0] ?? boardQueues({ connection, prefix: 'board', images })
      if (opened.length === 0) opened.push(all)
      return all.queues
    }
    const pages = app(webParts({ ...flow.wired, board }))
    const looking = browser(pages)
    looking.cookies.set('grapevine', token)
    const answer = await looking.get('/queues')
    const page = await answer.text()
    expect(answer.status).toBe(200)
    expect(page).not.toMatch(/(href|src)="https?:/)
    expect(answer.headers.get('content-security-policy')).toContain("base-uri 'self'")
    expect((await one.get('/operations')).headers.get('content-security-policy')).toContain("base-uri 'none'")
    for (const [, path] of page.matchAll(/<script defer src="([^"]+)"/g))
      expect((await looking.get(`/queues/${path}`)).status).toBe(200)
    const listed = (await (await looking.get('/queues/api/queues')).json()) as { queues: { name: string }[] }
    expect(listed.queues.map(({ name }) => name)).toContain('run-busybox')
    expect((await looking.post('/queues/api/queues/plan/pause')).status).toBe(403)
    for (const one of opened) await one.close()
  })
})
