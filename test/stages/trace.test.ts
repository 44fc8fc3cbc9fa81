// Which patch did it: trace asks for tasks, a pretended farm answers them, until nothing is wanted any more.
import { describe, expect, it } from 'vitest'
import { none } from '../../src/model/history.ts'
import type { BrokenMiddle, Job, Outcome, RunRecord, Task } from '../../src/model/job.ts'
import type { ProofPolicy } from '../../src/model/proof-policy.ts'
import type { Series } from '../../src/model/series.ts'
import type { Verdict } from '../../src/model/verdict.ts'
import { walkTask } from '../../src/model/walk.ts'
import { failedIn, middle, passesNeeded, ratesOf, sideOf } from '../../src/stages/judge/bisect.ts'
import type { Case } from '../../src/stages/judge/case.ts'
import { type Trace, trace, traced } from '../../src/stages/judge/trace.ts'

const numbers = (most: number) => Array.from({ length: most }, (_, i) => i + 1)

const job = (patches: number): Job => ({
  ...{ id: 'j1', project: 'tally', series: 's1', baseline: 'b1', base: 'a'.repeat(40), baseName: 'main' },
  recipe: {
    ...{ repository: '/upstream.git', branch: 'main', ignore: [] },
    build: { image: 'debian', prepare: [], steps: [], artifacts: [] },
    test: {
      images: ['debian', 'busybox'],
      steps: ['all', 'more'].map(name => ({
        ...{ name, run: './all', timeoutMs: 10_000, report: 'tap' as const, only: './all {tests}' },
      })),
    },
  },
  parts: numbers(patches).map(position => ({
    ...{ position, title: `patch ${position}`, messageId: undefined, blob: `mail-${position}` },
  })),
  ...{ priority: 6, createdAt: 0 },
})

const policy: ProofPolicy = {
  ...{ blame: 0.001, miss: 0.01, rate: 0.3, pairs: 60, stepPairs: 12, budgetMs: 7_200_000, likely: 0.08 },
  ...{ bases: 30, bisect: true, nightlyAt: undefined, alike: { authors: 3, withinMs: 7_200_000 } },
}

const well = { kind: 'finished' as const, exitCode: 0 }
const built: Outcome = { kind: 'built', artifact: 'x', steps: [] }
const failure: Outcome = {
  ...{ kind: 'build-failed', errors: ['a.c:7:1: error: no'], plain: true },
  step: { name: 'build', ending: { kind: 'finished', exitCode: 2 }, tail: [], lines: [1, 1] },
}

const first = (of: string, outcome: Outcome): Task => ({
  ...{ id: `${of}-build`, job: of, project: 'tally', kind: 'build', image: 'debian', priority: 61 },
  state: { at: 'done', attempts: 1, outcome },
})

/** Since which patch it fails, and at which rate; by image, step and test. */
type Guilt = { image: string; step: string; test: string; since: number; rate?: number }

type World = {
  patches: number
  guilts: Guilt[]
  broken?: number[]
  /** As the walk tells it; undefined: it was lost. */
  walked?: Outcome
  end?: Outcome
  base?: Outcome
  budgetMs?: number
  random?: () => number
}

const brokenAt = (position: number): BrokenMiddle => ({
  ...{ position, title: `patch ${position}`, step: 'build', errors: ['a.c:3:1: error: no'], plain: true },
})

const answer = (world: World, task: Task): Outcome => {
  const { broken = [], random = () => 0 } = world
  if (task.each) return world.walked ?? { kind: 'walked', broken: broken.map(brokenAt) }
  if (task.kind === 'build') return broken.includes(task.upTo ?? 0) ? failure : built
  const { probe, image } = task
  const tests = world.guilts
    .filter(one => one.image === image && one.step === probe?.step && probe.tests?.includes(one.test))
    .map(({ test, since, rate = 1 }) => ({
      ...{ test, message: '', line: 1 },
      outcome: Number(probe?.side) >= since && random() < rate ? ('failed' as const) : ('passed' as const),
    }))
  const step = { name: probe?.step ?? '', ending: well, tail: [], lines: [1, 1] as [number, number] }
  return {
    kind: 'tested',
    steps: [{ ...step, format: 'tap', report: { state: 'whole', why: '', tests } }],
  }
}

const rulings = ({ guilts }: World) =>
  guilts.map(({ image, step, test, rate = 1 }) => ({
    ...{ image, step, test, message: '', ruling: 'new' as const },
    proof: { with: { failed: Math.round(rate * 20), runs: 20 }, without: { failed: 0, runs: 20 } },
  }))

const caseOf = (world: World, tasks: Task[], runs: RunRecord[] = []): Case => ({
  ...{ job: job(world.patches), series: { id: 's1' } as Series, tasks, runs, known: [], now: 1_000_000 },
  baseline: { job: { ...job(0), id: 'b1' }, tasks: [first('b1', world.base ?? built)] },
  history: () => none,
  here: () => none,
  policy: { ...policy, ...(world.budgetMs === undefined ? {} : { budgetMs: world.budgetMs }) },
})

