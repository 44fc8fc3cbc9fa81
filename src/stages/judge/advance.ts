// After anything happened to a job: what is due now? Decided from the store alone, so that it can be asked at any time.
import { cancelledBy, jobDuty } from '../../model/advance.ts'
import type { Instant } from '../../model/instant.ts'
import type { Job, JobId, Task } from '../../model/job.ts'
import type { Series } from '../../model/series.ts'
import { isCancelled, type Verdict } from '../../model/verdict.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { judge } from './judge.ts'

export type AdvancePorts = { store: Store; clock: Clock }

export type Next =
  | { do: 'run'; tasks: Task[] }
  /** A base line is complete: these jobs waited for it. */
  | { do: 'look'; jobs: JobId[] }
  | { do: 'conclude'; verdict: Verdict }
  | { do: 'wait' }

const split = (tasks: Task[]) => ({
  build: tasks.find(task => task.kind === 'build'),
  tests: tasks.filter(task => task.kind === 'test'),
})

/** Jobs without a verdict that compare with this base line. */
const waiting = async (store: Store, baseline: Job): Promise<JobId[]> => {
  const open = await store.jobsWithoutVerdict()
  return open.filter(job => job.baseline === baseline.id).map(job => job.id)
}

const isOpen = ({ state }: Task): boolean => state.at === 'queued' || state.at === 'running'

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

export const advance =
  (ports: AdvancePorts) =>
  async (id: JobId): Promise<Next> => {
    const { store, clock } = ports
    const job = await store.job(id)
    if (!job) return { do: 'wait' }
    const series = job.series === undefined ? undefined : await store.series(job.series)
    const last = series && (await store.verdict(series.id))
    if (series && last?.finding.kind === 'cancelled' && isCancelled(last, series)) {
      const { why, by } = last.finding
      await cancelAll(store, (await store.tasksOf(id)).filter(isOpen), { why, by })
      return { do: 'conclude', verdict: { ...last, job: id } }
    }
    const tasks = await store.tasksOf(id)
    const duty = jobDuty(tasks)
    if (duty.do === 'run' || duty.do === 'wait') return duty
    if (duty.do === 'cancel') {
      await cancelAll(store, duty.tasks, { why: duty.why })
      return advance(ports)(id)
    }
    if (job.baseline === undefined) return { do: 'look', jobs: await waiting(store, job) }
    // Superseded, growing, or planned anew: another job speaks for it.
    const state = series?.state
    if (state?.at !== 'planned' || state.job !== job.id) return { do: 'wait' }
    const stopped = cancelledBy(tasks)
    if (stopped)
      return { do: 'conclude', verdict: quietVerdict(job, series, { ...stopped, now: clock.now() }) }
    const baseline = split(await store.tasksOf(job.baseline))
    const runs = (await Promise.all(tasks.map(task => store.runsOf(task.id)))).flat()
    const said = judge({ job, ...split(tasks), baseline, runs, now: clock.now() })
    return said.kind === 'wait' ? { do: 'wait' } : { do: 'conclude', verdict: said.verdict }
  }
