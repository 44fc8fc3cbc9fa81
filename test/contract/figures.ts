// What the pages count and search: tests, hosts' hours, verdicts, the queue. A part of the store's suite.
import { expect, it } from 'vitest'
import type { Sample } from '../../src/model/history.ts'
import type { Outcome } from '../../src/model/job.ts'
import type { Store } from '../../src/ports/store.ts'
import { run, series, verdict } from './samples.ts'

const sample = (id: string, at: number, more: Partial<Sample> = {}): Sample => ({
  ...{ id, project: 'tally', image: 'debian', step: 'all', job: 'b', run: `run-${id}`, base: '0'.repeat(40) },
  ...{ series: undefined, author: undefined, host: 'alpha', at, state: 'whole', only: undefined, count: 3 },
  failed: [],
  ...more,
})
const failing = (...tests: string[]) => ({
  failed: tests.map(test => ({ test, message: `${test} is wrong` })),
})
const patched = { series: 's', author: 'ann@example.org' }
const hour = 3_600_000

export const figuresContract = (store: () => Store) => {
  const found = async (text: string, limit = 10) =>
    (await store().reads.findTests({ project: 'tally', text, limit })).map(({ test }) => test)

  it('finds tests that failed by words of their names, the last failed first', async () => {
    await store().addSamples([
      sample('a', 10, failing('net/DNS > retry 50%', 'net/http', 'math_sum')),
      sample('b', 20, { ...failing('net/http', 'NUL \0 \uD800'), ...patched }),
      sample('c', 30, { ...failing('elsewhere'), project: 'other' }),
      sample('d', 5, failing('net/http')),
      sample('e', 40, { state: 'truncated', step: 'slow' }),
    ])
    expect(await found('')).toEqual(['', 'NUL \uFFFD \uFFFD', 'net/http', 'math_sum', 'net/DNS > retry 50%'])
    expect(await found('Net dns')).toEqual(['net/DNS > retry 50%'])
    expect(await found('50%')).toEqual(['net/DNS > retry 50%'])
    expect(await found('%th')).toEqual([])
    expect(await found('h_s')).toEqual(['math_sum'])
    expect(await found('h\\_s')).toEqual([])
    expect(await found('slow')).toEqual([''])
    expect(await found('', 2)).toHaveLength(2)
    const [first] = await store().reads.findTests({ project: 'tally', text: 'http', limit: 1 })
    expect(first).toEqual({ step: 'all', test: 'net/http', lastFailed: 20 })
  })

  it('tells how a test did, past runs that say nothing of it', async () => {
    await store().addSamples([
      sample('a', 10, { ...failing('x'), baseName: 'main' }),
      sample('b', 20),
      sample('c', 30, { only: ['y'] }),
      sample('d', 40, { ...patched, only: ['x'] }),
      sample('e', 50, { state: 'truncated' }),
      sample('f', 60, { image: 'windows' }),
      sample('g', 70, { step: 'more' }),
    ])
    const history = (more: { test?: string; image?: string; limit?: number } = {}) =>
      store().reads.testHistory({ project: 'tally', step: 'all', test: 'x', limit: 10, ...more })
    expect((await history()).map(({ run, failed }) => [run, failed])).toEqual([
      ...[
        ['run-f', false],
        ['run-d', false],
        ['run-b', false],
        ['run-a', true],
      ],
    ])
    expect((await history({ image: 'debian', limit: 1 }))[0]).toMatchObject({ run: 'run-d', series: 's' })
    expect((await history()).at(-1)).toEqual({
      ...{ image: 'debian', at: 10, base: { commit: '0'.repeat(40), name: 'main' }, series: undefined },
      ...{ run: 'run-a', host: 'alpha', failed: true, message: 'x is wrong' },
    })
    expect((await history({ test: '' })).map(({ run, failed }) => [run, failed])).toEqual([
      ...[
        ['run-f', false],
        ['run-e', true],
        ['run-b', false],
        ['run-a', false],
      ],
    ])
  })

  it('looks far for a test that few runs tell of, and gives up somewhere', async () => {
    const rare = Array.from({ length: 450 }, (_, n) => sample(`n${n}`, 100 + n, { only: ['y'] }))
    await store().addSamples([sample('old', 1, failing('x')), ...rare])
    const history = await store().reads.testHistory({ project: 'tally', step: 'all', test: 'x', limit: 5 })
    expect(history.map(({ run }) => run)).toEqual(['run-old'])
  })

  it('ranks what fails now and then without patches', async () => {
    await store().addSamples([
      sample('a', 10, failing('often', 'broken')),
      sample('b', 20, failing('often', 'broken', 'seldom', 'seldom')),
      sample('c', 30, failing('broken')),
      sample('c2', 35, { ...failing('often'), only: ['often'] }),
      sample('d', 40, { ...failing('theirs'), ...patched }),
      sample('e', 50, { state: 'truncated' }),
      sample('f', 60, { image: 'windows', ...failing('often') }),
      sample('g', 5, failing('early')),
      sample('h', 70, { project: 'other', ...failing('far') }),
    ])
    const flaky = await store().reads.flaky({ project: 'tally', since: 5, limit: 10 })
    expect(flaky.map(({ test, image, failed, runs }) => [test, image, failed, runs])).toEqual([
      ['often', 'debian', 2, 3],
      ['seldom', 'debian', 1, 3],
      ['', 'debian', 1, 4],
    ])
    expect(flaky[0]).toMatchObject({ step: 'all', lastFailed: 20 })
    expect(await store().reads.flaky({ project: 'tally', since: 5, limit: 1 })).toHaveLength(1)
  })

  it('counts a sample once, and forgets failures with their samples', async () => {
    await store().addSamples([sample('a', 10, failing('x')), sample('b', 20)])
    await store().addSamples([sample('a', 10, failing('x'))])
    expect(await store().reads.flaky({ project: 'tally', since: 0, limit: 9 })).toMatchObject([{ failed: 1 }])
    await store().pruneSamples(11, 'other')
    expect(await found('x')).toEqual(['x'])
    await store().pruneSamples(11, 'tally')
    expect(await found('x')).toEqual([])
    expect(await store().reads.flaky({ project: 'tally', since: 0, limit: 9 })).toEqual([])
  })

  it('adds up what runs took of a host, by hour, each run once', async () => {
    const ours: Outcome = { kind: 'ours', what: 'disk-error', detail: 'x' }
    const tested: Outcome = { kind: 'tested', steps: [] }
    const first = run('r1', 't', {
      host: 'alpha',
      startedAt: 10 * hour + 1000,
      endedAt: undefined,
      outcome: undefined,
    })
    const ended = { ...first, endedAt: 11 * hour + 500, outcome: tested }
    for (const one of [first, ended, ended]) await store().saveRun(one)
    await store().saveRun(
      run('r2', 't', { host: 'alpha', startedAt: 11 * hour, endedAt: 11 * hour + 2000, outcome: ours }),
    )
    await store().saveRun(
      run('r3', 't', { host: 'beta', startedAt: 99 * hour, endedAt: 99 * hour, outcome: tested }),
    )
    const activity = await store().reads.activity({ since: 10 * hour + 1, until: 98 * hour })
    expect(activity).toEqual([
      { host: 'alpha', hour: 10 * hour, busyMs: hour - 1000, runs: 0, ours: 0 },
      { host: 'alpha', hour: 11 * hour, busyMs: 2500, runs: 2, ours: 1 },
    ])
    expect(await store().reads.activity({ since: 11 * hour, until: 11 * hour })).toEqual([])
  })

  it('tells how long first verdicts took, and which blame was taken back', async () => {
    const week = 7 * 24 * hour
    const at = 100 * week
    const say = (id: string, decidedAt: number, kind: 'new-failures' | 'all-well' | 'incomplete') =>
      store().addVerdict(
        verdict(id, {
          ...{ decidedAt, job: `${id}-${decidedAt}` },
          finding: kind === 'incomplete' ? { kind, missing: [1] } : { kind },
        }),
        undefined,
      )
    await store().saveSeries([
      ...[
        series('a', { lastAt: at }),
        series('b', { lastAt: at }),
        series('c', { lastAt: at, project: 'other' }),
      ],
    ])
    await say('b', at + 1, 'incomplete')
    await say('a', at + 10, 'new-failures')
    await say('b', at + 20, 'new-failures')
    await say('b', at + 20, 'new-failures')
    await say('c', at + 30, 'all-well')
    await say('a', at + 5 * week, 'all-well')
    await say('unknown', at + 40, 'all-well')
    const took = async (project?: string) =>
      (
        await store().reads.turnarounds({
          since: at,
          limit: 9,
          ...(project === undefined ? {} : { project }),
        })
      ).map(({ series, ms }) => [series, ms])
    expect(await took()).toEqual([
      ['c', 30],
      ['b', 20],
      ['a', 10],
    ])
    expect(await took('other')).toEqual([['c', 30]])
    expect((await store().reads.turnarounds({ since: at + 10, limit: 1 }))[0]).toEqual({
      ...{ series: 'c', at: at + 30, ms: 30, kind: 'all-well' },
    })
    const [first, later, ...none] = await store().reads.corrections({ since: at })
    expect(first).toMatchObject({ verdicts: 5, blaming: 2, corrected: 1 })
    expect(later).toMatchObject({ verdicts: 1, blaming: 0, corrected: 0 })
    expect(new Date(first?.week ?? 0).getUTCDay()).toBe(1)
    expect((first?.week ?? 0) <= at && at < (first?.week ?? 0) + week).toBe(true)
    expect(none).toEqual([])
    expect(await store().reads.verdictCounts()).toEqual([
      { project: '', kind: 'all-well', count: 1 },
      { project: 'other', kind: 'all-well', count: 1 },
      { project: 'tally', kind: 'all-well', count: 1 },
      { project: 'tally', kind: 'incomplete', count: 1 },
      { project: 'tally', kind: 'new-failures', count: 2 },
    ])
  })

  it('keeps how the queue stood, for a while', async () => {
    const { reads } = store()
    await reads.noteQueue({ at: 1000, waiting: 3, running: 1 }, 500)
    await reads.noteQueue({ at: 1200, waiting: 2, running: 2 }, 500)
    await reads.noteQueue({ at: 1200, waiting: 9, running: 9 }, 500)
    expect(await reads.queueOver({ since: 1000 })).toEqual([{ at: 1200, waiting: 2, running: 2 }])
    await reads.noteQueue({ at: 1600, waiting: 0, running: 0 }, 500)
    expect((await reads.queueOver({ since: 0 })).map(({ at }) => at)).toEqual([1200, 1600])
  })
}
