// What is known of a series, as far as a forge shows it. Made by wiring; everything in this folder is computed from it.
import type { Job, Task } from '../../model/job.ts'
import type { RunId } from '../../model/run.ts'
import type { Series } from '../../model/series.ts'
import type { Stop } from '../../model/stop.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { Check } from '../../ports/forge.ts'
import { sayStops } from '../../text/stop.ts'

/** An answer to a command, for whoever reads the comment. `line` and `who` are other people's words. */
export type AnswerShown = { line: string; who: string; text: string }

export type ShowView = {
  series: Series
  job: Job | undefined
  /** Of the job. */
  tasks: Task[]
  /** On this round of the series; undefined: it is not decided yet. */
  verdict: Verdict | undefined
  /** On which it is tested, or will be. */
  images: string[]
  /** Files that it changes, as they are called after it. */
  files: string[]
  /** Which of their lines it changes; filled where something is held against it. */
  lines: ReadonlyMap<string, ReadonlySet<number>>
  /** Lines of the log of a build that failed; empty: not to be had. */
  buildLog: string[]
  /** The newest last. */
  answers: AnswerShown[]
  /** Addresses of pages; undefined: there are none. */
  pages: { series: string; run(run: RunId): string } | undefined
  /** What operators hold back of what waits. */
  stops: Stop[]
  /** The verdict in words, for a line: `2 new failures`. */
  short: string
}

/** Where one check or status stands: of the build, or of an image. */
export type Standing = Pick<Check, 'startedAt' | 'endedAt' | 'url' | 'title' | 'summary' | 'text'> & {
  /** `build`, or the image. */
  name: string
  at: Check['status']
  conclusion?: Exclude<Check['conclusion'], 'timed_out' | undefined>
}

/** Everybody reads it there. */
export const sayWaits = (stops: Stop[]): string =>
  sayStops(stops, { isOperator: false, where: 'page' }) || 'It waits for its turn.'

/** What a pull request, or a series of the list, is called where it stands. */
export const thingOf = ({ origin, total }: Series): string =>
  origin.from === 'forge' ? 'pull request' : total > 1 ? 'series' : 'patch'
