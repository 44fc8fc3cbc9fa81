// Reports of Wine's test programs, with or without the runner's start and done lines. Log → report.
//
//   kernel32:comm start dlls/kernel32/tests/comm.c -
//   comm.c:2210: Test failed: …
//   0abc:comm: 120 tests executed (3 marked as todo, 1 failure), 0 skipped.
//   kernel32:comm:0abc done (1) in 2s
//
// One result per unit (`kernel32:comm`), and one below it per failure line.
import type { Report, TestResult } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding } from '../ending.ts'
import { countsDisagree, cutOff, exitDisagrees } from './doubts.ts'
import { below, reportOf, stableMessage } from './stable.ts'

/** More than this from one unit floods the report; the old bot's limit. In characters. */
const maxUnitSize = 32 * 1024
/** What the runner returns for a unit whose time is up: WAIT_TIMEOUT. */
const doneTimedOut = 258

const startLine = /^([\w.+-]+:[\w.+-]+) start(?: \S+){0,2}\s*$/
// A unit whose last line has no line break pushes the next line to the right: these two may stand anywhere.
const doneLine = /([\w.+-]+:[\w.+-]+?)(?::([0-9a-f]+))? done \((-?\d+|0x[0-9a-f]+)\)(?: in (\d{1,7})s)?\s*$/i
const summaryLine =
  /(?:^|[^0-9a-f])([0-9a-f]+):([\w.+-]+): (\d+) tests? executed \((\d+) marked as todo, (?:(\d+) as flaky, )?(\d+) failures?\), (\d+) skipped\.\s*$/i
const silencedLine = /([0-9a-f]+):[\w.+-]+: Silenced (\d+) todos, (\d+) skips and \d+ traces\.\s*$/i
const testLine =
  /^([\w.+-]+:\d+):(?:\d+\.\d+)? ?(Test failed|Test marked todo|Test marked flaky|Tests skipped|Test succeeded inside todo block)(?:: (.*))?$/
const childLine =
  /^[\w.+-]+:\d+:(?:\d+\.\d+)? ?(?:(\d+) failures in child process|unhandled exception .* in child process)/
const exceptionLine = /unhandled exception ([0-9a-f]{8})\b/i

/** Where a summary or done line can be; a bound on what a hostile line costs. */
const lineEnd = (line: string): string => line.slice(-300)

type Summary = { pid: string; name: string; todo: number; flaky: number; failures: number; skipped: number }
type Counts = { failed: number; todo: number; flaky: number; skipped: number; child: number }
type Unit = {
  name: string
  line: number
  size: number
  counts: Counts
  summaries: Summary[]
  tests: { text: string; kind: 'failed' | 'todo-passed'; line: number }[]
  exception: string | undefined
  done: { pid: string | undefined; code: number; line: number; seconds: number | undefined } | undefined
}

const newUnit = (name: string, line: number): Unit => ({
  name,
  line,
  size: 0,
  counts: { failed: 0, todo: 0, flaky: 0, skipped: 0, child: 0 },
  summaries: [],
  tests: [],
  exception: undefined,
  done: undefined,
})

/** `lines`: clean lines of the log; `ending`: of the whole command. */
export const parseWine = (lines: string[], ending: Ending): Report => {
  const run = lines.some(line => startLine.test(line)) ? splitRun(lines) : splitBare(lines)
  if (run.units.length === 0)
    return { state: 'none', why: 'it holds no line of a Wine test program', tests: [] }
  const judged = run.units.map(unit => (run.bare ? judgeBare(unit, ending) : judgeUnit(unit)))
  const tests = judged.flatMap(unit => unit.tests)
  return reportOf(tests, {
    truncated: judged.find(unit => unit.truncated)?.truncated ?? cutOff(ending),
    contradictory:
      run.misplaced ??
      judged.find(unit => unit.contradictory)?.contradictory ??
      // A runner may end with 0 whatever its units found; a bare program says by its exit code whether it found failures.
      exitDisagrees(tests, ending, run.bare),
  })
}