/** All tasks that were run for it, and what came out. */
const play = (world: World): Trace & { ran: Task[] } => {
  const tasks = [first('j1', world.end ?? built)]
  const runs: RunRecord[] = []
  for (let rounds = 0; rounds < 100; rounds++) {
    const said = trace(caseOf(world, tasks, runs), rulings(world))
    if (said.wanted.length === 0) return { ...said, ran: tasks.slice(1) }
    for (const task of said.wanted) {
      expect(tasks.map(({ id }) => id)).not.toContain(task.id)
      tasks.push({ ...task, state: { at: 'done', attempts: 1, outcome: answer(world, task) } })
      runs.push({
        ...{ id: `r-${task.id}`, task: task.id, attempt: 1, host: 'h', outcome: undefined, evidence: {} },
        ...{ startedAt: 0, endedAt: 60_000 },
      })
    }
  }
  throw new Error('there is no end to it')
}

/** https://en.wikipedia.org/wiki/Linear_congruential_generator, constants of Numerical Recipes. */
const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}

const one = (since: number, more: Partial<Guilt> = {}): Guilt => ({
  ...{ image: 'debian', step: 'all', test: 'add', since },
  ...more,
})

describe('a beginning', () => {
  it('is good after two runs if the test always fails, after thirteen if it does in 30 %', () => {
    const rates = (failed: number, runs: number) =>
      ratesOf({ with: { failed, runs }, without: { failed: 0, runs }, history: none })
    expect(passesNeeded(rates(6, 6))).toBe(2)
    expect(passesNeeded(rates(6, 20))).toBe(13)
    expect(sideOf([false, false], rates(6, 6))).toBe('good')
    expect(sideOf([false], rates(6, 6))).toEqual({ missing: 1 })
    expect(sideOf([true], rates(6, 20))).toBe('bad')
  })

  it('of a test that fails by itself takes more than one failure', () => {
    const rates = ratesOf({ with: { failed: 19, runs: 20 }, without: { failed: 6, runs: 20 } })
    expect(sideOf([true], rates)).toEqual({ missing: expect.any(Number) })
    expect(sideOf([true, true, true, true, true], rates)).toBe('bad')
  })

  it('is looked for in the middle, or beside it', () => {
    expect(middle(0, 8, new Set())).toBe(4)
    expect(middle(0, 8, new Set([4]))).toBe(3)
    expect(middle(0, 8, new Set([3, 4]))).toBe(5)
    expect(middle(2, 4, new Set([3]))).toBeUndefined()
  })

  it('has a test that is not there yet: it does not fail; a report that is cut off does not tell', () => {
    const outcome = (state: 'whole' | 'truncated'): Outcome => ({
      kind: 'tested',
      steps: [
        {
          ...{ name: 'all', ending: well, tail: [], lines: [1, 1], format: 'tap' },
          report: { state, why: '', tests: [] },
        },
      ],
    })
    expect(failedIn(outcome('whole'), { step: 'all', test: 'add' })).toBe(false)
    expect(failedIn(outcome('truncated'), { step: 'all', test: 'add' })).toBeUndefined()
    expect(failedIn(outcome('truncated'), { step: 'all', test: '' })).toBe(true)
    expect(failedIn({ kind: 'ours', what: 'vm-died', detail: '' }, { step: 'all', test: '' })).toBeUndefined()
  })
})

