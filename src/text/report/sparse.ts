// What `make check` of the sparse checker prints (validation/test-suite of sparse 0.6.x). Log → report.
//
//     TEST    arithmetic (arith.c)                          begins a test; SKIP instead of TEST: not run here
//   error: actual error text does not match …              why, unless it is known to fail
//   error: FAIL: test 'arith.c' failed                     0.6.4 writes FAIL:, XFAIL: … ; before it there was none
//   info: XFAIL: test 'arith.c' is known to fail
//   KO: out of 890 tests, 825 passed, 65 failed            known failures are among the failed ones
//   	64 of them are known to fail
//
// Passing tests are not named again: a test passed if another one, or the summary, follows it.
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding, signalOf } from '../ending.ts'
import { countOf, countsDisagree } from './doubts.ts'
import { reportOf } from './stable.ts'

const testLine = /^ {1,8}(TEST|SKIP) +(\S.*) \(([^()\s]+)\)\s*$/
const resultLine =
  /^(?:error|info): (?:[A-Z]+: )?test '([^']+)' (failed|passed|is known to fail(?: but succeed!)?)\s*$/
const errorLine = /^(?:error|warning): +(.*)$/
const summaryLine = /^(OK|KO): out of (\d+) tests, (\d+) passed, (\d+) failed\s*$/
const knownLine = /^\s+(\d+) of them are known to fail\s*$/
const disabledLine = /^\s+(\d+) tests were disabled\s*$/
// `see x.c.error.* for further investigation` points into a clone that is gone by then.
const noise = /for further investigation/
const maxMessageLines = 5

const outcomes: Record<string, TestOutcome> = {
  failed: 'failed',
  passed: 'passed',
  'is known to fail': 'todo',
  'is known to fail but succeed!': 'todo-passed',
}

type Open = { file: string; line: number; said: string[]; outcome: TestOutcome | undefined }
type Summary = { ok: boolean; total: number; passed: number; failed: number; known: number; disabled: number }

/** `lines`: clean lines of the log; `ending`: of the whole command. */
export const parseSparse = (lines: string[], ending: Ending): Report => {
  const { tests, summary, strayed } = read(lines)
  if (tests.length === 0 && !summary)
    return { state: 'none', why: 'it holds no line of a sparse test', tests }
  return reportOf(tests, {
    truncated: summary
      ? undefined
      : `there is no line "OK: out of …" or "KO: out of …": the command ${sayEnding(ending)}`,
    contradictory: summary && (strayed ?? wrongCount(tests, summary) ?? exitDisagrees(summary, ending)),
  })
}

const read = (
  lines: string[],
): { tests: TestResult[]; summary: Summary | undefined; strayed: string | undefined } => {
  const tests: TestResult[] = []
  let open: Open | undefined
  let summary: Summary | undefined
  let strayed: string | undefined
  const close = (): void => {
    if (open) tests.push(resultOf(open))
    open = undefined
  }
  for (const [index, line] of lines.entries()) {
    const test = testLine.exec(line)
    const result = resultLine.exec(line)
    const total = summaryLine.exec(line)
    if (test && summary) strayed ??= `test ${test[3]} comes after the summary`
    if (test) {
      close()
      const outcome = test[1] === 'SKIP' ? 'skipped' : undefined
      open = { file: test[3] ?? '', line: index + 1, said: [], outcome }
    } else if (result) {
      if (open && open.file === result[1] && open.outcome === undefined)
        open.outcome = outcomes[result[2] ?? '']
      else strayed ??= `a result of ${result[1]} stands where that test was not running`
    } else if (total) {
      close()
      if (summary) strayed ??= 'there are two summaries'
      summary = readSummary(total, lines.slice(index + 1, index + 4))
    } else if (open && open.outcome === undefined) {
      const said = errorLine.exec(line)?.[1]
      const diff = open.said.length > 0 && /^[-+](?![-+]{2} )/.test(line)
      if (said !== undefined && !noise.test(said)) open.said.push(said)
      else if (diff) open.said.push(line)
    }
  }
  // What runs when the log ends has no result: it is the one that may have broken the run.
  if (open?.outcome !== undefined) close()
  else if (open) tests.push({ ...resultOf(open), outcome: 'error', message: 'the log ends while it runs' })
  return { tests, summary, strayed }
}

const resultOf = ({ file, line, said, outcome }: Open): TestResult => ({
  test: file,
  outcome: outcome ?? 'passed',
  message: outcome === 'failed' ? said.slice(0, maxMessageLines).join('\n') : '',
  line,
})

const readSummary = (match: RegExpExecArray, after: string[]): Summary => ({
  ok: match[1] === 'OK',
  total: Number(match[2]),
  passed: Number(match[3]),
  failed: Number(match[4]),
  known: Number(after.map(line => knownLine.exec(line)?.[1]).find(Boolean) ?? 0),
  disabled: Number(after.map(line => disabledLine.exec(line)?.[1]).find(Boolean) ?? 0),
})

const wrongCount = (tests: TestResult[], summary: Summary): string | undefined =>
  countsDisagree([
    { what: 'passed tests', said: summary.passed, seen: countOf(tests, 'passed') },
    { what: 'failed tests', said: summary.failed, seen: countOf(tests, 'failed', 'todo', 'todo-passed') },
    { what: 'known failures', said: summary.known, seen: countOf(tests, 'todo', 'todo-passed') },
    { what: 'disabled tests', said: summary.disabled, seen: countOf(tests, 'skipped') },
    { what: 'tests', said: summary.total, seen: summary.passed + summary.failed },
  ])

const exitDisagrees = (summary: Summary, ending: Ending): string | undefined => {
  const says = summary.ok ? 'OK' : 'KO'
  const clean = ending.kind === 'finished' && signalOf(ending) === undefined
  if (!clean) return `the summary says ${says}, but the command ${sayEnding(ending)}`
  const bad = ending.exitCode !== 0
  return bad === summary.ok ? `the summary says ${says}, but the exit code is ${ending.exitCode}` : undefined
}
