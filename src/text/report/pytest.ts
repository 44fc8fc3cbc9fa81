// pytest's text: with -rA, or -v, each test is named; the last line counts them. Log → report.
//
//   test_a.py::test_p[1] PASSED                      [ 25%]        -v
//   FAILED test_a.py::TestC::test_bad - assert 1 == 2              -rA, below "short test summary info"
//   ==== 1 failed, 3 passed, 2 skipped in 1.15s ====
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import { isFailure } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding } from '../ending.ts'
import { countsDisagree, cutOff, exitDisagrees, shortly } from './doubts.ts'
import { reportOf, stableName, toolName } from './stable.ts'

type Word = 'PASSED' | 'FAILED' | 'ERROR' | 'SKIPPED' | 'XFAIL' | 'XPASS'
const outcomes: Record<Word, TestOutcome> = {
  PASSED: 'passed',
  FAILED: 'failed',
  ERROR: 'error',
  SKIPPED: 'skipped',
  XFAIL: 'todo',
  XPASS: 'todo-passed',
}
const counted: Record<Word, RegExp> = {
  PASSED: /(\d+) passed/,
  FAILED: /(\d+) failed/,
  ERROR: /(\d+) errors?/,
  SKIPPED: /(\d+) skipped/,
  XFAIL: /(\d+) xfailed/,
  XPASS: /(\d+) xpassed/,
}
const word = 'PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS'
const verboseLine = new RegExp(`^(\\S.*?) (${word})(?: \\((.*)\\))? +\\[ *\\d+%\\]$`)
const xdistLine = new RegExp(`^\\[gw\\d+\\] \\[ *\\d+%\\] (${word}) (\\S.*?)\\s*$`)
const infoHeading = /^=+ short test summary info =+$/
const infoLine = new RegExp(`^(${word}) (.+)$`)
const skippedLine = /^\[(\d+)\] (.*)$/
const lastLine =
  /^(?:=+ )?((?:no tests ran|\d+ [a-z]+(?: [a-z]+)?(?:, \d+ [a-z]+(?: [a-z]+)?){0,12})) in \d+(?:\.\d+)?s\b/
const stopLine = /^!{3,} (.*?) !{3,}$/
const sectionLine = /^_{3,} (?:(ERROR) (?:at (?:setup|teardown) of|collecting) )?(\S.*?) _{3,}$/
const durationLine = /^(\d+(?:\.\d+)?)s (?:call|setup|teardown) +(\S.*)$/
const maxSaid = 40

type Seen = { word: Word; id: string; message: string; line: number; times: number }
type Section = { line: number; endLine: number; said: string[] }
type Reading = {
  verbose: Seen[]
  info: Seen[]
  sections: Map<string, Section>
  durations: Map<string, number>
  last: string | undefined
  stopped: string | undefined
}

/** `lines`: clean lines of the log; `ending`: of the whole command. */
export const parsePytest = (lines: string[], ending: Ending): Report => {
  const reading = read(lines)
  const { last, verbose, info, stopped } = reading
  const started = lines.some(line => /^=+ test session starts =+$/.test(line))
  if (last === undefined && verbose.length + info.length === 0 && !started)
    return { state: 'none', why: 'it holds no line of pytest', tests: [] }
  const tests = results(reading)
  const missing = last === undefined ? 'the last line, "… in N s", is missing' : undefined
  const short = missing ?? (stopped === undefined ? undefined : `it stopped early: ${stopped}`)
  return reportOf(tests, {
    truncated: cutOff(ending) ?? (short && `${short}: the command ${sayEnding(ending)}`),
    contradictory: countsOf(reading) ?? exitDisagrees(tests, ending, true),
  })
}

const read = (lines: string[]): Reading => {
  const reading: Reading = {
    ...{ verbose: [], info: [], sections: new Map(), durations: new Map() },
    ...{ last: undefined, stopped: undefined },
  }
  let inInfo = false
  let section: Section | undefined
  for (const [index, line] of lines.entries()) {
    const [, broke = '', name] = sectionLine.exec(line) ?? []
    const heading = name === undefined ? undefined : `${broke} ${name}`
    if (/^={3,}/.test(line) || heading !== undefined) section = undefined
    if (infoHeading.test(line)) inInfo = true
    else if (inInfo) takeInfo(reading, line, index + 1)
    else if (heading !== undefined) {
      section = { line: index + 1, endLine: index + 1, said: [] }
      if (!reading.sections.has(heading)) reading.sections.set(heading, section)
    } else if (section) takeSaid(section, line, index + 1)
    else takeVerbose(reading, line, index + 1)
    reading.last = lastLine.exec(line)?.[1] ?? reading.last
    reading.stopped ??= stopLine.exec(line)?.[1]
  }
  return reading
}

const takeSaid = (section: Section, line: string, at: number): void => {
  if (line.trim() !== '') section.endLine = at
  const said = /^E {3}(.*)$/.exec(line)?.[1]
  if (said !== undefined && section.said.length < maxSaid) section.said.push(said)
}

