// A host that is too busy, and a second opinion elsewhere.
import { describe, expect, it } from 'vitest'
import { parseLoad } from '../../src/farm/load.ts'
import { refusedFor } from '../../src/model/attempts.ts'
import { isForAnother } from '../../src/model/elsewhere.ts'
import type { Host } from '../../src/model/host.ts'
import type { Outcome, RunRecord } from '../../src/model/job.ts'
import {
  between,
  type HostLoad,
  overloaded,
  type StepLoad,
  withoutOverload,
} from '../../src/model/overload.ts'
import type { Ending } from '../../src/model/run.ts'
import { host, task } from '../contract/samples.ts'

const said = (at: number, more: Partial<HostLoad> = {}): HostLoad => ({
  ...{ at, perProcessor: 0.9, ticks: { all: at, stolen: 0 }, memoryMs: 0 },
  ...more,
})

const tested = (ending: Ending): Outcome => ({
  kind: 'tested',
  steps: [
    {
      ...{ name: 'all', ending, tail: [], lines: [1, 1], format: 'tap' },
      report: { state: 'truncated', why: '', tests: [] },
    },
  ],
})

const late = tested({ kind: 'timed-out', afterMs: 10_000 })

describe('a step in which the host was overloaded', () => {
  it.each([
    ['not at all', said(10_000), undefined],
    ['more runs than it has processors', said(10_000, { perProcessor: 5.25 }), 'load 5.3 for each processor'],
    [
      'its processors were taken from it',
      said(10_000, { ticks: { all: 10_000, stolen: 4_000 } }),
      "40 % of its processors' time was taken from it",
    ],
    ['it had no memory', said(10_000, { memoryMs: 6_000 }), '60 % of the time something waited for memory'],
  ] as [string, HostLoad, string | undefined][])('%s', (_, to, how) => {
    expect(overloaded(between('all', said(0), to))).toBe(how)
  })

  it('a kernel that does not tell of memory', () => {
    const { memoryMs: _, ...silent } = said(0)
    expect(between('all', silent, said(10_000))).toEqual({ step: 'all', perProcessor: [0.9, 0.9], stolen: 0 })
  })

  const heavy: StepLoad = { step: 'all', perProcessor: [1, 6], stolen: 0 }

  it('makes a time-out ours', () => {
    expect(withoutOverload(late, [heavy])).toMatchObject({
      ...{ kind: 'ours', what: 'overloaded', detail: 'step "all" timed-out: load 6.0 for each processor' },
    })
  })

  it.each([
    ['a crash', tested({ kind: 'crashed', how: 'panic' }), [heavy]],
    ['a failure', tested({ kind: 'finished', exitCode: 1 }), [heavy]],
    ['a time-out of another step', late, [{ ...heavy, step: 'build' }]],
    ['a time-out while it was not', late, [{ ...heavy, perProcessor: [6, 1] }]],
  ] as [string, Outcome, StepLoad[]][])('leaves %s as it is', (_, outcome, loads) => {
    expect(withoutOverload(outcome, loads)).toBe(outcome)
  })

  it('costs no try, but not for ever: the patch itself may be what makes the host so busy', () => {
    const outcome = withoutOverload(late, [heavy])
    const run = { outcome } as RunRecord
    const waits = Array.from({ length: 7 }, (_, times) => refusedFor(outcome, Array(times).fill(run)))
    expect(waits.map(wait => wait && wait / 60_000)).toEqual([1, 2, 4, 8, 15, undefined, undefined])
  })
})

describe('what Linux says', () => {
  const stat = 'cpu  100 0 100 700 50 0 10 40 7 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n'
  const pressure =
    'some avg10=0.00 avg60=1.00 avg300=0.00 total=2500000\nfull avg10=0 avg60=0 avg300=0 total=1\n'

  it('is read', () => {
    expect(
      parseLoad({ loadavg: '5.00 1.0 0.5 3/126 99\n', stat, pressure }, { processors: 2, at: 7 }),
    ).toEqual({
      ...{ at: 7, perProcessor: 2.5, ticks: { all: 1000, stolen: 40 }, memoryMs: 2500 },
    })
  })

  it('is nothing where it is not what it should be', () => {
    expect(parseLoad({ loadavg: '', stat, pressure }, { processors: 2, at: 7 })).toBeUndefined()
    expect(
      parseLoad({ loadavg: '1 1 1', stat: 'intr 5', pressure: undefined }, { processors: 2, at: 7 }),
    ).toBeUndefined()
  })
})

describe('a task that another host should have its say on', () => {
  const queued = {
    ...task('t1', 'j1'),
    image: 'debian',
    state: { at: 'queued', attempt: 2, avoid: { host: 'here', until: 9_000 } } as const,
  }
  const other = (more: Partial<Host> = {}): Host => ({
    ...host('there'),
    images: ['debian'],
    seenAt: 5_000,
    unfit: undefined,
    ...more,
  })
  const world = (...hosts: Host[]) => ({ hosts, holds: [], now: 5_000 })

  it('is left to it, and it takes it', () => {
    expect(isForAnother(queued, 'here', world(other()))).toBe(true)
    expect(isForAnother(queued, 'there', world(other()))).toBe(false)
  })

  it.each([
    ['there is none', []],
    ['it has no such image', [other({ images: ['busybox'] })]],
    ['it is not fit', [other({ unfit: 'no' })]],
    ['it was stopped', [other({ stoppedAt: 4_000 })]],
    ['it is silent', [other({ seenAt: -60_000 })]],
  ] as [string, Host[]][])('is not where %s', (_, hosts) => {
    expect(isForAnother(queued, 'here', world(...hosts))).toBe(false)
  })

  it('is not for ever, and not where the other one is held', () => {
    expect(isForAnother(queued, 'here', { ...world(other()), now: 9_000 })).toBe(false)
    const on = { kind: 'host' as const, name: 'there' }
    const hold = { on, how: 'drain' as const, reason: '', by: 'olga', since: 0, until: undefined }
    expect(isForAnother(queued, 'here', { ...world(other()), holds: [hold] })).toBe(false)
  })
})
