// What pages list of series, and what runs and waits: part of the store's contract.
import { describe, expect, it } from 'vitest'
import type { SeriesFilter, SeriesRow } from '../../src/ports/reads.ts'
import type { Store } from '../../src/ports/store.ts'
import { job, planned, running, series, task, verdict } from './samples.ts'

const ids = (rows: SeriesRow[]) => rows.map(({ id }) => id)

export const listContract = (store: () => Store): void => {
  describe('lists of series', () => seriesLists(store))
  describe('what runs and waits', () => taskLists(store))
}

const seriesLists = (store: () => Store) => {
  const list = (filter: Partial<SeriesFilter>) => store().reads.listSeries({ limit: 10, ...filter })
  const found = async (filter: Partial<SeriesFilter>) => ids((await list(filter)).rows)

  it('shows each as it is now, the last heard of first', async () => {
    await store().saveSeries([series('a', { lastAt: 3000 }), series('b', { lastAt: 5000 })])
    await store().saveSeries([series('a', { lastAt: 3000, title: 'count to 12', state: planned('j') })])
    await store().addVerdict(verdict('a'), undefined)
    const { rows, next } = await list({})
    expect(next).toBeUndefined()
    expect(rows.map(({ id, at, verdict: one }) => [id, at, one])).toEqual([
      ['b', 'collecting', undefined],
      ['a', 'planned', { kind: 'all-well', at: 4000 }],
    ])
    expect(rows[1]).toEqual({
      ...{
        id: 'a',
        project: 'tally',
        title: 'count to 12',
        version: 2,
        total: 2,
        firstAt: 1000,
        lastAt: 3000,
      },
      author: { name: 'Sofia Ödegård', address: 'sofia@example.org' },
      ...{ origin: 'mail', at: 'planned', verdict: { kind: 'all-well', at: 4000 } },
    })
  })

  it('goes on where a page ended, also among those of the same moment', async () => {
    const many = Array.from({ length: 7 }, (_, i) => series(`s${i}`, { lastAt: 1000 + Math.floor(i / 3) }))
    await store().saveSeries(many)
    const seen: string[] = []
    for (let after: string | undefined, pages = 0; pages < 9; pages++) {
      const { rows, next } = await list({ limit: 3, ...(after === undefined ? {} : { after }) })
      seen.push(...ids(rows))
      after = next
      if (next === undefined) break
    }
    expect(seen).toEqual(['s6', 's5', 's4', 's3', 's2', 's1', 's0'])
    expect(await found({ after: "no place of ours'; --", limit: 2 })).toEqual(['s6', 's5'])
  })

  it('finds words of title and author by how they begin, without case and accents; all must be there', async () => {
    const olga = { name: 'Olga O’Hara', address: 'olga@lists.example.net' }
    await store().saveSeries([
      series('a', { title: 'dlls/wined3d: Füll the_buffer' }),
      series('b', { title: 'wined3d: count', author: olga, lastAt: 900 }),
    ])
    const asked = async (text: string) => (await found({ text })).join('')
    expect(await asked('wined')).toBe('ab')
    expect(await asked('WINED3D: full')).toBe('a')
    expect(await asked('buff dlls')).toBe('a')
    expect(await asked('odegard')).toBe('a')
    expect(await asked('olga count')).toBe('b')
    expect(await asked('olga@lists')).toBe('b')
    expect(await asked('ined3d')).toBe('')
    expect(await asked('  ')).toBe('ab')
    expect(await asked('+++')).toBe('')
    expect(await found({ author: 'hara' })).toEqual(['b'])
    expect(await found({ author: 'wined3d' })).toEqual([])
    expect(await found({ author: 'sofia', text: 'count' })).toEqual([])
  })

  it('no text is an order to the database', async () => {
    await store().saveSeries([
      series('a', { title: 'it\'s "quoted" AND (NOT title: x* ^ - \\ \0 \uD800 & | ! <->' }),
    ])
    const hostile = ["'", '"', 'a" OR "b', "it's:*", 'NOT', 'title:', '\\', '\0', '\uD800', 'x'.repeat(5000)]
    for (const text of hostile) await found({ text, author: text })
    expect(await found({ text: 'NOT "quoted"' })).toEqual(['a'])
    expect(await found({ text: 'a" OR "b' })).toEqual([])
  })

  it('forgets the words of a title that was changed', async () => {
    await store().saveSeries([series('a', { title: 'count to ten' })])
    await store().saveSeries([series('a', { title: 'count to twelve' })])
    expect(await found({ text: 'ten' })).toEqual([])
    expect(await found({ text: 'twelve' })).toEqual(['a'])
  })

  it('keeps to project, verdict and state, together with words', async () => {
    await store().saveSeries([
      series('a', { project: 'abacus', state: planned('j') }),
      series('b', { state: planned('k') }),
      series('c', { title: 'other' }),
    ])
    await store().addVerdict(verdict('b', { finding: { kind: 'new-failures' } }), undefined)
    expect(await found({ project: 'abacus' })).toEqual(['a'])
    expect(await found({ verdict: 'new-failures' })).toEqual(['b'])
    expect(await found({ verdict: 'none' })).toEqual(['c', 'a'])
    expect(await found({ at: 'planned', verdict: 'none', text: 'tally' })).toEqual(['a'])
    expect(await found({ at: 'planned', text: 'other' })).toEqual([])
  })

  it('the newest verdict of each counts, and the newest of all comes first', async () => {
    await store().saveSeries(
      ['a', 'b', 'c'].map(id => series(id, { project: id === 'b' ? 'abacus' : 'tally' })),
    )
    await store().addVerdict(verdict('a', { job: 'j1', decidedAt: 4000 }), undefined)
    await store().addVerdict(verdict('b', { job: 'j2', decidedAt: 5000 }), undefined)
    const last = verdict('a', { job: 'j3', decidedAt: 6000, finding: { kind: 'new-failures' } })
    await store().addVerdict(last, undefined)
    await store().addVerdict(verdict('a', { job: 'j4', decidedAt: 3000 }), undefined)
    const latest = await store().reads.latestVerdicts({ limit: 5 })
    expect(latest.map(({ id, verdict: one }) => [id, one])).toEqual([
      ['a', { kind: 'new-failures', at: 6000 }],
      ['b', { kind: 'all-well', at: 5000 }],
    ])
    expect(ids(await store().reads.latestVerdicts({ project: 'abacus', limit: 1 }))).toEqual(['b'])
  })

  it('knows the versions of the same work', async () => {
    const links = {
      dependsOn: { messageIds: [], changeIds: [], patchIds: [] },
      supersedes: [],
      changeId: 'c1',
    }
    await store().saveSeries([
      series('v1', { version: 1, state: { at: 'superseded', by: 'v2' } }),
      series('v2', { version: 2, state: { at: 'superseded', by: 'v3' } }),
      series('v3', { version: 3, links }),
      series('v4', { version: 4, links }),
      series('other', { version: 1 }),
    ])
    for (const id of ['v1', 'v3', 'v4'])
      expect(ids(await store().reads.versionsOf(id))).toEqual(['v1', 'v2', 'v3', 'v4'])
    expect(ids(await store().reads.versionsOf('other'))).toEqual(['other'])
    expect(await store().reads.versionsOf('nothing')).toEqual([])
  })
}

