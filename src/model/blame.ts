// What is about to be held against a patch, kept apart from verdicts so that failures that are alike can be seen across series, hosts and authors
// before anybody is told.
import type { Trials } from './history.ts'
import type { Instant } from './instant.ts'
import type { Commit, JobId } from './job.ts'
import type { SeriesId } from './series.ts'

export type Blame = {
  /** Content id of job, image, step and what failed. */
  id: string
  project: string
  job: JobId
  series: SeriesId
  /** Lower-case address. */
  author: string
  base: Commit
  /** Of the run that showed it; build image for a build. */
  image: string
  host: string
  step: string
  /** The test, or '' for the step itself: a broken build, a crash, a time-out. */
  test: string
  /** What it said, without numbers and addresses; or how it ended. Alike failures have the same. */
  sign: string
  at: Instant
  /** Of a test: where the tree with the patches was built. */
  builtOn?: string
  /** Runs without the patches that were made beside it. */
  without?: Trials
  /** Older versions of the series, and series that it needs: with these it is one author. */
  kin?: SeriesId[]
  /** Incidents' `about`: the series was run again after these, against a base that was built and run anew, and it failed once more. */
  confirmed?: string[]
}
