// History: how often a test failed by itself, counted from what runs said of it.
import { describe, expect, it } from 'vitest'
import { historyOf, maxFailed, ofBranch, ratesOf, type Sample } from '../../src/model/history.ts'

let count = 0
const sample = (failed: string[], more: Partial<Sample> = {}): Sample => {
  count++
  return {
    ...{ id: `s${count}`, project: 'tally', image: 'debian', step: 'all', job: 'b1', run: `r${count}` },
    ...{ base: 'a'.repeat(40), series: undefined, author: undefined, host: 'alpha', at: count },
    ...{ state: 'whole', only: undefined, count: 3, failed: failed.map(test => ({ test, message: '' })) },
    ...more,
  }
}

describe('rates', () => {
  it('count every run of a whole report, and the failures by name', () => {
    const rates = ratesOf([sample(['a']), sample([]), sample(['a', 'b'])])
    expect(rates('all', 'a')).toEqual({ failed: 2, runs: 3 })
    expect(rates('all', 'b')).toEqual({ failed: 1, runs: 3 })
    expect(rates('all', 'never seen')).toEqual({ failed: 0, runs: 3 })
    expect(rates('other', 'a')).toEqual({ failed: 0, runs: 0 })
  })

  it('do not believe a report that is not whole, but count it against the step', () => {
    const rates = ratesOf([
      sample(['a'], { state: 'truncated' }),
      sample(['a'], { state: 'broken' }),
      sample([]),
    ])
    expect(rates('all', 'a')).toEqual({ failed: 0, runs: 1 })
    expect(rates('all', '')).toEqual({ failed: 2, runs: 3 })
  })

  it('count a probe for its own tests only, and for those below them', () => {
    const rates = ratesOf([sample([]), sample(['a', 'a > x'], { only: ['a', 'c'] })])
    expect(rates('all', 'a')).toEqual({ failed: 1, runs: 2 })
    expect(rates('all', 'a > x')).toEqual({ failed: 1, runs: 2 })
    expect(rates('all', 'c')).toEqual({ failed: 0, runs: 2 })
    expect(rates('all', 'b')).toEqual({ failed: 0, runs: 1 })
    expect(rates('all', '')).toEqual({ failed: 0, runs: 1 })
  })

  it('count as failed only what is counted as run', () => {
    // Beside what was asked for: what is above it, and what ran though nobody asked.
    const rates = ratesOf([sample([]), sample(['a', 'a > x', 'b'], { only: ['a > x'] })])
    expect(rates('all', 'a > x')).toEqual({ failed: 1, runs: 2 })
    expect(rates('all', 'a')).toEqual({ failed: 0, runs: 1 })
    expect(rates('all', 'b')).toEqual({ failed: 0, runs: 1 })
  })

  it('count each run of a test once, by whatever name it was run', () => {
    const rates = ratesOf([
      sample(['a > x'], { only: ['a'] }),
      sample(['a > x'], { only: ['a > x'] }),
      sample([], { only: ['a', 'a > x'] }),
    ])
    expect(rates('all', 'a > x')).toEqual({ failed: 2, runs: 3 })
  })

  it('hear nothing of single tests from a run in which too many failed', () => {
    const all = Array.from({ length: maxFailed }, (_, n) => `t${n}`)
    expect(ratesOf([sample(all), sample([])])('all', 't1')).toEqual({ failed: 0, runs: 1 })
  })
})

it('history leaves out patched runs, other images, and the job that is told of elsewhere', () => {
  const history = historyOf(
    [
      sample(['a']),
      sample(['a'], { series: 's1' }),
      sample(['a'], { image: 'busybox' }),
      sample([], { job: 'j9', only: ['a'] }),
    ],
    { but: 'j9' },
  )
  expect(history('debian', 'all', 'a')).toEqual({ failed: 1, runs: 1 })
  expect(history('busybox', 'all', 'a')).toEqual({ failed: 1, runs: 1 })
  expect(history('windows', 'all', 'a')).toEqual({ failed: 0, runs: 0 })
})

it('a branch has its own history once it has some', () => {
  const base = (n: number) => String(n).repeat(40)
  const main = [1, 2, 3, 4, 5, 6].map(n => sample([], { base: base(n), baseName: 'main' }))
  const old = sample([], { base: base(7) })
  const stable = [8, 9].map(n => sample(['a'], { base: base(n), baseName: 'stable' }))
  const all = [...stable, ...main, old]
  expect(ofBranch(all, 'main')).toEqual([...main, old])
  expect(ofBranch(all, 'stable')).toEqual(all)
})
