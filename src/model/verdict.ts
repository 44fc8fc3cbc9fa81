// What we say about a series, and the evidence for it.

import type { Trials } from './history.ts'
import type { Instant, Millis } from './instant.ts'
import type { BaseHow, BlobId, Commit, Conflict, JobId, Lacking } from './job.ts'
import type { Ending, RunId } from './run.ts'
import type { Series, SeriesId } from './series.ts'

/** What stands behind a ruling: runs in fresh clones, turn by turn with and without the patch, and what history says. */
export type Proof = {
  with: Trials
  without: Trials
  /** Of the unpatched base, over the last bases, besides those of `without`. */
  history?: Trials
}

/** One test that fails with the patch and passes without it on the same image. */
export type NewFailure = {
  step: string
  test: string
  message: string
  /** How the step ended with the patch, if not by itself: this test had no chance to pass. */
  ending: Ending
  /** worse: it fails without the patch, too, but more seldom. undefined: new. */
  kind?: 'new' | 'worse'
  /** undefined: given by a Grapevine that compared single runs. */
  proof?: Proof
  /** First and last line of it in the image's log, 1-based. */
  lines?: [number, number]
}

/** A failure that is not held against the patch. */
export type OtherFailure = { step: string; test: string; message: string; proof?: Proof }

export type ImageVerdict = {
  image: string
  kind: 'passed' | 'new-failures' | 'untested'
  passed: number
  /** Failing with and without the patch. */
  known: number
  newFailures: NewFailure[]
  /** Failing without the patch, passing with it. */
  mended: string[]
  /** It failed, and fails as often without the patch. */
  flaky?: OtherFailure[]
  /** It failed, and the runs that there was time for do not tell whose doing that is. */
  unclear?: OtherFailure[]
  /** It failed as its bug says. */
  reported?: (OtherFailure & { bug: string })[]
  /** It fails nearly always without the patch, too; those that `known` counts. */
  failing?: OtherFailure[]
  /** In the base's whole report, and not in that of the patch, though it is whole as well; or skipped there. */
  vanished?: { step: string; test: string; skipped?: true }[]
  /** What was left out on purpose, in words: `12 tests of step "x": your files do not concern them`. */
  leftOut?: string[]
  /** Blobs of the run's console and screenshot, where there is something to see. */
  console?: BlobId
  screenshot?: BlobId
  /** Steps that did not end by themselves, or whose report cannot be trusted, with the patch only. */
  broken: {
    step: string
    ending: Ending
    why: string
    tail: string[]
    /** How often it did not come to a good end. undefined: not counted. */
    proof?: Proof
    /** First and last line of it in the image's log, 1-based. */
    lines?: [number, number]
  }[]
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

/** `only`: just these new failures were traced to it, the others may be another patch's; undefined: all of them. */
export type Culprit = { position: number; title: string; only?: { step: string; test: string }[] }

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
    | {
        kind: 'build-broken'
        step: string
        ending: Ending
        errors: string[]
        command: string
        /** The patch since which it does not build; undefined: not looked for, or not found. */
        position?: number
        title?: string
      }
    /** built: it applies and builds, and no test is concerned. undefined: nobody tried. */
    | { kind: 'nothing-to-test'; built?: true }
    | { kind: 'base-unknown'; wanted: string }
    | {
        kind: 'base-broken'
        step: string
        errors: string[]
        /** The first commit of the base that is so, where it is known. */
        since?: Commit
        /** It is tested by itself when the base is good again. */
        waits?: boolean
      }
    | { kind: 'incomplete'; missing: number[] }
    | { kind: 'ours'; what: string }
    /** By an operator. Nobody gets a mail of it. */
    | { kind: 'cancelled'; why: string; by: string }
  /** undefined: not decided yet, or given by a Grapevine that did not keep it. */
  told?: Told
  /** The patch of the series that does it, found by building and running the series' beginnings. undefined: not looked for, or not found. */
  culprit?: Culprit
  /** Patches after which the tree does not build, although it does at the end. */
  unbuildable?: { position: number; title: string; step: string; errors: string[] }[]
  /** What the compiler warns of with the patch only. For information. */
  warnings?: string[]
  /** Runs besides the first ones, and the time of clones that they took. */
  extra?: { runs: number; ms: Millis }
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

/** Is this the verdict that the series was planned for, the last time? */
export const isJudged = (
  { state, round = 0 }: Pick<Series, 'state' | 'round'>,
  verdict: Verdict | undefined,
): boolean =>
  state.at === 'planned' &&
  verdict !== undefined &&
  (state.job === undefined ? (verdict.round ?? 0) >= round : verdict.job === state.job)

/** The patch that does it, as far as it was looked for. */
export const culpritOf = ({ culprit, finding }: Pick<Verdict, 'culprit' | 'finding'>): Verdict['culprit'] => {
  if (culprit !== undefined || finding.kind !== 'build-broken') return culprit
  const { position, title = '' } = finding
  return position === undefined ? undefined : { position, title }
}

/** Did anybody hear of it? What an older Grapevine gave, its author heard. */
export const wasTold = ({ told, finding }: Pick<Verdict, 'told' | 'finding'>): boolean =>
  told === undefined ? finding.kind !== 'cancelled' : told.author || told.list || told.digest
