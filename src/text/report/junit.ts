// JUnit's XML in its dialects: Surefire, Gradle, pytest, GoogleTest, CTest, Meson. Report files → report.
// There is no standard; https://github.com/testmoapp/junitxml gathers what is common.
import sax, { type Tag } from 'sax'
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { collapsed } from '../clean.ts'
import { cutOff, exitDisagrees, shortly } from './doubts.ts'
import type { ReportFile } from './file.ts'
import { reportOf, toolName } from './stable.ts'

const maxDepth = 64
/** Of one element's text, in characters. */
const maxText = 64 * 1024
const maxCases = 100_000

type Case = {
  name: string
  suite: string
  durationMs: number | undefined
  /** What the attributes say of a test that has no element to say it. */
  status: string
  outcome: TestOutcome | undefined
  flaky: boolean
  message: string
  said: string
  line: number
}
type Suite = {
  name: string
  tests: number | undefined
  bad: number | undefined
  cases: Case[]
  /** Suites in it. */
  inner: Suite[]
  line: number
}
type Parsed = { suites: Suite[]; isJunit: boolean; broken: string | undefined }

/** `files`: undefined: the XML is part of what was printed, `lines`. */
export const parseJunit = (lines: string[], ending: Ending, files: ReportFile[] | undefined): Report => {
  const sources = files ?? [{ path: 'what it printed', text: printed(lines) }]
  const read = sources
    .filter(({ text }) => text.trim() !== '' || files)
    .map(({ path, text }) => ({ path, ...parseXml(text) }))
  const junit = read.filter(({ isJunit, broken }) => isJunit || (files && broken))
  if (junit.length === 0)
    return { state: 'none', why: files ? 'it left no JUnit report file' : 'it holds no JUnit XML', tests: [] }
  const suites = junit.flatMap(one => one.suites)
  const place = places(lines, files === undefined)
  const tests = suites.flatMap(({ cases }) => cases.map(one => resultOf(one, place)))
  const broken = junit.find(one => one.broken)
  if (tests.length === 0 && !broken && cutOff(ending) === undefined)
    return { state: 'none', why: 'its report holds no test', tests: [] }
  return reportOf(tests, {
    truncated: cutOff(ending) ?? (broken && `${broken.path} is no whole XML: ${broken.broken}`),
    contradictory: suites.map(disagrees).find(Boolean) ?? exitDisagrees(tests, ending, false),
  })
}

/** From the first line of XML to the last. */
const printed = (lines: string[]): string => {
  const first = lines.findIndex(line => /^\s*<(?:\?xml|testsuites?\b)/.test(line))
  const last = lines.findLastIndex(line => /<\/testsuites?>\s*$|<testsuites?\b[^>]*\/>\s*$/.test(line))
  return first < 0
    ? ''
    : '\n'.repeat(first) + lines.slice(first, last < first ? undefined : last + 1).join('\n')
}

const attribute = (tag: Tag, name: string): string | undefined => {
  const value = tag.attributes[name]
  return typeof value === 'string' ? value : undefined
}

const count = (tag: Tag, name: string): number | undefined => {
  const value = attribute(tag, name)
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined
}

/** Seconds; some write thousands apart. */
const duration = (tag: Tag): number | undefined => {
  const value = attribute(tag, 'time')?.replaceAll(',', '')
  const seconds =
    value !== undefined && /^\d{1,9}(?:\.\d{1,20})?(?:e-\d{1,2})?$/i.test(value) ? Number(value) : undefined
  return seconds === undefined ? undefined : Math.round(seconds * 1000)
}

type Reading = Parsed & {
  path: string[]
  open: Suite[]
  current: Case | undefined
  text: string
  cases: number
}

