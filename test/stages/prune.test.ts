// What history keeps, and for how long. On a real store.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Store } from '../../src/ports/store.ts'
import { pruneHistory } from '../../src/stages/upkeep/prune.ts'
import { job } from '../contract/samples.ts'
import { fakeClock } from '../fakes/clock.ts'

const day = 86_400_000
let store: Store
beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
})
afterEach(() => store.close())

const clock = fakeClock()
const ago = (days: number) => clock.now() - days * day

/** A base that was tested so many days ago. */
const tested = async (days: number) => {
  const [id, base] = [`b${days}`, `${days}`.padStart(40, '0')]
  const unpatched = { series: undefined, baseline: undefined, baseName: 'main' }
  await store.addJob(job(id, { ...unpatched, base, createdAt: ago(days) }), [])
  await store.addSamples([
    {
      ...{ id: `s${days}`, project: 'tally', image: 'debian', step: 'all', job: id, run: `r${days}`, base },
      ...{ series: undefined, author: undefined, host: 'here', at: ago(days), state: 'whole' },
      ...{ only: undefined, count: 1, failed: [] },
    },
  ])
  await store.addBlames([
    {
      ...{ id: `f${days}`, project: 'tally', job: 'j', series: 's', author: 'ann@example.org', base },
      ...{ image: 'debian', host: 'here', step: 'all', test: 'sums', sign: '', at: ago(days) },
    },
  ])
}
const kept = async () => (await store.samples({ project: 'tally', limit: 100 })).map(({ id }) => id)

it('the last bases stay, and whatever is younger than a week', async () => {
  for (const days of [40, 30, 20, 6, 5, 4]) await tested(days)
  expect(await pruneHistory({ store, clock }, { project: 'tally', bases: 2 })).toBe(3)
  expect(await kept()).toEqual(['s4', 's5', 's6'])
  expect(await pruneHistory({ store, clock }, { project: 'tally', bases: 2 })).toBe(0)
})

it('however few bases there were, nothing stays longer than 90 days', async () => {
  for (const days of [120, 91, 89]) await tested(days)
  await pruneHistory({ store, clock }, { project: 'tally', bases: 30 })
  expect(await kept()).toEqual(['s89'])
  expect((await store.blames({ project: 'tally', since: 0 })).map(({ id }) => id)).toEqual(['f89'])
})
