// TAP 13 and 14 with subtests (https://testanything.org). Log → report; the grammar is tap-parser's.
import { type FinalResults, Parser, type Result } from 'tap-parser'
import type { Report, TestOutcome, TestResult } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding } from '../ending.ts'
import { cutOff } from './doubts.ts'
import { below, reportOf, stableName } from './stable.ts'

const maxMessageLines = 5
const pointLine = /^\s*(?:not )?ok\b/
const planLine = /^\s*\d+\.\.\d+\s*(?:#|$)/
/** Deeper nesting than anybody writes; each level is a parser in memory. */
const maxIndent = 40

type Reading = { lines: string[]; at: number; tests: TestResult[]; doubts: string[]; points: number }

/** `lines`: clean lines of the log; `ending`: of the whole command. */
export const parseTap = (lines: string[], ending: Ending): Report => {
  const reading: Reading = { lines, at: 0, tests: [], doubts: [], points: 0 }
  const parser = new Parser()
  follow(parser, reading, '')
  for (const [index, line] of lines.entries()) {
    reading.at = index + 1
    parser.write(`${/^\s{41,}/.test(line) ? line.trimStart().padStart(maxIndent) : line}\n`)
  }
  parser.end()
  if (reading.points === 0 && !lines.some(line => planLine.test(line)))
    return { state: 'none', why: 'it holds no line of TAP', tests: [] }
  const short = reading.doubts.find(doubt => doubt.startsWith('plan'))
  return reportOf(reading.tests, {
    truncated: cutOff(ending) ?? (short && `${short}: the command ${sayEnding(ending)}`),
    contradictory: reading.doubts[0] ?? exitDisagrees(reading.tests, ending),
  })
}

const follow = (parser: Parser, reading: Reading, parent: string): void => {
  let line = 0
  parser.on('line', (text: string) => {
    if (/^(?:not )?ok\b/.test(text)) line = reading.at
  })
  parser.on('assert', (result: Result) => {
    reading.points++
    reading.tests.push(testOf(result, { reading, parent, line }))
  })
  parser.on('child', (child: Parser) => {
    const name = stableName(child.name) || 'subtest'
    follow(child, reading, parent === '' ? name : below(parent, name))
  })
  // A second plan is no TAP (TAP 14: "a plan line must appear exactly once"); the parser passes it on as extra text.
  parser.on('extra', (text: string) => {
    if (parser.level === 0 && planLine.test(text) && !/^\s/.test(text))
      reading.doubts.push('there are two plans')
  })
  parser.on('complete', (results: FinalResults) => {
    reading.doubts.push(...doubtsOf(results, parent))
  })
}

/** The parser compares count and plan only where nothing failed: done here for all. */
const doubtsOf = (results: FinalResults, parent: string): string[] => {
  const where = parent === '' ? '' : ` of "${parent}"`
  const { plan, count, bailout } = results
  if (bailout !== false)
    return [`plan${where} given up: "Bail out!${typeof bailout === 'string' ? ` ${bailout}` : ''}"`]
  if (plan.start === null) return [`plan${where} is missing after ${count} tests`]
  const planned = plan.end === null ? 0 : Math.max(0, plan.end - plan.start + 1)
  if (count < planned) return [`plan${where} promises ${planned} tests, ${count} are there`]
  if (count > planned) return [`the plan${where} promises ${planned} tests, but there are ${count}`]
  const odd = results.failures.find(failure => failure.tapError)
  return odd ? [`test ${odd.id}${where}: ${odd.tapError}`] : []
}

const testOf = (
  result: Result,
  { reading, parent, line }: { reading: Reading; parent: string; line: number },
): TestResult => {
  const name = stableName(result.name) || `test ${result.id || reading.points}`
  const outcome = outcomeOf(result)
  return {
    test: parent === '' ? name : below(parent, name),
    outcome,
    message: outcome === 'failed' ? diagnostics(reading.lines, line) : reasonOf(result),
    line: Math.max(1, line),
  }
}

const outcomeOf = ({ ok, skip, todo }: Result): TestOutcome => {
  if (todo !== false) return ok ? 'todo-passed' : 'todo'
  if (skip !== false) return 'skipped'
  return ok ? 'passed' : 'failed'
}

const reasonOf = ({ skip, todo }: Result): string => [skip, todo].find(why => typeof why === 'string') ?? ''

/** The comments and the YAML block that follow a failed test. */
const diagnostics = (lines: string[], line: number): string => {
  const after = lines.slice(line, line + 20)
  const end = after.findIndex(
    text => pointLine.test(text) || planLine.test(text) || !/^\s*#|^\s+\S/.test(text),
  )
  return (end < 0 ? after : after.slice(0, end))
    .map(text => text.trim().replace(/^#\s*/, ''))
    .filter(text => text !== '' && text !== '---' && text !== '...' && !text.startsWith('Subtest'))
    .slice(0, maxMessageLines)
    .join('\n')
}

const exitDisagrees = (tests: TestResult[], ending: Ending): string | undefined =>
  ending.kind === 'finished' && ending.exitCode !== 0 && !tests.some(test => test.outcome === 'failed')
    ? `no test failed, but the command ended with exit code ${ending.exitCode}`
    : undefined