type Run = { units: Unit[]; misplaced: string | undefined; bare: boolean }

const splitRun = (lines: string[]): Run => {
  const units: Unit[] = []
  let open: Unit | undefined
  let misplaced: string | undefined
  for (const [index, line] of lines.entries()) {
    const start = startLine.exec(line)?.[1]
    const done = doneLine.exec(lineEnd(line))
    if (start !== undefined) {
      open = newUnit(start, index + 1)
      units.push(open)
    } else if (done && open && open.name === done[1]) {
      const seconds = done[4] === undefined ? undefined : Number(done[4])
      open.done = { pid: done[2]?.toLowerCase(), code: Number(done[3]), line: index + 1, seconds }
      open = undefined
    } else if (done) misplaced ??= `"${done[1]} done" stands where that unit was not running`
    else if (open) take(open, line, index + 1)
    else if (summaryLine.test(lineEnd(line))) misplaced ??= 'a summary stands outside of any unit'
    else if (/^Test (?:failed|succeeded)/.test(testLine.exec(line)?.[2] ?? ''))
      misplaced ??= `a failure stands outside of any unit, in line ${index + 1}`
  }
  return { units, misplaced, bare: false }
}

/** Where and how long it ran, as the runner says. */
const spanOf = ({ done }: Unit): Pick<TestResult, 'endLine' | 'durationMs'> => ({
  ...(done ? { endLine: done.line } : {}),
  ...(done?.seconds === undefined ? {} : { durationMs: done.seconds * 1000 }),
})

/** Programs that were started without the runner: each summary line closes a unit, what follows the last one is another, cut off. */
const splitBare = (lines: string[]): Run => {
  const units: Unit[] = []
  const names = new Set<string>()
  let open: Unit | undefined
  let misplaced: string | undefined
  for (const [index, line] of lines.entries()) {
    const summary = summaryLine.exec(lineEnd(line))
    const done = doneLine.exec(lineEnd(line))?.[1]
    // A runner said that it is over: then its start, and whatever ran before, is missing.
    if (done && units.some(({ name }) => done.endsWith(`:${name}`)))
      misplaced ??= `"${done} start" is missing`
    if (!open && !summary && !testLine.test(line)) continue
    open ??= newUnit('', index + 1)
    take(open, line, index + 1)
    if (!summary) continue
    open.name = summary[2] ?? ''
    names.add(open.name)
    units.push(open)
    open = undefined
  }
  if (open && open.tests.length + open.counts.todo + open.counts.skipped + open.counts.flaky > 0) {
    const file = testLine.exec(lines[open.line - 1] ?? '')?.[1]
    units.push({ ...open, name: file?.replace(/(\.\w+)?:\d+$/, '') ?? 'unknown' })
  }
  return { units, misplaced, bare: true }
}

const take = (unit: Unit, line: string, at: number): void => {
  unit.size += line.length + 1
  const test = testLine.exec(line)
  const child = childLine.exec(line)
  const summary = summaryLine.exec(lineEnd(line))
  const silenced = silencedLine.exec(lineEnd(line))
  if (test) takeTest(unit, { what: test[2] ?? '', line, at })
  else if (child) unit.counts.child += Number(child[1] ?? 1)
  else if (silenced) {
    unit.counts.todo += Number(silenced[2])
    unit.counts.skipped += Number(silenced[3])
  } else if (summary) unit.summaries.push(readSummary(summary))
  else unit.exception ??= exceptionLine.exec(line)?.[1]
}

const takeTest = (unit: Unit, { what, line, at }: { what: string; line: string; at: number }): void => {
  if (what === 'Test failed') {
    unit.counts.failed++
    unit.tests.push({ text: line, kind: 'failed', line: at })
  } else if (what === 'Test succeeded inside todo block') {
    unit.counts.failed++
    unit.tests.push({ text: line, kind: 'todo-passed', line: at })
  } else if (what === 'Test marked todo') unit.counts.todo++
  else if (what === 'Test marked flaky') unit.counts.flaky++
  else unit.counts.skipped++
}

