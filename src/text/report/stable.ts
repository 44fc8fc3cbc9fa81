// Names of tests that stay the same over runs: what differs by chance or by an edit elsewhere is taken out.
import type { Report, ReportState, TestResult } from '../../model/report.ts'
import { oneLine } from '../clean.ts'

const maxNameLength = 200
const maxToolName = 300

const isolate = (text: string): string =>
  text
    .replace(/\b0x[0-9a-f]{6,}\b/gi, 'ADDR')
    .replace(/([\w-]\.[a-z]{1,4}):\d+(:\d+)?\b/gi, '$1')
    .replace(/\bline \d+\b/gi, 'line N')
    .replace(/\b\d+(\.\d+)?\s?(ns|µs|us|ms|s|sec|seconds?|minutes?)\b/g, 'N $2')
    .replace(/\s+/g, ' ')
    .trim()

/** A name without line numbers, addresses and durations. Other numbers stay: `adds 1 and 2` is not `adds 3 and 4`. */
export const stableName = (name: string): string => isolate(name).slice(0, maxNameLength).toWellFormed()

/** What a program says of a failure, without any number: `expected 3, got 5` today is `expected 4, got 6` tomorrow. */
export const stableMessage = (message: string): string =>
  isolate(message)
    .replace(/\b[0-9a-f]{8,}\b/gi, 'N')
    .replace(/\d+/g, 'N')
    .slice(0, maxNameLength)
    .toWellFormed()

/** The name that a tool gives a test, by which the tool can be told to run it again: only what no two runs have alike is taken out. */
export const toolName = (name: string): string =>
  oneLine(name, maxToolName).replace(/\b0x[0-9a-f]{6,}\b/gi, 'ADDR')

/** Puts `name` below `parent`. The judge blames the children only, where both failed. */
export const below = (parent: string, name: string): string => `${parent} > ${name}`

/** Makes names unique by order: the second `x` is `x #2`. */
export const unique = (tests: TestResult[]): TestResult[] => {
  const seen = new Map<string, number>()
  const taken = new Set(tests.map(test => test.test))
  return tests.map(test => {
    let count = (seen.get(test.test) ?? 0) + 1
    while (count > 1 && taken.has(`${test.test} #${count}`)) count++
    seen.set(test.test, count)
    return count === 1 ? test : { ...test, test: `${test.test} #${count}` }
  })
}

/** First reason wins: truncated before contradictory, since a cut report disagrees with itself anyway. */
export const reportOf = (
  tests: TestResult[],
  doubts: { truncated?: string | undefined; contradictory?: string | undefined },
): Report => {
  const state: ReportState = doubts.truncated ? 'truncated' : doubts.contradictory ? 'contradictory' : 'whole'
  return { state, why: doubts.truncated ?? doubts.contradictory ?? '', tests: unique(tests) }
}
