// What there is to do for one series on one base, or for the base alone: one build task, then one test task on each image.
//
//   task:  queued ──run starts──▶ running ──result──▶ done
//            ▲                      │
//            └── ours, or a second opinion is wanted: next attempt; stopped, or its host was lost: the same attempt
//   (queued, running) ──newer version, operator──▶ cancelled
import type { Concern, LikelyTests } from './concern.ts'
import type { Instant, Millis } from './instant.ts'
import type { MessageId } from './mail.ts'
import type { StepLoad } from './overload.ts'
import type { Recipe, TestStep } from './recipe.ts'
import type { Report } from './report.ts'
import type { Ending, RunId } from './run.ts'
import type { SeriesId } from './series.ts'

/** Content ids: pushing twice is pushing once. */
export type JobId = string
export type TaskId = string
/** 40 hex digits. */
export type Commit = string
/** Name of a blob in the artifact store. */
export type BlobId = string

/** Lower runs first. The old bot's scale: image update 3, by hand 5, mailing list 6, nightly 7. A base line goes before those who wait for it. */
export const priority = { baseline: 4, hand: 5, mail: 6, nightly: 7 } as const

/**
 * How the base was found. asked: a command named it · named: `base-commit:` did · blobs: the newest commit of the branch that has the files
 * as the patches expect them, or has the patches already · head: the branch as it is
 */
export type BaseHow = 'asked' | 'named' | 'blobs' | 'head'

/** Patches of another series that go in first, as they were when this was planned. */
export type Before = { series: SeriesId; title: string; parts: MailToApply[] }

export type Job = {
  id: JobId
  project: string
  /** undefined: the unpatched base itself. */
  series: SeriesId | undefined
  /** The job of the unpatched base to compare with; undefined for that job itself. */
  baseline: JobId | undefined
  base: Commit
  /** What people call it: `main`, `v0.6.4`. */
  baseName: string
  /** undefined: planned by an older Grapevine. */
  baseHow?: BaseHow
  /** The base that the series or a command asked for, where that could not be found. Untrusted. */
  wantedBase?: string
  /** The recipe as it was when this was planned. */
  recipe: Recipe
  /** The mails to apply, in order; as they were when this was planned. Empty for the base itself. */
  parts: MailToApply[]
  /** Patches of other series that are applied first, in order; `Depends-on:` names them. The base line has them, too: their failures are not the series'. */
  before?: Before[]
  /** Digest of what the series said when this was planned: the same again is no reason for another base. */
  of?: string
  /** What the series says that it needs, and that was not found; so the test went without it. Untrusted. */
  lacking?: Lacking[]
  /** Of a base that is tested once more by night: the day, like 2026-09-14. */
  night?: string
  priority: number
  createdAt: Instant
}

/** id: a Message-ID, change-id or patch-id as the mail names it · title: of a series that is known, but cannot be used. */
export type Lacking = { id: string; title?: string; why: 'unknown' | 'incomplete' | 'unusable' | 'too-many' }

/** Until then it waits for another host. */
export type Avoid = { host: string; until: Instant }

/** So long at most a task waits for another host that has its image. */
export const avoidMs: Millis = 10 * 60_000

export type TaskState =
  /** `notBefore`: what failed needs time to mend. `avoid`: another host than that should have its say, if there is one. */
  | { at: 'queued'; attempt: number; notBefore?: Instant; avoid?: Avoid }
  | { at: 'running'; attempt: number; run: RunId; host: string; since: Instant; until: Instant }
  | { at: 'done'; attempts: number; outcome: Outcome }
  /** `by`: the operator who said so; undefined: it had become pointless. */
  | { at: 'cancelled'; why: string; by?: string }

export type Task = {
  id: TaskId
  job: JobId
  project: string
  kind: 'build' | 'test'
  image: string
  /** Lower runs first; the job's in tens. */
  priority: number
  state: TaskState
  /** Of a build: only so many of the series' patches are applied, to find out which one did it. */
  upTo?: number
  /** Of a build: after each patch but the last the tree is built, to see whether every one of them builds. It leaves no artifact. */
  each?: true
  /** Of a test that is run besides the first one, for proof. */
  probe?: Probe
}

/** with: all patches are in · without: none of the series' · a number: the series' first so many. */
export type Side = 'with' | 'without' | number

/** One more run of some tests in a clone of its own. */
export type Probe = {
  /** likely: the patches concern these tests · screen: they failed, are they worth pairs? · proof: one of a pair · bisect: which patch is it? */
  why: 'likely' | 'screen' | 'proof' | 'bisect'
  side: Side
  /** The build task whose artifact is tested; of this job, or of its base line's. */
  build: TaskId
  step: string
  /** Only these of its tests; undefined: the whole step. */
  tests?: string[]
  /** Counted from 1; the runs of one round are independent of each other, and the next round is decided when all of them are over. */
  round: number
  /** Which one of its side and round; those of the two sides with the same number are a pair. */
  turn: number
}

