// All that a verdict on a series is made of, read at once: what this room decides is decided from it alone.
import { historyOf, ofBranch, ofLastBases, type Trials } from '../../model/history.ts'
import type { Instant } from '../../model/instant.ts'
import { firstTasks, type Job, type RunRecord, type Task } from '../../model/job.ts'
import type { KnownFailure } from '../../model/known.ts'
import type { ProofPolicy } from '../../model/proof-policy.ts'
import type { Series } from '../../model/series.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'

export type Case = {
  /** Of a series, not of a base. */
  job: Job
  series: Series
  /** All tasks of the job, probes and builds of single patches among them. */
  tasks: Task[]
  /** The unpatched base, with the same recipe. undefined: nobody will test it; then nothing is blamed on the series. */
  baseline: { job: Job; tasks: Task[] } | undefined
  /** Every try at these tasks: the job's own, and its base line's. */
  runs: RunRecord[]
  /** How often a test failed on an image without the patches: on unpatched bases, and beside other series. The pairs of this job are not in it. */
  history: (image: string, step: string, test: string) => Trials
  /** The same, on the series' own base alone. */
  here: Case['history']
  /** Of the project, in any state. */
  known: KnownFailure[]
  policy: ProofPolicy
  now: Instant
}

/** Samples of one image that are read at most. */
const maxSamples = 1_000

const runsOf = async (store: Store, tasks: Task[]): Promise<RunRecord[]> =>
  (await Promise.all(tasks.map(task => store.runsOf(task.id)))).flat()

/** History is read when all first tests are over: before, nothing is compared. Throws the store's Faults. */
export const gatherCase = async (
  { store, clock }: { store: Store; clock: Clock },
  of: { job: Job; series: Series; policy: ProofPolicy },
): Promise<Case> => {
  const { job, policy } = of
  const tasks = await store.tasksOf(job.id)
  const base = job.baseline === undefined ? undefined : await store.job(job.baseline)
  const baseline = base && { job: base, tasks: await store.tasksOf(base.id) }
  const isEarly = firstTasks(tasks).tests.some(({ state }) => state.at === 'queued' || state.at === 'running')
  const images = isEarly ? [] : job.recipe.test.images
  const read = await Promise.all(
    images.map(image => store.samples({ project: job.project, image, patched: false, limit: maxSamples })),
  )
  const samples = read.flatMap(own => ofLastBases(ofBranch(own, job.baseName), policy.bases))
  // With what the series needs in it the base is another one: only its own base line has run that.
  const alike = job.before?.length ? [] : samples.filter(({ base }) => base === job.base)
  return {
    ...of,
    tasks,
    baseline,
    runs: await runsOf(store, [...tasks, ...(baseline?.tasks ?? [])]),
    history: historyOf(samples, { but: job.id }),
    here: historyOf(alike, { but: job.id }),
    known: await store.knownFailures({ project: job.project }),
    now: clock.now(),
  }
}
