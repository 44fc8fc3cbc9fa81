// After anything happened to a job: what is due now? Decided from the store alone, so that it can be asked at any time.
import { cancelledBy, jobDuty } from '../../model/advance.ts'
import type { Instant } from '../../model/instant.ts'
import { firstTasks, isOver, type Job, type JobId, type Task } from '../../model/job.ts'
import type { ProofPolicy } from '../../model/proof-policy.ts'
import type { Series } from '../../model/series.ts'
import { isCancelled, type Verdict } from '../../model/verdict.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'
import { heldBack } from './alike.ts'
import { type Case, gatherCase } from './case.ts'
import { extras } from './extras.ts'
import { judge } from './judge.ts'
import { isProving } from './prove.ts'
import { heldInShadow } from './shadow.ts'
import { standingFor } from './suspects.ts'
import { traced } from './trace.ts'

export type AdvancePorts = {
  store: Store
  clock: Clock
  log?: Log
  /** Throws a Fault if the configuration has no such project. */
  project(name: string): { proof: ProofPolicy }
}

export type Next =
  /** `look`: these jobs waited for the build of this base line. */
  | { do: 'run'; tasks: Task[]; look?: JobId[] }
  /** A base line is complete: these jobs waited for it. */
  | { do: 'look'; jobs: JobId[] }
  | { do: 'conclude'; verdict: Verdict }
  | { do: 'wait' }

/** Jobs without a verdict that compare with this base line. */
const waiting = async (store: Store, baseline: Job): Promise<JobId[]> => {
  const open = await store.jobsWithoutVerdict()
  return open.filter(job => job.baseline === baseline.id).map(job => job.id)
}

/** What a base line is for: a series that does not build is told so as soon as it is known that its base does. */
const forBaseline = async (store: Store, job: Job, tasks: Task[]): Promise<Next> => {
  const duty = jobDuty(tasks)
  if (duty.do === 'judge') return { do: 'look', jobs: await waiting(store, job) }
  if (duty.do !== 'run') return { do: 'wait' }
  const { build, tests } = firstTasks(tasks)
  const isFresh = build?.state.at === 'done' && tests.every(({ state }) => state.at === 'queued')
  return isFresh ? { ...duty, look: await waiting(store, job) } : duty
}

const cancelAll = async (store: Store, tasks: Task[], how: { why: string; by?: string }): Promise<void> => {
  for (const task of tasks) await store.moveTask(task.id, task.state, { at: 'cancelled', ...how })
}

const quietVerdict = (
  job: Job,
  series: Series | undefined,
  how: { why: string; by: string; now: Instant },
): Verdict => ({
  ...{ series: job.series ?? '', job: job.id, base: undefined, buildLog: undefined, images: [] },
  ...(series?.round === undefined ? {} : { round: series.round }),
  decidedAt: how.now,
  finding: { kind: 'cancelled', why: how.why, by: how.by },
})

const isCurrent = (series: Series | undefined, job: JobId): series is Series =>
  series?.state.at === 'planned' && series.state.job === job

const cancellation = async (store: Store, series: Series | undefined): Promise<Verdict | undefined> => {
  const last = series && (await store.verdict(series.id))
  return series && last?.finding.kind === 'cancelled' && isCancelled(last, series) ? last : undefined
}

/** More runs of a job. A newer version, or a person, may have ended it at this very moment: then they end as well. */
const addRuns = async (store: Store, job: Job, tasks: Task[]): Promise<void> => {
  await store.addTasks(tasks)
  const series = job.series === undefined ? undefined : await store.series(job.series)
  if (isCurrent(series, job.id) && !(await cancellation(store, series))) return
  await cancelAll(store, tasks, { why: 'nobody waits for it any more' })
}

const verdictOn = async (
  ports: AdvancePorts,
  given: Case,
  { rulings, trace }: Pick<ReturnType<typeof extras>, 'rulings' | 'trace'>,
): Promise<Next> => {
  const { job, tasks, runs, baseline, now } = given
  const said = judge({
    ...{ job, runs, now, rulings, all: tasks, ...firstTasks(tasks) },
    baseline: baseline && firstTasks(baseline.tasks),
    standing: (image, first) => standingFor(given, { image, first, rulings }),
  })
  if (said.kind === 'wait') return { do: 'wait' }
  const verdict = traced(said.verdict, trace)
  const held = (await heldInShadow(ports.store, given, verdict)) ?? (await heldBack(ports, given, verdict))
  return held === undefined ? { do: 'conclude', verdict } : { do: 'wait' }
}

/** What is due for a job. Repeatable at any time; a crash on the way changes nothing. Throws the store's Faults. */
export const advance =
  (ports: AdvancePorts) =>
  async (id: JobId): Promise<Next> => {
    const { store, clock } = ports
    const job = await store.job(id)
    if (!job) return { do: 'wait' }
    const series = job.series === undefined ? undefined : await store.series(job.series)
    const last = await cancellation(store, series)
    if (last?.finding.kind === 'cancelled') {
      const { why, by } = last.finding
      await cancelAll(
        store,
        (await store.tasksOf(id)).filter(task => !isOver(task)),
        { why, by },
      )
      return { do: 'conclude', verdict: { ...last, job: id } }
    }
    const tasks = await store.tasksOf(id)
    const duty = jobDuty(tasks)
    if (duty.do === 'cancel') {
      await cancelAll(store, duty.tasks, { why: duty.why })
      return advance(ports)(id)
    }
    if (job.baseline === undefined) return forBaseline(store, job, tasks)
    // Superseded, growing, or planned anew: another job speaks for it.
    if (!isCurrent(series, id)) return duty.do === 'judge' ? { do: 'wait' } : duty
    const stopped = cancelledBy(tasks)
    if (stopped && duty.do === 'judge')
      return { do: 'conclude', verdict: quietVerdict(job, series, { ...stopped, now: clock.now() }) }
    const build = firstTasks(tasks).build
    // Rounds of proof are decided when they are over; until then there is nothing to read a whole case for.
    if (stopped || (build && !isOver(build)) || isProving(tasks))
      return duty.do === 'judge' ? { do: 'wait' } : duty
    const given = await gatherCase(ports, { job, series, policy: ports.project(job.project).proof })
    const more = extras(given)
    if (more.tasks.length > 0) {
      await addRuns(store, job, more.tasks)
      return advance(ports)(id)
    }
    return duty.do === 'judge' && more.settled ? verdictOn(ports, given, more) : settledElse(duty)
  }

const settledElse = (duty: ReturnType<typeof jobDuty>): Next => (duty.do === 'run' ? duty : { do: 'wait' })
