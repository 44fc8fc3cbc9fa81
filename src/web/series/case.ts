// All that the page of a series is made from, read once.
import type { Job, RunRecord, Task } from '../../model/job.ts'
import type { Reply } from '../../model/reply.ts'
import type { Series, SeriesId } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import { isJudged } from '../../model/verdict.ts'
import type { SeriesRow } from '../../ports/reads.ts'
import type { Store } from '../../ports/store.ts'

export type SeriesCase = {
  series: Series
  /** The oldest first. */
  verdicts: Verdict[]
  /** What it was planned for last. */
  job: Job | undefined
  tasks: Task[]
  /** Tries at its build and its first tests, by task. */
  runs: Map<string, RunRecord[]>
  /** Of the same work, the oldest first, this one among them. */
  versions: SeriesRow[]
  replies: Reply[]
}

/** The verdict on what the series is now; undefined: it is still to come. */
export const currentVerdict = ({
  series,
  verdicts,
}: Pick<SeriesCase, 'series' | 'verdicts'>): Verdict | undefined => {
  const last = verdicts.at(-1)
  if (series.state.at !== 'planned') return last
  return isJudged(series, last) || last?.finding.kind === 'cancelled' ? last : undefined
}

/** Tasks whose tries are listed one by one. */
export const isListed = ({ probe, upTo, each }: Task): boolean =>
  probe === undefined && upTo === undefined && !each

const maxListed = 40

const jobOf = async (store: Store, series: Series): Promise<Job | undefined> => {
  const planned = series.state.at === 'planned' ? series.state.job : undefined
  const own = planned === undefined ? undefined : await store.job(planned)
  return own ?? (await store.jobsOf(series.id)).at(-1)
}

/** undefined: there is no such series. Throws the store's Faults. */
export const seriesCase = async (store: Store, id: SeriesId): Promise<SeriesCase | undefined> => {
  const series = await store.series(id)
  if (!series) return undefined
  const [verdicts, job, versions, replies] = await Promise.all([
    store.verdictsOf(id),
    jobOf(store, series),
    store.reads.versionsOf(id),
    store.repliesOf(id),
  ])
  const tasks = job ? await store.tasksOf(job.id) : []
  const listed = tasks.filter(isListed).slice(0, maxListed)
  const runs = await Promise.all(listed.map(async ({ id }) => [id, await store.runsOf(id)] as const))
  return { series, verdicts, job, tasks, runs: new Map(runs), versions, replies }
}
