// What CMake's ctest prints. Log → report.
//
//       Start  2: strings
//  2/12 Test  #2: strings ..........................***Failed    0.12 sec
//   output, with --output-on-failure
//  18% tests passed, 9 tests failed out of 11
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import { isFailure } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding } from '../ending.ts'
import { countsDisagree, cutOff, exitDisagrees, shortly } from './doubts.ts'
import { reportOf, toolName } from './stable.ts'

const startLine = /^ {0,12}Start {1,8}(\d+): (.*)$/
const resultLine = /^ {0,12}(?:\d+\/\d+ )? {0,12}Test {1,8}#(\d+): (.*)$/
/** What stands behind the name: dots, then the result. The output of a program can be in between where ctest ran with -V. */
const tail = /(?<!\.)\.{2,200} {0,40}(?:(Passed)|(\*\*\*|[A-Z][\w ]{0,40}\*\*\*)(.*))/
const seconds = /(?<!\d)(\d{1,9}(?:\.\d{1,9})?) sec\s{0,9}$/
const summaryLine = /^\s*\d+% tests passed, (\d+) tests? failed out of (\d+)\s*$/
const noise = /^\d+: (?:Test command:|Working Directory:|Test timeout computed|Environment variables:)/
const maxSaid = 200

type Open = { name: string; line: number }
type Reading = {
  started: Map<string, Open>
  results: Map<string, TestResult>
  summary: { failed: number; total: number } | undefined
  /** Lines since the last result; of whom they are is known only with -V, or by the result before them. */
  said: string[]
  verbose: Map<string, string[]>
  last: string | undefined
}

/** `lines`: clean lines of the log; `ending`: of the whole command. */
export const parseCtest = (lines: string[], ending: Ending): Report => {
  const reading: Reading = {
    started: new Map(),
    results: new Map(),
    summary: undefined,
    said: [],
    verbose: new Map(),
    last: undefined,
  }
  for (const [index, line] of lines.entries()) take(reading, line, index + 1)
  settle(reading)
  const { summary, results, started } = reading
  if (results.size === 0 && started.size === 0)
    return { state: 'none', why: 'it holds no line of a test of ctest', tests: [] }
  const tests = [...results.values(), ...unfinished(reading)]
  return reportOf(tests, {
    truncated:
      cutOff(ending) ??
      (summary ? undefined : `there is no line "% tests passed": the command ${sayEnding(ending)}`),
    contradictory: (summary && disagrees(tests, summary)) ?? exitDisagrees(tests, ending, true),
  })
}

const take = (reading: Reading, line: string, at: number): void => {
  const start = startLine.exec(line)
  const result = resultLine.exec(line)
  const summary = summaryLine.exec(line)
  const spoken = /^(\d+): (.*)$/.exec(line)
  if (start) {
    settle(reading)
    reading.started.set(start[1] ?? '', { name: start[2] ?? '', line: at })
  } else if (result) {
    settle(reading)
    takeResult(reading, result, at)
  } else if (summary) {
    settle(reading)
    reading.summary = { failed: Number(summary[1]), total: Number(summary[2]) }
  } else if (spoken && reading.started.has(spoken[1] ?? '')) {
    const said = reading.verbose.get(spoken[1] ?? '') ?? []
    if (!noise.test(line) && said.length < maxSaid) said.push(spoken[2] ?? '')
    reading.verbose.set(spoken[1] ?? '', said)
  } else if (!reading.summary && reading.said.length < maxSaid) reading.said.push(line)
}

/** What was printed since a result is of that test, if there was one that failed. */
const settle = (reading: Reading): void => {
  const last = reading.last === undefined ? undefined : reading.results.get(reading.last)
  const own = reading.verbose.get(reading.last ?? '')
  if (last && isFailure(last.outcome)) {
    const said = own && own.length > 0 ? own.slice(-5) : reading.said
    const message = [last.message, shortly(said, 4)].filter(text => text !== '').join('\n')
    reading.results.set(reading.last ?? '', {
      ...last,
      message,
      endLine: last.line + (own ? 0 : reading.said.findLastIndex(text => text.trim() !== '') + 1),
    })
  }
  reading.said = []
  reading.last = undefined
}

const takeResult = (reading: Reading, [, number = '', rest = '']: RegExpExecArray, at: number): void => {
  const found = tail.exec(rest)
  const name = reading.started.get(number)?.name ?? (found ? rest.slice(0, found.index).trimEnd() : rest)
  const word = `${found?.[2] ?? ''}${found?.[3] ?? ''}`.replaceAll('***', '').trim()
  const outcome = outcomeOf(found, word)
  const time = seconds.exec(rest)?.[1]
  // With --repeat a test has several results: the last one counts.
  reading.results.set(number, {
    test: toolName(name),
    outcome,
    message: isFailure(outcome) ? word.replace(seconds, '').trim() : '',
    line: at,
    endLine: at,
    ...(time === undefined ? {} : { durationMs: Math.round(Number(time) * 1000) }),
  })
  reading.last = number
}

const outcomeOf = (found: RegExpExecArray | null, word: string): TestOutcome => {
  if (found?.[1] !== undefined) return 'passed'
  if (/^(?:Skipped|Not Run \(Disabled\))/.test(word)) return 'skipped'
  return /^Failed/.test(word) ? 'failed' : 'error'
}

const unfinished = ({ started, results }: Reading): TestResult[] =>
  [...started]
    .filter(([number]) => !results.has(number))
    .map(([, { name, line }]) => ({
      test: toolName(name),
      outcome: 'error',
      message: 'It started, but has no result.',
      line,
    }))

/** Disabled tests are not among those that ctest counts. */
const disagrees = (tests: TestResult[], summary: { failed: number; total: number }): string | undefined => {
  const failed = tests.filter(({ outcome }) => isFailure(outcome)).length
  const skipped = tests.filter(({ outcome }) => outcome === 'skipped').length
  const most = tests.length
  const least = most - skipped
  return countsDisagree([
    { what: 'failures', said: summary.failed, seen: failed },
    { what: 'tests', said: summary.total, seen: Math.min(most, Math.max(least, summary.total)) },
  ])
}
