// Our judge in the simulated world: the very code of the judge stage, given a case, and its wishes for runs fulfilled by throwing dice.
import { historyOf, type Sample } from '../../src/model/history.ts'
import type { Job, Outcome, RunRecord, Task } from '../../src/model/job.ts'
import type { ProofPolicy } from '../../src/model/proof-policy.ts'
import type { TestResult } from '../../src/model/report.ts'
import { isBlamed } from '../../src/model/ruled.ts'
import type { Series } from '../../src/model/series.ts'
import type { Case } from '../../src/stages/judge/case.ts'
import { likelyRuns } from '../../src/stages/judge/likely-runs.ts'
import { prove } from '../../src/stages/judge/prove.ts'
import type { Said } from './naive.ts'
import { habits, type RunResult, type SeriesTruth, type World } from './world.ts'

export type RunAsked = {
  series: SeriesTruth
  patched: boolean
  image: string
  only?: number[]
  builtAt: number
}

const step = 'suite'
const nameOf = (test: number): string => `t${String(test).padStart(4, '0')}`
const testOf = (name: string): number => Number(name.slice(1))

const passed = new Map<number, TestResult>()
const passing = (test: number): TestResult => {
  const known = passed.get(test)
  if (known) return known
  const made: TestResult = { test: nameOf(test), outcome: 'passed', message: '', line: 1 }
  passed.set(test, made)
  return made
}

const failing = (test: number): TestResult => ({
  ...passing(test),
  outcome: 'failed',
  message: `${nameOf(test)} gave way`,
})

const tested = ({ failed }: RunResult, tests: number[]): Outcome => ({
  kind: 'tested',
  steps: [
    {
      ...{ name: step, ending: { kind: 'finished', exitCode: failed.size > 0 ? 1 : 0 } },
      ...{ tail: [], lines: [1, 1], format: 'tap' },
      report: {
        ...{ state: 'whole', why: '' },
        tests: tests.map(test => (failed.has(test) ? failing(test) : passing(test))),
      },
    },
  ],
})

const done = (task: Omit<Task, 'state'>, outcome: Outcome): Task => ({
  ...task,
  state: { at: 'done', attempts: 1, outcome },
})

/** Of all images, the newest first, as the store gives them. */
export type History = Map<string, Sample[]>

const maxSamples = 1_000

const recent = (samples: Sample[], bases: number): Sample[] => {
  const newest = samples.slice(0, maxSamples)
  const last = new Set([...new Set(newest.map(({ base }) => base))].slice(0, bases))
  return newest.filter(({ base }) => last.has(base))
}

export const baseName = (base: number): string => `base${base}`

export const sampleOf = (given: {
  id: string
  image: string
  base: number
  failed: Set<number>
  count: number
  only?: number[] | undefined
}): Sample => ({
  ...{ id: given.id, project: 'p', image: given.image, step, job: given.id, run: given.id },
  ...{ base: baseName(given.base), series: undefined, author: undefined, host: '', at: 0, state: 'whole' },
  only: given.only?.map(nameOf),
  count: given.count,
  failed: [...given.failed].map(test => ({ test: nameOf(test), message: '' })),
})

const jobsFor = (world: World, series: SeriesTruth): { job: Job; base: Job } => {
  const common = {
    ...{ project: 'p', base: baseName(series.base), baseName: 'main', priority: 6, createdAt: 0 },
    recipe: {
      ...{ repository: '', branch: 'main', ignore: [] },
      build: { image: 'build', prepare: [], steps: [], artifacts: ['x'] },
      test: {
        images: world.size.images,
        steps: [{ name: step, run: '', timeoutMs: 1, report: 'tap' as const, only: '{tests}' }],
      },
    },
  }
  const base: Job = { ...common, id: `b${series.base}`, series: undefined, baseline: undefined, parts: [] }
  const parts = [{ position: 1, title: 't', messageId: undefined, blob: 'm' }]
  return { base, job: { ...common, id: series.id, series: series.id, baseline: base.id, parts } }
}

export type OursInput = {
  world: World
  series: SeriesTruth
  first: Map<string, RunResult>
  base: Map<string, RunResult>
  history: History
  policy: ProofPolicy
  /** Throws dice until the machine did not give up; counts what that took. */
  run: (asked: RunAsked) => RunResult
}

