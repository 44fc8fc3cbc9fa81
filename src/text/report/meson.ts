// What `meson test` prints. Log → report.
//
//    2/10 proj:unit / reads      FAIL            0.01s   exit status 1
//   ▶  8/10 - sub                FAIL                              a subtest, where it failed
//   Ok:                 2
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding } from '../ending.ts'
import { countOf, countsDisagree, cutOff, exitDisagrees, shortly } from './doubts.ts'
import { below, reportOf, toolName } from './stable.ts'

const outcomes: Record<string, TestOutcome> = {
  OK: 'passed',
  FAIL: 'failed',
  SKIP: 'skipped',
  IGNORED: 'skipped',
  ERROR: 'error',
  TIMEOUT: 'error',
  INTERRUPT: 'error',
  EXPECTEDFAIL: 'todo',
  UNEXPECTEDPASS: 'todo-passed',
}
const words = Object.keys(outcomes).join('|')
const numberLine = /^ {0,9}(\d+)\/(\d+) (?=\S)/
const verdict = new RegExp(` (${words}) {1,40}(\\d{1,9}(?:\\.\\d{1,9})?) ?s(?: {1,9}(\\S.*)| *)$`)
const subtestLine = /^▶ {1,9}(\d+)\/\d+ (?:- )?(?=\S)/
const subtestVerdict = / (FAIL|ERROR|UNEXPECTEDPASS)\s*$/
const countLine = /^(Ok|Expected Fail|Fail|Unexpected Pass|Skipped|Timeout|Ignored):\s+(\d+)\s*$/
/** `>>> command`, then the output between two rules. */
const commandLine = /^>>> /
const ruleLine = /^[―-]{3,}(?: ✀ +[―-]{3,})?$/
const maxSaid = 200

type Found = { result: TestResult; said: string[] }
type Reading = {
  found: Map<string, Found>
  broken: Map<string, { name: string; line: number; word: string }[]>
  counts: Map<string, number>
  total: number
  last: Found | undefined
  hearing: boolean
}

/** `lines`: clean lines of the log; `ending`: of the whole command. */
export const parseMeson = (lines: string[], ending: Ending): Report => {
  const reading: Reading = {
    ...{ found: new Map(), broken: new Map(), counts: new Map() },
    ...{ total: 0, last: undefined, hearing: false },
  }
  for (const [index, line] of lines.entries()) take(reading, line, index + 1)
  const { found, counts } = reading
  if (found.size === 0 && [...counts.values()].every(count => count === 0))
    return { state: 'none', why: 'it holds no line of a test of meson', tests: [] }
  const own = [...found.values()].map(withSaid)
  const tests = [...found].flatMap(([number, one]) => [withSaid(one), ...subtestsOf(reading, number, one)])
  return reportOf(tests, {
    truncated:
      cutOff(ending) ??
      (counts.size === 0 ? `the counts at the end are missing: the command ${sayEnding(ending)}` : undefined),
    contradictory: disagrees(own, reading) ?? exitDisagrees(tests, ending, true),
  })
}

const take = (reading: Reading, line: string, at: number): void => {
  const number = numberLine.exec(line)
  const subtest = subtestLine.exec(line)
  const count = countLine.exec(line)
  const end = number ? verdict.exec(line) : subtest ? subtestVerdict.exec(line) : null
  if (number && end)
    takeResult(reading, { number, end, title: line.slice(number[0].length, end.index).trim(), at })
  else if (subtest && end) {
    const number = subtest[1] ?? ''
    const known = reading.broken.get(number) ?? []
    const name = toolName(line.slice(subtest[0].length, end.index))
    known.push({ name, line: at, word: end[1] ?? '' })
    reading.broken.set(number, known)
  } else if (count) reading.counts.set(count[1] ?? '', Number(count[2]))
  else if (ruleLine.test(line)) reading.hearing = !reading.hearing
  else if (commandLine.test(line)) reading.hearing = false
  else if (reading.hearing && reading.last && reading.last.said.length < maxSaid) {
    reading.last.said.push(line)
    reading.last.result.endLine = at
  }
}

type Line = { number: RegExpExecArray; end: RegExpExecArray; title: string; at: number }

const takeResult = (reading: Reading, { number: place, end, title, at }: Line): void => {
  const [, number = '', total = ''] = place
  const [, word = '', time = '', detail = ''] = end
  reading.hearing = false
  // Failures are listed once more at the end.
  if (reading.found.has(number)) {
    reading.last = undefined
    return
  }
  reading.total = Number(total)
  const { name, suite } = nameOf(title)
  const outcome = outcomes[word] ?? 'error'
  const message = outcome === 'passed' ? '' : word === 'TIMEOUT' ? `timed out, ${detail}` : detail
  reading.last = {
    result: {
      ...{ test: name, outcome, message, line: at, durationMs: Math.round(Number(time) * 1000) },
      ...(suite === undefined ? {} : { suite }),
    },
    said: [],
  }
  reading.found.set(number, reading.last)
}

/** As `meson test` takes it, `proj:reads`: one name may stand in several subprojects. */
const nameOf = (title: string): { name: string; suite: string | undefined } => {
  const cut = title.indexOf(' / ')
  if (cut < 0) return { name: toolName(title), suite: undefined }
  const suite = toolName(title.slice(0, cut))
  return { name: toolName(`${suite.split(':', 1)[0]}:${title.slice(cut + 3)}`), suite }
}

const withSaid = ({ result, said }: Found): TestResult => {
  if (result.outcome !== 'failed' && result.outcome !== 'error') return result
  const last = said.filter(line => line.trim() !== '').slice(-4)
  return { ...result, message: [result.message, shortly(last)].filter(text => text !== '').join('\n') }
}

const subtestsOf = (reading: Reading, number: string, { result }: Found): TestResult[] =>
  (reading.broken.get(number) ?? []).map(({ name, line, word }) => ({
    test: below(result.test, name),
    outcome: outcomes[word] ?? 'error',
    message: '',
    line,
    ...(result.suite === undefined ? {} : { suite: result.suite }),
  }))

const disagrees = (tests: TestResult[], { counts, total }: Reading): string | undefined => {
  if (counts.size === 0) return undefined
  const said = (what: string): number => counts.get(what) ?? 0
  return countsDisagree([
    { what: 'good tests', said: said('Ok'), seen: countOf(tests, 'passed') },
    // ERROR is counted as a failure, a time-out is not.
    { what: 'failures', said: said('Fail') + said('Timeout'), seen: countOf(tests, 'failed', 'error') },
    { what: 'expected failures', said: said('Expected Fail'), seen: countOf(tests, 'todo') },
    { what: 'unexpected passes', said: said('Unexpected Pass'), seen: countOf(tests, 'todo-passed') },
    { what: 'skips', said: said('Skipped') + said('Ignored'), seen: countOf(tests, 'skipped') },
    { what: 'tests', said: total, seen: tests.length },
  ])
}
