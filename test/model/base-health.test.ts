// Whether a branch is broken without anybody's patch, and since when.
import { describe, expect, it } from 'vitest'
import { type BaseLine, baseHealth, brokenSince, isBroken } from '../../src/model/base-health.ts'
import type { Sample } from '../../src/model/history.ts'
import type { Outcome } from '../../src/model/job.ts'
import { builtOutcome } from '../contract/samples.ts'
import { random } from '../fakes/random.ts'

const failedBuild: Outcome = {
  kind: 'build-failed',
  step: { name: 'make', ending: { kind: 'finished', exitCode: 2 }, tail: [], lines: [1, 2] },
  errors: ['a.c:1: error: no'],
}
/** The newest first: `b` built, `x` did not, `?` trouble of ours. */
const lines = (said: string): BaseLine[] =>
  [...said].map((one, n) => ({
    base: `c${said.length - n}`,
    build: one === 'b' ? builtOutcome : one === 'x' ? failedBuild : undefined,
  }))

let count = 0
const sample = (base: string, failed: string[], more: Partial<Sample> = {}): Sample => {
  count++
  return {
    ...{
      id: `s${count}`,
      project: 'tally',
      image: 'debian',
      step: 'all',
      job: `b-${base}`,
      run: `r${count}`,
    },
    ...{ base, series: undefined, author: undefined, host: 'alpha', at: count, only: undefined, count: 3 },
    ...{ state: 'whole', failed: failed.map(test => ({ test, message: `${test} broke` })) },
    ...more,
  }
}
/** One run for each base, the newest first: what failed in it. */
const runs = (...failed: string[][]): Sample[] =>
  failed.map((tests, n) => sample(`c${failed.length - n}`, tests))
const told = (samples: Sample[], said = 'b'.repeat(new Set(samples.map(({ base }) => base)).size)) => {
  const health = baseHealth(lines(said), samples)
  return { ...health, names: health.tests.map(({ test }) => test) }
}

describe('a base that does not build', () => {
  it('is told with the first commit that did not, and the last one that did', () => {
    expect(baseHealth(lines('xxb'), []).build).toEqual({
      ...{ since: 'c2', after: 'c1', step: 'make', errors: ['a.c:1: error: no'] },
    })
  })
  it('is good again when a later one builds', () => {
    expect(isBroken(baseHealth(lines('bxb'), []))).toBe(false)
  })
  it('is not judged by trouble of ours', () => {
    expect(baseHealth(lines('?x?xb'), []).build).toMatchObject({ since: 'c2', after: 'c1' })
    expect(baseHealth(lines('?b'), []).build).toBeUndefined()
  })
  it('was never good', () => {
    expect(baseHealth(lines('xx'), []).build).toMatchObject({ since: 'c1', after: undefined })
  })
})

describe('a test that fails newly', () => {
  const good = (n: number): string[][] => Array.from({ length: n }, () => [])

  it('is repeated before anybody hears of it', () => {
    const first = told(runs(['t'], ...good(9)))
    expect(first.names).toEqual([])
    expect(first.again).toEqual([{ image: 'debian', step: 'all', tests: ['t'] }])
    const repeated = sample('c10', ['t'], { only: ['t'] })
    const second = told([...runs(['t'], ...good(9)), repeated])
    expect(second.tests).toMatchObject([
      {
        test: 't',
        since: 'c10',
        after: 'c9',
        failed: 2,
        history: { failed: 0, runs: 9 },
        message: 't broke',
      },
    ])
    expect(second.again).toEqual([])
  })

  it('is forgotten when it passes in the repetition', () => {
    const health = told([...runs(['t'], ...good(9)), sample('c10', [], { only: ['t'] })])
    expect([health.names, health.again]).toEqual([[], []])
  })

  it('is broken since the first base that it failed on', () => {
    const health = told(runs(['t'], ['t'], [], ...good(7)))
    expect(health.tests).toMatchObject([{ since: 'c9', after: 'c8', failed: 2 }])
    expect(brokenSince(health, lines('b'.repeat(10)))).toMatchObject({ since: 'c9', after: 'c8' })
  })

  it('is none if it fails every now and then', () => {
    const flaky = runs(['t'], ['t'], [], ['t'], [], ['t'], [], [], ['t'], [])
    expect(told(flaky).names).toEqual([])
    expect(told(flaky).again).toEqual([])
  })

  it('is none if it always did, as nobody broke it lately', () => {
    const health = told(runs(['t'], ['t'], ['t'], ['t'], ['t'], ['t'], ['t'], ['t']))
    expect([health.names, health.again]).toEqual([[], []])
  })

  it('is hardly ever one of many that are flaky', () => {
    const next = random(3)
    const rates = Array.from({ length: 60 }, (_, n) => 0.01 + (n % 20) / 100)
    const fails = () => rates.flatMap((rate, n) => (next() < rate ? [`t${n}`] : []))
    const bases = Array.from({ length: 130 }, (_, n) => `c${n + 1}`)
    const all: Sample[] = []
    const broken = bases.filter((base, n) => {
      all.push(sample(base, fails()))
      const last = bases.slice(Math.max(0, n - 29), n + 1).toReversed()
      const look = () =>
        baseHealth(
          last.map(one => ({ base: one, build: builtOutcome })),
          all.filter(one => last.includes(one.base)),
        )
      const [again] = look().again
      if (again)
        all.push(
          sample(
            base,
            fails().filter(test => again.tests.includes(test)),
            { only: again.tests },
          ),
        )
      return n >= 30 && isBroken(look())
    })
    expect(broken.length).toBeLessThanOrEqual(5)
  })

  it('needs more runs where history is short', () => {
    expect(told(runs(['t'], ['t'], [])).names).toEqual([])
    expect(told(runs(['t'], ['t'], ['t'], ['t'], [])).names).toEqual(['t'])
  })

  it('is told apart by image, and below its parent', () => {
    const all = [
      ...runs(['p', 'p > t'], ['p', 'p > t'], ...good(8)),
      ...runs([], [], ...good(8)).map(one => ({ ...one, image: 'windows' })),
    ]
    expect(told(all).tests).toMatchObject([{ image: 'debian', test: 'p > t' }])
  })

  it('can be a whole step that does not come to its end', () => {
    const crash: Partial<Sample> = { state: 'broken' }
    const all = [sample('c6', [], crash), sample('c6', [], crash), ...runs(...good(5))]
    expect(told(all).tests).toMatchObject([{ test: '', step: 'all', since: 'c6', after: 'c5' }])
  })

  it('is not looked for in what patches did', () => {
    const patched = runs(['t'], ['t'], ...good(8)).map(one => ({ ...one, series: 's1' }))
    expect(told(patched).names).toEqual([])
  })

  it('is over with the base that it passes on, whatever is not known of the newest', () => {
    expect(told(runs([], ['t'], ['t'], ...good(8))).names).toEqual([])
    const unknown = told(runs(['t'], ['t'], ...good(8)), `?${'b'.repeat(10)}`)
    expect(unknown.names).toEqual(['t'])
  })
})
