// Proof, from a case alone: what is asked for, what needs no asking, and what the first runs of a project are worth.
import { describe, expect, it } from 'vitest'
import { none, type Trials } from '../../src/model/history.ts'
import type { Job, Outcome, Probe, RunRecord, Task, TestedStep } from '../../src/model/job.ts'
import type { TestResult } from '../../src/model/report.ts'
import type { Ending } from '../../src/model/run.ts'
import type { Series } from '../../src/model/series.ts'
import type { Case } from '../../src/stages/judge/case.ts'
import { likelyRuns, runsToSee } from '../../src/stages/judge/likely-runs.ts'
import { prove } from '../../src/stages/judge/prove.ts'
import { probedJob } from '../../src/stages/run/probe.ts'
import { project, recipe } from '../fakes/flow.ts'

const job: Job = {
  ...{ id: 'j1', project: 'tally', series: 's1', baseline: 'b1', base: 'a'.repeat(40), baseName: 'main' },
  recipe: {
    ...recipe,
    test: { images: ['debian'], steps: recipe.test.steps.map(step => ({ ...step, only: './all {tests}' })) },
  },
  ...{ parts: [], priority: 6, createdAt: 0 },
}

/** `a:failed b` */
const step = (words: string, ending: Ending = { kind: 'finished', exitCode: 0 }): TestedStep => ({
  ...{ name: 'all', ending, tail: [], lines: [1, 9], format: 'tap' },
  report: {
    state: ending.kind === 'finished' ? 'whole' : 'truncated',
    why: '',
    tests: words.split(' ').flatMap((word, i): TestResult[] => {
      if (word === '') return []
      const [test = '', outcome = 'passed'] = word.split(':')
      return [{ test, outcome: outcome as TestResult['outcome'], message: `${test} said`, line: i + 1 }]
    }),
  },
})
/** One test that passed, whatever its name. */
const named = (test: string): TestedStep => ({
  ...step(''),
  report: {
    ...step('x').report,
    tests: step('x').report.tests.map(one => ({
      ...one,
      test: test.replace(':failed', ''),
      outcome: test.endsWith(':failed') ? 'failed' : 'passed',
    })),
  },
})
const built: Outcome = { kind: 'built', artifact: 'x', steps: [] }
const tested = (words: string): Outcome => ({ kind: 'tested', steps: [step(words)] })

const task = (id: string, of: Partial<Task>, outcome: Outcome | undefined): Task => ({
  ...{ id, job: 'j1', project: 'tally', kind: 'test', image: 'debian', priority: 60 },
  state: outcome ? { at: 'done', attempts: 1, outcome } : { at: 'queued', attempt: 1 },
  ...of,
})

const first = (words: string, build: Outcome = built): Task[] => [
  task('j1-build', { kind: 'build' }, build),
  task('j1-test-debian', {}, tested(words)),
]

type Rates = Record<string, Trials>
const ratesIn =
  (rates: Rates): Case['history'] =>
  (_image, _step, test) =>
    rates[test] ?? { failed: 0, runs: 0 }

const caseOf = (
  own: Task[],
  base: string,
  more: { history?: Rates; here?: Rates; runs?: RunRecord[]; policy?: Partial<Case['policy']> } = {},
): Case => ({
  ...{ job, series: { id: 's1' } as Series, tasks: own, known: [], now: 0 },
  baseline: {
    job: { ...job, id: 'b1', series: undefined, baseline: undefined },
    tasks: [
      task('b1-build', { job: 'b1', kind: 'build' }, built),
      task('b1-test-debian', { job: 'b1' }, tested(base)),
    ],
  },
  runs: more.runs ?? [],
  history: ratesIn(more.history ?? {}),
  here: ratesIn(more.here ?? {}),
  policy: { ...project.proof, ...more.policy },
})

