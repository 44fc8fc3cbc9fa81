// What Rust's test programs print, as `cargo test` runs them one after another, or a single one. Log → report.
//
//      Running tests/it.rs (target/debug/deps/it-ec7d2b4e0cd425c4)
//   running 2 tests
//   test reads ... ok
//   test writes ... FAILED
//   test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.09s
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding } from '../ending.ts'
import { countOf, countsDisagree, cutOff, exitDisagrees, shortly } from './doubts.ts'
import { below, reportOf, toolName } from './stable.ts'

const programLine = /^ *Running (?:unittests )?(\S+) \((\S+)\)\s*$/
const docLine = /^ *Doc-tests (\S+)\s*$/
const runningLine = /^running (\d+) tests?$/
const testLine = /^test (.+?)(?: - should panic)? \.\.\. ?(.*)$/
const verdict = /^(ok|FAILED|ignored|bench:)(?:, (.*))?(?: <(\d+\.\d+)s>)?\s*$/
/** With one thread, what a test prints stands between its name and its result. */
const lateVerdict = /(?:^|[^\w])(ok|FAILED)\s*$/
const resultLine = /^test result: (ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored; (\d+) measured;/
const saidLine = /^---- (.+?) (?:stdout|stderr) ----$/
const brokenLine = /^ *process didn't exit successfully: /
const noise = /^(?:stack backtrace:|\s+\d+: |\s+at |note: )/
const maxSaid = 100

type Program = {
  name: string
  line: number
  planned: number | undefined
  tests: TestResult[]
  said: Map<string, string[]>
  result: { passed: number; failed: number; ignored: number; measured: number } | undefined
  /** What cargo says of a program that has no result of its own. */
  died: string | undefined
}
type Reading = {
  programs: Program[]
  name: string
  pending: { name: string; line: number } | undefined
  hearing: string[] | undefined
}

/** `lines`: clean lines of the log; `ending`: of the whole command. */
export const parseCargo = (lines: string[], ending: Ending): Report => {
  const reading: Reading = { programs: [], name: '', pending: undefined, hearing: undefined }
  for (const [index, line] of lines.entries()) take(reading, line, index + 1)
  closePending(reading)
  const { programs } = reading
  if (!programs.some(({ planned }) => planned !== undefined))
    return { state: 'none', why: 'it holds no line of a Rust test program', tests: [] }
  const tests = programs.flatMap(resultsOf)
  const cut = programs.find(({ result, died }) => result === undefined && died === undefined)
  return reportOf(tests, {
    truncated:
      cutOff(ending) ??
      (cut && `${cut.name || 'the program'} has no line "test result": the command ${sayEnding(ending)}`),
    contradictory:
      programs.map(disagrees).find(wrong => wrong !== undefined) ?? exitDisagrees(tests, ending, true),
  })
}

const openProgram = (reading: Reading, line: number): Program => {
  const made: Program = {
    ...{ name: reading.name, line, planned: undefined, tests: [] },
    ...{ said: new Map(), result: undefined, died: undefined },
  }
  reading.programs.push(made)
  return made
}

const take = (reading: Reading, line: string, at: number): void => {
  const program = programLine.exec(line)
  const running = runningLine.exec(line)
  if (program || docLine.test(line)) {
    closePending(reading)
    reading.hearing = undefined
    reading.name = program ? programName(program[1] ?? '', program[2] ?? '') : toolName(line)
    openProgram(reading, at)
  } else if (running) {
    closePending(reading)
    reading.hearing = undefined
    const last = reading.programs.at(-1)
    // An edition's doc tests may run as several programs under one heading.
    const mine = last && last.planned === undefined ? last : openProgram(reading, at)
    mine.planned = Number(running[1])
  } else {
    const open = reading.programs.at(-1)
    if (open) takeInside(reading, { open, line, at })
  }
}

/** `foo src/lib.rs`: the crate without cargo's hash, and the file, as a crate may have a library and a program. */
const programName = (source: string, binary: string): string => {
  const crate = binary.replace(/^.*\//, '').replace(/-[0-9a-f]{8,}(?:\.exe)?$/, '')
  return toolName(`${crate} ${source}`)
}

const takeInside = (
  reading: Reading,
  { open, line, at }: { open: Program; line: string; at: number },
): void => {
  const result = resultLine.exec(line)
  const test = testLine.exec(line)
  const said = saidLine.exec(line)?.[1]
  if (result) {
    closePending(reading)
    reading.hearing = undefined
    open.result = {
      ...{ passed: Number(result[2]), failed: Number(result[3]) },
      ...{ ignored: Number(result[4]), measured: Number(result[5]) },
    }
  } else if (said !== undefined) {
    reading.hearing = []
    open.said.set(said, reading.hearing)
  } else if (brokenLine.test(line)) open.died ??= line.trim()
  else if (/^failures:$/.test(line)) reading.hearing = undefined
  else if (test && open.result === undefined && reading.hearing === undefined) {
    closePending(reading)
    if (!finish(open, { name: test[1] ?? '', line: at }, verdict.exec(test[2] ?? ''), at))
      reading.pending = { name: test[1] ?? '', line: at }
  } else if (reading.pending) {
    const late = lateVerdict.exec(line)
    if (late && finish(open, reading.pending, late, at)) reading.pending = undefined
  } else if (reading.hearing && !noise.test(line) && reading.hearing.length < maxSaid)
    reading.hearing.push(line)
}

const outcomes: Record<string, TestOutcome> = {
  ok: 'passed',
  FAILED: 'failed',
  ignored: 'skipped',
  'bench:': 'passed',
}

const finish = (
  open: Program,
  pending: { name: string; line: number },
  match: RegExpExecArray | null,
  at: number,
): boolean => {
  const outcome = outcomes[match?.[1] ?? '']
  if (!match || outcome === undefined) return false
  const time = match[3]
  open.tests.push({
    test: nameOf(open, pending.name),
    outcome,
    message: outcome === 'skipped' ? (match[2] ?? '') : '',
    line: pending.line,
    endLine: at,
    ...(open.name === '' ? {} : { suite: open.name }),
    ...(time === undefined ? {} : { durationMs: Math.round(Number(time) * 1000) }),
  })
  return true
}

/** A doc test is named by its line, which an edit elsewhere moves. */
const nameOf = (open: Program, name: string): string => {
  const stable = toolName(name.replace(/ \(line \d+\)/, ''))
  return open.name === '' ? stable : below(open.name, stable)
}

/** A test that has begun, but no result. */
const closePending = (reading: Reading): void => {
  const { pending } = reading
  const open = reading.programs.at(-1)
  reading.pending = undefined
  if (!pending || !open) return
  open.tests.push({
    test: nameOf(open, pending.name),
    outcome: 'error',
    message: 'It began, but has no result.',
    line: pending.line,
  })
}

const resultsOf = (program: Program): TestResult[] => {
  const { name, line, tests, said, result, died } = program
  const told = new Map([...said].map(([test, lines]) => [nameOf(program, test), lines]))
  const own = tests.map(test =>
    test.outcome === 'failed' ? { ...test, message: shortly(told.get(test.test) ?? []) } : test,
  )
  const broke: TestResult = {
    test: name || 'test program',
    outcome: 'error',
    message: died?.replace(/`[^`]*`/, name || 'the program') ?? '',
    line,
  }
  return result === undefined && died !== undefined ? [broke, ...own] : own
}

const disagrees = ({ planned, tests, result, name }: Program): string | undefined => {
  if (!result || planned === undefined) return undefined
  const { passed, failed, ignored, measured } = result
  const wrong = countsDisagree([
    { what: 'passed tests', said: passed + measured, seen: countOf(tests, 'passed') },
    { what: 'failed tests', said: failed, seen: countOf(tests, 'failed') },
    { what: 'ignored tests', said: ignored, seen: countOf(tests, 'skipped') },
    { what: 'tests', said: planned, seen: tests.length },
  ])
  return wrong && name !== '' ? `${name}: ${wrong}` : wrong
}
