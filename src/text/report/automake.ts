// `make check` of automake: the lines of its test harness and its summary, or the .trs files that it leaves. Log → report.
//
//   PASS: strings.sh
//   FAIL: numbers.tap 2 - subtracts
//   # TOTAL: 2           below "Testsuite summary for …"; each directory has one
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import { isFailure } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { oneLine } from '../clean.ts'
import { sayEnding } from '../ending.ts'
import { type Count, countOf, countsDisagree, cutOff, exitDisagrees, shortly } from './doubts.ts'
import type { ReportFile } from './file.ts'
import { below, reportOf, toolName } from './stable.ts'

const outcomes: Record<string, TestOutcome> = {
  PASS: 'passed',
  FAIL: 'failed',
  XFAIL: 'todo',
  XPASS: 'todo-passed',
  SKIP: 'skipped',
  ERROR: 'error',
}
const words = Object.keys(outcomes).join('|')
const resultLine = new RegExp(`^(${words}): (\\S.*)$`)
const totalLine = new RegExp(`^# (TOTAL|${words}): +(\\d+)\\s*$`)
const summaryLine = /^Testsuite summary\b/
/** The old, serial harness: one line for all. */
const serialLine =
  /^(?:All )?(\d+) (?:of (\d+) )?tests? (passed|failed|behaved as expected|did not behave as expected)/
