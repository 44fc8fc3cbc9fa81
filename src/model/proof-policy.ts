// What a project's configuration says about proof: error rates, budgets, and how long history is.
import type { Millis } from './instant.ts'

/** How failures are proven, and how long history is. */
export type ProofPolicy = {
  /** Chance that a series that breaks nothing is blamed for something. */
  blame: number
  /** Chance that a break of a single test, as frequent as `rate`, is let go. */
  miss: number
  /** Least share of runs in which a break is looked for. */
  rate: number
  /** Most pairs of runs, with and without the patches, of single tests, and of whole steps. */
  pairs: number
  stepPairs: number
  /** Time of clones that the proof of one series may take; what is open then stays unclear. */
  budgetMs: Millis
  /** Tests that the patches concern are run so much longer, as a share of one run of everything. */
  likely: number
  /** So many bases make the history. */
  bases: number
  /** Are failures traced to one patch of a series, and is it looked whether each of them builds? */
  bisect: boolean
  /** Minutes of the day (UTC) when the bases are tested, moved or not; undefined: only when they moved. */
  nightlyAt: number | undefined
  /** Failures that are alike, in series of so many authors within that time, are held back. */
  alike: { authors: number; withinMs: Millis }
}
