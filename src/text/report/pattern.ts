// A report in a project's own words, told by regular expressions for single lines. Log → report.
import { createContext, Script } from 'node:vm'
import type { ReportPattern } from '../../model/recipe.ts'
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import { isFailure } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayDuration, sayEnding } from '../ending.ts'
import { cutOff, exitDisagrees, shortly } from './doubts.ts'
import { reportOf, toolName } from './stable.ts'

/** All lines together. A pattern may need exponential time for a line that a guest has made for it. */
const maxMs = 1000
/** Of a line, what the patterns see. */
const maxLine = 1000
const maxMatches = 100_000

type Match = {
  line: number
  kind: keyof ReportPattern
  test: string | undefined
  message: string | undefined
}

// A regular expression cannot be told to stop, but a script can, with what it is doing (node:vm, `timeout`).
const script = new Script(`
  const compiled = kinds.map(([kind, source]) => [kind, new RegExp(source)])
  for (let index = 0; index < lines.length && found.length < most; index++)
    for (const [kind, pattern] of compiled) {
      const match = pattern.exec(lines[index])
      if (!match) continue
      found.push({ line: index + 1, kind, test: match.groups?.test, message: match.groups?.message })
      break
    }
`)

/** A line counts for the first that it fits: the end, a failure, a skip, a pass. */
const order: (keyof ReportPattern)[] = ['end', 'failed', 'skipped', 'passed']

/** undefined: it took too long. */
const matches = (lines: string[], pattern: ReportPattern): Match[] | undefined => {
  const found: Match[] = []
  const kinds = order.flatMap(kind => (pattern[kind] === undefined ? [] : [[kind, pattern[kind]]]))
  const short = lines.map(line => line.slice(0, maxLine))
  try {
    script.runInContext(createContext({ kinds, lines: short, found, most: maxMatches }), { timeout: maxMs })
    return found
  } catch {
    return undefined
  }
}

const outcomes: Partial<Record<keyof ReportPattern, TestOutcome>> = {
  passed: 'passed',
  failed: 'failed',
  skipped: 'skipped',
}

type Given = { lines: string[]; ending: Ending; step: string; pattern: ReportPattern | undefined }

/** `lines`: clean lines of the log; `step`: names a test that has no name. */
export const parsePattern = ({ lines, ending, step, pattern }: Given): Report => {
  if (!pattern) return { state: 'none', why: 'its recipe has no pattern', tests: [] }
  const found = matches(lines, pattern)
  if (!found)
    return {
      state: 'none',
      why: `its patterns need more than ${sayDuration(maxMs)} for what it printed`,
      tests: [],
    }
  const tests = found.flatMap(match => resultOf(match, step))
  const ended = pattern.end === undefined || found.some(({ kind }) => kind === 'end')
  // Who names failures only says by the exit code that there are none.
  const silent = tests.length === 0 && pattern.passed === undefined && ended
  if (tests.length === 0 && !silent && (pattern.end === undefined || !ended))
    return { state: 'none', why: 'no line of it matches its patterns', tests: [] }
  return reportOf(silent ? [wholeStep(lines, ending, step)] : tests, {
    truncated:
      cutOff(ending) ??
      (ended ? undefined : `no line of it matches the pattern of its end: the command ${sayEnding(ending)}`),
    contradictory: silent ? undefined : exitDisagrees(tests, ending, false),
  })
}

const resultOf = ({ kind, line, test, message }: Match, step: string): TestResult[] => {
  const outcome = outcomes[kind]
  if (outcome === undefined) return []
  return [{ test: toolName(test ?? '') || step, outcome, message: shortly([message ?? '']), line }]
}

const wholeStep = (lines: string[], ending: Ending, step: string): TestResult => {
  const good = ending.kind === 'finished' && ending.exitCode === 0 && ending.signal === undefined
  const outcome: TestOutcome = good ? 'passed' : 'failed'
  return {
    test: step,
    outcome,
    message: isFailure(outcome) ? shortly([`The command ${sayEnding(ending)}.`, ...lines.slice(-4)]) : '',
    line: Math.max(1, lines.length),
  }
}
