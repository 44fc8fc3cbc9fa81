// Tests that the patches concern are run more often than once: a break that shows in some runs only must not slip through the first one.
import type { Millis } from '../../model/instant.ts'
import { firstTasks, isOver, type Task } from '../../model/job.ts'
import type { Case } from './case.ts'
import { likelyTests } from './likely.ts'
import { baseOf } from './outcomes.ts'
import { buildIds, probeTask } from './probes.ts'

/** A break as rare as the policy looks for may be missed in so many of a hundred series. */
const missed = 0.02

/** So many runs, the first one among them, until a break of that rate is missed seldom enough. */
export const runsToSee = (rate: number): number => Math.ceil(Math.log(missed) / Math.log(1 - rate))

/** What a clone takes besides its tests. */
const cloneMs: Millis = 1_000

const medianOf = (times: Millis[]): Millis | undefined =>
  times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) / 2)]

/** How long the first run of an image takes: as long as that of the base. */
const wholeMs = ({ baseline, runs }: Case, image: string): Millis | undefined => {
  const task = baseline && firstTasks(baseline.tasks).tests.find(test => test.image === image)
  const own = runs.filter(run => run.task === task?.id && run.outcome?.kind === 'tested')
  return medianOf(
    own.flatMap(({ startedAt, endedAt }) => (endedAt === undefined ? [] : [endedAt - startedAt])),
  )
}

/** By what the report says of their time; else by their number. */
const someMs = (given: Case, image: string, { step, tests }: { step: string; tests: string[] }): Millis => {
  const base = baseOf(given, image)
  const results = base?.kind === 'tested' ? base.steps.flatMap(one => one.report.tests) : []
  const own =
    base?.kind === 'tested' ? (base.steps.find(({ name }) => name === step)?.report.tests ?? []) : []
  const names = new Set(tests)
  const those = own.filter(({ test }) => names.has(test))
  const told = those.flatMap(({ durationMs }) => durationMs ?? [])
  const share = (tests.length / Math.max(1, results.length)) * (wholeMs(given, image) ?? 0)
  const sum = told.reduce((all, ms) => all + ms, 0)
  return cloneMs + (told.length === those.length && told.length > 0 ? sum : share)
}

type Likely = { step: string; tests: string[] }

/** What is run in a turn, by step: all of them in the first one, the touched ones in those behind it. Only what can be run by itself. */
const turnsOn = (given: Case, image: string): { first: Likely[]; later: Likely[] } => {
  const { steps } = given.job.recipe.test
  const single = new Set(steps.filter(({ only }) => only !== undefined).map(({ name }) => name))
  const own = likelyTests(given, image).filter(({ step }) => single.has(step))
  return {
    first: own.map(({ step, tests, lately = [] }) => ({ step, tests: [...tests, ...lately] })),
    later: own.flatMap(({ step, tests }) => (tests.length > 0 ? [{ step, tests }] : [])),
  }
}

const runsOn = (given: Case, image: string): Task[] => {
  const { job, policy } = given
  const build = buildIds(job).with
  const { first, later } = turnsOn(given, image)
  const sumMs = (turn: Likely[]) => turn.reduce((sum, one) => sum + someMs(given, image, one), 0)
  const mayMs = policy.likely * (wholeMs(given, image) ?? 0)
  const isRoom = sumMs(first) <= mayMs
  const times = Math.floor((mayMs - (isRoom ? sumMs(first) : 0)) / Math.max(1, sumMs(later)))
  const more = later.length === 0 ? 0 : Math.min(runsToSee(policy.rate) - (isRoom ? 2 : 1), times)
  const turns = [...(isRoom ? [first] : []), ...Array.from({ length: Math.max(0, more) }, () => later)]
  return turns.flatMap((likely, n) =>
    likely.map(({ step, tests }) =>
      probeTask(job, image, { why: 'likely', side: 'with', build, step, tests, round: 1, turn: n + 1 }, -1),
    ),
  )
}

/** All at once, when the build is there and the base's runs tell how long it takes; they go before the whole steps. */
export const likelyRuns = (given: Case): Task[] => {
  const { job, tasks, baseline } = given
  const { build, tests } = firstTasks(tasks)
  if (build?.state.at !== 'done' || build.state.outcome.kind !== 'built' || !baseline) return []
  if (tasks.some(({ probe }) => probe !== undefined)) return []
  const images = new Set(job.recipe.test.images)
  const base = firstTasks(baseline.tasks)
  if (base.tests.some(task => images.has(task.image) && !isOver(task))) return []
  return tests.flatMap(({ image }) => runsOn(given, image))
}
