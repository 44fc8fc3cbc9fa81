// Does the patch make a test fail? Decided from pairs of runs, one with and one without the patch, made in turn, each in a fresh clone.
//
// Blame: an e-process for two Bernoulli streams. Each pair multiplies it by the likelihood ratio of an alternative (fails with p, without
// with q, p > q) against the nearest common rate (p + q) / 2; this is an E-variable for "both rates are the same" (R. Turner, A. Ly,
// P. Grünwald: Generic E-variables for exact sequential k-sample tests that allow for optional stopping, 2024, theorem 1, for blocks of
// 1 + 1), and a mixture over alternatives is one again. It may be looked at after every pair: by Ville's inequality the chance that it ever
// reaches 1/a without a difference is at most a. A series with many doubtful tests must not have as many chances: a is shared among them.
//
// Acquittal: Wald's sequential probability ratio test (A. Wald: Sequential Tests of Statistical Hypotheses, 1945) of the runs with the
// patch: the rate that the test has by itself, against the least one that a break of that test is looked for at. It comes first, with runs
// of the patch alone (screening): most doubtful tests end there, at half the price of pairs, and nobody can be blamed by it.
//
//   screen ──acquitted──▶ flaky
//     └──leans to a break──▶ pairs ──acquitted──▶ flaky
//                              └──blamed──▶ pairs of builds made anew, of both sides ──blamed again──▶ new, worse
//                                             └──not so──▶ unclear: it was one build, or whoever made it
import { none, plus, type Trials } from './history.ts'

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
  /** Runs with the patch alone, before there were pairs; those of `likely` tests after the failure that made it a suspect may count. */
  screened?: Trials
  /** The pairs are of builds made anew, because the first ones would be blamed: not much is needed to see it again. */
  anew?: true
  /** It is the step that broke off, as it never did before: by a signal, or (in two clones already) a crash, a hang, a time-out. */
  brokeOff?: true
  /** A whole step is run for each. */
  whole: boolean
  /** How many tests are in doubt in this series, on all images, this one included. */
  suspects: number
}

/**
 * new: it fails because of the patch · worse: it failed before, and does so more often now · flaky: it fails as often without · unclear: the
 * runs do not tell · screen: so many runs with the patch are wanted · open: so many pairs are wanted. All at once.
 */
export type Ruling =
  | { is: 'new' | 'worse' | 'flaky' | 'unclear' }
  | { is: 'screen'; runs: number }
  | { is: 'open'; pairs: number }

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
const leastRate = (own: number, rate: number, isClean: boolean): number =>
  Math.min(0.95, Math.max(rate, own + (isClean ? 0.25 : 0.6)))

/** Logarithm of how much likelier a break is than innocence, by the runs with the patch. */
const leaning = (suspicion: Suspicion, { rate }: ProofSettings): number => {
  const { history, pairs, whole, screened = none } = suspicion
  const { with: patched, without } = countsOf(pairs)
  const own = rateWithout(plus(history, without))
  const least = leastRate(own, whole ? Math.max(rate, wholeRate) : rate, history.failed === 0)
  const seen = plus(patched, screened)
  return logLikelihood(seen, least) - logLikelihood(seen, own)
}

/**
 * So many times the chance of a miss will do for a test that fails by itself at times. What is looked for there nearly always shows, and what
 * always shows is never acquitted: the chance is that of a break at the least rate.
 */
const tolerance = 3

const acquits = (suspicion: Suspicion, settings: ProofSettings): boolean =>
  leaning(suspicion, settings) <= Math.log(settings.miss * (suspicion.history.failed > 0 ? tolerance : 1))

const maxAtOnce = 8

/** How many more it takes until `is`, at most `maxAtOnce`. */
const countUntil = (is: (more: number) => boolean): number => {
  for (let more = 1; more < maxAtOnce; more++) if (is(more)) return more
  return maxAtOnce
}

/** Chance of blame by builds made anew alone, if they show nothing. */
const anewBlame = 0.08

/**
 * The same for a step that broke off: two pairs. Each run may take an hour, and it was seen before; a step that breaks off by itself in one
 * of a hundred runs, and has no history of that, does so three times running in one of a million.
 */
const brokeOffBlame = 0.2

/** What the evidence must come to. */
const enough = ({ suspects, anew, brokeOff, history }: Suspicion, { blame }: ProofSettings): number => {
  if (anew) return 1 / (brokeOff && history.failed === 0 ? brokeOffBlame : anewBlame)
  return suspects / blame
}

const blames = (suspicion: Suspicion, settings: ProofSettings): boolean =>
  evidenceOf(suspicion.pairs) >= enough(suspicion, settings)

/** How many pairs to make next: as many as would decide if they go on as they began. */
const nextPairs = (suspicion: Suspicion, settings: ProofSettings): number => {
  const { pairs } = suspicion
  const { with: patched, without } = countsOf(pairs)
  const ifAll = (pair: Pair) =>
    countUntil(more => {
      const then = { ...suspicion, pairs: [...pairs, ...Array.from({ length: more }, () => pair)] }
      return blames(then, settings) || acquits(then, settings)
    })
  if (pairs.length === 0) return Math.min(3, ifAll({ with: true, without: false }))
  if (without.failed === 0 && patched.failed === patched.runs) return ifAll({ with: true, without: false })
  return patched.failed === 0 ? ifAll({ with: false, without: false }) : 4
}

const firstScreening = 2

const nextScreening = (suspicion: Suspicion, settings: ProofSettings): number => {
  const { screened = none } = suspicion
  if (screened.runs < firstScreening) return firstScreening - screened.runs
  const passing = (more: number) => plus(screened, { failed: 0, runs: more })
  return countUntil(more => acquits({ ...suspicion, screened: passing(more) }, settings))
}

/** So much likelier must a break be than innocence before pairs are made. */
const worthPairs = Math.log(10)

const isScreening = (suspicion: Suspicion, settings: ProofSettings): boolean => {
  const { pairs, anew, whole, screened = none } = suspicion
  const most = whole ? settings.stepPairs : settings.pairs
  if (anew || pairs.length > 0 || screened.runs >= most) return false
  return screened.runs < firstScreening || leaning(suspicion, settings) < worthPairs
}

/** What the runs so far say; the same runs say the same. */
export const ruling = (suspicion: Suspicion, settings: ProofSettings): Ruling => {
  const { pairs, history, whole, screened = none } = suspicion
  const { with: patched, without } = countsOf(pairs)
  if (blames(suspicion, settings)) return { is: without.failed + history.failed === 0 ? 'new' : 'worse' }
  if (pairs.length + screened.runs > 0 && acquits(suspicion, settings)) return { is: 'flaky' }
  if (isScreening(suspicion, settings)) return { is: 'screen', runs: nextScreening(suspicion, settings) }
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
