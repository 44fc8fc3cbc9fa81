// What we say about a series, and the evidence for it.

import type { Instant } from './instant.ts'
import type { BaseHow, BlobId, Commit, Conflict, JobId, Lacking } from './job.ts'
import type { Ending, RunId } from './run.ts'
import type { Series, SeriesId } from './series.ts'

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

/** Who was told of a verdict, as it was decided when the verdict was given; whether the mail got out, the reply says. */
export type Told = {
  author: boolean
  list: boolean
  /** It stands in the list's next digest. */
  digest: boolean
  /** Why somebody, or everybody, was not. undefined: all heard who ever do. */
  silence?: {
    /** forbidden: such an address, or such a mail, is never answered */
    kind: 'policy' | 'unchanged' | 'said' | 'caps' | 'forbidden'
    why: string
  }
}

export type Verdict = {
  series: SeriesId
  job: JobId | undefined
  base: { commit: Commit; name: string; how?: BaseHow; wanted?: string } | undefined
  /** What the series needs and was not found: what went wrong may be due to that. */
  lacking?: Lacking[]
  decidedAt: Instant
  /** Of the series when it was given; undefined: the first. */
  round?: number
  buildLog: BlobId | undefined
  images: ImageVerdict[]
  finding:
    | { kind: 'all-well' }
    | { kind: 'new-failures' }
    | {
        kind: 'does-not-apply'
        position: number
        title: string
        conflicts: Conflict[]
        /** It is a patch of this series that does not apply, which the series needs: nothing was found about the series itself. */
        before?: { series: SeriesId; title: string }
      }
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
  /** undefined: not decided yet, or given by a Grapevine that did not keep it. */
  told?: Told
}

/** A verdict that its author hears. */
export type Answer = Verdict & { finding: Exclude<Verdict['finding'], { kind: 'cancelled' }> }

/** Does a cancellation still hold, or was the series asked to be tested again since? */
export const isCancelled = (verdict: Verdict | undefined, series: Pick<Series, 'round'>): boolean =>
  verdict?.finding.kind === 'cancelled' && (verdict.round ?? 0) >= (series.round ?? 0)

export const isAnswer = (verdict: Verdict): verdict is Answer => verdict.finding.kind !== 'cancelled'

/** One of a series' verdicts: the one on a job; without a job, the one of its kind, position and round. */
export const verdictKey = ({ job, finding, round }: Pick<Verdict, 'job' | 'finding' | 'round'>): string =>
  job ??
  [finding.kind, ...('position' in finding ? [finding.position] : []), ...(round ? [round] : [])].join('-')

/** Did anybody hear of it? What an older Grapevine gave, its author heard. */
export const wasTold = ({ told, finding }: Pick<Verdict, 'told' | 'finding'>): boolean =>
  told === undefined ? finding.kind !== 'cancelled' : told.author || told.list || told.digest