/** With VERBOSE=1 the logs of what did not pass are printed, too, under headings that look like results. */
const dumpLine = /^ {3}\S.*: (?:\S*\/)?test-suite\.log$/
const enteringLine = /^make(?:\[\d+\])?: Entering directory [`'‘"](.*)['’"]$/
const leavingLine = /^make(?:\[\d+\])?: Leaving directory (.*)$/
const checkingLine = /^Making check in (.+)$/
const tapName = /^(\S+) (\d+)(?: +(?:- +)?(.*))?$/
const maxFolders = 100
const maxSaid = 200

type Reading = {
  tests: TestResult[]
  totals: Map<string, number>
  /** undefined: a summary of the serial harness was not seen. Skipped tests are not among those that it counts. */
  serial: { tests: number; failures: number } | undefined
  /** There are results that no summary follows. */
  open: boolean
  dumping: boolean
  said: Map<string, string[]>
  heading: string | undefined
  folders: string[]
  /** So many more folders than are kept in `folders`. */
  deeper: number
  /** The first that make left, but never went into. */
  unentered: string | undefined
  checking: string | undefined
  /** The folder above the first that make goes down into: names begin below it. */
  root: string | undefined
}

/** `lines`: clean lines of the log; `ending`: of the whole command; `files`: .trs files, and .log files that tell more. */
export const parseAutomake = (lines: string[], ending: Ending, files: ReportFile[] | undefined): Report => {
  const reading = read(lines)
  const records = files?.filter(({ path }) => path.endsWith('.trs')) ?? []
  if (records.length > 0) return ofRecords({ records, logs: files ?? [], reading, ending })
  if (files && reading.tests.length === 0) return { state: 'none', why: 'it left no .trs file', tests: [] }
  if (reading.tests.length === 0 && reading.totals.size === 0)
    return { state: 'none', why: 'it holds no line of a test of automake', tests: [] }
  const tests = reading.tests.map(test => withDump(test, reading.said))
  return reportOf(tests, {
    truncated:
      cutOff(ending) ??
      (reading.open
        ? `the summary is missing after the last test: the command ${sayEnding(ending)}`
        : half(reading, ending)),
    contradictory: countsDisagree(counts(tests, reading)) ?? exitDisagrees(tests, ending, true),
  })
}

const read = (lines: string[]): Reading => {
  const reading: Reading = {
    ...{ tests: [], totals: new Map(), serial: undefined, open: false, dumping: false },
    ...{
      said: new Map(),
      heading: undefined,
      folders: [],
      deeper: 0,
      unentered: undefined,
      checking: undefined,
      root: undefined,
    },
  }
  let summing = false
  for (const [index, line] of lines.entries()) {
    const total = totalLine.exec(line)
    const result = resultLine.exec(line)
    const serial = serialLine.exec(line)
    if (dumpLine.test(line)) {
      reading.dumping = true
      summing = false
    } else if (summaryLine.test(line)) {
      reading.dumping = false
      summing = true
    } else if (reading.dumping) takeDump(reading, line, lines[index + 1] ?? '')
    else if (total && summing) {
      reading.totals.set(total[1] ?? '', (reading.totals.get(total[1] ?? '') ?? 0) + Number(total[2]))
      reading.open = false
    } else if (result) {
      summing = false
      reading.open = true
      reading.tests.push(resultOf(result, folderOf(reading), index + 1))
    } else if (serial) {
      const bad = /failed|did not/.test(serial[3] ?? '') ? Number(serial[1]) : 0
      const { tests, failures } = reading.serial ?? { tests: 0, failures: 0 }
      reading.serial = { tests: tests + Number(serial[2] ?? serial[1]), failures: failures + bad }
      reading.open = false
    } else move(reading, line)
  }
  return reading
}

/** Follows make down and up. */
const move = (reading: Reading, line: string): void => {
  const entered = enteringLine.exec(line)?.[1]
  const checking = checkingLine.exec(line)?.[1]
  if (checking !== undefined) reading.checking = checking
  else if (entered !== undefined && reading.folders.length >= maxFolders) reading.deeper++
  else if (entered !== undefined) {
    reading.folders.push(entered)
    const below = reading.checking === '.' ? '' : `/${reading.checking ?? ''}`
    if (reading.root === undefined && reading.checking !== undefined && entered.endsWith(below))
      reading.root = entered.slice(0, entered.length - below.length)
  } else if (leavingLine.test(line)) {
    if (reading.deeper > 0) reading.deeper--
    else if (reading.folders.pop() === undefined) reading.unentered ??= leavingLine.exec(line)?.[1] ?? ''
  }
}

/** make says when it leaves a folder that it went into, also after an error: else what was done there is missing. */
const half = ({ folders, unentered }: Reading, ending: Ending): string | undefined => {
  if (unentered !== undefined) return `the beginning of folder ${oneLine(unentered, 100)} is missing`
  const last = folders.at(-1)
  return last === undefined
    ? undefined
    : `the end of folder "${oneLine(last, 100)}" is missing: the command ${sayEnding(ending)}`
}

const folderOf = ({ folders, root }: Reading): string => {
  const now = folders.at(-1)
  return root !== undefined && now?.startsWith(`${root}/`) ? now.slice(root.length + 1) : ''
}

const resultOf = ([, word = '', text = '']: RegExpExecArray, folder: string, line: number): TestResult => {
  const [plain = '', reason = ''] = text.split(/ # (?:SKIP|TODO)\b ?/, 2)
  const tap = tapName.exec(plain)
  // A program that prints TAP breaks as a whole: "a.tap - too few tests run".
  const broken = /^(\S+) - (.*)$/.exec(plain)
  const [name, rest] = tap
    ? [tap[1] ?? '', toolName(tap[3] ?? '') || `test ${tap[2]}`]
    : [broken?.[1] ?? plain, '']
  const file = folder === '' ? toolName(name) : `${toolName(folder)}/${toolName(name)}`
  return {
    test: rest === '' ? file : below(file, rest),
    outcome: outcomes[word] ?? 'error',
    message: broken?.[2] ?? reason,
    line,
    ...(folder === '' ? {} : { suite: folder }),
  }
}

/** A heading is underlined, and names the test without its extension. */
const takeDump = (reading: Reading, line: string, next: string): void => {
  const heading = resultLine.exec(line)?.[2]
  if (heading !== undefined && /^={3,}$/.test(next)) reading.heading = heading
  else if (reading.heading !== undefined && !/^={3,}$/.test(line)) {
    const said = reading.said.get(reading.heading) ?? []
    if (said.length < maxSaid) said.push(line)
    reading.said.set(reading.heading, said)
  }
}

const withDump = (test: TestResult, said: Map<string, string[]>): TestResult => {
  // Where a program prints several results, its last words are not of all of them.
  if (!isFailure(test.outcome) || test.message !== '' || test.test.includes(' > ')) return test
  const file = test.test.replace(/^.*\//, '')
  const lines = said.get(file) ?? said.get(file.replace(/\.[^./]*$/, ''))
  return lines ? { ...test, message: lastWords(lines) } : test
}

/** What a program says last is why it gives up. */
const lastWords = (lines: string[]): string => shortly(lines.filter(line => line.trim() !== '').slice(-5))

const counts = (tests: TestResult[], { totals, serial }: Reading): Count[] => {
  if (totals.size === 0)
    return serial === undefined
      ? []
      : [
          {
            what: 'failures',
            said: serial.failures,
            seen: countOf(tests, 'failed', 'error', 'todo-passed'),
          },
          { what: 'tests', said: serial.tests, seen: tests.length - countOf(tests, 'skipped') },
        ]
  return [
    { what: 'tests', said: totals.get('TOTAL') ?? 0, seen: tests.length },
    ...Object.entries(outcomes).map(([word, outcome]) => ({
      what: `times ${word}`,
      said: totals.get(word) ?? 0,
      seen: countOf(tests, outcome),
    })),
  ]
}

type Trs = { result: TestResult; seen: number; whole: boolean }

const ofRecords = (given: {
  records: ReportFile[]
  logs: ReportFile[]
  reading: Reading
  ending: Ending
}): Report => {
  const { records, logs, reading, ending } = given
  const logOf = new Map(logs.map(({ path, text }) => [path, text]))
  const read = records.map(record => ofRecord(record, logOf, reading.tests))
  const tests = read.map(({ result }) => result)
  const cut = read.find(({ whole }) => !whole)
  const total = reading.totals.get('TOTAL')
  const silent = total === undefined && ending.kind === 'finished' && ending.exitCode !== 0
  const seen = read.reduce((sum, one) => sum + one.seen, 0)
  return reportOf(tests, {
    truncated:
      cutOff(ending) ??
      (cut && `${cut.result.test}.trs holds no result`) ??
      (silent ? `there is no summary: the command ${sayEnding(ending)}` : undefined),
    contradictory:
      countsDisagree(total === undefined ? [] : [{ what: 'tests', said: total, seen }]) ??
      exitDisagrees(tests, ending, true),
  })
}

/** A .trs file names no test: it is the file's. */
const ofRecord = ({ path, text }: ReportFile, logs: Map<string, string>, printed: TestResult[]): Trs => {
  const lines = text.split('\n')
  const all = lines.flatMap(line => /^:test-result:\s*([A-Z]+)/.exec(line)?.[1] ?? [])
  const global = lines.flatMap(line => /^:global-test-result:\s*([A-Z]+)/.exec(line)?.[1] ?? []).at(-1)
  const outcome = outcomes[global ?? all.at(-1) ?? '']
  const base = path.replace(/\.trs$/, '')
  const name = toolName(base)
  const bad = outcome === undefined || outcome === 'failed' || outcome === 'error'
  const log = bad ? logs.get(`${base}.log`) : undefined
  return {
    result: {
      test: name,
      outcome: outcome ?? 'error',
      message: log === undefined ? '' : lastWords(log.split('\n').slice(-maxSaid)),
      line: printed.find(({ test }) => test === name || test.startsWith(`${name}.`))?.line ?? 1,
    },
    seen: all.length,
    whole: outcome !== undefined,
  }
}
