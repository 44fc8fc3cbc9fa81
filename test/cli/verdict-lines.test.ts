// What `grapevine series show` says of a verdict: the counts of the reply, and the numbers behind each ruling.
import { describe, expect, it } from 'vitest'
import { sayState } from '../../src/cli/mail.ts'
import { probeLines, verdictLines } from '../../src/cli/verdict-lines.ts'
import type { Probe, Task } from '../../src/model/job.ts'
import { shortFinding } from '../../src/stages/reply/finding.ts'
import { single, stories, three, verdict } from '../story/verdicts.ts'

const all = stories['proof-culprit-and-all']?.verdict ?? verdict({})

describe('a verdict in lines', () => {
  it('rulings with their numbers, the patch that does it, and what was run besides', () => {
    expect(verdictLines(all, three, false)).toEqual([
      'verdict new-failures: 1 new failure, 1 worse',
      '  debian: 1 new, 1 worse, 27 passed, 1 unclear, 1 flaky, 1 known, 1 failing anyway, 1 mended',
      '    new       numbers: group -123456  6/6 with, 0/6 without, 0/40 before',
      '    worse     strings: tally:wrap  9/10 with, 2/10 without, 3/40 before',
      '    unclear   numbers: roman 3999  3/12 with, 1/12 without',
      '    flaky     strings: tally:count  3/12 with, 4/12 without, 9/40 before',
      '    known     numbers: roman 4000  https://bugs.example.org/show_bug.cgi?id=4711',
      '    mended    tally:trim',
      '    left out  12 tests of step "docs": your files do not concern them',
      '  busybox: 29 passed, 1 flaky, 1 known',
      '    flaky     strings: tally:count  1/12 with, 2/12 without',
      '    known     numbers: roman 4000  https://bugs.example.org/show_bug.cgi?id=4711',
      '    left out  12 tests of step "docs": your files do not concern them',
      '  patch 2/3 does it: human: round half up',
      '  does not build after patch 1/3, step build: human: add a table of units',
      ...(all.warnings ?? []).map(line => `  new warning: ${line}`),
      '  34 runs besides the first ones, 7 minutes of clones',
    ])
    expect(shortFinding(all, three)).toBe('1 new failure, 1 worse')
  })

  it('thousands are cut, unless all are wanted', () => {
    const flaky = Array.from({ length: 3000 }, (_, i) => ({ step: 's', test: `t${i}`, message: '' }))
    const many = verdict({ images: all.images.slice(1).map(one => ({ ...one, flaky })) })
    expect(verdictLines(many, single, false)).toContain('    … and 2980 more; --tests shows all')
    expect(verdictLines(many, single, true).length).toBeGreaterThan(3000)
  })
})

describe('runs for proof', () => {
  const task = (id: number, probe: Partial<Probe>, state: Task['state']): Task => ({
    ...{ id: `t${id}`, job: 'j', project: 'tally', kind: 'test', image: 'debian', priority: 60, state },
    probe: { ...{ why: 'proof', side: 'with', build: 'b', step: 'numbers', round: 1, turn: id }, ...probe },
  })
  const tested: Task['state'] = { at: 'done', attempts: 1, outcome: { kind: 'tested', steps: [] } }

  it('those of one image, step and reason are one line', () => {
    const tasks = [
      ...[1, 2, 3].map(i => task(i, {}, tested)),
      ...[4, 5].map(i => task(i, { side: 'without' }, tested)),
      task(6, { side: 'without' }, { at: 'queued', attempt: 1 }),
      task(7, { side: 2, why: 'bisect' }, tested),
    ]
    expect(probeLines(tasks)).toEqual([
      '  test again on debian (proof), step numbers: 3 with, 3 without; 1 still to come',
      '  test again on debian (bisect), step numbers: 1 with the first 2',
    ])
  })
})

describe('the state of a series', () => {
  it('is finished when it has the verdict that it was planned for', () => {
    const planned = { ...single, state: { at: 'planned', job: 'j2' } } as const
    expect(sayState(planned, undefined)).toBe('planned')
    expect(sayState(planned, verdict({ job: 'j1' }))).toBe('planned')
    expect(sayState(planned, verdict({ job: 'j2' }))).toBe('finished')
    const nothing = { ...single, round: 1, state: { at: 'planned', job: undefined } } as const
    expect(sayState(nothing, verdict({ job: undefined }))).toBe('planned')
    expect(sayState(nothing, verdict({ job: undefined, round: 1 }))).toBe('finished')
  })
})
