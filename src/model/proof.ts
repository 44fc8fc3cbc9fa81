// Does the patch make a test fail? Decided from pairs of runs, one with and one without the patch, made in turn, each in a fresh clone.
//
// Blame: an e-process for two Bernoulli streams. Each pair multiplies it by the likelihood ratio of an alternative (fails with p, without
// with q, p > q) against the nearest common rate (p + q) / 2; this is an E-variable for "both rates are the same" (R. Turner, A. Ly,
// P. Grünwald: Generic E-variables for exact sequential k-sample tests that allow for optional stopping, 2024, theorem 1, for blocks of
// 1 + 1), and a mixture over alternatives is one again. It may be looked at after every pair: by Ville's inequality the chance that it ever
// reaches 1/a without a difference is at most a. A series with many doubtful tests must not have as many chances: a is shared among them.
//
// Acquittal: Wald's sequential probability ratio test (A. Wald: Sequential Tests of Statistical Hypotheses, 1945) of the runs with the
// patch: the rate that the test has by itself, against the least one that a break of that test is looked for at.
import { plus, type Trials } from './history.ts'

export type ProofSettings = {
  /** Chance that a series whose patches change nothing is blamed for anything. */
  blame: number
  /** Chance that a test that fails with the patch, at `rate` or more, is let go. */
  miss: number
  /** Least share of runs in which a break of a test that never fails by itself is looked for. */
  rate: number
  /** At most so many pairs for single tests; */
  pairs: number
  /** and so many where a whole step has to be run for it. */
  stepPairs: number
}

/** true: it failed. With and without the patch, made side by side. */
export type Pair = { with: boolean; without: boolean }

export type Suspicion = {
  /** Of the test without the patch, from earlier runs. */
  history: Trials
  pairs: Pair[]
  /** A whole step is run for each. */
  whole: boolean
  /** How many tests are in doubt in this series, on all images, this one included. */
  suspects: number
}

/** new: it fails because of the patch · worse: it failed before, and does so more often now · flaky: it fails as often without · unclear: the runs do not tell. */
export type Ruling = { is: 'new' | 'worse' | 'flaky' | 'unclear' } | { is: 'open'; pairs: number }

const alternatives: { p: number; q: number; weight: number }[] = [
  { p: 0.999, q: 0.001, weight: 0.4 },
  { p: 0.3, q: 0.005, weight: 0.2 },
  { p: 0.6, q: 0.01, weight: 0.15 },
  { p: 0.98, q: 0.3, weight: 0.1 },
  { p: 0.98, q: 0.6, weight: 0.05 },
  { p: 0.7, q: 0.1, weight: 0.1 },
]

const countsOf = (pairs: Pair[]): { with: Trials; without: Trials } => ({
  with: { failed: pairs.filter(pair => pair.with).length, runs: pairs.length },
  without: { failed: pairs.filter(pair => pair.without).length, runs: pairs.length },
})

/** Logarithm of the likelihood of so many failures at that rate. */
const logLikelihood = ({ failed, runs }: Trials, rate: number): number =>
  failed * Math.log(rate) + (runs - failed) * Math.log(1 - rate)

/** The e-process after these pairs: evidence against "the patch changes nothing", 1 for none. */
export const evidenceOf = (pairs: Pair[]): number => {
  const { with: patched, without } = countsOf(pairs)
  return alternatives.reduce((sum, { p, q, weight }) => {
    const same = (p + q) / 2
    const log =
      logLikelihood(patched, p) + logLikelihood(without, q) - logLikelihood(plus(patched, without), same)
    return sum + weight * Math.exp(log)
  }, 0)
}

/** The rate at which it fails by itself: a little above what was seen, as few runs say little. */
export const ownRate = ({ failed, runs }: Trials): number => (failed + 0.5) / (runs + 1)

/** Does it fail without the patch nearly always? Then one more failure says nothing. */
export const failsAnyway = (history: Trials): boolean => history.failed > 0 && ownRate(history) >= 0.75

/** A test that was never seen to fail by itself is taken for one that hardly ever does, however few its runs: else a break would be let go. */
const seldom = 0.01

const rateWithout = (seen: Trials): number => (seen.failed === 0 ? seldom : Math.min(0.75, ownRate(seen)))

/** Whole steps are dear: with them, only what fails most of the time is looked for. */
const wholeRate = 0.75

/** The least rate that a break is looked for at: for a test that fails by itself, the gap must be one that few runs can show. */
const leastRate = (own: number, rate: number): number =>
  own <= 0.05 ? Math.max(rate, own + 0.25) : Math.min(0.95, own + 0.6)

const acquits = ({ history, pairs, whole }: Suspicion, { miss, rate }: ProofSettings): boolean => {
  const { with: patched, without } = countsOf(pairs)
  const own = rateWithout(plus(history, without))
  const least = leastRate(own, whole ? Math.max(rate, wholeRate) : rate)
  return logLikelihood(patched, least) - logLikelihood(patched, own) <= Math.log(miss)
}

const maxAtOnce = 8

/** How many pairs like these it takes until there is a ruling; at most `maxAtOnce`. */
const pairsUntil = (like: Pair, suspicion: Suspicion, settings: ProofSettings): number => {
  const pairs = [...suspicion.pairs]
  for (let more = 1; more < maxAtOnce; more++) {
    pairs.push(like)
    const then = { ...suspicion, pairs }
    if (blames(then, settings) || acquits(then, settings)) return more
  }
  return maxAtOnce
}

const blames = ({ pairs, suspects }: Suspicion, { blame }: ProofSettings): boolean =>
  evidenceOf(pairs) >= suspects / blame

/** How many pairs to make next: after the first two, as many as would decide if they go on as they began. */
const nextPairs = (suspicion: Suspicion, settings: ProofSettings): number => {
  const { with: patched, without } = countsOf(suspicion.pairs)
  if (patched.runs === 0) return 2
  if (patched.failed === patched.runs && without.failed === 0)
    return pairsUntil({ with: true, without: false }, suspicion, settings)
  return patched.failed === 0 ? pairsUntil({ with: false, without: false }, suspicion, settings) : 4
}

/** What the pairs so far say; the same pairs say the same. `open`: so many more are wanted, all at once. */
export const ruling = (suspicion: Suspicion, settings: ProofSettings): Ruling => {
  const { pairs, history, whole } = suspicion
  const { with: patched, without } = countsOf(pairs)
  if (blames(suspicion, settings)) return { is: without.failed + history.failed === 0 ? 'new' : 'worse' }
  if (pairs.length > 0 && acquits(suspicion, settings)) return { is: 'flaky' }
  const most = whole ? settings.stepPairs : settings.pairs
  if (pairs.length >= most) return { is: patched.failed <= without.failed ? 'flaky' : 'unclear' }
  return { is: 'open', pairs: Math.min(nextPairs(suspicion, settings), most - pairs.length) }
}

/**
 * What `suspects` is for each of the doubtful tests of a series, from the history of each: half of the chance of false blame is shared by those
 * that were never seen to fail by themselves, half by the others (weighted Bonferroni; what is known before the first pair makes the weights).
 * So a new failure is not harder to prove for the many tests that fail now and then.
 */
export const sharesOf = (histories: Trials[]): number[] => {
  const clean = histories.filter(({ failed }) => failed === 0).length
  const halves = clean === 0 || clean === histories.length ? 1 : 2
  return histories.map(({ failed }) => halves * (failed === 0 ? clean : histories.length - clean))
}
