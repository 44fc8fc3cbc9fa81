// Pages of the farm, of tests, known failures, incidents and figures: what they say, to whom, and that other people's words stay words.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hoursOf } from '../../src/model/busy.ts'
import { digestOf } from '../../src/web/access/session.ts'
import { app } from '../../src/web/app.ts'
import { thinned } from '../../src/web/charts/lines.ts'
import { activityView } from '../../src/web/farm/view.ts'
import { percentile, sayDuration, sayShare } from '../../src/web/figures.ts'
import { statisticsView } from '../../src/web/statistics/view.ts'
import { host, running, task } from '../contract/samples.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { type Browser, browser } from './browser.ts'
import { fillBusyFarm, flakyTest } from './busy-farm.ts'
import { webParts } from './open.ts'

const hour = 3_600_000

describe('figures', () => {
  test('are said shortly and never rounded to what they are not', () => {
    expect([0, 42_000, 89_499, 90_000, 12 * 60_000, hour, 3_900_000].map(sayDuration)).toEqual([
      ...['0 s', '42 s', '89 s', '2 min', '12 min', '1 h', '1 h 5 min'],
    ])
    expect([24 * hour, 50 * hour].map(sayDuration)).toEqual(['1 d', '2 d 2 h'])
    expect(
      [
        [0, 9],
        [1, 900],
        [899, 900],
        [9, 9],
        [1, 3],
        [0, 0],
      ].map(([a = 0, b = 0]) => sayShare(a, b)),
    ).toEqual([...['0 %', '< 1 %', '> 99 %', '100 %', '33 %', '–']])
  })

  test('a percentile is one of the values', () => {
    expect(percentile([], 0.5)).toBeUndefined()
    expect(percentile([7], 0.99)).toBe(7)
    const hundred = Array.from({ length: 100 }, (_, n) => n + 1)
    expect([0.5, 0.9, 0.99].map(share => percentile(hundred, share))).toEqual([50, 90, 99])
  })

  test('a span falls on hours, and its sum is kept', () => {
    expect(hoursOf(hour - 1000, 2 * hour + 500)).toEqual([
      { hour: 0, ms: 1000 },
      { hour, ms: hour },
      { hour: 2 * hour, ms: 500 },
    ])
    expect(hoursOf(hour, hour)).toEqual([{ hour, ms: 0 }])
    expect(hoursOf(0, 9999 * hour)).toHaveLength(73)
  })

  test('of many points the highest stay', () => {
    const points = Array.from({ length: 1000 }, (_, n) => ({ at: n, value: n === 777 ? 99 : n % 3 }))
    const few = thinned(points, 50)
    expect(few).toHaveLength(50)
    expect(Math.max(...few.map(({ value }) => value))).toBe(99)
    expect(thinned(points.slice(0, 3))).toEqual(points.slice(0, 3))
  })

  test('activity counts what runs now, by host and step', () => {
    const now = 10 * hour + hour / 2
    const state = { ...running('r'), host: 'alpha', since: now - hour } as never
    const view = activityView({
      activity: [{ host: 'alpha', hour: 8 * hour, busyMs: hour, runs: 3, ours: 1 }],
      running: [task('t', 'j', { state })],
      hosts: [host('alpha', { slots: 2 }), host('beta')],
      ...{ from: 8 * hour, now, stepHours: 2 },
    })
    expect(view.rows.map(({ name, cells }) => [name, cells.map(({ share }) => share)])).toEqual([
      ['alpha', [0.375, 0.125]],
      ['beta', []],
    ])
    expect(view.sums[0]).toMatchObject({ busyMs: 2 * hour, runs: 3, ours: 1, share: 0.4 })
    expect(view.rows[0]?.cells[0]).toMatchObject({ isTrouble: true, from: 8 * hour, to: 10 * hour })
  })

  test('nothing was given, and nothing is said of it', () => {
    const nothing = { turnarounds: [], activity: [], hosts: [], weeks: [], queue: [] }
    const view = statisticsView({ ...nothing, days: 7, now: 99 * 24 * hour })
    expect(view.turnaround).toBeUndefined()
    expect(view.spread.every(({ count }) => count === 0)).toBe(true)
  })
})