/** Lets all that is wanted end in `say`, again and again. */
const played = (
  given: Case,
  say: (probe: Probe) => Outcome,
): { given: Case; rulings: ReturnType<typeof prove>['rulings'] } => {
  for (let rounds = 0; rounds < 40; rounds++) {
    const { wanted, rulings } = prove(given)
    if (wanted.length === 0) return { given, rulings }
    const done = wanted.map(one =>
      task(
        one.id,
        { ...one, state: { at: 'done', attempts: 1, outcome: one.probe ? say(one.probe) : built } },
        built,
      ),
    )
    given = { ...given, tasks: [...given.tasks, ...done] }
  }
  throw new Error('there is no end to it')
}

it('what fails in the base only when it is made anew is worse, and not new', () => {
  let times = 0
  const { rulings } = played(caseOf(first('a:failed'), 'a'), ({ side, build }) => {
    const isBase = side === 'without'
    if (isBase && !['j1-build', 'b1-build'].includes(build)) times++
    return tested(!isBase || times === 1 ? 'a:failed' : 'a')
  })
  expect(times).toBeGreaterThan(1)
  expect(rulings).toMatchObject([{ test: 'a', ruling: 'worse' }])
})

describe('a line that a Wine unit prints when it fails', () => {
  const line = 'tally:wrap > Test failed: too wide'
  /** As the report of that unit has it. */
  const unit = (outcome: 'passed' | 'failed'): Outcome => {
    const ran = step('')
    const own: TestResult = { test: 'tally:wrap', outcome, message: '', line: 1 }
    const below: TestResult = { test: line, lineOf: 'tally:wrap', outcome: 'failed', message: '', line: 2 }
    const tests = outcome === 'failed' ? [own, below] : [own]
    return { kind: 'tested', steps: [{ ...ran, format: 'wine', report: { ...ran.report, tests } }] }
  }
  const given = (): Case => {
    const of = caseOf([task('j1-build', { kind: 'build' }, built), task('t', {}, unit('failed'))], '')
    const baseline = of.baseline && {
      ...of.baseline,
      tasks: [
        task('b1-build', { job: 'b1', kind: 'build' }, built),
        task('b1-test-debian', { job: 'b1' }, unit('passed')),
      ],
    }
    return { ...of, baseline }
  }

  it('did not fail where its unit ran without it', () => {
    const { rulings } = played(given(), ({ side }) => unit(side === 'with' ? 'failed' : 'passed'))
    expect(rulings).toMatchObject([{ test: line, ruling: 'new', proof: { without: { failed: 0 } } }])
    const [{ proof } = { proof: { with: none, without: none } }] = rulings
    expect(proof.without.runs).toBeGreaterThan(2)
    expect(proof.with.failed).toBe(proof.with.runs)
  })

  it('is nobody’s fault where it comes and goes without the patches as well', () => {
    const { rulings } = played(given(), ({ turn }) => unit(turn % 2 === 0 ? 'failed' : 'passed'))
    expect(rulings).toHaveLength(1)
    expect(rulings[0]?.ruling).toMatch(/^(flaky|unclear)$/)
    expect(rulings[0]?.proof.without.failed).toBeGreaterThan(0)
  })
})

