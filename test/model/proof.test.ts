// The statistics of blame, by simulation with fixed seeds: how often the innocent are blamed, and the guilty let go.
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { expect, test } from 'vitest'
import { none, plus, type Trials } from '../../src/model/history.ts'
import {
  evidenceOf,
  failsAnyway,
  type Pair,
  type ProofSettings,
  ruling,
  type Suspicion,
  sharesOf,
} from '../../src/model/proof.ts'

const settings: ProofSettings = { blame: 0.001, miss: 0.01, rate: 0.3, pairs: 100, stepPairs: 12 }

const pairs = (count: number, pair: Pair): Pair[] => Array.from({ length: count }, () => pair)
const guilty: Pair = { with: true, without: false }
const innocent: Pair = { with: false, without: false }
const fresh: Suspicion = { history: none, pairs: [], whole: false, suspects: 1 }

/** Plays one suspicion to its end; rates with and without the patch. */
const play = (random: () => number, rates: [number, number], given: Partial<Suspicion> = {}) => {
  let suspicion: Suspicion = { ...fresh, screened: none, ...given }
  for (;;) {
    const said = ruling(suspicion, settings)
    if (said.is === 'screen') {
      let more: Trials = none
      for (let n = 0; n < said.runs; n++) more = plus(more, { failed: random() < rates[0] ? 1 : 0, runs: 1 })
      suspicion = { ...suspicion, screened: plus(suspicion.screened ?? none, more) }
    } else if (said.is === 'open') {
      const made = Array.from({ length: said.pairs }, () => ({
        with: random() < rates[0],
        without: random() < rates[1],
      }))
      suspicion = { ...suspicion, pairs: [...suspicion.pairs, ...made] }
    } else return { is: said.is, suspicion }
  }
}

const many = (seed: number, times: number, rates: [number, number], given: Partial<Suspicion> = {}) => {
  const generator = xoroshiro128plus(seed)
  const random = () => uniformFloat64(generator)
  const ends = Array.from({ length: times }, () => play(random, rates, given))
  const count = (...wanted: string[]) => ends.filter(({ is }) => wanted.includes(is)).length / times
  return { blamed: count('new', 'worse'), letGo: count('flaky'), unclear: count('unclear') }
}

test('six pairs that fail with the patch and never without are proof; five are none', () => {
  const open = ruling({ ...fresh, screened: { failed: 2, runs: 2 }, pairs: pairs(5, guilty) }, settings)
  expect(open).toEqual({ is: 'open', pairs: 1 })
  expect(ruling({ ...fresh, pairs: pairs(6, guilty) }, settings)).toEqual({ is: 'new' })
})

test('a test that failed before is worse, not new', () => {
  const history = { failed: 2, runs: 30 }
  expect(ruling({ ...fresh, history, pairs: pairs(8, guilty) }, settings)).toEqual({ is: 'worse' })
})

test('it begins with runs of the patch alone, and goes on to pairs once these lean to a break', () => {
  expect(ruling(fresh, settings)).toEqual({ is: 'screen', runs: 2 })
  expect(ruling({ ...fresh, screened: { failed: 2, runs: 2 } }, settings)).toEqual({ is: 'open', pairs: 3 })
  expect(ruling({ ...fresh, screened: { failed: 0, runs: 14 } }, settings)).toEqual({ is: 'flaky' })
})

test('screening alone blames nobody, whatever it shows', () => {
  const said = ruling({ ...fresh, screened: { failed: 1000, runs: 1000 } }, settings)
  expect(said.is).toBe('open')
})

test('evidence is 1 without pairs, and a pair that is the same on both sides never is any', () => {
  expect(evidenceOf([])).toBeCloseTo(1)
  for (const count of [1, 5, 50]) {
    expect(evidenceOf(pairs(count, innocent))).toBeLessThanOrEqual(1)
    expect(evidenceOf(pairs(count, { with: true, without: true }))).toBeLessThanOrEqual(1)
  }
})

