// What is said of one image: what the patch did there, as it was ruled. Pure; the judge stage gathers.
//
// The one rule: nothing is held against the patch unless the unpatched base went through the same step on the same image
// and came out of it with a report that can be trusted. Everything else is `untested`, with the reason.

import {
  failingIn,
  isComparable,
  isGood,
  isTrustworthy,
  mendedIn,
  type Seen,
  stepOf,
  type Vanished,
  vanishedIn,
} from './comparing.ts'
import { none } from './history.ts'
import type { Outcome, SkippedStep, TestedStep } from './job.ts'
import { isFailure } from './report.ts'
import { isBlamed, type Ruled } from './ruled.ts'
import { isGuestsDoing } from './run.ts'
import { leaves } from './test-name.ts'
import type { ImageVerdict, NewFailure, OtherFailure, Proof } from './verdict.ts'
import { plural } from './words.ts'

export { isTrustworthy } from './comparing.ts'

/** Why something could not be told, and whose trouble it is. */
export type Doubt = { whose: 'ours' | 'base'; why: string; step: string; tail: string[] }

/** One step, compared. Without doubt, and with nothing new or broken: it went well. */
export type StepVerdict = Pick<ImageVerdict, 'passed' | 'known' | 'newFailures' | 'mended' | 'broken'> &
  Required<Pick<ImageVerdict, 'flaky' | 'unclear' | 'reported' | 'failing'>> & {
    step: string
    vanished: Vanished[]
    leftOut: string[]
    doubt: Doubt | undefined
  }

/** Rulings where nothing was proven: one run with the patch against one without. */
export const byOneRun = (image: string, patched: Outcome, baseline: Outcome | undefined): Ruled[] => {
  if (patched.kind !== 'tested') return []
  const ruled =
    (ruling: Ruled['ruling']) =>
    (seen: Seen): Ruled => {
      const { step, test, message, failure } = seen
      return { image, step, test, message, ruling, proof: { with: none, without: none }, failure }
    }
  return patched.steps.flatMap(step => {
    const base = stepOf(baseline, step.name)
    if (!isComparable(step, base)) return []
    const failing = failingIn(step, base)
    return [
      ...leaves(failing.filter(({ before }) => before !== 'failed')).map(ruled('new')),
      ...leaves(failing.filter(({ before }) => before === 'failed')).map(ruled('failing')),
      ...mendedIn(step, base).map(ruled('mended')),
    ]
  })
}

/** What the patched runs did on one image, against the base. `baseline` undefined: the base was not tested there. `rulings`: of this image. */
export const judgeImage = (
  patched: Outcome,
  baseline: Outcome | undefined,
  rulings: Ruled[],
): StepVerdict[] => {
  if (patched.kind !== 'tested') return [undecided('', oursIn(patched, 'the tests'))]
  const base = baseline?.kind === 'tested' ? baseline.steps : []
  const judged = patched.steps.map(step => {
    const same = base.find(({ name }) => name === step.name) ?? missing(step.name, baseline)
    return judgeStep(
      step,
      same,
      rulings.filter(ruled => ruled.step === step.name),
    )
  })
  const ranInto = judged.some(step => step.broken.length > 0 || step.doubt !== undefined)
  const onPurpose = (patched.skipped ?? []).map(unrun)
  const all = [...judged, ...onPurpose]
  const skipped = base.filter(({ name }) => !all.some(({ step }) => step === name))
  if (ranInto || skipped.length === 0) return all
  // Nothing stopped the run, and yet steps are missing: that is not the author's doing.
  const names = skipped.map(({ name }) => `"${name}"`).join(', ')
  return [...all, undecided('', ours(`the run ended before ${names}`))]
}

/** A step that was left out, as nothing that is changed concerns it. */
const unrun = (left: SkippedStep): StepVerdict => ({ ...nothing(left.step), leftOut: [sayLeftOut(left)] })