describe('what is asked for', () => {
  it('nothing while a first run, or one of the base, is to come', () => {
    const open = first('a:failed').map(one =>
      one.kind === 'test' ? { ...one, state: { at: 'queued' as const, attempt: 1 } } : one,
    )
    expect(prove(caseOf(open, 'a'))).toEqual({ rulings: [], wanted: [] })
    const given = caseOf(first('a:failed'), 'a')
    const baseline = given.baseline && {
      ...given.baseline,
      tasks: given.baseline.tasks.map(one => ({ ...one, state: { at: 'queued' as const, attempt: 1 } })),
    }
    expect(prove({ ...given, baseline })).toEqual({ rulings: [], wanted: [] })
  })

  it('the same, whenever it is asked', () => {
    const given = caseOf(first('a:failed b:failed c'), 'a b c')
    const { wanted } = prove(given)
    expect(wanted.length).toBeGreaterThan(0)
    expect(prove(given).wanted).toEqual(wanted)
    expect(wanted.map(({ probe }) => probe)).toEqual(
      wanted.map((_, i) => ({
        ...{ why: 'screen', side: 'with', build: 'j1-build', step: 'all', tests: ['a', 'b'] },
        ...{ round: 1, turn: i + 1 },
      })),
    )
    // While one of them runs, no more are asked for, and nothing is said.
    expect(prove({ ...given, tasks: [...given.tasks, ...wanted] })).toEqual({ rulings: [], wanted: [] })
  })

  it('pairs on both sides, and those of builds made anew before anybody is blamed', () => {
    const { given, rulings } = played(caseOf(first('a:failed b'), 'a b'), ({ side }) =>
      tested(side === 'with' ? 'a:failed' : 'a'),
    )
    expect(rulings).toMatchObject([{ test: 'a', ruling: 'new', message: 'a said' }])
    const probes = given.tasks.flatMap(({ probe }) => probe ?? [])
    const pairs = probes.filter(({ why }) => why === 'proof')
    for (const pair of pairs)
      expect(
        pairs.filter(({ round, turn }) => round === pair.round && turn === pair.turn).map(({ side }) => side),
      ).toEqual(['with', 'without'])
    expect(new Set(probes.map(({ build }) => build))).toEqual(
      new Set(['j1-build', 'b1-build', 'j1-anew-with', 'j1-anew-without']),
    )
    expect(given.tasks.find(({ id }) => id === 'j1-anew-without')).toMatchObject({ kind: 'build', upTo: 0 })
  })

  it('builds made anew on another host, if there is one', () => {
    const on = (id: string, host: string): RunRecord => ({
      ...{
        id: `r-${id}`,
        task: id,
        attempt: 1,
        host,
        startedAt: 0,
        endedAt: 1,
        outcome: built,
        evidence: {},
      },
    })
    const runs = [on('j1-build', 'oak'), on('b1-build', 'elm')]
    const { given } = played(caseOf(first('a:failed b'), 'a b', { runs }), ({ side }) =>
      tested(side === 'with' ? 'a:failed' : 'a'),
    )
    const before = {
      ...given,
      tasks: given.tasks.filter(({ id, probe }) => !`${id} ${probe?.build}`.includes('anew')),
    }
    const avoided = prove(before).wanted.flatMap(({ kind, state }) =>
      kind === 'build' && state.at === 'queued' ? [state.avoid?.host] : [],
    )
    expect(avoided).toEqual(['oak', 'elm'])
  })

  it('whole steps where the names are too many for a command', () => {
    const names = Array.from({ length: 3_000 }, (_, i) => `a-rather-long-name-of-a-test-${i}`)
    const given = caseOf(first(names.map(name => `${name}:failed`).join(' ')), names.join(' '))
    const { wanted } = prove(given)
    expect(wanted.length).toBeGreaterThan(0)
    expect(wanted.every(({ probe }) => probe?.tests === undefined)).toBe(true)
    const long = probedJob(job, { ...(wanted[0]?.probe as Probe), tests: names })
    expect(long.recipe.test.steps.map(({ run }) => run)).toEqual(['./tests/all'])
  })

  it('not more than the time allows', () => {
    const spent = caseOf(first('a:failed'), 'a', { policy: { budgetMs: 0 } })
    expect(prove(spent)).toMatchObject({ wanted: [], rulings: [{ test: 'a', ruling: 'unclear' }] })
  })
})

