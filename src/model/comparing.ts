// One step with the patch beside the same step without it, one run each: what fails, what got well, what is gone. Nothing is held against
// anybody here: one run each is where proof begins.
import type { Outcome, TestedStep } from './job.ts'
import { isFailure, type TestOutcome, type TestResult } from './report.ts'
import type { Shown } from './ruled.ts'
import { isGuestsDoing } from './run.ts'
import { leaves, parentsOf } from './test-name.ts'

/** Only a step that ended by itself, with a report that says that it is complete. */
export const isTrustworthy = (step: TestedStep): boolean =>
  step.ending.kind === 'finished' && step.report.state === 'whole'

/** unlisted: the base's report does not have it, and yet it may have run there: not every report names what passes. absent: there is no such test. */
export type Before = 'failed' | 'well' | 'unlisted' | 'absent'

/** What one run with the patch shows of a test, or of the step itself (''). `before`: what the base's run shows of it. */
export type Seen = {
  step: string
  test: string
  message: string
  failure: Shown
  before: Before
  /** As in TestResult. */
  lineOf?: string
}

export const stepOf = (outcome: Outcome | undefined, name: string): TestedStep | undefined =>
  outcome?.kind === 'tested' ? outcome.steps.find(step => step.name === name) : undefined

/** Can what it did be compared with that of the base at all? Only a trustworthy base can. */
export const isComparable = (patched: TestedStep, base: TestedStep | undefined): base is TestedStep =>
  isGuestsDoing(patched.ending) && base !== undefined && isTrustworthy(base)

const indexes = new WeakMap<TestedStep, Map<string, TestResult>>()

/** One result of a report. Thousands are asked for, one by one. */
export const resultOf = (step: TestedStep, test: string): TestResult | undefined => {
  const index = indexes.get(step) ?? new Map(step.report.tests.map(result => [result.test, result]))
  indexes.set(step, index)
  return index.get(test)
}

export const shownIn = (step: TestedStep, test?: TestResult): Shown => {
  const first = step.lines[0] - 1
  return {
    ...{ ending: step.ending, why: step.report.why, tail: step.tail },
    lines: test ? [first + test.line, first + Math.max(test.line, test.endLine ?? 0)] : step.lines,
  }
}

/** What the base's run shows of a test. A report that names nothing but failures says nothing of the others, and neither does one of what stands above its tests. */
const inBase = ({ report: { tests } }: TestedStep): ((of: TestResult) => Before) => {
  const before = new Map(tests.map(({ test, outcome }) => [test, outcome]))
  const above = new Set(tests.flatMap(({ test }) => parentsOf(test)))
  const namesAll = tests.some(({ outcome }) => !isFailure(outcome))
  return ({ test, lineOf }) => {
    const outcome = before.get(test)
    if (outcome !== undefined) return isFailure(outcome) ? 'failed' : 'well'
    if (lineOf !== undefined && before.has(lineOf)) return 'well'
    return namesAll && !above.has(test) ? 'absent' : 'unlisted'
  }
}

/** All that fails: tests, those above others as well, and the step itself if it did not come to a good end. */
export const failingIn = (patched: TestedStep, base: TestedStep): Seen[] => {
  const whatBefore = inBase(base)
  const tests = patched.report.tests
    .filter(({ outcome }) => isFailure(outcome))
    .map(
      (result): Seen => ({
        ...{ step: patched.name, test: result.test, message: result.message },
        ...{ failure: shownIn(patched, result), before: whatBefore(result) },
        ...(result.lineOf === undefined ? {} : { lineOf: result.lineOf }),
      }),
    )
  return isTrustworthy(patched) ? tests : [brokenIn(patched), ...tests]
}

const brokenIn = (step: TestedStep): Seen => ({
  ...{ step: step.name, test: '', message: step.report.why },
  ...{ failure: shownIn(step), before: 'well' },
})

/** Failing, or expected to fail and doing so. */
export const isBad = (outcome: TestOutcome): boolean => isFailure(outcome) || outcome === 'todo'

export const isGood = (outcome: TestOutcome): boolean => outcome === 'passed' || outcome === 'todo-passed'

/** Bad without, good with it. */
export const mendedIn = (patched: TestedStep, base: TestedStep): (Seen & { was: TestOutcome })[] => {
  if (!isTrustworthy(patched)) return []
  const bad = new Map(base.report.tests.filter(({ outcome }) => isBad(outcome)).map(one => [one.test, one]))
  const good = patched.report.tests.filter(({ test, outcome }) => bad.has(test) && isGood(outcome))
  return leaves(good).map(result => ({
    ...{ step: patched.name, test: result.test, message: bad.get(result.test)?.message ?? '' },
    ...{ failure: shownIn(patched, result), before: 'failed' },
    was: bad.get(result.test)?.outcome ?? 'failed',
  }))
}

/** A test that the base ran, and that is not there any more, or is skipped. */
export type Vanished = { step: string; test: string; skipped?: true }

/** Of two whole reports. `partly`: only some of the tests were to be run, so that those which are not there say nothing. */
export const vanishedIn = (patched: TestedStep, base: TestedStep, partly: boolean): Vanished[] => {
  if (!isTrustworthy(patched)) return []
  const now = new Map(patched.report.tests.map(({ test, outcome }) => [test, outcome]))
  const gone = base.report.tests.filter(({ test, outcome }) => {
    if (outcome === 'skipped') return false
    return now.get(test) === 'skipped' || (!partly && !now.has(test))
  })
  return leaves(gone).map(({ test }) => ({
    ...{ step: patched.name, test },
    ...(now.has(test) ? { skipped: true as const } : {}),
  }))
}
