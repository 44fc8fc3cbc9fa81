// Base lines that nobody asked for: one for each new tip of each branch, so that a series finds its own done already, and one more by night.
// Called now and then by the bot; everything follows from the store, so that it can be called at any time.
import { type Instant, lastDue, type Millis } from '../../model/instant.ts'
import { type Commit, isOver, type Job, type JobId, priority, type Task } from '../../model/job.ts'
import { holdOn } from '../../model/standing.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'

export type BaselinePorts = { store: Store; clock: Clock }

export type BaselineWanted = {
  project: string
  branch: string
  /** Where the branch is now. */
  tip: Commit
  /** Minute of the day, UTC; undefined: never. */
  nightlyAt: number | undefined
  /** The job that tests a commit of the branch; by `night`, another one for each night. */
  jobOf: (of: { base: Commit; branch: string; priority: number; now: Instant; night?: string }) => {
    job: Job
    tasks: Task[]
  }
}

const hour: Millis = 3_600_000
/** A night that was slept through, or paused, is over by then. */
export const nightMs: Millis = 6 * hour

/** Does an operator let nothing be run now? */
export const isPaused = async ({ store, clock }: BaselinePorts): Promise<boolean> =>
  holdOn(await store.holds(), { kind: 'queue' }, clock.now()) !== undefined

/** Is one of ours still at work on that branch? Then the next one waits, and commits that come and go meanwhile are passed over. */
const isBusy = async (store: Store, { project, branch }: BaselineWanted): Promise<boolean> => {
  const last = await store.baselines({ project, baseName: branch, limit: 10 })
  const own = last.filter(job => job.priority === priority.nightly).map(({ id }) => id)
  return (await store.tasksOfJobs(own)).some(task => !isOver(task))
}

/** Plans what is due on one branch: at most one job, which it returns. Repeatable: ids follow from commit, recipe and night. Throws the store's Faults. */
export const tendBranch =
  ({ store, clock }: BaselinePorts) =>
  async (wanted: BaselineWanted): Promise<JobId | undefined> => {
    const { branch, tip, nightlyAt, jobOf } = wanted
    const now = clock.now()
    const common = { base: tip, branch, priority: priority.nightly, now }
    const night = nightlyAt === undefined ? undefined : lastDue(now, nightlyAt)
    const due = [
      jobOf(common),
      ...(night !== undefined && now < night.at + nightMs ? [jobOf({ ...common, night: night.day })] : []),
    ]
    for (const { job, tasks } of due) {
      if (await store.job(job.id)) continue
      if (job.night !== undefined && (await hadItsNight(store, wanted, job.night))) continue
      if (await isBusy(store, wanted)) return undefined
      await store.addJob(job, tasks)
      return job.id
    }
    return undefined
  }

/** A branch that moves in the night is not tested twice by night. */
const hadItsNight = async (
  store: Store,
  { project, branch }: BaselineWanted,
  night: string,
): Promise<boolean> =>
  (await store.baselines({ project, baseName: branch, limit: 20 })).some(job => job.night === night)
