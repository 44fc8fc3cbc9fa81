// Why a report is not believed: what all formats check alike.
import type { TestOutcome, TestResult } from '../../model/report.ts'
import { isFailure } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { cleanLine } from '../clean.ts'
import { sayEnding, signalOf } from '../ending.ts'

const maxMessageLines = 5
const maxMessageLine = 400

/** The first lines of what a program said of a failure that are not blank, fit for people. */
export const shortly = (said: string[], max = maxMessageLines): string => {
  const shown = said
    .filter(line => line.trim() !== '')
    .slice(0, max)
    .map(line => cleanLine(line, maxMessageLine).trimEnd())
  const indent = Math.min(...shown.map(line => line.length - line.trimStart().length))
  return shown.map(line => line.slice(indent)).join('\n')
}

/** The command did not end by itself. */
export const cutOff = (ending: Ending): string | undefined =>
  ending.kind !== 'finished' || signalOf(ending) !== undefined
    ? `the command ${sayEnding(ending)}`
    : undefined

export const countOf = (tests: TestResult[], ...outcomes: TestOutcome[]): number =>
  tests.filter(({ outcome }) => outcomes.includes(outcome)).length

export type Count = { what: string; said: number; seen: number }

/** The first count of a summary that is not what the report shows. */
export const countsDisagree = (counts: Count[]): string | undefined => {
  const wrong = counts.find(({ said, seen }) => said !== seen)
  return wrong && `the summary counts ${wrong.said} ${wrong.what}, the report shows ${wrong.seen}`
}

/** `strict`: the tool is known to end with another exit code than 0 where a test failed; other programs may end as they like then. */
export const exitDisagrees = (tests: TestResult[], ending: Ending, strict: boolean): string | undefined => {
  if (ending.kind !== 'finished') return undefined
  const failed = tests.some(({ outcome }) => isFailure(outcome))
  // Most tools call it a failure when a test passes that they expect to fail.
  const excused = failed || tests.some(({ outcome }) => outcome === 'todo-passed')
  if (!excused && ending.exitCode !== 0)
    return `no test failed, but the command ended with exit code ${ending.exitCode}`
  return strict && failed && ending.exitCode === 0
    ? 'tests failed, but the command ended with exit code 0'
    : undefined
}
