// Looks at base lines that are over: is a branch broken, and since which commit? Operators hear of it by an incident, which ends by itself.
// What failed and hardly ever did is run once more in a clone of its own before anybody hears of it.
import {
  aboutBase,
  type BaseHealth,
  type BaseLine,
  baseHealth,
  brokenSince,
  isBroken,
  type Repeat,
  type Since,
} from '../../model/base-health.ts'
import type { Alarm } from '../../model/incident.ts'
import { type Commit, firstTasks, type Job, type Task } from '../../model/job.ts'
import type { Mirror } from '../../ports/git.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { contentId } from '../../text/digest.ts'

export type HealthPorts = { store: Store; mirror: Mirror; alarm: Alarm }

export type Branch = {
  project: string
  repository: string
  branch: string
  tip: Commit
  /** So many bases make its history. */
  bases: number
}

/** One commit that was tested: its jobs, the newest first. */
export type Tested = { base: Commit; jobs: { job: Job; tasks: Task[] }[] }

type Log = { commit: Commit; subject: string }[]

const maxCommits = 2_000
const maxSamples = 20_000

const isOver = ({ state }: Task): boolean => state.at === 'done' || state.at === 'cancelled'

const isDone = (tasks: Task[]): boolean => {
  const { build, tests } = firstTasks(tasks)
  return build !== undefined && [build, ...tests].every(isOver)
}

/** In the order of the branch, the newest first; former tips that a rebase took out of it come after, by time. */
const inOrder = (tested: Tested[], log: Log, branch: string): Tested[] => {
  const place = new Map(log.map(({ commit }, n) => [commit, n]))
  const isOf = ({ base, jobs }: Tested) => place.has(base) || jobs.some(({ job }) => job.baseName === branch)
  const newest = ({ jobs }: Tested) => jobs[0]?.job.createdAt ?? 0
  return tested
    .filter(isOf)
    .sort(
      (a, b) =>
        (place.get(a.base) ?? log.length) - (place.get(b.base) ?? log.length) || newest(b) - newest(a),
    )
}

/** Base lines of a branch that are over, the newest commit first. Throws the store's Faults. */
export const testedBases = async (
  store: Store,
  { project, branch, bases }: Pick<Branch, 'project' | 'branch' | 'bases'>,
  log: Log,
): Promise<Tested[]> => {
  // Nights and other branches are among them.
  const all = await store.baselines({ project, limit: 8 * bases })
  const jobs = all.filter(job => (job.before ?? []).length === 0)
  const tasks = Map.groupBy(await store.tasksOfJobs(jobs.map(({ id }) => id)), ({ job }) => job)
  const done = jobs.map(job => ({ job, tasks: tasks.get(job.id) ?? [] })).filter(one => isDone(one.tasks))
  const tested = [...Map.groupBy(done, ({ job }) => job.base)].map(([base, own]) => ({ base, jobs: own }))
  return inOrder(tested, log, branch).slice(0, bases)
}

/** The newest try that says anything of the base. */
export const lineOf = ({ base, jobs }: Tested): BaseLine => {
  const builds = jobs.flatMap(({ tasks }) => {
    const state = firstTasks(tasks).build?.state
    return state?.at === 'done' && state.outcome.kind !== 'ours' ? [state.outcome] : []
  })
  return { base, build: builds[0] }
}

export const healthOf = async (store: Store, project: string, tested: Tested[]): Promise<BaseHealth> => {
  const bases = new Set(tested.map(({ base }) => base))
  const oldest = Math.min(...tested.flatMap(({ jobs }) => jobs.map(({ job }) => job.createdAt)))
  const since = tested.length === 0 ? {} : { since: oldest - 1 }
  const samples = await store.samples({ project, patched: false, ...since, limit: maxSamples })
  return baseHealth(
    tested.map(lineOf),
    samples.filter(({ base }) => bases.has(base)),
  )
}

const short = (commit: Commit): string => commit.slice(0, 12)

