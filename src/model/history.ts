// What tests did so far, with and without patches: from this, how often each of them fails by itself. `flaky` is a number here, never a flag.
import type { Instant } from './instant.ts'
import type { Commit, JobId } from './job.ts'
import type { ReportState } from './report.ts'
import type { RunId } from './run.ts'
import type { SeriesId } from './series.ts'

/** How often it failed, of so many runs. */
export type Trials = { failed: number; runs: number }

/** One step of one run, as history keeps it: what failed, and of how many. */
export type Sample = {
  /** Unique: run and step. */
  id: string
  project: string
  image: string
  step: string
  job: JobId
  run: RunId
  base: Commit
  /** undefined: the unpatched base. */
  series: SeriesId | undefined
  /** Lower-case address of the series' author; undefined: of the base. */
  author: string | undefined
  host: string
  at: Instant
  /** Of its report; `broken`: the step did not end by itself. Only of a whole one it is known what passed. */
  state: ReportState | 'broken'
  /** undefined: all tests of the step ran; else only these. */
  only: string[] | undefined
  /** How many tests there were in the report. */
  count: number
  /** At most `maxFailed`. */
  failed: { test: string; message: string }[]
}

/** A run with more failures than these says nothing of single tests. */
export const maxFailed = 2000

export const none: Trials = { failed: 0, runs: 0 }

export const plus = (a: Trials, b: Trials): Trials => ({ failed: a.failed + b.failed, runs: a.runs + b.runs })