const taskLists = (store: () => Store) => {
  it('what runs, the longest first, with what it is for', async () => {
    await store().saveSeries([series('s', { title: 'count' })])
    await store().addJob(job('base'), [
      task('t0', 'base', {
        kind: 'build',
        state: { at: 'running', attempt: 1, run: 'r0', host: 'alpha', since: 9000, until: 9900 },
      }),
    ])
    await store().addJob(job('j', { series: 's' }), [
      task('t1', 'j', { state: running('r1') }),
      task('t2', 'j', { image: 'win10' }),
      task('t3', 'j', {
        state: { at: 'running', attempt: 1, run: 'r3', host: 'beta', since: 1000, until: 9000 },
        probe: { why: 'proof', side: 'with', build: 'b', step: 'x', round: 1, turn: 1 },
      }),
    ])
    const rows = await store().reads.running(5)
    expect(rows.map(({ task: id, why, run, host, since }) => [id, why, run, host, since])).toEqual([
      ['t3', 'proof', 'r3', 'beta', 1000],
      ['t1', 'first', 'r1', 'alpha', 2000],
      ['t0', 'baseline', 'r0', 'alpha', 9000],
    ])
    expect(rows[1]).toMatchObject({
      ...{ kind: 'test', image: 'debian', project: 'tally', base: { commit: '0'.repeat(40), name: 'main' } },
      series: { id: 's', title: 'count', version: 2, author: { address: 'sofia@example.org' } },
    })
    expect(rows[2]?.series).toBeUndefined()
    expect(await store().reads.running(1)).toHaveLength(1)
  })

  it('what waits, by image, and since when', async () => {
    expect(await store().reads.waiting()).toEqual([])
    await store().addJob(job('j1', { createdAt: 2000 }), [
      task('t1', 'j1'),
      task('t2', 'j1', { image: 'win10' }),
    ])
    await store().addJob(job('j2', { createdAt: 1000 }), [
      task('t3', 'j2'),
      task('t4', 'j2', { state: running('r') }),
    ])
    expect(await store().reads.waiting()).toEqual([
      { image: 'debian', tasks: 2, oldest: 1000 },
      { image: 'win10', tasks: 1, oldest: 2000 },
    ])
  })
}