/** What it says, and how many rounds it took. Runs without the patches become history. */
export const ours = (input: OursInput): Said & { rounds: number; by: Map<string, number> } => {
  const { world, series, first, base, history, policy, run } = input
  const { images } = world.size
  const all = Array.from({ length: world.size.tests }, (_, test) => test)
  const jobs = jobsFor(world, series)
  const common = (job: Job) => ({ job: job.id, project: 'p', priority: 60 })
  const build = (job: Job, id: string, outcome: Outcome): Task =>
    done({ ...common(job), id, kind: 'build', image: 'build' }, outcome)
  const built: Outcome = { kind: 'built', artifact: 'a', steps: [] }
  const likely = images.map(image => ({ image, step, tests: series.concerned.map(nameOf) }))
  const firstTests = (job: Job, results: Map<string, RunResult>): Task[] =>
    images.map(image =>
      done(
        { ...common(job), id: `${job.id}-test-${image}`, kind: 'test', image },
        tested(results.get(image) ?? { ours: false, failed: new Set(), ms: 0 }, all),
      ),
    )
  const runs: RunRecord[] = []
  const said = {
    blamed: [] as Said['blamed'],
    unclear: false,
    extraMs: 0,
    runs: 0,
    rounds: 0,
    by: new Map<string, number>(),
  }
  const record = (task: Task, ms: number) => {
    const id = `r${runs.length}`
    const outcome = task.state.at === 'done' ? task.state.outcome : undefined
    runs.push({
      ...{ id, task: task.id, attempt: 1, host: '', startedAt: 0, endedAt: ms, outcome },
      evidence: {},
    })
  }
  const given: Case = {
    ...{ job: jobs.job, series: { id: series.id } as Series, policy, known: [], now: 0, runs },
    tasks: [build(jobs.job, `${series.id}-build`, { ...built, likely }), ...firstTests(jobs.job, first)],
    baseline: {
      job: jobs.base,
      tasks: [build(jobs.base, `${jobs.base.id}-build`, built), ...firstTests(jobs.base, base)],
    },
    ...histories(history, series, policy),
  }
  for (const task of given.tasks) record(task, first.get(task.image)?.ms ?? habits.buildMs)
  for (const task of given.baseline?.tasks ?? []) record(task, base.get(task.image)?.ms ?? habits.buildMs)

  const add = (what: string, ms: number) => said.by.set(what, (said.by.get(what) ?? 0) + ms)

  const perform = (task: Task): void => {
    if (task.kind === 'build') {
      said.extraMs += habits.buildMs
      add('builds made anew', habits.buildMs)
      said.runs++
      given.tasks.push({ ...task, state: { at: 'done', attempts: 1, outcome: built } })
      return
    }
    const probe = task.probe
    const only = probe?.tests?.map(testOf) ?? all
    const patched = probe?.side === 'with'
    const isAnew = probe?.build !== `${series.id}-build` && probe?.build !== `${jobs.base.id}-build`
    const builtAt = patched || isAnew ? series.at : -1
    const result = run({ series, patched, image: task.image, only, builtAt })
    said.extraMs += result.ms
    const isPair = probe?.why === 'proof'
    add(isPair ? (isAnew ? 'pairs of builds made anew' : 'pairs') : (probe?.why ?? ''), result.ms)
    said.runs++
    const over: Task = { ...task, state: { at: 'done', attempts: 1, outcome: tested(result, only) } }
    given.tasks.push(over)
    record(over, result.ms)
    if (patched) return
    const sample = sampleOf({
      id: task.id,
      image: task.image,
      base: series.base,
      failed: result.failed,
      count: only.length,
      only,
    })
    // As the store would: its own pairs are not its history.
    history.get(task.image)?.unshift({ ...sample, job: jobs.job.id })
  }

  for (const task of likelyRuns(given)) perform(task)
  for (;;) {
    const { rulings, wanted } = prove(given)
    if (wanted.length === 0) {
      said.blamed = rulings.filter(isBlamed).map(({ image, test }) => ({ image, test: testOf(test) }))
      said.unclear = rulings.some(({ ruling }) => ruling === 'unclear')
      return said
    }
    said.rounds++
    for (const task of wanted) perform(task)
  }
}

const histories = (
  history: History,
  series: SeriesTruth,
  policy: ProofPolicy,
): Pick<Case, 'history' | 'here'> => {
  const samples = [...history.values()].flatMap(own => recent(own, policy.bases))
  const here = samples.filter(({ base }) => base === baseName(series.base))
  return { history: historyOf(samples, { but: series.id }), here: historyOf(here, { but: series.id }) }
}