/** `since 1a2b3c4d5e6f ("subject"), between 9f8e7d6c5b4a..1a2b3c4d5e6f`, as git's own range. */
export const saySince = ({ since, after }: Since, log: Log): string => {
  const subject = log.find(({ commit }) => commit === since)?.subject
  const named = `since ${short(since)}${subject === undefined ? '' : ` ("${oneLine(subject, 80)}")`}`
  return after === undefined ? `${named} at the latest` : `${named}, between ${short(after)}..${short(since)}`
}

const maxNamed = 5

/** One line. */
export const sayHealth = (
  { project, branch }: Pick<Branch, 'project' | 'branch'>,
  health: BaseHealth,
  { lines, log }: { lines: BaseLine[]; log: Log },
): string => {
  const since = brokenSince(health, lines)
  const when = since === undefined ? '' : ` ${saySince(since, log)}`
  if (health.build) {
    const error = health.build.errors[0]
    return `${project}: ${branch} does not build${when}${error === undefined ? '' : `: ${oneLine(error, 160)}`}`
  }
  const names = health.tests.map(
    ({ step, test, image }) => `${test === '' ? `step ${step}` : test} on ${image}`,
  )
  const more = names.length > maxNamed ? `, and ${names.length - maxNamed} more` : ''
  const count = names.length === 1 ? '1 test fails' : `${names.length} tests fail`
  const listed = names.slice(0, maxNamed).map(name => oneLine(name, 80))
  return `${project}: ${count} on ${branch} without any patch${when}: ${listed.join('; ')}${more}`
}

/** Once for each base line, step and image. */
const repeatTask = (job: Job, { image, step, tests }: Repeat): Task => ({
  id: `${job.id}-again-${contentId(12, image, step)}`,
  ...{ job: job.id, project: job.project, kind: 'test', image },
  priority: job.priority * 10,
  state: { at: 'queued', attempt: 1 },
  probe: {
    ...{ why: 'proof', side: 'without', build: `${job.id}-build`, step, round: 1, turn: 1 },
    ...(tests.length === 0 ? {} : { tests }),
  },
})

/** Where a single test cannot be run alone, its step is. */
const repeatsOf = (newest: Tested, again: Repeat[]): Task[] => {
  const job = newest.jobs[0]?.job
  if (job === undefined) return []
  const { steps, images } = job.recipe.test
  return again.flatMap(repeat => {
    const step = steps.find(({ name }) => name === repeat.step)
    if (step === undefined || !images.includes(repeat.image)) return []
    return [repeatTask(job, step.only === undefined ? { ...repeat, tests: [] } : repeat)]
  })
}

/** What was looked at already, by branch: nothing new was over since. */
export type HealthMemory = Map<string, string>

const isBuilt = ({ build }: BaseLine): boolean => build?.kind === 'built'

/** Raises or clears the incident of one branch, and has repeated what should be. Repeatable. Throws the store's and the mirror's Faults. */
export const tendHealth =
  ({ store, mirror, alarm }: HealthPorts, memory: HealthMemory) =>
  async (of: Branch): Promise<void> => {
    const { project, branch, repository, tip } = of
    const about = aboutBase(project, branch)
    const log = await mirror.log(repository, tip, maxCommits)
    const tested = await testedBases(store, of, log)
    const [newest] = tested
    const tasks = tested.flatMap(({ jobs }) => jobs.flatMap(one => one.tasks))
    const seen = contentId(
      32,
      tested.map(({ base }) => base),
      tasks.filter(isOver).map(({ id }) => id),
    )
    if (newest === undefined || memory.get(about) === seen) return
    const health = await healthOf(store, project, tested)
    const lines = tested.map(lineOf)
    await store.addTasks(repeatsOf(newest, health.again))
    if (isBroken(health)) {
      const remedy = `see: grapevine base show ${project} ${branch}`
      await alarm.raise('base-broken', about, `${sayHealth(of, health, { lines, log })}; ${remedy}`)
    } else if (lines[0] !== undefined && isBuilt(lines[0]))
      await alarm.clear('base-broken', about, `${short(newest.base)} builds, and nothing fails newly in it`)
    memory.set(about, seen)
  }
