// The JSON API: what it tells everybody, what it asks a token for, and how it says no.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Scope } from '../../src/model/access.ts'
import { Fault } from '../../src/model/fault.ts'
import { app } from '../../src/web/app.ts'
import { addToken, revokeToken } from '../../src/wiring/tokens.ts'
import { host } from '../contract/samples.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'
import { webParts } from './open.ts'

let flow: Flow
let pages: ReturnType<typeof app>
let series: string

const ask = async (path: string, token?: string, init: RequestInit = {}) => {
  const headers = {
    ...(init.headers ?? {}),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const answer = await pages.request(`http://localhost${path}`, { ...init, headers })
  const text = await answer.text()
  const isJson = /json/.test(answer.headers.get('content-type') ?? '')
  return { status: answer.status, headers: answer.headers, text, json: isJson ? JSON.parse(text) : undefined }
}

const tokenWith = async (...scopes: Scope[]) =>
  addToken(flow.wired.store, { name: 'test', scopes, by: 'olga', now: flow.wired.clock.now() })

beforeAll(async () => {
  flow = await openFlow(command => ({
    ending: { kind: 'finished', exitCode: 0 },
    output: command.script.includes('./tests/all') ? 'TAP version 14\n1..1\nok 1 - counts\n' : '',
  }))
  pages = app(webParts(flow.wired))
  await flow.bring([letter({ subject: '[PATCH] tally: count <b>to</b> 20' })])
  await flow.settle()
  series = (await flow.wired.store.seriesIn({}))[0]?.id ?? ''
})
afterAll(() => flow.close())

describe('everybody may read', () => {
  test('series: lists, one with its verdict, all its verdicts and runs, and the log of one', async () => {
    const { json: list } = await ask('/api/v1/series?text=tally&verdict=all-well')
    expect(list).toMatchObject({
      series: [
        { id: series, title: 'tally: count <b>to</b> 20', state: 'planned', verdict: { kind: 'all-well' } },
      ],
      next: null,
    })
    expect((await ask('/api/v1/series?verdict=none')).json.series).toEqual([])
    const { json: one } = await ask(`/api/v1/series/${series}`)
    expect(one).toMatchObject({
      ...{ id: series, missing: [], versions: [{ id: series }], url: `/series/${series}` },
      newest: { finding: { kind: 'all-well' }, images: [{ image: 'debian', kind: 'passed', passed: 1 }, {}] },
    })
    expect((await ask(`/api/v1/series/${series}/verdicts`)).json.verdicts).toHaveLength(1)
    const { json: ran } = await ask(`/api/v1/series/${series}/runs`)
    expect(ran.more).toBe(false)
    const tested = ran.runs.find((run: { kind: string }) => run.kind === 'test')
    expect(tested).toMatchObject({
      ...{ series, outcome: 'tested', why: 'first', log: `/api/v1/runs/${tested.id}/log` },
      steps: [{ name: 'all', tests: { report: 'whole', all: 1, failed: 0 } }],
    })
    expect((await ask(`/api/v1/runs/${tested.id}`)).json).toEqual(tested)
    const log = await ask(tested.log)
    expect(log.text).toContain('ok 1 - counts')
    expect(log.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(log.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('projects, hosts, the queue, incidents, known failures and tests', async () => {
    await flow.wired.store.saveHost(host('alpha', { unfit: 'no /dev/kvm', seenAt: flow.wired.clock.now() }))
    expect((await ask('/api/v1/projects')).json.projects).toMatchObject([{ name: 'tally', branch: 'main' }])
    expect((await ask('/api/v1/hosts')).json.hosts).toMatchObject([
      { name: 'alpha', state: 'unfit', why: '', facts: {} },
    ])
    const now = flow.wired.clock.now()
    await flow.wired.store.saveHost(host('beta', { seenAt: now }))
    const hold = { how: 'drain', reason: 'a new disk', by: 'olga', since: now, until: undefined } as const
    await flow.wired.store.setHold({ ...hold, on: { kind: 'host', name: 'beta' } })
    expect((await ask('/api/v1/hosts')).json.hosts).toMatchObject([
      { name: 'alpha' },
      { name: 'beta', state: 'held', why: 'a new disk' },
    ])
    await flow.wired.store.forgetHost('beta')
    await flow.wired.store.endHold({ kind: 'host', name: 'beta' })
    expect((await ask('/api/v1/queue')).json).toEqual({ running: [], waiting: [] })
    expect((await ask('/api/v1/incidents')).json).toMatchObject({ incidents: [], maintenance: [] })
    expect((await ask('/api/v1/known?state=proposed')).json).toEqual({ known: [] })
    expect((await ask('/api/v1/projects/tally/tests')).json).toEqual({ tests: [] })
    expect((await ask('/api/v1/projects/tally/flaky')).json).toEqual({ tests: [] })
    const { json: history } = await ask('/api/v1/projects/tally/tests/history?step=all&test=counts')
    expect(history.points[0]).toMatchObject({ failed: false, host: 'here' })
  })

  test('addresses of authors, and why a host rests, only with a token', async () => {
    const { token } = await tokenWith('operate')
    const authors = async (given?: string) => (await ask('/api/v1/series', given)).json.series[0].author
    expect((await authors()).address).toBeNull()
    expect((await authors(token)).address).toContain('@')
    expect((await ask('/api/v1/hosts', token)).json.hosts[0].why).toBe('no /dev/kvm')
  })
})

describe('errors are problems (RFC 9457)', () => {
  test('each says what is wrong', async () => {
    for (const [path, status] of [
      ['/api/v1/series/none', 404],
      ['/api/v1/runs/none', 404],
      ['/api/v1/runs/none/log', 404],
      ['/api/v1/nothing', 404],
      ['/api/v1/projects/other/flaky', 404],
      ['/api/v1/series?limit=1000', 400],
      ['/api/v1/series?verdict=perhaps', 400],
      ['/api/elsewhere', 404],
    ] as const) {
      const { headers, json, ...answer } = await ask(path)
      expect([path, answer.status]).toEqual([path, status])
      expect(headers.get('content-type')).toBe('application/problem+json')
      expect(json).toMatchObject({ type: 'about:blank', status })
    }
    expect((await ask('/api/v1/series?limit=1000')).json.errors).toMatchObject([{ at: 'limit' }])
  })

  test('a token that does not hold is told so, even where none is needed', async () => {
    expect(await ask('/api/v1/series', 'gvt_wrong')).toMatchObject({ status: 401 })
    const { token, kept } = await tokenWith('read')
    expect(await ask('/api/v1/series', token)).toMatchObject({ status: 200 })
    await revokeToken(flow.wired.store, kept, flow.wired.clock.now())
    const answer = await ask('/api/v1/series', token)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
    expect(await ask('/api/v1/series', (await tokenWith('metrics')).token)).toMatchObject({ status: 403 })
  })

  test('a database that is away is 503, and a bug is not told', async () => {
    const away = app(
      webParts(flow.wired, {
        wired: () => Promise.reject(new Fault('unreachable', 'soon', 'no answer from secret.example.org')),
      }),
    )
    const answer = await away.request('/api/v1/series')
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('30')
    expect(await answer.text()).not.toContain('secret')
    const broken = app(webParts(flow.wired, { wired: () => Promise.reject(new Error('a bug of ours')) }))
    const said = await broken.request('/api/v1/series')
    expect([said.status, await said.text()]).toEqual([500, expect.not.stringContaining('a bug of')])
  })
})

describe('operators operate', () => {
  const drain = { deed: { do: 'drain', on: { kind: 'host', name: 'alpha' } }, reason: 'new disk' }
  const post = (body: unknown, token?: string) =>
    ask('/api/v1/operations', token, {
      ...{ method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) },
      headers: { 'content-type': 'application/json' },
    })

  test('only with the scope for it, and a cookie does not count', async () => {
    expect((await post(drain)).status).toBe(401)
    expect((await post(drain, (await tokenWith('submit', 'read')).token)).status).toBe(403)
    expect(await flow.wired.store.holds()).toEqual([])
  })

  test('the address of a bug is one that people can open', async () => {
    const { token } = await tokenWith('operate')
    const deed = { do: 'known', id: 'k1', decision: { do: 'bug', bug: 'javascript://x.example/%0Aalert(1)' } }
    const { status, json: said } = await post({ deed }, token)
    expect([status, said.errors[0].at]).toEqual([400, 'deed.decision.bug'])
  })

  test('it is done, and written down who did it', async () => {
    const { token } = await tokenWith('operate')
    const done = await post(drain, token)
    expect(done).toMatchObject({ status: 200, json: { did: expect.stringContaining('alpha') } })
    expect(await flow.wired.store.holds()).toMatchObject([{ on: { name: 'alpha' }, reason: 'new disk' }])
    const [last] = await flow.wired.store.audits({ limit: 1 })
    expect(last).toMatchObject({ who: 'token test (olga)', by: 'api', what: 'drain', about: 'host alpha' })
  })

  test('what cannot be done is a conflict, what makes no sense a bad request', async () => {
    const { token } = await tokenWith('operate')
    expect((await post({ deed: { do: 'release', series }, reason: 'go' }, token)).status).toBe(409)
    expect((await post({ ...drain, reason: '' }, token)).status).toBe(409)
    expect((await post({ deed: { do: 'explode' }, reason: 'x' }, token)).status).toBe(400)
    expect((await post('{', token)).status).toBe(400)
    expect((await post({ ...drain, more: 'x'.repeat(70_000) }, token)).status).toBe(413)
  })
})

describe('patches are handed in', () => {
  const git = letter({ subject: '[PATCH] tally: by the API', id: 'api-1', file: 'src/b.c' }).raw.toString()
  const hand = (query: string, body: string, token?: string, type = 'application/mbox') =>
    ask(`/api/v1/submissions?${query}`, token, { method: 'POST', body, headers: { 'content-type': type } })

  test('with the scope for it; the same twice is known, and it is tested as wished', async () => {
    const { token } = await tokenWith('submit')
    expect((await hand('project=tally', git)).status).toBe(401)
    expect((await hand('project=tally', git, (await tokenWith('read')).token)).status).toBe(403)
    const first = await hand('project=tally&images=busybox', git, token)
    expect(first).toMatchObject({ status: 202, json: { mails: [{ became: 'taken', series: null }] } })
    await flow.settle()
    const again = await hand('project=tally', git, token)
    expect(again.json.mails).toMatchObject([{ became: 'known', series: expect.any(String) }])
    const { json } = await ask(`/api/v1/series/${again.json.mails[0].series}`)
    expect(json).toMatchObject({ title: 'tally: by the API', newest: { images: [{ image: 'busybox' }] } })
    // The same mail in other bytes, as a list makes it: its series is that of the first.
    const other = git.replace('\nSubject:', '\nX-List: tally\nSubject:')
    await hand('project=tally', other, token)
    await flow.settle()
    expect((await hand('project=tally', other, token)).json.mails).toMatchObject([
      { became: 'known', series: again.json.mails[0].series },
    ])
    const [last] = await flow.wired.store.audits({ about: 'project tally', limit: 1 })
    expect(last).toMatchObject({ what: 'hand in', by: 'api', who: 'token test (olga)' })
  })

  test('what cannot be taken is told', async () => {
    const { token } = await tokenWith('submit')
    for (const [query, body, type, status] of [
      ['', git, 'application/mbox', 400],
      ['project=tally&base=--upload-pack', git, 'application/mbox', 400],
      ['project=other', git, 'application/mbox', 404],
      ['project=tally&images=windows', git, 'application/mbox', 422],
      ['project=tally', git, 'application/json', 415],
      ['project=tally', '', 'application/mbox', 422],
      ['project=tally', 'no mail at all', 'application/mbox', 422],
      ['project=tally', 'x'.repeat(9 << 20), 'application/mbox', 413],
    ] as const)
      expect([query, type, (await hand(query, body, token, type)).status]).toEqual([query, type, status])
  })
})

test('docs/api.md names every way in, and whatever an operator can do', async () => {
  const { json } = await ask('/api/openapi.json')
  const text = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')
  const named = [...text.matchAll(/^\| `(GET|POST) (\/[^`]*)`/gm)].map(
    ([, how = '', path = '']) => `${how} ${path}`,
  )
  const ways = Object.entries(json.paths as Record<string, object>).flatMap(([path, hows]) =>
    Object.keys(hows).map(how => `${how.toUpperCase()} ${path}`),
  )
  expect(named.toSorted()).toEqual(ways.toSorted())
  const deeds = JSON.stringify(json.components.schemas.Operation.properties.deed)
  const words = [...deeds.matchAll(/"do":\{"type":"string","(?:const|enum)":(\[[^\]]*\]|"[^"]*")/g)]
  const all = words.flatMap(([, word = '']) => [JSON.parse(word)].flat())
  expect(all.length).toBeGreaterThan(12)
  expect(all.filter(word => !text.includes(`\`${word}\``))).toEqual([])
})

test('the description names every way in, and the page for people shows them', async () => {
  const { json } = await ask('/api/openapi.json')
  expect(json.openapi).toBe('3.1.0')
  expect(Object.keys(json.paths)).toEqual(
    expect.arrayContaining(['/series', '/series/{id}/runs', '/runs/{run}/log', '/operations']),
  )
  expect(json.components.schemas).toHaveProperty('Problem')
  const page = await ask('/api')
  expect(page.status).toBe(200)
  for (const path of Object.keys(json.paths)) expect(page.text).toContain(`GET ${path}`.slice(4))
})