/** sax knows the five entities of XML only: what a DTD declares is never expanded, and its use is an error. */
const parseXml = (text: string): Parsed => {
  // A mark of the byte order, or a blank line before the declaration, is not worth an error.
  const from = text.search(/<[?!\w]/)
  const before = text.slice(0, Math.max(0, from)).split('\n').length - 1
  const parser = sax.parser(true, { position: true })
  const reading: Reading = {
    ...{ suites: [], isJunit: false, broken: undefined, path: [], open: [] },
    ...{ current: undefined, text: '', cases: 0 },
  }
  const stop = (why: string): void => {
    reading.broken ??= `line ${before + parser.line + 1}: ${why}`
    // The parser goes on after an error only where it is told to.
    throw new Error(why)
  }
  parser.onerror = error => stop(collapsed(error.message.split('\n', 1)[0] ?? '').slice(0, 100))
  parser.onopentag = tag => {
    if (reading.path.length >= maxDepth) stop('it is nested too deep')
    openTag(reading, tag as Tag, before + parser.line + 1)
    if (reading.cases > maxCases) stop(`it holds more than ${maxCases} tests`)
  }
  parser.onclosetag = () => closeTag(reading)
  const hear = (said: string): void => {
    if (reading.text.length < maxText) reading.text += said.slice(0, maxText)
  }
  parser.ontext = hear
  parser.oncdata = hear
  try {
    if (from >= 0) parser.write(text.slice(from)).close()
    else reading.broken = 'it is empty'
  } catch {
    reading.broken ??= 'it cannot be read'
  }
  return reading
}

const openTag = (reading: Reading, tag: Tag, line: number): void => {
  const { name } = tag
  if (reading.path.length === 0) reading.isJunit = name === 'testsuites' || name === 'testsuite'
  reading.path.push(name)
  reading.text = ''
  if (name === 'testsuite' || (name === 'testsuites' && reading.path.length === 1)) {
    const suite: Suite = {
      name: toolName(attribute(tag, 'name') ?? ''),
      tests: count(tag, 'tests'),
      bad: sum(count(tag, 'failures'), count(tag, 'errors')),
      ...{ cases: [], inner: [], line },
    }
    reading.open.at(-1)?.inner.push(suite)
    reading.open.push(suite)
    reading.suites.push(suite)
  } else if (name === 'testcase') {
    reading.cases++
    const suite = reading.open.at(-1)
    // What stands in no suite is in the whole, whose name says nothing.
    reading.current = caseOf(
      tag,
      reading.open.length > 1 || reading.path[0] === 'testsuite' ? (suite?.name ?? '') : '',
      line,
    )
    suite?.cases.push(reading.current)
  } else if (reading.current) mark(reading.current, tag)
}

const sum = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined && b === undefined ? undefined : (a ?? 0) + (b ?? 0)

const caseOf = (tag: Tag, suite: string, line: number): Case => {
  const name = attribute(tag, 'name') ?? ''
  const group = attribute(tag, 'classname') ?? ''
  // CTest says the name twice, and Meson the suite in both.
  const full =
    group === '' || group === name || name.startsWith(`${group}:`) || name.startsWith(`${group} / `)
  return {
    name: toolName(full ? name : `${group}.${name}`) || 'test',
    suite,
    durationMs: duration(tag),
    status: `${attribute(tag, 'status') ?? ''} ${attribute(tag, 'result') ?? ''}`.toLowerCase(),
    outcome: undefined,
    flaky: false,
    message: '',
    said: '',
    line,
  }
}

/** What CTest writes as skipped, and counts as failed. */
const isBroken = /^(?:Unable to find executable|Fixture dependency failed|Missing Configuration)/

const mark = (current: Case, tag: Tag): void => {
  const message = attribute(tag, 'message') ?? ''
  const set = (outcome: TestOutcome): void => {
    const worse = current.outcome === undefined || outcome === 'failed' || outcome === 'error'
    if (worse && current.outcome !== 'failed') current.outcome = outcome
    if (current.message === '') current.message = message
  }
  if (tag.name === 'failure') set('failed')
  else if (tag.name === 'error') set('error')
  else if (tag.name === 'skipped') {
    if (isBroken.test(message)) set('error')
    else set(attribute(tag, 'type') === 'pytest.xfail' ? 'todo' : 'skipped')
  } else if (tag.name === 'flakyFailure' || tag.name === 'flakyError') current.flaky = true
}