describe('a failure', () => {
  it.each(numbers(7))('of patch %i of seven is traced to it', since => {
    const { culprit, ran } = play({ patches: 7, guilts: [one(since)] })
    expect(culprit).toEqual({ position: since, title: `patch ${since}` })
    // Three halvings, two runs each at most, a build for each, and the walk.
    expect(ran.length).toBeLessThanOrEqual(10)
  })

  it('of a series of one patch needs no tracing', () => {
    expect(play({ patches: 1, guilts: [one(1)] })).toMatchObject({ culprit: undefined, ran: [] })
  })

  it('at a rate of 30 % is hardly ever traced to the wrong patch', () => {
    const random = seeded(7)
    const found = numbers(300).map(n => {
      const since = (n % 7) + 1
      const { culprit } = play({ patches: 7, guilts: [one(since, { rate: 0.3 })], random })
      return culprit === undefined ? 'unknown' : culprit.position === since ? 'right' : 'wrong'
    })
    expect(found.filter(one => one === 'wrong').length).toBeLessThanOrEqual(9)
    expect(found.filter(one => one === 'right').length).toBeGreaterThanOrEqual(285)
  })

  it('is found beside a middle that does not build, and is not where only that is left', () => {
    expect(play({ patches: 7, guilts: [one(2)], broken: [4] }).culprit?.position).toBe(2)
    expect(play({ patches: 7, guilts: [one(4)], broken: [4] }).culprit).toBeUndefined()
    expect(play({ patches: 7, guilts: [one(7)], broken: [2, 4] }).culprit?.position).toBe(7)
  })

  it('is not traced when the time for proof is used up', () => {
    const { culprit, wanted } = play({ patches: 7, guilts: [one(2)], budgetMs: 100_000 })
    expect({ culprit, wanted }).toEqual({ culprit: undefined, wanted: [] })
  })

  it('found with the last of the time is told', () => {
    const guilts = [one(3), one(3, { step: 'more', test: 'mul' })]
    const whole = play({ patches: 4, guilts })
    const search = whole.ran.filter(({ each, probe }) => !each && probe?.step !== 'more')
    const { culprit } = play({ patches: 4, guilts, budgetMs: search.length * 60_000 })
    expect(culprit).toEqual({
      ...{ position: 3, title: 'patch 3' },
      only: [{ step: 'all', test: 'add' }],
    })
    expect(whole.culprit).toEqual({ position: 3, title: 'patch 3' })
  })

  it('of the same clones and of other images comes along', () => {
    const guilts = [one(3), one(3, { test: 'sub' }), one(3, { image: 'busybox' })]
    const { culprit, ran } = play({ patches: 4, guilts })
    expect(culprit).toEqual({ position: 3, title: 'patch 3' })
    expect(
      ran.filter(({ kind }) => kind === 'test').map(({ image, probe }) => [image, probe?.tests]),
    ).toEqual(numbers(4).map(() => ['debian', ['add', 'sub']]))
  })

  it('of another patch is not held against the one that was found', () => {
    const guilts = [one(3), one(2, { test: 'sub' }), one(3, { step: 'more', test: 'mul' })]
    expect(play({ patches: 4, guilts }).culprit).toEqual({
      ...{ position: 3, title: 'patch 3' },
      only: [
        { step: 'all', test: 'add' },
        { step: 'more', test: 'mul' },
      ],
    })
  })

  it('is not looked for where the project does not want it', () => {
    const given = caseOf({ patches: 3, guilts: [] }, [first('j1', built)])
    expect(trace({ ...given, policy: { ...given.policy, bisect: false } }, []).wanted).toEqual([])
  })
})

describe('a series whose middle does not build', () => {
  it('is told of it, with what the compiler said', () => {
    const { unbuildable } = play({ patches: 3, guilts: [], broken: [2] })
    expect(unbuildable).toEqual([
      { position: 2, title: 'patch 2', step: 'build', errors: ['a.c:3:1: error: no'] },
    ])
  })

  it.each([
    ['the base does not build', { base: failure }],
    ['the walk was lost', { walked: { kind: 'ours', what: 'vm-died', detail: '' } }],
  ] as [string, Partial<World>][])('is not told of it when %s', (_, more) => {
    expect(play({ patches: 3, guilts: [], broken: [2], ...more }).unbuildable).toBeUndefined()
  })

  it('is not looked at where it is too long', () => {
    expect(walkTask(job(65))).toBeUndefined()
    expect(walkTask(job(64))).toMatchObject({ id: 'j1-each', each: true })
  })
})

describe('a series that does not build', () => {
  const since = (broken: number[], more: Partial<World> = {}) =>
    play({ patches: 6, guilts: [], end: failure, broken, ...more }).culprit?.position

  it.each([
    ['its last patch', [], 6],
    ['the first of those at the end', [4, 5], 4],
    ['the one after which nothing was mended', [2, 5], 5],
    ['the last, when all before it was mended', [2, 3], 6],
  ])('does not since %s', (_, broken, position) => {
    expect(since(broken)).toBe(position)
  })

  it('does not since a patch of a walk that stopped early only if the errors are the same', () => {
    const walked: Outcome = { kind: 'walked', broken: [2, 3, 4].map(brokenAt), looked: 4 }
    expect(since([], { walked })).toBe(2)
    const other = { ...failure, errors: ['b.c:1:1: error: other'] } as Outcome
    expect(since([], { walked, end: other })).toBeUndefined()
  })

  it('is told at once when the walk was lost, or the base does not build', () => {
    const lost: Task = { ...(walkTask(job(6)) as Task), state: { at: 'queued', attempt: 2 } }
    const given = caseOf({ patches: 6, guilts: [] }, [first('j1', failure), lost])
    expect(trace(given, []).wanted).toEqual([])
    expect(since([4, 5], { base: failure })).toBeUndefined()
  })

  it('has its patch in the finding', () => {
    const finding = {
      ...{ kind: 'build-broken', step: 'build', ending: well, errors: [], command: '' },
    } as const
    const verdict = { series: 's1', images: [], finding } as unknown as Verdict
    const said = traced(verdict, { culprit: { position: 4, title: 'patch 4' }, unbuildable: undefined })
    expect(said.finding).toMatchObject({ kind: 'build-broken', position: 4, title: 'patch 4' })
    expect(traced(verdict, { culprit: undefined, unbuildable: undefined })).toBe(verdict)
  })
})
