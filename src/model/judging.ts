// Is a failure new? Compares what a series did on an image with what its unpatched base did there. Pure; the judge stage gathers.
//
// The one rule: nothing is held against the patch unless the unpatched base went through the same step on the same image
// and came out of it with a report that can be trusted. Everything else is `untested`, with the reason.
import type { Outcome, TestedStep } from './job.ts'
import { isFailure, type TestResult } from './report.ts'
import { isGuestsDoing } from './run.ts'
import type { ImageVerdict, NewFailure } from './verdict.ts'

/** Why something could not be told, and whose trouble it is. */
export type Doubt = { whose: 'ours' | 'base'; why: string; step: string; tail: string[] }

/** One step, compared. `whole` and unbroken with no new failures: it went well. */
export type StepVerdict = Pick<ImageVerdict, 'passed' | 'known' | 'newFailures' | 'mended' | 'broken'> & {
  step: string
  doubt: Doubt | undefined
}

/** Only a step that ended by itself, with a report that says that it is complete. */
export const isTrustworthy = (step: TestedStep): boolean =>
  step.ending.kind === 'finished' && step.report.state === 'whole'

/** What the patched runs did on one image, against the base. `baseline` undefined: the base was not tested there. */
export const judgeImage = (patched: Outcome, baseline: Outcome | undefined): StepVerdict[] => {
  if (patched.kind !== 'tested') return [undecided('', oursIn(patched, 'the tests'))]
  const base = baseline?.kind === 'tested' ? baseline.steps : []
  const judged = patched.steps.map(step =>
    judgeStep(step, base.find(same => same.name === step.name) ?? missing(step.name, baseline)),
  )
  const ranInto = judged.some(step => step.broken.length > 0 || step.doubt !== undefined)
  const skipped = base.filter(({ name }) => !patched.steps.some(step => step.name === name))
  if (ranInto || skipped.length === 0) return judged
  // Nothing stopped the run, and yet steps are missing: that is not the author's doing.
  const names = skipped.map(({ name }) => `"${name}"`).join(', ')
  return [...judged, undecided('', ours(`the run ended before ${names}`))]
}

const judgeStep = (patched: TestedStep, base: TestedStep | Doubt): StepVerdict => {
  const { name, ending, report } = patched
  const failing = report.tests.filter(test => isFailure(test.outcome))
  const passed = report.tests.filter(
    test => test.outcome === 'passed' || test.outcome === 'todo-passed',
  ).length
  const well = isTrustworthy(patched)
  if (!isGuestsDoing(ending)) return undecided(name, oursIn(patched, `step "${name}"`))
  if ('whose' in base || !isTrustworthy(base)) {
    // With nothing to compare with, only "all is well" can be told.
    if (well && failing.length === 0) return { ...nothing(name), passed }
    return { ...undecided(name, 'whose' in base ? base : untrusted(base)), passed }
  }
  const { fresh, known } = compare(failing, base.report.tests)
  return {
    ...nothing(name),
    passed,
    known,
    newFailures: fresh.map(({ test, message }): NewFailure => ({ step: name, test, message, ending })),
    mended: well ? mendedIn(report.tests, base.report.tests) : [],
    broken: well ? [] : [{ step: name, ending, why: report.why, tail: patched.tail }],
  }
}

/** New: failing now, and not failing in the base's whole report. Where a test and tests below it are new, only those below are named. */
const compare = (failing: TestResult[], base: TestResult[]): { fresh: TestResult[]; known: number } => {
  const failedBefore = new Set(base.filter(test => isFailure(test.outcome)).map(({ test }) => test))
  const fresh = failing.filter(({ test }) => !failedBefore.has(test))
  return { fresh: leaves(fresh), known: leaves(failing.filter(({ test }) => failedBefore.has(test))).length }
}

const parentsOf = (test: string): string[] => {
  const words = test.split(' > ')
  return words.slice(1).map((_, i) => words.slice(0, i + 1).join(' > '))
}

const leaves = (tests: TestResult[]): TestResult[] => {
  const parents = new Set(tests.flatMap(({ test }) => parentsOf(test)))
  return tests.filter(({ test }) => !parents.has(test))
}

const mendedIn = (now: TestResult[], base: TestResult[]): string[] => {
  const bad = new Set(
    base.filter(({ outcome }) => isFailure(outcome) || outcome === 'todo').map(({ test }) => test),
  )
  const good = now.filter(
    ({ test, outcome }) => bad.has(test) && (outcome === 'passed' || outcome === 'todo-passed'),
  )
  return leaves(good).map(({ test }) => test)
}

const nothing = (step: string): StepVerdict => ({
  step,
  passed: 0,
  known: 0,
  newFailures: [],
  mended: [],
  broken: [],
  doubt: undefined,
})

const undecided = (step: string, doubt: Doubt): StepVerdict => ({ ...nothing(step), doubt })

const ours = (why: string): Doubt => ({ whose: 'ours', why, step: '', tail: [] })

const oursIn = (what: Outcome | TestedStep, name: string): Doubt => {
  if ('ending' in what) return ours(`the test machine gave up during ${name} (${what.ending.kind})`)
  return ours(what.kind === 'ours' ? what.what : `${name} did not run`)
}

const missing = (step: string, baseline: Outcome | undefined): Doubt => {
  if (baseline === undefined) return ours('there is no result of the unpatched base to compare with')
  if (baseline.kind === 'ours') return ours(`the unpatched base could not be tested: ${baseline.what}`)
  if (baseline.kind === 'build-failed')
    return {
      whose: 'base',
      why: 'the unpatched base does not build',
      step: baseline.step.name,
      tail: baseline.errors,
    }
  if (baseline.kind !== 'tested') return ours('the unpatched base was not tested here')
  const broken = baseline.steps.find(other => !isTrustworthy(other))
  return broken ? untrusted(broken) : ours(`step "${step}" did not run on the unpatched base`)
}

const untrusted = ({ name, ending, report, tail }: TestedStep): Doubt =>
  isGuestsDoing(ending)
    ? {
        whose: 'base',
        why: `step "${name}" is broken without the series, too${report.why ? `: ${report.why}` : ''}`,
        step: name,
        tail,
      }
    : ours(`the test machine gave up while the unpatched base ran step "${name}" (${ending.kind})`)