describe('what history is worth', () => {
  it('without any, the base line decides what fails anyway', () => {
    expect(prove(caseOf(first('a:failed'), 'a:failed'))).toMatchObject({
      wanted: [],
      rulings: [{ test: 'a', ruling: 'failing' }],
    })
  })

  it('a base line that failed once, of a test that passed so far, is not believed', () => {
    const history = { a: { failed: 1, runs: 30 } }
    const given = caseOf(first('a:failed'), 'a:failed', { history, here: { a: { failed: 1, runs: 1 } } })
    expect(prove(given).wanted.length).toBeGreaterThan(0)
    const broken = played(given, ({ side }) => tested(side === 'with' ? 'a:failed' : 'a'))
    expect(broken.rulings).toMatchObject([{ test: 'a', ruling: 'worse' }])
    const moved = played(given, () => tested('a:failed'))
    expect(moved.rulings).toMatchObject([{ test: 'a', ruling: 'failing' }])
  })

  it('what this base does again and again is believed, whatever earlier ones did', () => {
    const given = caseOf(first('a:failed'), 'a:failed', {
      history: { a: { failed: 4, runs: 30 } },
      here: { a: { failed: 4, runs: 4 } },
    })
    expect(prove(given)).toMatchObject({ wanted: [], rulings: [{ test: 'a', ruling: 'failing' }] })
  })

  it('a test that always failed, and passes now, is mended without more runs', () => {
    const given = caseOf(first('a b'), 'a:failed b', { history: { a: { failed: 30, runs: 30 } } })
    expect(prove(given)).toMatchObject({ wanted: [], rulings: [{ test: 'a', ruling: 'mended' }] })
  })

  it('a test that fails now and then is not thanked for', () => {
    const given = caseOf(first('a b'), 'a:failed b', { history: { a: { failed: 12, runs: 30 } } })
    expect(prove(given)).toEqual({ rulings: [], wanted: [] })
  })
})

it('runs of which one side never comes are not made for ever', () => {
  const lost: Outcome = { kind: 'ours', what: 'damaged', detail: 'the artifact is gone' }
  const { given, rulings } = played(caseOf(first('a:failed b'), 'a b'), ({ side }) =>
    side === 'with' ? tested('a:failed') : lost,
  )
  expect(rulings).toMatchObject([{ test: 'a', ruling: 'unclear' }])
  expect(given.tasks.filter(({ probe }) => probe?.side === 'without').length).toBeLessThan(12)
})

describe('a test that the report of the base does not have', () => {
  const half = ({ turn, round }: Probe): boolean => (turn + round) % 2 === 0

  it.each([
    ['in a report that names nothing but failures', 'z:failed', {}],
    ['above others', 'a>b', {}],
    ['that failed on other bases', 'b', { history: { a: { failed: 2, runs: 40 } } }],
  ])('%s, is run without the patches, too', (_, base, more) => {
    const words = base.replace('>', ' > ')
    const given = caseOf(first('a:failed'), '', more)
    const baseline = given.baseline && {
      ...given.baseline,
      tasks: [
        task('b1-build', { job: 'b1', kind: 'build' }, built),
        task('b1-test-debian', { job: 'b1' }, { kind: 'tested', steps: [named(words)] }),
      ],
    }
    const { given: end, rulings } = played({ ...given, baseline }, probe =>
      // It fails now and then on both sides, and is not named where it does not.
      tested(half(probe) ? 'a:failed' : ''),
    )
    expect(rulings.filter(({ test }) => test === 'a').map(({ ruling }) => ruling)).not.toContain('new')
    expect(end.tasks.some(({ probe }) => probe?.side === 'without')).toBe(true)
  })

  it('and is new where it fails with them only', () => {
    const { rulings } = played(caseOf(first('a:failed z:failed'), 'z:failed'), ({ side }) =>
      tested(side === 'with' ? 'a:failed z:failed' : 'z:failed'),
    )
    expect(rulings.map(({ test, ruling }) => [test, ruling])).toEqual([
      ['z', 'failing'],
      ['a', 'new'],
    ])
  })

  it('at all cannot fail there', () => {
    const { given, rulings } = played(caseOf(first('a:failed b'), 'b'), () => tested('a:failed'))
    expect(rulings).toMatchObject([{ test: 'a', ruling: 'new', proof: { without: { runs: 0 } } }])
    expect(given.tasks.some(({ probe }) => probe?.side === 'without')).toBe(false)
  })
})

