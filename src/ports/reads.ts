// What the pages and the API ask of the store: lists, searches and sums, none of which the flow needs. Everything is bounded.
import type { Instant, Millis } from '../model/instant.ts'
import type { JobId, TaskId } from '../model/job.ts'
import type { Address } from '../model/mail.ts'
import type { RunId } from '../model/run.ts'
import type { Series, SeriesId } from '../model/series.ts'
import type { Verdict } from '../model/verdict.ts'

/** Where a list goes on; opaque. */
export type Place = string

/** A series in a list. `verdict`: the newest. */
export type SeriesRow = Pick<
  Series,
  'id' | 'project' | 'title' | 'author' | 'version' | 'total' | 'firstAt' | 'lastAt'
> & {
  origin: Series['origin']['from']
  at: Series['state']['at']
  verdict: { kind: Verdict['finding']['kind']; at: Instant } | undefined
}

export type SeriesFilter = {
  /** Words, or their beginnings, of the title or of the author's name or address; all must be there. */
  text?: string
  /** Part of the author's name or address. */
  author?: string
  project?: string
  /** `none`: those without. */
  verdict?: Verdict['finding']['kind'] | 'none'
  at?: Series['state']['at']
  after?: Place
  limit: number
}

/** A task that runs, or waits in turn. */
export type TaskRow = {
  task: TaskId
  job: JobId
  kind: 'build' | 'test'
  image: string
  why: 'first' | 'likely' | 'screen' | 'proof' | 'bisect' | 'baseline'
  project: string
  series: { id: SeriesId; title: string; version: number; author: Address } | undefined
  base: { commit: string; name: string }
  run: RunId | undefined
  host: string | undefined
  since: Instant | undefined
}

export type SeriesReads = {
  /** The last heard of first. `next`: undefined at the end. */
  listSeries(filter: SeriesFilter): Promise<{ rows: SeriesRow[]; next: Place | undefined }>
  /** The newest verdicts first. */
  latestVerdicts(filter: { project?: string; limit: number }): Promise<SeriesRow[]>
  /** What runs now, the longest first. */
  running(limit: number): Promise<TaskRow[]>
  /** For each image what waits, and since when the oldest; by image. */
  waiting(): Promise<{ image: string; tasks: number; oldest: Instant }[]>
  /** All versions of the same work that are known, the oldest first. */
  versionsOf(id: SeriesId): Promise<SeriesRow[]>
}

/** How a test did in one run of a step. */
export type TestPoint = {
  image: string
  at: Instant
  base: { commit: string; name: string | undefined }
  /** undefined: of the unpatched base. */
  series: SeriesId | undefined
  run: RunId
  host: string
  failed: boolean
  message: string
}

export type TestReads = {
  /** Names of tests that failed at least once and hold those words, the last failed first. */
  findTests(filter: {
    project: string
    text: string
    limit: number
  }): Promise<{ step: string; test: string; lastFailed: Instant }[]>
  /** Runs that tell of that test, the newest first. */
  testHistory(filter: {
    project: string
    step: string
    test: string
    image?: string
    limit: number
  }): Promise<TestPoint[]>
  /** Tests of unpatched bases that fail now and then, the most often failing first. */
  flaky(filter: {
    project: string
    since: Instant
    limit: number
  }): Promise<
    { step: string; test: string; image: string; failed: number; runs: number; lastFailed: Instant }[]
  >
}

export type StatisticsReads = {
  /** From the last part of a series to its first verdict, of verdicts given in that time; the newest first, at most `limit`. */
  turnarounds(filter: {
    project?: string
    since: Instant
    limit: number
  }): Promise<{ series: SeriesId; at: Instant; ms: Millis; kind: Verdict['finding']['kind'] }[]>
  /** Slots' time that was used, by host and hour. */
  activity(filter: {
    since: Instant
    until: Instant
  }): Promise<{ host: string; hour: Instant; busyMs: Millis; runs: number; ours: number }[]>
  /** Tasks that waited, and that ran, as they were noted (see noteQueue), the oldest first. */
  queueOver(filter: { since: Instant }): Promise<{ at: Instant; waiting: number; running: number }[]>
  /** Keeps how the queue stands; older ones than `keepMs` go. */
  noteQueue(note: { at: Instant; waiting: number; running: number }, keepMs: Millis): Promise<void>
  /** How many verdicts blamed somebody and were taken back, and how many there were, by week (its first instant). */
  corrections(filter: {
    since: Instant
  }): Promise<{ week: Instant; verdicts: number; blaming: number; corrected: number }[]>
  /** All verdicts that were ever given. */
  verdictCounts(): Promise<{ project: string; kind: Verdict['finding']['kind']; count: number }[]>
}

/** Faults: unreachable, timeout. */
export type Reads = SeriesReads & TestReads & StatisticsReads
