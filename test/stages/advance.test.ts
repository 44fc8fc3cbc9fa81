// What is due for a job, from a real store: a verdict waits for what it is made of, and for nothing else.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Outcome, Task } from '../../src/model/job.ts'
import type { Store } from '../../src/ports/store.ts'
import { advance } from '../../src/stages/judge/advance.ts'
import { gatherCase } from '../../src/stages/judge/case.ts'
import { job, planned, series, task } from '../contract/samples.ts'
import { fakeClock } from '../fakes/clock.ts'
import { project, recipe } from '../fakes/flow.ts'

let store: Store
beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
})
afterEach(() => store.close())

const done = (outcome: Outcome): Pick<Task, 'state'> => ({ state: { at: 'done', attempts: 1, outcome } })

const broken: Outcome = {
  ...{ kind: 'build-failed', errors: ['a.c:1: error: x'], plain: true },
  step: { name: 'build', ending: { kind: 'finished', exitCode: 2 }, tail: [], lines: [1, 1] },
}
const built: Outcome = {
  ...{ kind: 'built', artifact: 'blob-1' },
  steps: [{ name: 'build', ending: { kind: 'finished', exitCode: 0 }, tail: [], lines: [1, 1] }],
}
const refused: Outcome = { kind: 'does-not-apply', position: 1, title: 'x', conflicts: [], tail: [] }

/** A series' job whose build came to that end, and its base line. */
const given = async (own: Outcome, base: Outcome | undefined): Promise<void> => {
  await store.saveSeries([series('s1', { state: planned('j1') })])
  const first = (id: string, build: Pick<Task, 'state'> | object) => [
    task(`${id}-build`, id, { kind: 'build', ...build }),
    ...recipe.test.images.map(image => task(`${id}-test-${image}`, id, { image })),
  ]
  await store.addJob(job('b1', { recipe }), first('b1', base ? done(base) : {}))
  await store.addJob(job('j1', { series: 's1', baseline: 'b1', recipe }), first('j1', done(own)))
}

const next = (id: string) => advance({ store, clock: fakeClock(), project: () => project })(id)

describe('a reply that needs no tests waits for none', () => {
  it('on a broken build: only for the build of the base', async () => {
    await given(broken, undefined)
    expect(await next('j1')).toEqual({ do: 'wait' })
    await store.moveTask('b1-build', { at: 'queued', attempt: 1 }, done(built).state)
    // The tests of the base are due; and who waits for its build hears that it is there.
    expect(await next('b1')).toMatchObject({ do: 'run', tasks: [{}, {}], look: ['j1'] })
    expect(await next('j1')).toMatchObject({ do: 'conclude', verdict: { finding: { kind: 'build-broken' } } })
  })

  it('on a patch that does not apply: for nothing at all', async () => {
    await given(refused, undefined)
    expect(await next('j1')).toMatchObject({
      ...{ do: 'conclude', verdict: { finding: { kind: 'does-not-apply' } } },
    })
  })
})

it('runs of the plain base say nothing of one with what a series needs in it', async () => {
  const image = recipe.test.images[0] ?? ''
  await store.addSamples([
    {
      ...{ id: 'x1', project: 'tally', image, step: 'all', job: 'b0', run: 'r1', base: job('j1').base },
      ...{ series: undefined, author: undefined, host: 'alpha', at: 1, state: 'whole', only: undefined },
      ...{ count: 2, failed: [{ test: 'a', message: '' }] },
    },
  ])
  const before = [{ series: 's0', title: 'ground', parts: [] }]
  for (const [own, here] of [
    [job('j1', { recipe }), { failed: 1, runs: 1 }],
    [job('j2', { recipe, before }), { failed: 0, runs: 0 }],
  ] as const) {
    const given = await gatherCase(
      { store, clock: fakeClock() },
      { job: own, series: series('s1'), policy: project.proof },
    )
    expect(given.here(image, 'all', 'a')).toEqual(here)
    expect(given.history(image, 'all', 'a')).toEqual({ failed: 1, runs: 1 })
  }
})