it('of a test and one below it that fail, the one below is in doubt', () => {
  const both = step('x')
  both.report.tests = ['io', 'io > write'].map(
    (test, i): TestResult => ({ test, outcome: 'failed', message: '', line: i + 1 }),
  )
  const own = [
    task('j1-build', { kind: 'build' }, built),
    task('j1-test-debian', {}, { kind: 'tested', steps: [both] }),
  ]
  const { wanted } = prove(caseOf(own, 'io'))
  expect(new Set(wanted.flatMap(({ probe }) => probe?.tests ?? []))).toEqual(new Set(['io > write']))
})

describe('tests that the patches concern', () => {
  const likely: Outcome = {
    ...built,
    likely: [{ image: 'debian', step: 'all', tests: ['a'] }],
  } as Outcome
  const ran = (ms: number): RunRecord[] => [
    {
      ...{ id: 'r', task: 'b1-test-debian', attempt: 1, host: 'h', startedAt: 0, endedAt: ms, evidence: {} },
      outcome: tested('a'),
    },
  ]
  const words = ['a', ...Array.from({ length: 99 }, (_, i) => `t${i}`)].join(' ')

  it('are run so often that a break at the rate is missed in 2 % at most', () => {
    expect([0.3, 0.5, 0.9].map(runsToSee)).toEqual([11, 6, 2])
    const tasks = likelyRuns(
      caseOf(first(words, likely), words, { runs: ran(1_000_000), policy: { likely: 0.2 } }),
    )
    expect(tasks).toHaveLength(10)
    expect(tasks[0]).toMatchObject({ priority: 59, probe: { why: 'likely', side: 'with', tests: ['a'] } })
  })

  it('as far as their share of the time allows, and once', () => {
    const given = caseOf(first(words, likely), words, { runs: ran(200_000) })
    const tasks = likelyRuns(given)
    expect(tasks).toHaveLength(5)
    expect(likelyRuns({ ...given, tasks: [...given.tasks, ...tasks] })).toEqual([])
    expect(likelyRuns(caseOf(first(words, likely), words, { runs: ran(10_000) }))).toEqual([])
    expect(likelyRuns(caseOf(first(words, likely), words))).toEqual([])
  })

  it('and those that only failed lately once, so that flaky ones are not in doubt for nothing', () => {
    const both = { ...likely, likely: [{ image: 'debian', step: 'all', tests: ['a'], lately: ['t1'] }] }
    const runs = (outcome: Outcome) =>
      likelyRuns(caseOf(first(words, outcome), words, { runs: ran(1_000_000), policy: { likely: 0.2 } })).map(
        ({ probe }) => probe?.tests?.join(),
      )
    expect(runs(both as Outcome)).toEqual(['a,t1', ...Array(9).fill('a')])
    const lately = { ...likely, likely: [{ image: 'debian', step: 'all', tests: [], lately: ['t1'] }] }
    expect(runs(lately as Outcome)).toEqual(['t1'])
  })

  it('and what fails in them is in doubt like any other', () => {
    const given = caseOf(first(words, likely), words, { runs: ran(1_000_000) })
    const more = likelyRuns(given).map((one, i) =>
      task(
        one.id,
        { ...one, state: { at: 'done', attempts: 1, outcome: tested(i % 3 ? 'a' : 'a:failed') } },
        built,
      ),
    )
    const after = { ...given, tasks: [...given.tasks, ...more] }
    expect(prove(after).wanted.every(({ probe }) => probe?.tests?.join() === 'a')).toBe(true)
    const { rulings } = played(after, ({ side, turn }) =>
      tested(side === 'with' && turn % 3 !== 0 ? 'a:failed' : 'a'),
    )
    expect(rulings).toMatchObject([{ test: 'a', ruling: 'new' }])
    expect(rulings[0]?.failure.lines).toBeUndefined()
  })
})
