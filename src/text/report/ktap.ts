// KTAP, which the kernel's tests print (Documentation/dev-tools/ktap.rst), and kselftest's TAP with its `# ` nesting. Log → report.
//
//   [    0.51] KTAP version 1
//   1..1
//       KTAP version 1
//       # Subtest: list
//       1..2
//       ok 1 list_add
//       # list_del: EXPECTATION FAILED at lib/list-test.c:12
//       not ok 2 list_del
//   not ok 1 list                                     a result stands below those of its subtests, and diagnostics above it
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import { isFailure } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding } from '../ending.ts'
import { countOf, countsDisagree, cutOff, exitDisagrees, shortly } from './doubts.ts'
import { below, reportOf, stableName } from './stable.ts'

/** What printk puts before a line: level, time, and the caller with CONFIG_PRINTK_CALLER. */
const printk = /^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?/
const versionLine = /^K?TAP version \d+\s*$/
const planLine = /^\d+\.\.(\d+)\s*(?:#\s*(SKIP\b.*)?)?$/i
const subtestLine = /^# Subtest: (.*)$/
const resultLine = /^(not )?ok (\d+)(?: +(?:- +)?(.*))?$/
const directive = /(?:^|\s)# *(SKIP|TODO|XFAIL|XPASS|TIMEOUT|ERROR)\b[\s:]*(.*)$/i
/** `# list: pass:1 fail:1 skip:0 total:2` of KUnit, `# Totals: pass:1 fail:1 xfail:0 …` of kselftest. */
const totalsLine = /^# (\S.*): pass:(\d+) fail:(\d+)( xfail:\d+ xpass:\d+)? skip:(\d+)(?: error:(\d+))?/
/** Only lines of the protocol are nested by `# `; other comments are what a test says. */
const nested = /^((?:# )+)(?=K?TAP version \d|\d+\.\.\d+\s*(?:#|$)|(?:not )?ok \d|# Totals: pass:\d)/
const maxDepth = 40
const maxSaid = 200

/** `own`: results of this very level · `inner`: of its subtests whose own result is not there yet. */
type Frame = {
  indent: number
  line: number
  name: string | undefined
  planned: number | undefined
  own: TestResult[]
  all: TestResult[]
  totals: { passed: number; failed: number; skipped: number } | undefined
}

type Reading = { frames: Frame[]; done: TestResult[]; short: string[]; wrong: string[]; said: Said[] }
type Said = { text: string; line: number }

const newFrame = (indent: number, line: number): Frame => ({
  ...{ indent, line, name: undefined, planned: undefined, own: [], all: [], totals: undefined },
})

/** `lines`: clean lines of the log; `ending`: of the whole command. */
export const parseKtap = (lines: string[], ending: Ending): Report => {
  const reading: Reading = { frames: [], done: [], short: [], wrong: [], said: [] }
  let found = false
  for (const [index, raw] of lines.entries()) {
    const plain = raw.replace(printk, '').replace(/\t/g, '  ')
    const line = plain.replace(/^ +/, '')
    const marks = nested.exec(line)?.[1] ?? ''
    const indent = Math.min(maxDepth, plain.length - line.length + marks.length)
    found = take(reading, { text: line.slice(marks.length), indent, line: index + 1, found }) || found
  }
  closeTo(reading, -1)
  if (!found) return { state: 'none', why: 'it holds no line of KTAP', tests: [] }
  const short = reading.short[0]
  return reportOf(reading.done, {
    truncated: cutOff(ending) ?? (short && `${short}: the command ${sayEnding(ending)}`),
    contradictory: reading.wrong[0] ?? exitDisagrees(reading.done, ending, false),
  })
}

type Line = { text: string; indent: number; line: number; found: boolean }

/** Whether it was a line of the protocol. */
const take = (reading: Reading, { text, indent, line, found }: Line): boolean => {
  const plan = planLine.exec(text)
  const result = resultLine.exec(text)
  if (versionLine.test(text)) open(reading, indent, line)
  else if (plan) {
    const frame = at(reading, indent, line)
    if (frame.planned !== undefined) reading.wrong.push(`there are two plans${where(frame)}`)
    frame.planned = Number(plan[1])
  } else if (result) {
    takeResult(reading, { match: result, indent, line })
    reading.said = []
  } else if (/^Bail out!/.test(text)) reading.short.push(`it gave up: "${text}"`)
  else {
    const name = subtestLine.exec(text)?.[1]
    const totals = totalsLine.exec(text)
    if (name !== undefined) at(reading, indent, line).name ??= stableName(name)
    else if (totals) takeTotals(reading, totals, indent)
    else if (found && text !== '' && reading.said.length < maxSaid) reading.said.push({ text, line })
    return false
  }
  return true
}

const where = (frame: Frame): string => (frame.name ? ` of "${frame.name}"` : '')

/** The frame of an indent; deeper ones that have no result of their own are cut off, and shallower ones get one below them. */
const at = (reading: Reading, indent: number, line: number): Frame => {
  const top = reading.frames.at(-1)
  if (top && top.indent === indent) return top
  if (top && top.indent > indent) closeTo(reading, indent)
  const now = reading.frames.at(-1)
  if (now && now.indent === indent) return now
  const frame = newFrame(indent, line)
  reading.frames.push(frame)
  return frame
}

/** A version line begins a document: below the one that is open, or after it. */
const open = (reading: Reading, indent: number, line: number): void => {
  const top = reading.frames.at(-1)
  // Boot, or one test after another: each prints a whole document at the margin.
  if (top && top.indent >= indent) closeTo(reading, indent - 1)
  reading.frames.push(newFrame(indent, line))
}

/** Closes what is deeper than `indent`, without a result that names it. */
const closeTo = (reading: Reading, indent: number): void => {
  for (let top = reading.frames.at(-1); top && top.indent > indent; top = reading.frames.at(-1)) {
    reading.frames.pop()
    const under = reading.frames.at(-1)
    // A plan of a document at the margin can be missing only where the document is.
    if (under) reading.short.push(`the result of "${top.name ?? 'a subtest'}" is missing`)
    check(reading, top, !under)
    const tests = top.name && under ? prefixed(top.name, top.all) : top.all
    if (under) under.all.push(...tests)
    else reading.done.push(...tests)
  }
}

const prefixed = (name: string, tests: TestResult[]): TestResult[] =>
  tests.map(test => ({ ...test, test: below(name, test.test) }))

const check = (reading: Reading, frame: Frame, isRoot: boolean): void => {
  const { planned, own, totals } = frame
  if (planned === undefined && isRoot) reading.short.push(`there is no plan in line ${frame.line}`)
  if (planned !== undefined && own.length < planned)
    reading.short.push(`the plan${where(frame)} promises ${planned} tests, ${own.length} are there`)
  if (planned !== undefined && own.length > planned)
    reading.wrong.push(`the plan${where(frame)} promises ${planned} tests, but there are ${own.length}`)
  const wrong =
    totals &&
    countsDisagree([
      { what: 'passed tests', said: totals.passed, seen: countOf(own, 'passed') },
      { what: 'failures', said: totals.failed, seen: countOf(own, 'failed', 'error') },
      { what: 'skips', said: totals.skipped, seen: countOf(own, 'skipped') },
    ])
  if (wrong) reading.wrong.push(`${wrong}${where(frame)}`)
}

const takeTotals = (reading: Reading, match: RegExpExecArray, indent: number): void => {
  const { frames } = reading
  const isOurs = match[1] !== 'Totals'
  // KUnit's own `Totals` count the leaves below this level; only kselftest's count its results.
  if (!isOurs && match[4] === undefined) return
  const name = stableName(match[1] ?? '')
  // KUnit prints those of a suite where the suite's own result will stand.
  const frame = isOurs ? frames.findLast(one => one.name === name) : frames.find(one => one.indent === indent)
  if (!frame) return
  const [passed, failed, skipped, broken] = [match[2], match[3], match[5], match[6] ?? 0].map(Number)
  frame.totals = { passed: passed ?? 0, failed: (failed ?? 0) + (broken ?? 0), skipped: skipped ?? 0 }
}

const takeResult = (
  reading: Reading,
  { match, indent, line }: { match: RegExpExecArray; indent: number; line: number },
): void => {
  const children = childrenOf(reading, indent)
  const frame = at(reading, indent, line)
  const number = Number(match[2])
  if (number !== frame.own.length + 1)
    reading.wrong.push(`test ${number}${where(frame)} stands in place ${frame.own.length + 1}`)
  const rest = match[3] ?? ''
  const told = directive.exec(rest)
  // kselftest writes `# exit=1` behind the name.
  const plain = (told ? rest.slice(0, told.index) : rest).replace(/\s+# exit=\d+\s*$/, '')
  const name = stableName(plain) || `test ${frame.own.length + 1}`
  const outcome = outcomeOf(match[1] === undefined, told?.[1])
  const first = reading.said.at(0)?.line
  const result: TestResult = {
    test: name,
    outcome,
    message: (isFailure(outcome) ? diagnostics(reading.said) : '') || (told?.[2] ?? ''),
    line: isFailure(outcome) && children.length === 0 ? (first ?? line) : line,
    endLine: line,
  }
  if (outcome === 'passed' && children.some(child => isFailure(child.outcome)))
    reading.wrong.push(`"${name}" is ok, but a test below it is not`)
  frame.all.push(...prefixed(name, children), result)
  frame.own.push(result)
}

/** The tests of the document that stands deeper, now that its own result is here. */
const childrenOf = (reading: Reading, indent: number): TestResult[] => {
  const deeper = reading.frames.findIndex(frame => frame.indent > indent)
  // The first document may stand deeper than its result only where something is open at the margin.
  if (deeper < 0) return []
  const child = reading.frames[deeper]
  if (!child) return []
  closeTo(reading, child.indent)
  reading.frames.pop()
  check(reading, child, false)
  return child.all
}

const outcomeOf = (ok: boolean, told: string | undefined): TestOutcome => {
  switch (told?.toUpperCase()) {
    case 'SKIP':
      return 'skipped'
    case 'TODO':
    case 'XFAIL':
      // kselftest: an expected failure is "ok … # XFAIL".
      return ok && told?.toUpperCase() === 'TODO' ? 'todo-passed' : 'todo'
    case 'XPASS':
      return 'todo-passed'
    case 'TIMEOUT':
    case 'ERROR':
      return 'error'
    default:
      return ok ? 'passed' : 'failed'
  }
}

/** From the first complaint on: what was said before it tells of the way there. */
const diagnostics = (said: Said[]): string => {
  const complaint = said.findIndex(({ text }) => /FAILED|ERROR|BUG:|not ok|Expected|panic/.test(text))
  return shortly(said.slice(Math.max(0, complaint)).map(({ text }) => text.replace(/^(?:# )+/, '')))
}