/** The build of all patches, which everything waits for; the others are for a closer look. */
export const isFirstBuild = ({ kind, upTo, each }: Task): boolean =>
  kind === 'build' && upTo === undefined && !each

/** Does nothing more come of it? */
export const isOver = ({ state }: Task): boolean => state.at === 'done' || state.at === 'cancelled'

/** Is there something to test? */
export const isBuilt = (task: Task): boolean => outcomeOf(task)?.kind === 'built'

/** undefined: nothing came of it, or there is no such task. */
export const outcomeOf = (task: Task | undefined): Outcome | undefined =>
  task?.state.at === 'done' ? task.state.outcome : undefined

/** The steps that ran, as far as it came. */
export const stepsOf = (outcome: Outcome | undefined): (StepOutcome | TestedStep)[] => {
  if (outcome?.kind === 'built' || outcome?.kind === 'tested') return outcome.steps
  return outcome?.kind === 'build-failed' ? [outcome.step] : []
}

/** The steps of tests that ran; none of a task that is not over, or of a build. */
export const testedSteps = (task: Task): TestedStep[] => {
  const outcome = outcomeOf(task)
  return outcome?.kind === 'tested' ? outcome.steps : []
}

/** Tasks that every job has: one build, and one test on each image. */
export const firstTasks = (tasks: Task[]): { build: Task | undefined; tests: Task[] } => ({
  build: tasks.find(isFirstBuild),
  tests: tasks.filter(({ kind, probe }) => kind === 'test' && probe === undefined),
})

/** One try, kept for good: what ran where, how it ended, and where its evidence lies. */
export type RunRecord = {
  id: RunId
  task: TaskId
  attempt: number
  host: string
  startedAt: Instant
  endedAt: Instant | undefined
  outcome: Outcome | undefined
  /** Blobs by name: log, console, qmp, screenshot, manifest. */
  evidence: Record<string, BlobId>
  /** How busy the host was in its steps; undefined: it did not say. */
  load?: StepLoad[]
}

/** Where in a patch `git am` stopped. */
export type Conflict = { file: string; line: number | undefined; why: string }

/** How one step went. */
export type StepOutcome = {
  name: string
  ending: Ending
  /** The last lines that it printed, for people. */
  tail: string[]
  /** First and last line of it in the log blob, 1-based. */
  lines: [number, number]
}

export type TestedStep = StepOutcome & {
  format: TestStep['report']
  report: Report
  /** Only some of its tests were asked for: so many of those that the base has were not, and why. undefined: it was run whole. */
  leftOut?: { tests: number; why: string }
}

/** A step that was not run, as nothing that is changed concerns it. `tests`: so many the base has in it; undefined: not known. */
export type SkippedStep = { step: string; tests?: number; why: string }

/** A patch after which the tree does not build. `plain`: as of a build that failed. */
export type BrokenMiddle = { position: number; title: string; step: string; errors: string[]; plain?: true }

/** What happened to the patch (or the base) in a task: a value, which the author may hear. `ours` is the exception: it happened to us. */
export type Outcome =
  | {
      kind: 'built'
      artifact: BlobId | undefined
      steps: StepOutcome[]
      /** What the compiler warned of, without line numbers, each once. */
      warnings?: string[]
      /** Which test needs which files, as the build says: blob of a gzipped JSON `Record<test, path[]>`. */
      dependencies?: BlobId
      /** Which tests the changed files concern; undefined: all. */
      concern?: Concern
      /** Tests that are likely to fail, if they are few. */
      likely?: LikelyTests[]
    }
  | {
      kind: 'does-not-apply'
      position: number
      title: string
      conflicts: Conflict[]
      tail: string[]
      /** The patch is one of this series, which goes in first: nothing was found about the series itself. */
      before?: { series: SeriesId; title: string }
    }
  | { kind: 'already-applied'; positions: number[] }
  | {
      kind: 'build-failed'
      step: StepOutcome
      errors: string[]
      /** It was the unpatched base that did not build, in preparing the template: no patch was in it yet. */
      unpatched?: boolean
      /** A compiler complains about the code, and nothing hints at trouble of ours: once is enough. */
      plain?: true
    }
  | { kind: 'tested'; steps: TestedStep[]; skipped?: SkippedStep[] }
  /** Each patch but the last, built in order: those after which the tree does not build. Of a task with `each`. */
  | {
      kind: 'walked'
      broken: BrokenMiddle[]
      /** So many were built; the rest is not known. undefined: all. */
      looked?: number
    }
  | { kind: 'ours'; what: string; detail: string /** Another try gives the same. */; hopeless?: boolean }

/** A task's tries may not go on for ever: tries lost to us, and second opinions, together. */
export const maxAttempts = 3

/** A run whose worker or host dies costs no try; but a task that has taken its worker down so often is not run again. */
export const maxCutOffs = 5

/** What goes into a guest for one series: the raw mails in order, applied one by one. */
export type MailToApply = { position: number; title: string; messageId: MessageId | undefined; blob: BlobId }