const judgeStep = (patched: TestedStep, base: TestedStep | Doubt, rulings: Ruled[]): StepVerdict => {
  const { name, ending, report, leftOut } = patched
  if (!isGuestsDoing(ending)) return undecided(name, oursIn(patched, `step "${name}"`))
  const ruled = new Set(rulings.filter(({ ruling }) => ruling !== 'mended').map(({ test }) => test))
  const passed = report.tests.filter(({ test, outcome }) => isGood(outcome) && !ruled.has(test)).length
  const known = {
    ...nothing(name),
    passed,
    leftOut: leftOut ? [sayLeftOut({ step: name, ...leftOut })] : [],
  }
  if ('whose' in base || !isTrustworthy(base)) {
    // With nothing to compare with, only "all is well" can be told.
    const well = isTrustworthy(patched) && !report.tests.some(({ outcome }) => isFailure(outcome))
    return well ? known : { ...known, doubt: 'whose' in base ? base : untrusted(base) }
  }
  const step = rulings.find(({ test }) => test === '')
  const vanished = vanishedIn(patched, base, leftOut !== undefined)
  return {
    ...{ ...known, ...sorted(rulings), vanished },
    doubt:
      doubtOf(patched, step) ?? (passed === 0 && ruled.size === 0 ? nothingRan(base, vanished) : undefined),
  }
}

/** The rulings on a step and its tests, each in its place. */
const sorted = (rulings: Ruled[]) => {
  const those = (...which: Ruled['ruling'][]) => rulings.filter(({ ruling }) => which.includes(ruling))
  const blamed = rulings.filter(isBlamed)
  const failing = those('failing').map(otherFailure)
  return {
    newFailures: blamed.filter(({ test }) => test !== '').map(newFailure),
    broken: blamed.filter(({ test }) => test === '').map(brokenStep),
    mended: those('mended').map(({ test }) => test),
    ...{ flaky: those('flaky').map(otherFailure), unclear: those('unclear').map(otherFailure) },
    reported: those('reported').map(one => ({ ...otherFailure(one), bug: one.bug ?? '' })),
    ...{ failing, known: failing.length },
  }
}

const hasProof = ({ with: patched, without, history }: Proof): boolean =>
  patched.runs + without.runs + (history?.runs ?? 0) > 0

const newFailure = ({ step, test, message, ruling, proof, failure }: Ruled): NewFailure => ({
  ...{ step, test, message, ending: failure.ending },
  ...(hasProof(proof) ? { kind: ruling === 'worse' ? 'worse' : 'new', proof } : {}),
  ...(failure.lines ? { lines: failure.lines } : {}),
})

const brokenStep = ({ step, proof, failure }: Ruled): ImageVerdict['broken'][number] => ({
  ...{ step, ending: failure.ending, why: failure.why, tail: failure.tail },
  ...(hasProof(proof) ? { proof } : {}),
  ...(failure.lines ? { lines: failure.lines } : {}),
})

const otherFailure = ({ step, test, message, proof }: Ruled): OtherFailure => ({
  ...{ step, test, message },
  ...(hasProof(proof) ? { proof } : {}),
})

const sayLeftOut = ({ step, tests, why }: SkippedStep): string =>
  `${tests === undefined ? 'the tests' : plural(tests, 'test')} of step "${step}": ${why}`

/** A step that broke off for a reason that is not the patch's, or for one that nobody knows, says nothing of the tests behind that. */
const doubtOf = (patched: TestedStep, step: Ruled | undefined): Doubt | undefined => {
  if (isTrustworthy(patched) || (step && isBlamed(step))) return undefined
  const { name } = patched
  if (step?.ruling === 'unclear')
    return ours(
      `step "${name}" did not come to a good end, and the runs do not tell whether that is the series' doing`,
    )
  return ours(`step "${name}" did not come to a good end, as happens without the series, too`)
}

/** A report in which nothing ran any more says nothing good. */
const nothingRan = (base: TestedStep, vanished: Vanished[]): Doubt | undefined =>
  vanished.length > 0 && base.report.tests.some(({ outcome }) => isGood(outcome))
    ? ours(
        `none of the ${plural(vanished.length, 'test')} that step "${base.name}" runs without the series ran with it`,
      )
    : undefined

const nothing = (step: string): StepVerdict => ({
  ...{ step, passed: 0, known: 0, newFailures: [], mended: [], broken: [] },
  ...{ flaky: [], unclear: [], reported: [], failing: [], vanished: [], leftOut: [] },
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
