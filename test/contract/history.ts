// The store's part of bases and history; a part of the store's suite.
import { expect, it } from 'vitest'
import type { Sample } from '../../src/model/history.ts'
import type { Store } from '../../src/ports/store.ts'
import { job, task } from './samples.ts'

const sample = (id: string, at: number, more: Partial<Sample> = {}): Sample => ({
  ...{ id, project: 'tally', image: 'debian', step: 'all', job: 'b', run: `run-${id}`, base: '0'.repeat(40) },
  ...{ series: undefined, author: undefined, host: 'alpha', at, state: 'whole', only: undefined, count: 3 },
  failed: [{ test: 'NUL \0 > \uD800', message: 'a\nb' }],
  ...more,
})
const patched = { series: 's', author: 'ann@example.org', only: ['a'] }

export const historyContract = (store: () => Store) => {
  const found = async (
    filter: Omit<Parameters<Store['samples']>[0], 'project' | 'limit'> = {},
    limit = 100,
  ) => (await store().samples({ project: 'tally', ...filter, limit })).map(({ id }) => id)

  it('keeps samples once, whatever is in them, and gives the newest first', async () => {
    await store().addSamples([])
    await store().addSamples([sample('a', 10), sample('c', 30), sample('b', 20)])
    await store().addSamples([sample('b', 99), sample('d', 20)])
    expect(await found()).toEqual(['c', 'd', 'b', 'a'])
    expect(await store().samples({ project: 'tally', limit: 1 })).toEqual([sample('c', 30)])
    expect(await found({}, 2)).toEqual(['c', 'd'])
  })

  it('keeps many samples at once, each of many failures', async () => {
    const failed = Array.from({ length: 2000 }, (_, n) => ({ test: `t${n}`, message: 'x'.repeat(100) }))
    await store().addSamples(Array.from({ length: 250 }, (_, n) => sample(`s${n}`, n)))
    await store().addSamples([sample('large', 1000, { failed })])
    expect(await found({}, 1000)).toHaveLength(251)
    expect((await store().samples({ project: 'tally', limit: 1 }))[0]?.failed).toHaveLength(2000)
  })

  it('finds samples by project, image, step, patches and time', async () => {
    await store().addSamples([
      sample('a', 10),
      sample('b', 20, { image: 'windows' }),
      sample('c', 30, { step: 'more' }),
      sample('d', 40, patched),
      sample('e', 50, { project: 'other' }),
    ])
    expect(await found({ image: 'debian' })).toEqual(['d', 'c', 'a'])
    expect(await found({ step: 'all' })).toEqual(['d', 'b', 'a'])
    expect(await found({ patched: true })).toEqual(['d'])
    expect(await found({ patched: false })).toEqual(['c', 'b', 'a'])
    expect(await found({ since: 20 })).toEqual(['d', 'c'])
    expect(await found({ image: 'debian', step: 'all', patched: false, since: 9 })).toEqual(['a'])
    expect((await store().samples({ project: 'tally', patched: true, limit: 9 }))[0]).toEqual(
      sample('d', 40, patched),
    )
  })

  it('lets old samples go, of one project or of all', async () => {
    await store().addSamples([sample('a', 10), sample('b', 20), sample('c', 10, { project: 'other' })])
    expect(await store().pruneSamples(20, 'tally')).toBe(1)
    expect(await found()).toEqual(['b'])
    expect(await store().samples({ project: 'other', limit: 9 })).toHaveLength(1)
    expect(await store().pruneSamples(21)).toBe(2)
    expect(await store().pruneSamples(21)).toBe(0)
  })

  it('lists unpatched bases, the newest first, past jobs of other projects and series', async () => {
    for (let n = 0; n < 230; n++) await store().addJob(job(`o${n}`, { project: 'other' }), [])
    await store().addJob(job('b1', { night: '2026-09-14' }), [task('t', 'b1')])
    await store().addJob(job('j', { series: 's' }), [])
    await store().addJob(job('b2', { baseName: 'stable' }), [])
    await store().addJob(job('b3'), [])
    const listed = async (filter: { baseName?: string; limit?: number } = {}) =>
      (await store().baselines({ project: 'tally', limit: 10, ...filter })).map(({ id }) => id)
    expect(await listed()).toEqual(['b3', 'b2', 'b1'])
    expect(await listed({ limit: 2 })).toEqual(['b3', 'b2'])
    expect(await listed({ baseName: 'main' })).toEqual(['b3', 'b1'])
    expect(await listed({ baseName: 'gone' })).toEqual([])
    expect((await store().baselines({ project: 'other', limit: 300 })).at(-1)?.id).toBe('o0')
    expect((await store().baselines({ project: 'tally', baseName: 'main', limit: 2 })).at(-1)?.night).toBe(
      '2026-09-14',
    )
  })
}
