// The first page and the list of series: what they show, how they are searched, and that what mails say stays text.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Series } from '../../src/model/series.ts'
import type { Store } from '../../src/ports/store.ts'
import { app } from '../../src/web/app.ts'
import { runLine, sayWaiting } from '../../src/web/home/view.ts'
import type { Pages } from '../../src/web/parts.ts'
import { askedOf, filterOf, listPath } from '../../src/web/series/list-view.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { job, mail, planned, series, task, verdict } from '../contract/samples.ts'
import { fakeClock } from '../fakes/clock.ts'
import { config, project } from '../fakes/flow.ts'
import { memoryJournal } from '../fakes/journal.ts'
import { webParts } from './open.ts'
import { noon } from './sample.ts'

const minute = 60_000
let store: Store
let pages: Pages

const hostile: Partial<Series> = {
  title: '<script>alert(1)</script> "count" \u001b[31m\u202e & more',
  author: { name: '<b>Mallory</b>', address: 'mallory@example.org' },
}

beforeAll(async () => {
  store = await openStore({ folder: ':memory:' })
  const two = [project, { ...project, name: 'abacus' }]
  const wired = {
    ...{ store, clock: fakeClock(noon), log: () => {}, journal: memoryJournal() },
    config: { ...config('/nowhere'), projects: two },
  }
  pages = app(webParts(wired as unknown as Wired))
})
afterAll(() => store.close())

const textOf = async (path: string): Promise<string> => (await pages.request(path)).text()
const titles = (page: string): string[] =>
  [...page.matchAll(/<td><a href="\/series\/([^"]+)">/g)].map(one => one[1] ?? '')

describe('before anything came', () => {
  test('both pages say so', async () => {
    const home = await textOf('/')
    for (const words of ['Nothing runs.', 'Nothing waits.', 'There is no verdict yet.', 'tally, abacus'])
      expect(home).toContain(words)
    expect(await textOf('/series')).toContain('No series has come yet.')
    expect(await textOf('/series?text=count')).toContain('No series is like that.')
  })
})