test.each([0, 0.005, 0.05, 0.3, 0.5, 0.9, 1])(
  'under one common rate of %d a pair multiplies evidence by at most 1 in the mean',
  rate => {
    const seen: [Pair, number][] = [
      [{ with: true, without: true }, rate * rate],
      [{ with: true, without: false }, rate * (1 - rate)],
      [{ with: false, without: true }, (1 - rate) * rate],
      [{ with: false, without: false }, (1 - rate) ** 2],
    ]
    // From any state that four pairs can lead to.
    for (const before of [[], [guilty], [guilty, innocent], pairs(4, guilty), pairs(4, innocent)]) {
      const mean = seen.reduce((sum, [pair, chance]) => sum + chance * evidenceOf([...before, pair]), 0)
      expect(mean / evidenceOf(before)).toBeLessThanOrEqual(1 + 1e-9)
    }
  },
)

test.each([0.005, 0.02, 0.1, 0.3, 0.6])(
  'of 10,000 tests that fail at a rate of %d with and without, at most one in a thousand is blamed',
  rate => {
    expect(many(11, 10_000, [rate, rate]).blamed).toBeLessThanOrEqual(0.001)
  },
)

test('the same with a history that shows the rate, on one side too low and on the other too high', () => {
  for (const failed of [1, 6, 15])
    expect(many(12, 5_000, [0.2, 0.2], { history: { failed, runs: 30 } }).blamed).toBeLessThanOrEqual(0.001)
})

test('a break that always shows is never let go', () => {
  expect(many(13, 1_000, [1, 0])).toEqual({ blamed: 1, letGo: 0, unclear: 0 })
  expect(many(14, 1_000, [1, 0.2], { history: { failed: 6, runs: 30 } }).letGo).toBe(0)
})

test('a break that shows in 30 % of the runs is let go in 1 % of the cases', () => {
  const { letGo, unclear } = many(15, 5_000, [0.3, 0])
  expect(letGo).toBeLessThanOrEqual(0.015)
  expect(unclear).toBeLessThanOrEqual(0.01)
})

test('where a whole step has to be run, what always fails is proven within the twelve pairs', () => {
  const { blamed } = many(16, 500, [1, 0], { whole: true, suspects: 20 })
  expect(blamed).toBe(1)
})

test('builds made anew that do not show it again take the blame back', () => {
  const again: Partial<Suspicion> = { anew: true }
  expect(ruling({ ...fresh, ...again }, settings)).toEqual({ is: 'open', pairs: 3 })
  expect(ruling({ ...fresh, ...again, pairs: pairs(3, guilty) }, settings)).toEqual({ is: 'new' })
  expect(many(17, 2_000, [0, 0], again).blamed).toBe(0)
  expect(many(18, 2_000, [1, 1], again).blamed).toBe(0)
})

test('a step that broke off in two clones needs two pairs of builds made anew, unless it does so by itself at times', () => {
  const brokeOff: Suspicion = { ...fresh, whole: true, anew: true, brokeOff: true, suspects: 50 }
  expect(ruling(brokeOff, settings)).toEqual({ is: 'open', pairs: 2 })
  expect(ruling({ ...brokeOff, pairs: pairs(2, guilty) }, settings)).toEqual({ is: 'new' })
  expect(ruling({ ...brokeOff, pairs: pairs(4, innocent) }, settings)).toEqual({ is: 'flaky' })
  const history = { failed: 1, runs: 30 }
  expect(ruling({ ...brokeOff, history, pairs: pairs(2, guilty) }, settings).is).toBe('open')
})

test('what fails nearly always by itself is no suspect; what failed once of thirty is', () => {
  expect(failsAnyway({ failed: 1, runs: 1 })).toBe(true)
  expect(failsAnyway({ failed: 29, runs: 30 })).toBe(true)
  expect(failsAnyway({ failed: 1, runs: 30 })).toBe(false)
  expect(failsAnyway(none)).toBe(false)
})

test('tests that fail now and then do not make it harder to prove a new failure', () => {
  const clean = none
  const flaky = { failed: 3, runs: 30 }
  expect(sharesOf([clean, flaky, flaky, flaky, flaky])).toEqual([2, 8, 8, 8, 8])
  expect(sharesOf([clean, clean])).toEqual([2, 2])
  // Together they have the whole chance, and no more.
  const shares = sharesOf([clean, clean, flaky, flaky, flaky])
  expect(shares.reduce((sum, share) => sum + 1 / share, 0)).toBeCloseTo(1)
})
