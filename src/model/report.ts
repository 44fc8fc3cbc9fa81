// Test results, whatever format they came in.
import type { Millis } from './instant.ts'

/** todo and todo-passed: expected to fail, and did / did not. error: the program itself broke (crash, time-out). */
export type TestOutcome = 'passed' | 'failed' | 'skipped' | 'todo' | 'todo-passed' | 'error'

export type TestResult = {
  /** Stable over runs: no line numbers, addresses or counts in it. Unique within its report. */
  test: string
  outcome: TestOutcome
  /** What the program said of it, at most a few lines; '' if nothing. */
  message: string
  /** First line of it in the log, 1-based. */
  line: number
  /** Last line of it in the log; undefined: not known. */
  endLine?: number
  /** It is a line of what that test prints, and is in the report only when it fails: it runs whenever that test does, and only with it. */
  lineOf?: string
  /** The group that it is in, where the format has one that is not in its name. */
  suite?: string
  /** As the report says. */
  durationMs?: Millis
}

/** whole: says itself that it is complete, and its counts agree. truncated: it ends early. contradictory: it disagrees
 *  with itself or with the exit code. none: nothing like a report was found. Only a whole report can say "passed". */
export type ReportState = 'whole' | 'truncated' | 'contradictory' | 'none'

export type Report = { state: ReportState; why: string; tests: TestResult[] }

export const isFailure = (outcome: TestOutcome): boolean => outcome === 'failed' || outcome === 'error'
