// Where the outcome of a try takes its task, as values: decided, tried again and when, or put back at no cost.
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/model/job.ts'
import { turnAfter } from '../../src/stages/run/settle.ts'
import { builtOutcome, run, task } from '../contract/samples.ts'

const now = 1_000_000
const once = task('a-build', 'a')
const ours = (what: string): Outcome => ({ kind: 'ours', what, detail: 'so it was' })
const powerOff: Outcome = {
  kind: 'tested',
  steps: [
    {
      ...{ name: 'all', ending: { kind: 'powered-off' }, tail: [], lines: [1, 2], format: 'tap' },
      report: { state: 'truncated', why: '', tests: [] },
    },
  ],
}
const turn = (outcome: Outcome, { attempt = 1, of = once, before = [] as Outcome[] } = {}) => {
  const earlier = before.map((outcome, i) => run(`r${i}`, of.id, { outcome }))
  return turnAfter(outcome, { task: of, attempt, earlier, now })
}

describe('a try', () => {
  it('with a result decides', () => {
    expect(turn(builtOutcome)).toEqual({ kind: 'decided', outcome: builtOutcome })
  })

  it.each([
    ['timeout', 1, 2_000],
    ['timeout', 2, 8_000],
    ['unreachable', 1, 60_000],
    ['out-of-space', 2, 240_000],
  ])('that ended by our %s, number %d, is followed by another after %d ms', (what, attempt, waitMs) => {
    const why = `${what}: so it was`
    expect(turn(ours(what), { attempt })).toEqual({ kind: 'again', notBefore: now + waitMs, why })
  })

  it('that was the last decides, also without hope', () => {
    expect(turn(ours('timeout'), { attempt: 3 })).toMatchObject({ kind: 'decided' })
    expect(turn({ ...ours('refused'), hopeless: true } as Outcome)).toMatchObject({ kind: 'decided' })
  })

  it.each(['stopped', 'cancelled', 'taken'])('that was %s costs nothing and waits for nothing', what => {
    expect(turn(ours(what), { attempt: 3 })).toEqual({ kind: 'put-back' })
  })

  it('for which the host had no room costs nothing, and waits longer each time', () => {
    const full = ours('exhausted')
    const why = 'this host has no room; the task waits, and no try is counted'
    expect(turn(full)).toEqual({ kind: 'put-back', notBefore: now + 60_000, why })
    expect(turn(full, { before: [full, full] })).toMatchObject({ notBefore: now + 240_000 })
    expect(turn(ours('overloaded'))).toMatchObject({
      why: expect.stringMatching(/^so it was; the task waits/),
    })
  })

  it('that lost its machine is no proof alone; one of a probe counts as it is', () => {
    expect(turn(powerOff)).toEqual({ kind: 'again', why: expect.stringContaining('once is no proof') })
    expect(turn(powerOff, { before: [powerOff], attempt: 2 }).kind).toBe('decided')
    const probe = { why: 'proof', side: 'with', build: 'a-build', step: 'all', round: 1, turn: 1 } as const
    const of = task('a-probe', 'a', { kind: 'test', probe })
    expect(turn(powerOff, { of })).toEqual({ kind: 'decided', outcome: powerOff })
  })
})
