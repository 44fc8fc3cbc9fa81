// cancel: an operator ends a series, a job or one task. It is quiet: what was cancelled gets no verdict of ours, and its author no mail.
import { Fault } from '../../model/fault.ts'
import type { Job, Task } from '../../model/job.ts'
import type { Series } from '../../model/series.ts'
import { isCancelled } from '../../model/verdict.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { dropTask, dropTasks, withdraw } from './withdraw.ts'

export type CancelPorts = { store: Store; clock: Clock }

export type CancelBy = { why: string; by: string }

/** `tasks`: ids of those that were taken away. */
export type Cancelled = { what: 'series' | 'job' | 'task'; id: string; tasks: string[] }

const refused = (message: string) => new Fault('refused', 'never', message)

const cancelSeries = async ({ store, clock }: CancelPorts, series: Series, how: CancelBy) => {
  const { state } = series
  if (state.at === 'superseded') throw refused(`series ${series.id} was replaced by ${state.by} already`)
  const job = state.at === 'planned' ? state.job : undefined
  const said = await store.verdict(series.id)
  const over = `series ${series.id} has its verdict already: ${said?.finding.kind}`
  if (said && state.at === 'planned' && job === undefined && !isCancelled(said, series)) throw refused(over)
  const finding = { kind: 'cancelled' as const, ...how }
  const round = series.round === undefined ? {} : { round: series.round }
  const none = { base: undefined, buildLog: undefined, images: [], ...round }
  const verdict = { ...none, series: series.id, job, decidedAt: clock.now(), finding }
  // Saved first: whoever plans or judges the series at this moment finds it there.
  const isNew = await store.addVerdict(verdict, undefined)
  if (!isNew && !isCancelled(await store.verdict(series.id), series)) throw refused(over)
  return withdraw({ store })(series.id, how.why, how.by)
}

const cancelJob = async (ports: CancelPorts, job: Job, how: CancelBy): Promise<string[]> => {
  const series = job.series === undefined ? undefined : await ports.store.series(job.series)
  return series?.state.at === 'planned' && series.state.job === job.id
    ? cancelSeries(ports, series, how)
    : dropTasks(ports.store, job.id, how.why, how.by)
}

const cancelTask = async ({ store }: CancelPorts, task: Task, how: CancelBy): Promise<string[]> => {
  if (await dropTask(store, task, how.why, how.by)) return [task.id]
  const state = (await store.task(task.id))?.state.at
  throw refused(`task ${task.id} is over already: ${state ?? 'gone'}`)
}

/** Cancels whatever has this id; undefined: nothing has. Repeatable. Throws Fault refused for what is over, and the store's Faults. */
export const cancel =
  (ports: CancelPorts) =>
  async (id: string, how: CancelBy): Promise<Cancelled | undefined> => {
    const { store } = ports
    const series = await store.series(id)
    if (series) return { what: 'series', id, tasks: await cancelSeries(ports, series, how) }
    const job = await store.job(id)
    if (job) return { what: 'job', id, tasks: await cancelJob(ports, job, how) }
    const task = await store.task(id)
    return task && { what: 'task', id, tasks: await cancelTask(ports, task, how) }
  }