describe('pages', () => {
  let flow: Flow
  let reader: Browser
  let olga: Browser
  beforeAll(async () => {
    flow = await openFlow(async () => ({ ending: { kind: 'finished', exitCode: 0 }, output: '' }))
    const { store, clock } = flow.wired
    await fillBusyFarm(store, clock.now())
    const token = 'o'.repeat(43)
    const times = { createdAt: clock.now(), seenAt: clock.now(), expiresAt: clock.now() + 1e9 }
    await store.saveSession({
      ...{ id: digestOf(token), csrf: 'c'.repeat(43), ...times },
      viewer: { name: 'olga@example.org', address: 'olga@example.org', by: 'mail', role: 'operator' },
    })
    const pages = app(webParts(flow.wired))
    reader = browser(pages)
    olga = browser(pages)
    olga.cookies.set('grapevine', token)
  })
  afterAll(() => flow.close())

  const read = async (path: string, by = reader): Promise<string> => {
    const answer = await by.get(path)
    const text = await answer.text()
    expect([answer.status, text.includes('undefined'), text.includes('NaN')]).toEqual([200, false, false])
    expect(text.length).toBeLessThan(150_000)
    expect(text).not.toMatch(/ style=|<script>|\son\w+=/)
    return text
  }

  test('every page is there for everybody, is small, and needs no script', async () => {
    for (const path of [
      ...['/farm', '/farm?days=7', '/farm?days=30', '/farm/hosts/alpha', '/farm/hosts/beta', '/tests'],
      ...['/farm/hosts/gamma%20%3C3%3E', '/tests?text=dns', '/known', '/known?state=confirmed', '/incidents'],
      ...['/statistics', '/statistics?days=90&project=tally'],
    ])
      await read(path)
  })

  test('the farm says who takes work and who does not; why, as the status page does; by whom, to operators', async () => {
    const text = await read('/farm')
    for (const words of [
      'Test machines that take work: 1 of 3. Busy slots: 1 of 2.',
      'drained: a new &lt;disk&gt;, until 2026-01-05 14:00 UTC',
      'not heard of since 2026-01-05 10:00 UTC',
      'gamma &lt;3&gt;',
      '206 GiB of 931 GiB',
    ])
      expect(text).toContain(words)
    expect(text).not.toMatch(/olga/)
    expect(await read('/farm/hosts/beta')).not.toMatch(/olga/)
    expect(await read('/farm', olga)).toContain(
      'drained by olga@example.org: a new &lt;disk&gt;, until 2026-01-05 14:00 UTC',
    )
  })

  test('a host tells of its disk and its runs', async () => {
    const text = await read('/farm/hosts/alpha')
    for (const words of [
      '4f2a90c1d2e3 (debian',
      'href="/runs/run-now"',
      'failed by fault of ours',
      'And 3 smaller ones',
    ])
      expect(text).toContain(words)
    expect((await reader.get('/farm/hosts/delta')).status).toBe(404)
  })

  test('tests are found, ranked, and told run by run', async () => {
    const text = await read('/tests')
    expect(text.indexOf('retries &lt;when&gt;')).toBeGreaterThan(0)
    expect(text).toContain('Fail now and then')
    const link =
      /href="(\/tests\/tally\/history[^"]*dns[^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const history = await read(link)
    expect(history).toContain('<h1>net/dns &gt; retries &lt;when&gt; the &quot;server&quot; is slow</h1>')
    for (const words of ['timed out after 30 s &lt;b&gt;', 'without patches it failed', 'k1111111'])
      expect(history.toLowerCase()).toContain(words)
    const only = await read(`${link}&image=busybox`)
    expect(only).toContain('Only on busybox')
    expect(await read('/tests?text=no-such-test')).toContain('No test that ever failed has these words')
    for (const path of [
      '/tests/other/history?step=all&test=x',
      '/tests/tally/history',
      '/tests/tally/history?step=&test=',
    ])
      expect((await reader.get(path)).status).toBe(404)
    const never = `/tests/tally/history?step=all&test=${encodeURIComponent(`${flakyTest}%F0 `)}`
    expect(await read(never)).toContain('whether it was in them is not known')
  })

  test('statistics tell of verdicts, queue, hosts and blame', async () => {
    const text = await read('/statistics')
    for (const words of [
      'Half within',
      'Tasks that wait, and that run',
      'taken back',
      'href="/farm/hosts/alpha"',
    ])
      expect(text).toContain(words)
  })

  test('a known failure is confirmed by an operator, and by nobody else', async () => {
    expect(await read('/known?state=proposed')).not.toContain('<form method="post" action="/operations')
    const text = await read('/known?state=proposed', olga)
    expect(text).toContain('<form method="post" action="/operations/known"')
    const fields = {
      id: 'k11111111',
      decision: 'confirm',
      bug: 'https://bugs.example.org/9',
      back: '/known?state=proposed',
    }
    expect((await reader.post('/operations/known', fields)).status).not.toBe(200)
    expect((await olga.post('/operations/known', fields)).status).toBe(303)
    expect(await read('/known?state=confirmed')).toContain('href="https://bugs.example.org/9"')
    expect(await read('/known?state=confirmed&text=mixer')).not.toContain('k11111111')
  })

  test('of some incidents only operators see, and they note what they do', async () => {
    expect(await read('/incidents')).not.toContain('sofia@example.org')
    expect((await reader.get('/incidents/ihidden')).status).toBe(404)
    expect(await read('/incidents', olga)).toContain('mail-refused: sofia@example.org')
    const own = await read('/incidents/ihidden', olga)
    expect(own).toContain('Only operators see this one')
    const fields = {
      id: 'ihidden',
      decision: 'note',
      what: 'asked their postmaster',
      back: '/incidents/ihidden',
    }
    expect((await olga.post('/operations/incident', fields)).status).toBe(303)
    expect(await read('/incidents/ihidden', olga)).toContain('asked their postmaster')
  })
})
