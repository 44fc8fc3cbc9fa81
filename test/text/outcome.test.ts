// A task and how it went, in one line.
import { describe, expect, it } from 'vitest'
import type { Outcome, Probe } from '../../src/model/job.ts'
import type { TestResult } from '../../src/model/report.ts'
import { sayOutcome, sayTask } from '../../src/text/outcome.ts'

const probe = (more: Partial<Probe>): Probe => ({
  ...{ why: 'proof', side: 'with', build: 'b', step: 'numbers', round: 2, turn: 1 },
  ...more,
})

describe('tasks in words', () => {
  it('builds and tests', () => {
    expect(sayTask({ kind: 'build' })).toBe('build')
    expect(sayTask({ kind: 'build', upTo: 2 })).toBe('build up to patch 2')
    expect(sayTask({ kind: 'build', upTo: 0 })).toBe('build without the patches')
    expect(sayTask({ kind: 'build', each: true })).toBe('build after each patch')
    expect(sayTask({ kind: 'test' })).toBe('test')
  })

  it('runs for proof: of what, with what', () => {
    expect(sayTask({ kind: 'test', probe: probe({ tests: ['a', 'b'] }) })).toBe(
      'test again with the patches (proof, round 2, step "numbers": 2 tests)',
    )
    expect(sayTask({ kind: 'test', probe: probe({ side: 'without', tests: ['a'] }) })).toBe(
      'test again without them (proof, round 2, step "numbers": 1 test)',
    )
    expect(sayTask({ kind: 'test', probe: probe({ side: 3, why: 'bisect' }) })).toBe(
      'test again with the first 3 patches (bisect, round 2, step "numbers": whole)',
    )
  })
})

describe('outcomes in words', () => {
  const test = (name: string, outcome: TestResult['outcome']): TestResult => ({
    ...{ test: name, outcome, message: '', line: 1 },
  })

  it('a test that stands above one that fails is not counted, as in replies', () => {
    const tests = [
      ...[test('io', 'failed'), test('io > write', 'failed'), test('io > read', 'passed')],
      ...[test('wrap', 'error'), test('later', 'todo'), test('never', 'skipped')],
    ]
    const outcome: Outcome = {
      kind: 'tested',
      steps: [
        {
          ...{
            name: 'numbers',
            ending: { kind: 'finished', exitCode: 1 },
            tail: [],
            lines: [1, 9],
            format: 'tap',
          },
          report: { state: 'whole', why: '', tests },
        },
      ],
    }
    expect(sayOutcome(outcome)).toBe('tests: 1 passed, 2 failed, 1 known to fail, 1 skipped')
  })
})
