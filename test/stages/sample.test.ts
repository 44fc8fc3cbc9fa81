// What a run leaves for history.
import { describe, expect, it } from 'vitest'
import type { Outcome, TestedStep } from '../../src/model/job.ts'
import type { TestResult } from '../../src/model/report.ts'
import { type Sampled, samplesOf } from '../../src/stages/run/sample.ts'
import { builtOutcome, job, task } from '../contract/samples.ts'

const result = (test: string, outcome: TestResult['outcome'] = 'passed'): TestResult => ({
  ...{ test, outcome, message: outcome === 'passed' ? '' : `${test} broke`, line: 1 },
})
const step = (tests: TestResult[], more: Partial<TestedStep> = {}): TestedStep => ({
  ...{ name: 'all', ending: { kind: 'finished', exitCode: 0 }, tail: [], lines: [1, 2], format: 'tap' },
  report: { state: 'whole', why: '', tests },
  ...more,
})
const tested = (...steps: TestedStep[]): Outcome => ({ kind: 'tested', steps })
const sampled = (outcome: Outcome, more: Partial<Sampled> = {}): Sampled => ({
  ...{ job: job('b'), task: task('t', 'b'), run: 'r1', outcome, author: undefined, host: 'alpha', now: 5 },
  ...more,
})
const proof = (side: 'with' | 'without' | number) =>
  task('t', 'j', {
    probe: { why: 'proof', side, build: 'j-build', step: 'all', tests: ['a'], round: 1, turn: 1 },
  })

describe('samples', () => {
  it('tell what failed, of how many, and are the same for the same run', () => {
    const outcome = tested(
      step([result('a', 'failed'), result('b'), result('c', 'todo'), result('d', 'error')]),
    )
    const [one, ...more] = samplesOf(sampled(outcome))
    expect(more).toEqual([])
    expect(one).toMatchObject({
      step: 'all',
      state: 'whole',
      count: 4,
      only: undefined,
      series: undefined,
      at: 5,
    })
    expect(one?.failed).toEqual([
      { test: 'a', message: 'a broke' },
      { test: 'd', message: 'd broke' },
    ])
    expect(samplesOf(sampled(outcome, { now: 9 }))[0]?.id).toBe(one?.id)
    expect(samplesOf(sampled(outcome, { run: 'r2' }))[0]?.id).not.toBe(one?.id)
  })

  it('are made of no build, and of nothing that was lost to us', () => {
    expect(samplesOf(sampled(builtOutcome, { task: task('t', 'b', { kind: 'build' }) }))).toEqual([])
    expect(samplesOf(sampled({ kind: 'ours', what: 'timeout', detail: '' }))).toEqual([])
  })

  it('call a step broken that did not end by itself', () => {
    const outcome = tested(
      step([], { ending: { kind: 'crashed', how: 'panic' } }),
      step([], { name: 'more' }),
    )
    expect(samplesOf(sampled(outcome)).map(({ state }) => state)).toEqual(['broken', 'whole'])
  })

  it('count a probe without the patches as a run of the base, and every other as the series’', () => {
    const given = { job: job('j', { series: 's1' }), author: 'ann@example.org' }
    const of = (side: 'with' | 'without' | number) =>
      samplesOf(sampled(tested(step([result('a')])), { ...given, task: proof(side) }))[0]
    expect(of('without')).toMatchObject({ series: undefined, author: undefined, only: ['a'] })
    expect(of('with')).toMatchObject({ series: 's1', author: 'ann@example.org', only: ['a'] })
    expect(of(1)).toMatchObject({ series: 's1' })
  })

  it('do not take a base with another series’ patches for the base', () => {
    const before = [{ series: 's0', title: 'x', parts: [] }]
    expect(samplesOf(sampled(tested(step([])), { job: job('b', { before }) }))[0]?.series).toBe('s0')
  })

  it('keep a message short and well formed', () => {
    const long = { ...result('a', 'failed'), message: `${'x'.repeat(299)}\u{1F600}` }
    expect(samplesOf(sampled(tested(step([long]))))[0]?.failed[0]?.message).toBe(`${'x'.repeat(299)}\uFFFD`)
  })
})