const closeTag = (reading: Reading): void => {
  const name = reading.path.pop()
  const { current, text } = reading
  if (name === 'testsuite' || reading.path.length === 0) reading.open.pop()
  else if (name === 'testcase') reading.current = undefined
  // Of what it printed only what explains a failure without words is kept.
  else if (current && (name === 'failure' || name === 'error')) current.said ||= text
  else if (current && name === 'system-out' && current.message === '') current.said ||= text
  reading.text = ''
}

const outcomeOf = ({ outcome, status }: Case): TestOutcome => {
  if (outcome !== undefined) return outcome
  // CTest: fail · GoogleTest: notrun suppressed, skipped · others: failed, error
  if (/\bfail(?:ed|ure)?\b/.test(status)) return 'failed'
  if (/\berror\b/.test(status)) return 'error'
  return /\b(?:notrun|disabled|skipped|ignored|suppressed)\b/.test(status) ? 'skipped' : 'passed'
}

type Place = (one: Case) => number

/** In the log a test stands where its name is said first; looked up for failures only, and for so many. */
const places = (lines: string[], inLog: boolean): Place => {
  let left = 100
  return one => {
    if (inLog) return Math.max(1, one.line)
    if (one.outcome !== 'failed' && one.outcome !== 'error') return 1
    if (--left < 0) return 1
    const short = one.name.slice(one.name.lastIndexOf('.') + 1)
    return Math.max(1, lines.findIndex(line => line.includes(short)) + 1)
  }
}

const resultOf = (one: Case, place: Place): TestResult => {
  const outcome = outcomeOf(one)
  const bad = outcome === 'failed' || outcome === 'error'
  return {
    test: one.name,
    outcome,
    message: bad
      ? words(one)
      : one.flaky
        ? 'It failed at first, and passed when it was run again.'
        : shortly([collapsed(one.message)]),
    line: place(one),
    ...(one.suite === '' ? {} : { suite: one.suite }),
    ...(one.durationMs === undefined ? {} : { durationMs: one.durationMs }),
  }
}

/** The message; where it is missing or a part of the text, the text. */
const words = ({ message, said }: Case): string => {
  const own = shortly(message.split('\n'))
  const lines = said.split('\n')
  // pytest writes the whole function; its lines that begin with E say what is wrong.
  const told = lines.filter(line => /^E {3}/.test(line)).map(line => line.slice(4))
  return own !== '' ? own : shortly(told.length > 0 ? told : lines)
}

const isBad = (one: Case): boolean => outcomeOf(one) === 'failed' || outcomeOf(one) === 'error'

const some = (suite: Suite, is: (one: Case) => boolean): boolean =>
  suite.cases.some(is) || suite.inner.some(one => some(one, is))

const called = (name: string): string => (name === '' ? 'it' : `suite "${name}"`)

/** Not all say whether those of inner suites are among what they count; but if there are any, one has to be there. */
const lacks = (suite: Suite): string | undefined => {
  const { name, tests = 0, bad = 0 } = suite
  if (bad > 0 && !some(suite, isBad)) return `${called(name)} counts ${bad} failures, the report shows none`
  return tests > 0 && !some(suite, () => true)
    ? `${called(name)} counts ${tests} tests, the report shows none`
    : undefined
}

/** Some count a test twice that fails and then breaks; some the tests of inner suites, too, or those of their reruns. */
const disagrees = (suite: Suite): string | undefined => {
  const { name, tests, bad, cases, inner } = suite
  if (inner.length > 0 || cases.length === 0) return lacks(suite)
  const failing = cases.filter(isBad).length
  if (tests !== undefined && cases.length > 0 && tests > cases.length)
    return `${called(name)} counts ${tests} tests, the report shows ${cases.length}`
  const distinct = new Set(cases.map(one => one.name)).size
  if (tests !== undefined && tests < distinct)
    return `${called(name)} counts ${tests} tests, the report shows ${distinct}`
  return bad !== undefined && bad > 0 && failing === 0
    ? `${called(name)} counts ${bad} failures, the report shows none`
    : bad === 0 && failing > 0 && !cases.some(({ status }) => /fail|notrun/.test(status))
      ? `${called(name)} counts no failure, the report shows ${failing}`
      : undefined
}
