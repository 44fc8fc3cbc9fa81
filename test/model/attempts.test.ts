// What has to repeat before it is believed.
import { describe, expect, it } from 'vitest'
import { afterTry } from '../../src/model/attempts.ts'
import type { Outcome, RunRecord } from '../../src/model/job.ts'
import type { Ending } from '../../src/model/run.ts'

const tested = (...endings: Ending[]): Outcome => ({
  kind: 'tested',
  steps: endings.map((ending, i) => ({
    name: `step-${i}`,
    ending,
    tail: [],
    lines: [1, 1],
    format: 'exit-code',
    report: { state: 'whole', why: '', tests: [] },
  })),
})

const earlier = (...outcomes: Outcome[]): RunRecord[] =>
  outcomes.map((outcome, i) => ({
    id: `run-${i}`,
    task: 'task',
    attempt: i + 1,
    host: 'host',
    startedAt: 0,
    endedAt: 1,
    outcome,
    evidence: {},
  }))

const well: Ending = { kind: 'finished', exitCode: 0 }
const failed: Ending = { kind: 'finished', exitCode: 1 }
const late: Ending = { kind: 'timed-out', afterMs: 1000 }
const off: Ending = { kind: 'powered-off' }
const ours: Outcome = { kind: 'ours', what: 'vm-died', detail: 'killed' }

describe('after a try', () => {
  it.each([
    ['it ended well', tested(well)],
    ['it ended with failures: a program may say so once', tested(failed)],
    ['it was built', { kind: 'built', artifact: undefined, steps: [] }],
  ] as [string, Outcome][])('is decided when %s', (_, outcome) => {
    expect(afterTry(outcome, [], 1)).toEqual({ decided: true, outcome })
  })

  it.each([
    ['a time-out', tested(late)],
    ['a power-off', tested(well, off)],
    ['trouble of ours', ours],
  ])('%s is tried again', (_, outcome) => {
    expect(afterTry(outcome, [], 1)).toMatchObject({ decided: false })
  })

  it('a time-out stands when it repeats in the same step', () => {
    expect(afterTry(tested(late), earlier(tested(late)), 2)).toEqual({ decided: true, outcome: tested(late) })
  })

  it('a time-out in another step is no repetition', () => {
    expect(afterTry(tested(well, late), earlier(tested(late, well)), 2)).toMatchObject({ decided: false })
  })

  it('a power-off after a time-out is no repetition, and after the last try nobody is blamed', () => {
    const said = afterTry(tested(off), earlier(tested(late), ours), 3)
    expect(said).toMatchObject({ decided: true, outcome: { kind: 'ours' } })
  })

  it('a repetition counts across a try that was lost to us', () => {
    expect(afterTry(tested(off), earlier(tested(off), ours), 3)).toEqual({
      decided: true,
      outcome: tested(off),
    })
  })

  it('trouble of ours ends after three tries, as ours', () => {
    expect(afterTry(ours, earlier(ours, ours), 3)).toEqual({ decided: true, outcome: ours })
  })

  it('a clean end after a doubtful one is believed', () => {
    expect(afterTry(tested(well), earlier(tested(late)), 2)).toEqual({ decided: true, outcome: tested(well) })
  })
})

const failed2: Ending = { kind: 'finished', exitCode: 2 }
const unbuilt = (ending: Ending, more: { plain?: true; step?: string } = {}): Outcome => {
  const { step = 'build', ...plain } = more
  return {
    ...{ kind: 'build-failed', errors: [], ...plain },
    step: { name: step, ending, tail: [], lines: [1, 1] },
  }
}
const walked = (...broken: { position: number; plain?: true }[]): Outcome => ({
  kind: 'walked',
  broken: broken.map(one => ({ title: 't', step: 'build', errors: [], ...one })),
})

describe('after a build that failed', () => {
  it("a compiler's plain complaint is believed at once", () => {
    const outcome = unbuilt(failed2, { plain: true })
    expect(afterTry(outcome, [], 1)).toEqual({ decided: true, outcome })
  })

  it('all else must end the same way in another clone', () => {
    const outcome = unbuilt(failed2)
    expect(afterTry(outcome, [], 1)).toEqual({
      ...{ decided: false, why: 'build exit code 2: once is no proof' },
    })
    expect(afterTry(outcome, earlier(outcome), 2)).toEqual({ decided: true, outcome })
    expect(afterTry(outcome, earlier(unbuilt(failed2, { step: 'install' })), 2).decided).toBe(false)
    expect(afterTry(outcome, earlier(unbuilt({ kind: 'finished', exitCode: 137 })), 2).decided).toBe(false)
  })

  it('what never repeated is ours, and what is built at last is built', () => {
    const killed = unbuilt({ kind: 'finished', exitCode: 137 })
    const said = afterTry(unbuilt(failed2), earlier(killed, unbuilt(late)), 3)
    expect(said).toMatchObject({ decided: true, outcome: { kind: 'ours' } })
    const built: Outcome = { kind: 'built', artifact: undefined, steps: [] }
    expect(afterTry(built, earlier(killed), 2)).toEqual({ decided: true, outcome: built })
  })

  it('patch by patch, the same patches must fail again', () => {
    const plain = walked({ position: 2, plain: true })
    expect(afterTry(plain, [], 1)).toEqual({ decided: true, outcome: plain })
    const doubtful = walked({ position: 2, plain: true }, { position: 3 })
    expect(afterTry(doubtful, [], 1).decided).toBe(false)
    expect(afterTry(doubtful, earlier(walked({ position: 4 })), 2).decided).toBe(false)
    expect(afterTry(doubtful, earlier(doubtful), 2)).toEqual({ decided: true, outcome: doubtful })
  })
})
