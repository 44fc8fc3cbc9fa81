// What we say about a series, and the evidence for it.

import type { Instant } from './instant.ts'
import type { BlobId, Commit, Conflict, JobId } from './job.ts'
import type { Ending, RunId } from './run.ts'
import type { SeriesId } from './series.ts'

/** One test that fails with the patch and passes without it on the same image. */
export type NewFailure = {
  step: string
  test: string
  message: string
  /** How the step ended with the patch, if not by itself: this test had no chance to pass. */
  ending: Ending
}

export type ImageVerdict = {
  image: string
  kind: 'passed' | 'new-failures' | 'untested'
  passed: number
  /** Failing with and without the patch. */
  known: number
  newFailures: NewFailure[]
  /** Failing without the patch, passing with it. */
  mended: string[]
  /** Steps that did not end by themselves, or whose report cannot be trusted, with the patch only. */
  broken: { step: string; ending: Ending; why: string; tail: string[] }[]
  /** Why it could not be told, for `untested`. */
  why: string
  log: BlobId | undefined
  run: RunId | undefined
  command: string
}

export type Verdict = {
  series: SeriesId
  job: JobId | undefined
  base: { commit: Commit; name: string; wanted?: string } | undefined
  decidedAt: Instant
  buildLog: BlobId | undefined
  images: ImageVerdict[]
  finding:
    | { kind: 'all-well' }
    | { kind: 'new-failures' }
    | { kind: 'does-not-apply'; position: number; title: string; conflicts: Conflict[] }
    /** The mail was changed on its way, or its patch must not be applied; `why` is for its author. */
    | { kind: 'damaged' | 'unsafe'; position: number; title: string; why: string }
    | { kind: 'already-applied'; positions: number[] }
    | { kind: 'build-broken'; step: string; ending: Ending; errors: string[]; command: string }
    | { kind: 'nothing-to-test' }
    | { kind: 'base-unknown'; wanted: string }
    | { kind: 'base-broken'; step: string; errors: string[] }
    | { kind: 'incomplete'; missing: number[] }
    | { kind: 'ours'; what: string }
    /** By an operator. Nobody gets a mail of it. */
    | { kind: 'cancelled'; why: string; by: string }
}

/** A verdict that its author hears. */
export type Answer = Verdict & { finding: Exclude<Verdict['finding'], { kind: 'cancelled' }> }

export const isAnswer = (verdict: Verdict): verdict is Answer => verdict.finding.kind !== 'cancelled'
