// The status page and its feeds: what they show, what they keep to themselves, and what they say when the database is away.
import { describe, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { Fault } from '../../src/model/fault.ts'
import { newIncident } from '../../src/model/incident.ts'
import { nextIncident } from '../../src/model/incident-machine.ts'
import type { Standing } from '../../src/ports/journal.ts'
import type { Store } from '../../src/ports/store.ts'
import { app } from '../../src/web/app.ts'
import { type Look, type LookPorts, looking } from '../../src/web/look.ts'
import { serve } from '../../src/web/server.ts'
import { statusView } from '../../src/web/view.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { host } from '../contract/samples.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'
import { config } from '../fakes/flow.ts'
import { webParts } from './open.ts'
import { fullDisk, lostLastWeek, noon, standing } from './sample.ts'

const log = () => {}

const look = (more: Partial<Look> = {}): Look => ({
  ...{ now: noon, standing: standing(), isDatabaseHere: true, botAt: noon - 10_000 },
  series: new Map([
    ['s1', { project: 'tally', words: 'count to <20>, Sofia Ödegård', at: 'planned' as const }],
  ]),
  nextWord: new Map([['idisk', noon + 3_600_000]]),
  ...more,
})

const pages = (given: Look | (() => Promise<Look>), url?: string) =>
  app(
    webParts(
      {
        config: { ...config('/nowhere'), web: { ...config('/nowhere').web, url } },
        ...{ clock: fakeClock(noon), log },
      } as unknown as Wired,
      {
        looking: { look: async () => (typeof given === 'function' ? given() : given), close: async () => {} },
      },
    ),
  )

const textOf = async (given: Look, path = '/status'): Promise<string> =>
  await (await pages(given).request(path)).text()

describe('the page', () => {
  test('tells what is wrong, for whom, and what is done about it', async () => {
    const text = await textOf(look())
    expect(text).toContain('<title>The disk of a test machine is almost full. – status of Grapevine</title>')
    for (const words of [
      'It begins no tests while that is so',
      'Old kernels were never removed.',
      'A larger disk is being put in.',
      'switched its power off and on: it hung',
      'count to &lt;20&gt;, Sofia Ödegård',
      '2026-01-05 13:00 UTC',
      'Planned: new &lt;memory&gt;',
      'its disk is full',
    ])
      expect(text).toContain(words)
  })

  test('keeps to itself what only operators hear of, and who they are', async () => {
    for (const path of ['/status', '/status.atom', '/status.json']) {
      const text = await textOf(look(), path)
      for (const secret of [
        'sofia@example.org',
        'gamma',
        'tally: all',
        'olga',
        '/var/lib/farm',
        'grapevine farm',
      ])
        expect(text).not.toContain(secret)
    }
  })

  test('nobody is told to wait for what is over and only watched', async () => {
    const watched = nextIncident(fullDisk, { on: 'cleared', how: 'there is room' }, noon - 60_000)
    if (watched === 'forgotten') throw new Error('it was open')
    const text = await textOf(look({ standing: standing({ incidents: [watched] }) }))
    expect(text).toContain('over, and watched for a while')
    expect(text).not.toContain('Results come later than usual')
  })

  test('a project waits if no test machine takes work', async () => {
    const hosts = [{ name: 'alpha', works: false, why: 'does not answer' }]
    const quiet = standing({ incidents: [], maintenances: [], hosts })
    const says = statusView(look({ standing: quiet }), { hold: [] }).projects.map(one => [one.name, one.says])
    expect(says).toEqual([
      ['tally', 'waits for a test machine'],
      ['abacus', 'works'],
    ])
  })

  test('maintenance that takes longer than it was to says so', async () => {
    const [window] = standing().maintenances
    if (!window) throw new Error('there is one')
    const at = { from: noon - 7_200_000, to: noon - 3_600_000 }
    const late = { ...window, ...at, state: { at: 'running' as const, since: at.from } }
    const text = await textOf(look({ standing: standing({ incidents: [], maintenances: [late] }) }))
    expect(text).toMatch(
      /since <time[^>]*>2026-01-05 10:00 UTC<\/time>. It was to end at <time[^>]*>2026-01-05 11:00/,
    )
  })

  test('what is held back appears when an operator has confirmed it', () => {
    const alike = newIncident({
      ...{
        id: 'i1',
        trouble: 'alike-failures',
        host: undefined,
        about: 'tally: all',
        since: noon,
        detail: '',
      },
      severity: 'major',
    })
    const live = (incidents: Standing['incidents']) =>
      statusView(look({ standing: standing({ incidents }) }), { hold: ['major'] }).live.map(({ id }) => id)
    expect(live([alike])).toEqual([])
    expect(live([{ ...alike, confirmed: { at: noon, by: 'olga' } }])).toEqual(['i1'])
  })

  test('has no script and no style of its own, and a name for each picture', async () => {
    const answer = await pages(look()).request('/status')
    const text = await answer.text()
    expect(text).not.toMatch(/<script|style=|\son[a-z]+=/i)
    expect(text.match(/<svg class="days"/g)).toHaveLength(4)
    expect(text.match(/role="img" aria-label="[^"]+"/g)).toHaveLength(4)
    expect(text).toContain(
      'beta: trouble or maintenance on 2 of the last 90 days: 2025-12-16 maintenance: new switch; 2025-12-29 A test machine does not answer',
    )
    expect(answer.headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    )
  })

  test('says that all is well only if it is', () => {
    const said = (more: Partial<Standing>, other: Partial<Look> = {}) =>
      statusView(look({ standing: standing({ incidents: [], maintenances: [], ...more }), ...other }), {
        hold: [],
      }).headline
    const works = [{ name: 'beta', works: true, why: '' }]
    expect(said({ hosts: works })).toBe('Everything works.')
    expect(said({ incidents: [fullDisk] })).toBe('The disk of a test machine is almost full.')
    expect(said({ hosts: [{ name: 'beta', works: false, why: 'lost' }] })).toMatch(/^No test machine/)
    expect(said({ hosts: [] })).toMatch(/^No test machine/)
    expect(said({ incidents: [lostLastWeek], hosts: works })).toBe('Everything works.')
    const pause = { since: noon, reason: 'new disks' }
    const rests = [{ name: 'beta', works: false, why: 'new disks' }]
    expect(said({ hosts: rests, pause })).toBe('The queue is paused: new disks.')
    expect(said({ hosts: rests, pause, incidents: [fullDisk] })).toBe(
      'The queue is paused: new disks. The disk of a test machine is almost full.',
    )
    expect(said({ hosts: works, pause: { ...pause, until: noon } })).toBe('Everything works.')
    expect(said({ hosts: works }, { botAt: noon - 600_000 })).toBe('Grapevine is not running.')
    expect(said({ hosts: works }, { isDatabaseHere: false })).toBe('The database does not answer.')
    expect(statusView(look({ standing: undefined, isDatabaseHere: false }), { hold: [] }).mood).toBe(
      'unknown',
    )
  })
})

describe('feeds', () => {
  test('one entry for each incident and window, the newest word first, with addresses that stay', async () => {
    const answer = await pages(look(), 'https://status.example.org/bot').request('/status.json')
    expect(answer.headers.get('content-type')).toBe('application/feed+json; charset=utf-8')
    const { items, home_page_url } = JSON.parse(await answer.text())
    expect(home_page_url).toBe('https://status.example.org/bot/status')
    expect(items.map(({ id }: { id: string }) => id.split('#')[1])).toEqual(['idisk', 'm1', 'ilost', 'm0'])
    expect(items[2]).toMatchObject({
      title: expect.stringMatching(/ \(resolved\)$/),
      url: 'https://status.example.org/bot/status#ilost',
    })
  })

  test('Atom is well-formed where titles are not', async () => {
    const text = await textOf(look(), '/status.atom')
    expect(text).toMatch(/^<\?xml/)
    expect(text).toContain('<updated>2026-01-05T11:40:00.000Z</updated>')
    expect(text).not.toContain('<memory>')
  })
})

test('who has it already gets no second copy; what is not there is said', async () => {
  const same = pages(look())
  const tag = (await same.request('/status')).headers.get('etag') ?? ''
  const again = await same.request('/status', { headers: { 'if-none-match': tag } })
  expect(again.status).toBe(304)
  expect((await same.request('/nothing')).status).toBe(404)
  expect((await same.request('/status', { method: 'POST' })).status).toBe(404)
  const broken = pages(async () => {
    throw new Error('no')
  })
  const answer = await broken.request('/status')
  expect(answer.status).toBe(500)
  expect(await answer.text()).toBe('This page cannot be shown at the moment. Please try again later.\n')
})

describe('how things stand', () => {
  const journal = (more: Partial<LookPorts['journal']> = {}): LookPorts['journal'] => ({
    ...{ standing: async () => undefined, incidents: async () => [], notices: async () => [], ...more },
  })
  const given = (open: () => Promise<Store>, more: Partial<LookPorts> = {}): LookPorts => ({
    ...{ open, journal: journal(), clock: fakeClock(noon), log, projects: ['tally'], ...more },
  })
  const away = () => Promise.reject(new Fault('unreachable', 'soon', 'database: connection refused'))

  test('comes from the database, once in a few seconds', async () => {
    const store = await openStore({ folder: ':memory:' })
    await store.openIncident(fullDisk)
    await store.saveHost(host('alpha', { seenAt: noon }))
    let opened = 0
    const clock: FakeClock = fakeClock(noon)
    const eyes = looking(
      given(
        async () => {
          opened += 1
          return store
        },
        { clock },
      ),
    )
    const [one, two] = await Promise.all([eyes.look(), eyes.look()])
    expect(two).toBe(one)
    expect(one).toMatchObject({
      isDatabaseHere: true,
      standing: { incidents: [{ id: 'idisk' }], hosts: [{ works: true }] },
    })
    await store.changeIncident('idisk', incident => ({ ...incident, cause: 'rats' }))
    expect(await eyes.look()).toBe(one)
    await clock.advance(5_000)
    expect((await eyes.look()).standing?.incidents[0]?.cause).toBe('rats')
    expect(opened).toBe(1)
    await eyes.close()
  })

  test('comes from the journal while the database is away, with the time; and says so', async () => {
    const kept = standing({ at: noon - 600_000, incidents: [] })
    const own = newIncident({
      ...{
        id: 'idb',
        trouble: 'database-unreachable',
        host: undefined,
        about: 'database',
        since: noon - 300_000,
      },
      detail: 'connection refused',
    })
    const eyes = looking(
      given(away, { journal: journal({ standing: async () => kept, incidents: async () => [own] }) }),
    )
    const seen = await eyes.look()
    expect(seen).toMatchObject({
      isDatabaseHere: false,
      standing: { at: noon - 600_000, incidents: [{ id: 'idb' }] },
    })
    const text = await textOf(seen)
    expect(text).toContain('This is how things stood at <time datetime="2026-01-05T11:50:00.000Z">')
    expect(text).toContain('Testing stands still')
  })

  test('is unknown when there is neither; a monitor is told', async () => {
    const damaged = journal({ standing: () => Promise.reject(new Fault('damaged', 'never', 'no JSON')) })
    const unknown = await looking(given(away, { journal: damaged })).look()
    expect(unknown.standing).toBeUndefined()
    const health = await pages(unknown).request('/healthz')
    expect([health.status, await health.json()]).toEqual([503, { ok: false, database: false, bot: null }])
    expect((await pages(look()).request('/healthz')).status).toBe(200)
    expect(await textOf(unknown)).toContain('How things stand is not known at the moment.')
  })

  test('a database that does not answer is not waited for', async () => {
    const clock = fakeClock(noon)
    const eyes = looking(
      given(() => new Promise(() => {}), { clock, journal: journal({ standing: async () => standing() }) }),
    )
    const asked = eyes.look()
    await clock.advance(5_000)
    expect(await asked).toMatchObject({ isDatabaseHere: false, standing: { at: noon } })
  })
})

test('it is served over HTTP, and an address that is taken is said', async () => {
  const served = await serve(pages(look()), { host: '127.0.0.1', port: 0 })
  const answer = await fetch(`http://127.0.0.1:${served.port}/status`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8'])
  await answer.text()
  await expect(serve(pages(look()), { host: '127.0.0.1', port: served.port })).rejects.toMatchObject({
    kind: 'refused',
    message: `pages: somebody listens on 127.0.0.1:${served.port} already`,
  })
  await served.close()
})