const readSummary = (match: RegExpExecArray): Summary => ({
  pid: (match[1] ?? '').toLowerCase(),
  name: match[2] ?? '',
  todo: Number(match[4]),
  flaky: Number(match[5] ?? 0),
  failures: Number(match[6]),
  skipped: Number(match[7]),
})

type Judged = { tests: TestResult[]; truncated?: string; contradictory?: string }

const judgeUnit = (unit: Unit): Judged => {
  const { name, done } = unit
  if (!done)
    return {
      tests: broken(unit, 'it started, but there is no line that says that it is done'),
      truncated: `"${name} start" has no "${name} done"`,
    }
  const code = done.code >>> 0
  if (code === doneTimedOut) return { tests: broken(unit, 'it did not end in time (done 258)') }
  if (code >>> 28 === 0xc) return { tests: broken(unit, `it crashed (0x${code.toString(16)})`) }
  const main = unit.summaries.find(summary => summary.pid === done.pid) ?? unit.summaries.at(-1)
  if (!main)
    return { tests: broken(unit, 'its summary is missing'), contradictory: `${name}: the summary is missing` }
  const failing = main.failures > 0
  if (failing !== (code !== 0))
    return {
      tests: results(unit),
      contradictory: `${name}: the summary counts ${main.failures} failures, but the exit code is ${done.code}`,
    }
  return withCounts(unit)
}

const judgeBare = (unit: Unit, ending: Ending): Judged => {
  if (unit.summaries.length > 0) return withCounts(unit)
  return {
    tests: broken(unit, `its summary is missing: it ${sayEnding(ending)}`),
    truncated: `the summary of ${unit.name} is missing: the program ${sayEnding(ending)}`,
  }
}

/** Failures of child processes stand in their own summary and once more, as one line, in their parent's. */
const withCounts = (unit: Unit): Judged => {
  const sum = (key: 'failures' | 'todo' | 'flaky' | 'skipped'): number =>
    unit.summaries.reduce((total, summary) => total + summary[key], 0)
  const { counts } = unit
  const wrong = countsDisagree([
    { what: 'failures', said: sum('failures'), seen: counts.failed + counts.child },
    { what: 'todos', said: sum('todo'), seen: counts.todo },
    { what: 'flaky tests', said: sum('flaky'), seen: counts.flaky },
    { what: 'skips', said: sum('skipped'), seen: counts.skipped },
  ])
  const tests = results(unit)
  return wrong ? { tests, contradictory: `${unit.name}: ${wrong}` } : { tests }
}

const children = (unit: Unit): TestResult[] =>
  unit.tests.map(({ text, kind, line }) => ({
    test: below(unit.name, stableMessage(text)),
    lineOf: unit.name,
    outcome: kind,
    message: text,
    line,
  }))

const results = (unit: Unit): TestResult[] => {
  const failures = unit.summaries.reduce((total, summary) => total + summary.failures, 0)
  const flood = unit.size > maxUnitSize
  const failed = failures + unit.counts.failed + unit.counts.child > 0 || flood
  const own: TestResult = {
    test: unit.name,
    outcome: failed ? 'failed' : 'passed',
    message: unit.tests[0]?.text ?? '',
    line: unit.line,
    ...spanOf(unit),
  }
  const tooMuch: TestResult = {
    test: below(unit.name, 'prints too much'),
    lineOf: unit.name,
    outcome: 'failed',
    message: `It prints ${unit.size} characters; ${maxUnitSize} are allowed.`,
    line: unit.line,
  }
  return [own, ...children(unit), ...(flood ? [tooMuch] : [])]
}

const broken = (unit: Unit, why: string): TestResult[] => [
  {
    test: unit.name,
    outcome: 'error',
    message: unit.exception ? `${why}; unhandled exception ${unit.exception}` : why,
    line: unit.line,
    ...spanOf(unit),
  },
  ...children(unit),
]
