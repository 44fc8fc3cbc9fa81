// What a run says of its tests, kept for history. Made of an outcome alone: the same run gives the same samples.
import { maxFailed, type Sample } from '../../model/history.ts'
import type { Instant } from '../../model/instant.ts'
import type { Job, Outcome, RunRecord, Task, TestedStep } from '../../model/job.ts'
import { isFailure } from '../../model/report.ts'
import type { RunId } from '../../model/run.ts'
import type { SeriesId } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { contentId } from '../../text/digest.ts'

const maxMessage = 300

export type Sampled = {
  job: Pick<Job, 'id' | 'project' | 'base' | 'baseName' | 'series' | 'before'>
  task: Pick<Task, 'kind' | 'image' | 'probe'>
  run: RunId
  outcome: Outcome
  /** Lower-case address of the series' author. */
  author: string | undefined
  host: string
  now: Instant
}

/** Whose patches were in it; undefined: the base as it is. A base line with what a series needs has patches in it, too. */
const patchesOf = ({ job, task }: Sampled): SeriesId | undefined => {
  if (task.probe?.side === 'without') return job.before?.at(-1)?.series
  return job.series ?? job.before?.at(-1)?.series
}

/** Tests that this step was asked for; undefined: all of them. */
const onlyOf = (step: TestedStep & { leftOut?: unknown }, { task }: Sampled): string[] | undefined => {
  const asked = task.probe?.tests
  if (asked === undefined && step.leftOut === undefined) return undefined
  const ran = step.report.tests.filter(({ lineOf }) => lineOf === undefined).map(({ test }) => test)
  return [...new Set([...(asked ?? []), ...ran.slice(0, maxFailed)])]
}

const sampleOf = (step: TestedStep, given: Sampled): Sample => {
  const { job, task, run, author, host, now } = given
  const series = patchesOf(given)
  const { state, tests } = step.report
  const failing = tests.filter(test => isFailure(test.outcome)).slice(0, maxFailed)
  return {
    id: contentId(24, run, step.name),
    ...{ project: job.project, image: task.image, step: step.name, job: job.id, run, base: job.base },
    baseName: job.baseName,
    ...{ series, author: series === undefined ? undefined : author, host, at: now },
    state: step.ending.kind === 'finished' ? state : 'broken',
    only: onlyOf(step, given),
    count: tests.length,
    failed: failing.map(({ test, message }) => ({
      test,
      message: message.slice(0, maxMessage).toWellFormed(),
    })),
  }
}

/** One for each step that ran in it; none of a build, or of a run that was lost to us. */
export const samplesOf = (given: Sampled): Sample[] =>
  given.task.kind === 'test' && given.outcome.kind === 'tested'
    ? given.outcome.steps.map(step => sampleOf(step, given))
    : []

/** Keeps what a run says. Repeatable: ids follow from run and step. Throws the store's Faults. */
export const keepSamples = async (
  store: Pick<Store, 'series' | 'addSamples'>,
  { job, task, run }: { job: Job; task: Task; run: RunRecord },
): Promise<void> => {
  const { outcome, endedAt } = run
  if (outcome?.kind !== 'tested') return
  const series = job.series === undefined ? undefined : await store.series(job.series)
  const author = series?.author.address.toLowerCase()
  const now = endedAt ?? run.startedAt
  await store.addSamples(samplesOf({ job, task, run: run.id, outcome, author, host: run.host, now }))
}
