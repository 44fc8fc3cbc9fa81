// What `go test -json` prints (cmd/test2json): one JSON object a line, and beside them what the compiler says. Log → report.
import { z } from 'zod'
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding } from '../ending.ts'
import { cutOff, exitDisagrees, shortly } from './doubts.ts'
import { below, reportOf, toolName } from './stable.ts'

const eventSchema = z.object({
  Action: z.string(),
  Package: z.string().optional(),
  ImportPath: z.string().optional(),
  Test: z.string().optional(),
  Elapsed: z.number().optional(),
  Output: z.string().optional(),
})
type Event = z.infer<typeof eventSchema>

/** Before Go 1.24 a package that does not build is told of outside of JSON. */
const notBuilt = /^FAIL\s+(\S+) \[(?:build|setup) failed\]\s*$/
/** `# example.com/tally [example.com/tally.test]`: what follows is the compiler's. */
const compilerLine = /^# (\S+)(?: \[\S+\])?$/
const frame = /^\s*(?:=== (?:RUN|PAUSE|CONT|NAME)|--- (?:PASS|FAIL|SKIP|BENCH):|(?:PASS|FAIL|ok)\b)/
const maxSaid = 40

type Running = {
  name: string
  suite: string
  line: number
  endLine: number
  said: string[]
  outcome: TestOutcome | undefined
  durationMs: number | undefined
  isPackage: boolean
  testless: boolean
}

/** `lines`: clean lines of the log; a longer one than those may be is no JSON any more, and its event is lost. */
export const parseGo = (lines: string[], ending: Ending): Report => {
  const running = new Map<string, Running>()
  const compiler = new Map<string, string[]>()
  let hearing: string[] | undefined
  let lost: string | undefined
  let found = false
  for (const [index, line] of lines.entries()) {
    const event = eventOf(line)
    const broken = notBuilt.exec(line)?.[1]
    const about = compilerLine.exec(line)?.[1]
    if (event?.Action === 'build-output') hearing = hear(compiler, event.ImportPath ?? '', event.Output ?? '')
    else if (event) found = take(running, event, index + 1) || found
    else if (about !== undefined) hearing = hear(compiler, about, '')
    else if (broken !== undefined) {
      take(running, { Action: 'fail', Package: broken }, index + 1)
      found = true
    }
    // Long output is cut by whoever cleans the log, and costs its words only.
    else if (line.startsWith('{"Time"') && !/"Action":"output"/.test(line.slice(0, 120)))
      lost ??= `line ${index + 1} is no whole event`
    else if (hearing && hearing.length < maxSaid && !line.startsWith('{')) hearing.push(line)
  }
  if (!found) return { state: 'none', why: 'it holds no event of "go test -json"', tests: [] }
  const all = [...running.values()]
  const open = all.find(({ isPackage, outcome }) => isPackage && outcome === undefined)
  const tests = all.flatMap(one => resultOf(one, compiler.get(one.name)))
  return reportOf(tests, {
    truncated:
      cutOff(ending) ??
      (open && `package ${open.name} has no result: the command ${sayEnding(ending)}`) ??
      (tests.length === 0 ? 'no package has a test' : undefined),
    contradictory: lost ?? exitDisagrees(tests, ending, true),
  })
}

/** What the compiler says of a package; it is told by the package's own name, or its test's. */
const hear = (compiler: Map<string, string[]>, about: string, said: string): string[] => {
  const name = toolName(about.split(' ', 1)[0] ?? '')
  const known = compiler.get(name) ?? []
  if (known.length < maxSaid && said.trim() !== '' && !compilerLine.test(said.trim())) known.push(said)
  compiler.set(name, known)
  return known
}

const eventOf = (line: string): Event | undefined => {
  if (!line.startsWith('{')) return undefined
  try {
    return eventSchema.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

const outcomes: Record<string, TestOutcome> = {
  pass: 'passed',
  bench: 'passed',
  fail: 'failed',
  skip: 'skipped',
}

/** Whether it was an event of a test or a package. */
const take = (running: Map<string, Running>, event: Event, line: number): boolean => {
  const { Action: action, Package: suite, Test: test } = event
  if (suite === undefined || action.startsWith('build-')) return false
  const of = (name: string | undefined): Running => {
    const key = name === undefined ? suite : `${suite}\n${name}`
    const known = running.get(key)
    if (known) return known
    const made: Running = {
      // Subtests stand below their test: the judge blames them, not it.
      name: name === undefined ? toolName(suite) : nameOf(suite, name),
      suite: toolName(suite),
      ...{ line, endLine: line, said: [], outcome: undefined, durationMs: undefined },
      isPackage: name === undefined,
      testless: false,
    }
    running.set(key, made)
    return made
  }
  // A package without a result is cut off: it is known from its first test on.
  if (test !== undefined) of(undefined)
  const one = of(test)
  one.endLine = line
  const outcome = outcomes[action]
  if (event.Output !== undefined) {
    if (/\[no test files\]/.test(event.Output)) one.testless = true
    if (!frame.test(event.Output) && one.said.length < maxSaid) one.said.push(event.Output)
  }
  if (outcome !== undefined) {
    one.outcome = outcome
    if (event.Elapsed !== undefined) one.durationMs = Math.round(event.Elapsed * 1000)
  }
  return true
}

const nameOf = (suite: string, test: string): string => {
  const [first = '', ...rest] = test.split('/')
  const top = below(toolName(suite), toolName(first))
  return rest.length === 0 ? top : below(top, toolName(rest.join('/')))
}

const resultOf = (one: Running, compiler: string[] | undefined): TestResult[] => {
  if (one.testless) return []
  const outcome = one.outcome ?? 'error'
  const complaints = one.isPackage && outcome === 'failed' ? (compiler ?? []) : []
  const said = one.outcome
    ? shortly([...complaints, ...one.said])
    : `It began, but has no result.\n${shortly(one.said)}`.trim()
  return [
    {
      test: one.name,
      outcome,
      message: outcome === 'passed' ? '' : said,
      line: one.line,
      endLine: one.endLine,
      suite: one.suite,
      ...(one.durationMs === undefined ? {} : { durationMs: one.durationMs }),
    },
  ]
}