describe('with much in it', () => {
  beforeAll(async () => {
    const many = Array.from({ length: 60 }, (_, i) =>
      series(`s${i}`, { lastAt: noon - i * minute, title: `tally: part ${i}`, state: planned(`j${i}`) }),
    )
    await store.saveSeries([
      ...many,
      series('evil', { lastAt: noon - 90 * minute, project: 'abacus', ...hostile }),
    ])
    await store.addVerdict(verdict('s7', { decidedAt: noon, finding: { kind: 'new-failures' } }), undefined)
    await store.saveMails(
      [mail('m7', { disposition: { kind: 'patch', series: 's7', position: 1 } })],
      undefined,
    )
    await store.addJob(job('j0', { series: 's0', createdAt: noon - 3 * minute }), [
      task('t0', 'j0', {
        kind: 'build',
        state: {
          at: 'running',
          attempt: 1,
          run: 'r0',
          host: 'alpha',
          since: noon - 2 * minute,
          until: noon + minute,
        },
      }),
      task('t1', 'j0', { image: 'win10' }),
    ])
  })

  test('the first page tells what runs, waits and was found; each part can be exchanged while somebody looks', async () => {
    const home = await textOf('/')
    const all = [
      'tally: part 0</a>',
      'Sofia Ödegård, v2',
      'build on debian',
      '(2 min)',
      'href="/runs/r0"',
      'href="/farm/hosts/alpha"',
    ]
    for (const words of [
      ...all,
      'One task waits.',
      '<th scope="row">win10</th>',
      '(3 min)',
      'new failures',
      'href="/series/s7"',
    ])
      expect(home).toContain(words)
    for (const id of ['running', 'waiting', 'verdicts']) expect(home).toContain(`<div id="${id}" data-live>`)
    expect(home).toContain('data-topics="queue verdicts"')
  })

  test('the list goes on by links, each series once', async () => {
    const first = await textOf('/series')
    const next = /rel="next" href="([^"]+)"/.exec(first)?.[1]?.replaceAll('&amp;', '&')
    const second = await textOf(next ?? '')
    expect(titles(first)).toHaveLength(50)
    expect([...titles(first), ...titles(second)]).toEqual([
      ...Array.from({ length: 60 }, (_, i) => `s${i}`),
      'evil',
    ])
    expect(second).not.toContain('rel="next"')
    expect(second).toContain('<a href="/series">Newest</a>')
  })

  test('a search keeps what was asked, in the form and from page to page', async () => {
    const page = await textOf('/series?text=part&author=sofia&verdict=none&state=planned&project=tally')
    expect(page).toContain('value="part"')
    expect(page).toContain('<option value="planned" selected>')
    expect(page).toContain('<option value="none" selected>')
    const next = /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? ''
    expect(titles(await textOf(next))).toHaveLength(9)
    expect(titles(await textOf('/series?verdict=new-failures'))).toEqual(['s7'])
  })

  test('a Message-ID or an id leads to its series', async () => {
    for (const text of ['<m7@example.org>', 'm7@example.org', 's7']) {
      const answer = await pages.request(`/series?text=${encodeURIComponent(text)}`)
      expect([answer.status, answer.headers.get('location')]).toEqual([302, '/series/s7'])
    }
    expect(titles(await textOf('/series?text=sofia@example.org'))).toHaveLength(50)
  })

  test('what mails say is text, and so is what is asked', async () => {
    const page = await textOf('/series?project=abacus')
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &quot;count&quot;')
    expect(page).toContain('&lt;b&gt;Mallory&lt;/b&gt;')
    expect(page).not.toMatch(/<b>|<script>|\u001b|\u202e|mallory@/)
    for (const text of ['"><img src=x>', "'; drop table series; --", '\u0001', '%', '\ud800'])
      for (const name of ['text', 'author', 'project', 'verdict', 'state', 'after']) {
        const answer = await pages.request(`/series?${name}=${encodeURIComponent(text.toWellFormed())}`)
        expect([answer.status, (await answer.text()).includes('<img')]).toEqual([200, false])
      }
  })
})

test('a NUL in an address is no page, whatever the database is', async () => {
  for (const path of ['/series?text=a%00', '/series/%00'])
    expect((await pages.request(path)).status).toBe(404)
})

describe('what is asked', () => {
  test('is what can be asked, and stands in the address again', () => {
    const asked = askedOf(
      { text: '  a \n b ', verdict: 'constructor', state: 'planned', project: 'x', more: 'y' },
      ['tally'],
    )
    expect(asked).toEqual({ text: 'a b', author: '', project: '', verdict: '', state: 'planned' })
    expect(filterOf(asked)).toEqual({ limit: 50, text: 'a b', at: 'planned' })
    expect(listPath(asked, '1-2')).toBe('/series?text=a+b&state=planned&after=1-2')
    expect(listPath(askedOf({}, []))).toBe('/series')
  })
})

describe('in words', () => {
  const base = { commit: 'f'.repeat(40), name: 'main' }
  const row = {
    ...{ task: 't', job: 'j', kind: 'test' as const, image: 'win10', project: 'tally', base },
    ...{ series: undefined, run: undefined, host: undefined, since: undefined },
  }
  test('a base has no series, and what has not begun no time', () => {
    expect(runLine({ ...row, why: 'baseline' }, noon)).toEqual({
      ...{
        title: 'main without patches',
        path: undefined,
        of: 'ffffffffffff',
        what: 'test on win10',
        why: 'to compare with',
      },
      ...{ host: undefined, run: undefined, since: undefined, age: '' },
    })
  })
  test('one task is one', () => {
    expect([[], [{ tasks: 1 }], [{ tasks: 1 }, { tasks: 11 }]].map(sayWaiting)).toEqual([
      'Nothing waits.',
      'One task waits.',
      '12 tasks wait.',
    ])
  })
})