const isWord = (text: string | undefined): text is Word => text !== undefined && text in outcomes

const takeVerbose = (reading: Reading, line: string, at: number): void => {
  const plain = verboseLine.exec(line)
  const spread = xdistLine.exec(line)
  const [what, id] = plain ? [plain[2], plain[1]] : [spread?.[1], spread?.[2]]
  if (isWord(what) && id !== undefined)
    reading.verbose.push({ word: what, id, message: plain?.[3] ?? '', line: at, times: 1 })
  const time = durationLine.exec(line)
  if (time) {
    const id = time[2]?.trimEnd() ?? ''
    reading.durations.set(id, (reading.durations.get(id) ?? 0) + Number(time[1]) * 1000)
  }
}

const takeInfo = (reading: Reading, line: string, at: number): void => {
  const [, what, rest = ''] = infoLine.exec(line) ?? []
  if (!isWord(what)) return
  const folded = what === 'SKIPPED' ? skippedLine.exec(rest) : null
  if (folded) {
    // Where a folded skip stands is all that is known of it: file and reason name it.
    const [, times = '1', where = ''] = folded
    reading.info.push({ word: what, id: where, message: where, line: at, times: Number(times) })
    return
  }
  const cut = splitAt(rest)
  reading.info.push({ word: what, id: rest.slice(0, cut), message: rest.slice(cut + 3), line: at, times: 1 })
}

/** Where ` - message` begins; parameters in brackets may hold the same. */
const splitAt = (text: string): number => {
  const plain = text.indexOf(' - ')
  const open = text.indexOf('[')
  if (open < 0 || plain < 0 || plain < open) return plain < 0 ? text.length : plain
  const closed = text.indexOf('] - ', open)
  return closed < 0 ? (text.endsWith(']') ? text.length : plain) : closed + 1
}

/** A test may fail and then break in its teardown: it is one test, and the worst of it counts. */
const results = (reading: Reading): TestResult[] => {
  const { verbose, info } = reading
  // With -v a skipped test is named where it ran; the folded line says the same again.
  const named = verbose.some(({ word }) => word === 'SKIPPED')
  const isTwice = ({ word, id }: Seen): boolean => named && word === 'SKIPPED' && !id.includes('::')
  const all = [...verbose, ...info.filter(seen => !isTwice(seen))]
  const byId = new Map<string, Seen[]>()
  for (const seen of all) {
    const same = byId.get(seen.id)
    if (same) same.push(seen)
    else byId.set(seen.id, [seen])
  }
  return [...byId].map(([id, seen]) => resultOf(reading, id, seen))
}

const severity: Word[] = ['FAILED', 'ERROR', 'XPASS', 'XFAIL', 'SKIPPED', 'PASSED']

const resultOf = (reading: Reading, id: string, seen: Seen[]): TestResult => {
  const worst = severity.find(one => seen.some(({ word }) => word === one)) ?? 'ERROR'
  const outcome = outcomes[worst]
  const of = seen.filter(({ word }) => word === worst)
  const section = isFailure(outcome)
    ? reading.sections.get(`${worst === 'ERROR' ? 'ERROR' : ''} ${sectionName(id)}`)
    : undefined
  const told = of.map(({ message }) => message).find(text => text !== '') ?? ''
  const message = section && section.said.length > 0 ? shortly(section.said) : told
  const durationMs = reading.durations.get(id)
  const isFolded = worst === 'SKIPPED' && !id.includes('::')
  return {
    test: isFolded ? stableName(id) : toolName(id),
    outcome,
    message: outcome === 'passed' ? '' : message,
    line: section?.line ?? seen[0]?.line ?? 1,
    ...(section ? { endLine: section.endLine } : {}),
    ...(id.includes('::') ? { suite: toolName(id.slice(0, id.indexOf('::'))) } : {}),
    ...(durationMs === undefined ? {} : { durationMs: Math.round(durationMs) }),
  }
}

/** `test_a.py::TestC::test_bad` is headed `TestC.test_bad`; a file that cannot be collected by its own name. */
const sectionName = (id: string): string =>
  id.includes('::') ? id.slice(id.indexOf('::') + 2).replaceAll('::', '.') : id

const countsOf = ({ last, verbose, info }: Reading): string | undefined => {
  if (last === undefined) return undefined
  const sum = (of: Seen[], word: Word): number =>
    of.filter(seen => seen.word === word).reduce((all, { times }) => all + times, 0)
  const words = Object.keys(outcomes) as Word[]
  const wrong = countsDisagree(
    words.map(one => ({
      what: `times ${one}`,
      said: Number(counted[one].exec(last)?.[1] ?? 0),
      seen: Math.max(sum(verbose, one), sum(info, one)),
    })),
  )
  return wrong && info.length + verbose.length === 0 ? `${wrong} (pytest names them with -rA)` : wrong
}
