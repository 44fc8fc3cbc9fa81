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
import {
  type Commit,
  firstTasks,
  isOver,
  type Job,
  type JobId,
  type Outcome,
  outcomeOf,
  type Task,
} from '../../model/job.ts'
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

/** One commit that was tested: the newest job on it that is over. */
export type Tested = { base: Commit; job: Job; build: Outcome | undefined }

/** Of a branch, the newest first. */
export type Log = { commit: Commit; subject: string }[]

const maxCommits = 2_000
const maxSamples = 20_000

/** What came of a job that is over; `build` undefined: trouble of ours. */
type Ended = { build: Outcome | undefined }

/** What came of the newest jobs that were read before: a report of thousands of tests need not be read twice. */
export type EndedJobs = Map<JobId, Ended>

const maxEnded = 1_000

/** Of a good build nothing else is asked: what it warned of, and what its tests need, is long. */
const inShort = (outcome: Outcome): Outcome =>
  outcome.kind === 'built' ? { kind: 'built', artifact: outcome.artifact, steps: [] } : outcome

const remember = (known: EndedJobs, id: JobId, ended: Ended): void => {
  known.set(id, ended)
  const [oldest] = known.keys()
  if (known.size > maxEnded && oldest !== undefined) known.delete(oldest)
}

const endOf = async (store: Store, id: JobId, known: EndedJobs): Promise<Ended | undefined> => {
  const before = known.get(id)
  if (before) return before
  const { build, tests } = firstTasks(await store.tasksOf(id))
  if (build === undefined || ![build, ...tests].every(isOver)) return undefined
  const outcome = outcomeOf(build)
  const ended = { build: outcome === undefined || outcome.kind === 'ours' ? undefined : inShort(outcome) }
  // What was ours may be tried again.
  if (ended.build) remember(known, id, ended)
  return ended
}

/** In the order of the branch, the newest first; former tips that a rebase took out of it come after, by time. */
const inOrder = (jobs: Job[], log: Log, branch: string): Job[] => {
  const place = new Map(log.map(({ commit }, n) => [commit, n]))
  const at = ({ base }: Job) => place.get(base) ?? log.length
  return jobs
    .filter(job => (job.before ?? []).length === 0 && (place.has(job.base) || job.baseName === branch))
    .sort((a, b) => at(a) - at(b) || b.createdAt - a.createdAt)
}

/** Base lines of a branch that are over, the newest commit first. Without a `log`, by time. Throws the store's Faults. */
export const testedBases = async (
  store: Store,
  { project, branch, bases }: Pick<Branch, 'project' | 'branch' | 'bases'>,
  { log, known = new Map() }: { log: Log; known?: EndedJobs },
): Promise<Tested[]> => {
  // Nights and other branches are among them.
  const jobs = inOrder(await store.baselines({ project, limit: 8 * bases }), log, branch)
  const found = new Map<Commit, Tested>()
  for (const job of jobs) {
    if (found.size >= bases) break
    const ended = found.get(job.base)?.build ? undefined : await endOf(store, job.id, known)
    if (ended) found.set(job.base, { base: job.base, job, build: ended.build })
  }
  return [...found.values()]
}

export const healthOf = async (store: Store, project: string, tested: Tested[]): Promise<BaseHealth> => {
  const bases = new Set(tested.map(({ base }) => base))
  const oldest = Math.min(...tested.map(({ job }) => job.createdAt))
  const since = tested.length === 0 ? {} : { since: oldest - 1 }
  const samples = await store.samples({ project, patched: false, ...since, limit: maxSamples })
  return baseHealth(
    tested,
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
    // The lines of the source below it are for those who look closer.
    const error = health.build.errors[0]?.split('\n')[0]
    return `${project}: ${branch} does not build${when}${error === undefined ? '' : `: ${oneLine(error, 160)}`}`
  }
  const byName = Map.groupBy(health.tests, ({ step, test }) => (test === '' ? `step ${step}` : test))
  const names = [...byName].map(
    ([name, on]) => `${oneLine(name, 80)} on ${[...new Set(on.map(({ image }) => image))].join(', ')}`,
  )
  const more = names.length > maxNamed ? `, and ${names.length - maxNamed} more` : ''
  const count = names.length === 1 ? '1 test fails' : `${names.length} tests fail`
  const listed = names.slice(0, maxNamed)
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
const repeatsOf = ({ job }: Tested, again: Repeat[]): Task[] => {
  const { steps, images } = job.recipe.test
  return again.flatMap(repeat => {
    const step = steps.find(({ name }) => name === repeat.step)
    if (step === undefined || !images.includes(repeat.image)) return []
    return [repeatTask(job, step.only === undefined ? { ...repeat, tests: [] } : repeat)]
  })
}

/** What was looked at already, by branch: nothing new was over since. And what came of jobs. */
export type HealthMemory = { seen: Map<string, string>; ended: EndedJobs }

export const newHealthMemory = (): HealthMemory => ({ seen: new Map(), ended: new Map() })

/** Raises or clears the incident of one branch, and has repeated what should be. Repeatable. Throws the store's and the mirror's Faults. */
export const tendHealth =
  ({ store, mirror, alarm }: HealthPorts, { seen, ended }: HealthMemory) =>
  async (of: Branch): Promise<void> => {
    const { project, branch, repository, tip } = of
    const about = aboutBase(project, branch)
    const log = await mirror.log(repository, tip, maxCommits)
    const tested = await testedBases(store, of, { log, known: ended })
    const [newest] = tested
    const [last] = await store.samples({ project, patched: false, limit: 1 })
    const now = contentId(
      32,
      tested.map(({ job }) => job.id),
      last?.id ?? '',
    )
    if (newest === undefined || seen.get(about) === now) return
    const health = await healthOf(store, project, tested)
    await store.addTasks(repeatsOf(newest, health.again))
    if (isBroken(health)) {
      const remedy = `see: grapevine base show ${project} ${branch}`
      const detail = `${sayHealth(of, health, { lines: tested, log })}; ${remedy}`
      await alarm.raise('base-broken', about, detail)
    } else if (newest.build?.kind === 'built')
      await alarm.clear('base-broken', about, `${short(newest.base)} builds, and nothing fails newly in it`)
    seen.set(about, now)
  }

/** Since when the branch is broken on that commit, as far as its base lines tell: in building, or in one step. */
export const brokenOn = async (
  store: Store,
  of: Pick<Branch, 'project' | 'branch' | 'bases'>,
  at: { base: Commit; step: string; log: Log },
): Promise<Since | undefined> => {
  const tested = await testedBases(store, of, at)
  const from = tested.findIndex(({ base }) => base === at.base)
  if (from === -1) return undefined
  const { build, tests } = await healthOf(store, of.project, tested.slice(from))
  return build ?? tests.find(({ step, test }) => step === at.step && test === '')
}
