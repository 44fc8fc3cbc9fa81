// Part of tracing: where in a series does a test begin to fail? From the probes of its beginnings, each judged on its own.
import { isTrustworthy, stepOf } from '../../model/comparing.ts'
import { none, plus } from '../../model/history.ts'
import type { Outcome, Task } from '../../model/job.ts'
import { ownRate } from '../../model/proof.ts'
import { isFailure } from '../../model/report.ts'
import type { Proof } from '../../model/verdict.ts'

/** A failure that was proven to be the series'. `test`: '' for the step itself. */
export type Proven = { image: string; step: string; test: string; proof: Proof }

/** How often it fails with the patch that does it, and without. */
export type Rates = { with: number; without: number }

const clamp = (rate: number, least: number, most: number): number => Math.min(most, Math.max(least, rate))

/** A test that never failed without the patch fails as good as never; one that always fails with it may miss once. */
export const ratesOf = ({ with: patched, without, history = none }: Proof): Rates => {
  const base = plus(without, history)
  const rate = clamp(patched.runs === 0 ? 1 : patched.failed / patched.runs, 0.05, 0.95)
  const own = base.failed === 0 ? 0.002 : ownRate(base)
  return { with: rate, without: clamp(own, 0.002, 0.8 * rate) }
}

/** Chance that a beginning is taken for good or bad and is not. */
const wrong = 0.01
const enough = Math.log((1 - wrong) / wrong)

const passWeight = (rates: Rates): number => Math.log((1 - rates.with) / (1 - rates.without))
const failWeight = (rates: Rates): number => Math.log(rates.with / rates.without)

/** So many runs without a failure are needed to say that it is not there yet: 2 for one that always fails, 13 at 30 %. */
export const passesNeeded = (rates: Rates): number => Math.ceil(enough / -passWeight(rates))

/** At so many runs that do not tell, the beginning is left out. */
export const mostRuns = (rates: Rates): number => Math.min(60, 3 * passesNeeded(rates) + 8)

export type Side = 'good' | 'bad' | { missing: number }

/** A. Wald: Sequential Tests of Statistical Hypotheses, 1945, with both errors at 1 %. `missing`: so many passes more would do. */
export const sideOf = (runs: boolean[], rates: Rates): Side => {
  const failed = runs.filter(one => one).length
  const sum = failed * failWeight(rates) + (runs.length - failed) * passWeight(rates)
  if (sum >= enough) return 'bad'
  if (sum <= -enough) return 'good'
  return { missing: Math.max(1, Math.ceil((enough + sum) / -passWeight(rates))) }
}

/** Did it fail in that run? undefined: the run does not tell. A test that is not there yet does not fail. */
export const failedIn = (
  outcome: Outcome,
  { step, test }: Pick<Proven, 'step' | 'test'>,
): boolean | undefined => {
  const ran = stepOf(outcome, step)
  if (!ran) return undefined
  const whole = isTrustworthy(ran)
  if (test === '') return !whole
  const found = ran.report.tests.find(one => one.test === test)
  if (found) return isFailure(found.outcome)
  return whole ? false : undefined
}

/** Probes of a beginning on that image, in that step. */
export const probesOf = (
  tasks: Task[],
  { image, step }: Pick<Proven, 'image' | 'step'>,
  side: number,
): Task[] =>
  tasks.filter(
    task =>
      task.image === image &&
      task.probe?.why === 'bisect' &&
      task.probe.side === side &&
      task.probe.step === step,
  )

/** What these probes say of one test. */
export const runsOf = (probes: Task[], failure: Proven): boolean[] =>
  probes
    .filter(({ probe }) => probe?.tests === undefined || probe.tests.includes(failure.test))
    .flatMap(({ state }) => (state.at === 'done' ? (failedIn(state.outcome, failure) ?? []) : []))

/** The middle of what is between, or the nearest to it that is not left out, as `git bisect skip` has it. */
export const middle = (good: number, bad: number, skipped: ReadonlySet<number>): number | undefined => {
  const half = (good + bad) / 2
  const between = Array.from({ length: bad - good - 1 }, (_, i) => good + 1 + i)
  return between
    .filter(one => !skipped.has(one))
    .sort((a, b) => Math.abs(a - half) - Math.abs(b - half) || a - b)[0]
}
