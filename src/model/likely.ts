// Tests that are likely to fail with a series: those that its files concern, where these are few, and those that failed beside several
// other series lately. The first are worth several runs, as some breaks only show now and then; the others, most of them flaky, are not.
import type { KnownSteps, StepLikely } from './concern.ts'
import type { Sample } from './history.ts'
import type { SeriesId } from './series.ts'

type StepTests = { step: string; tests: string[] }

export type LikelyInput = {
  /** By rules and dependencies. */
  touched: StepTests[]
  /** All tests of the image, as far as they are known. */
  steps: KnownSteps
  /** Failing in the newest report of the base: nobody need look for these. */
  failing: StepTests[]
  /** Of patched runs on the image, lately. */
  samples: Sample[]
  /** The one that is asked for: its own runs do not count. */
  series: SeriesId | undefined
}

/** A larger share of all tests is no choice any more. */
const maxShare = 0.05

/** Beside so many series at least, and at most so many tests. */
const atLeast = 2
const maxLately = 10

const keyOf = (step: string, test: string): string => JSON.stringify([step, test])

/** The most often failing first. */
const failedLately = ({ samples, failing, steps, series }: LikelyInput): { step: string; test: string }[] => {
  const anyway = new Set(failing.flatMap(({ step, tests }) => tests.map(test => keyOf(step, test))))
  const there = new Set(steps.flatMap(({ step, tests = [] }) => tests.map(test => keyOf(step.name, test))))
  const seen = new Map<string, { step: string; test: string; by: Set<SeriesId> }>()
  for (const { step, failed, series: by } of samples) {
    if (by === undefined || by === series) continue
    for (const { test } of failed) {
      const key = keyOf(step, test)
      if (anyway.has(key) || !there.has(key)) continue
      const one = seen.get(key) ?? { step, test, by: new Set() }
      seen.set(key, one)
      one.by.add(by)
    }
  }
  return [...seen.values()]
    .filter(({ by }) => by.size >= atLeast)
    .sort((a, b) => b.by.size - a.by.size)
    .slice(0, maxLately)
}

/** By step, in the order of the recipe. None are touched where more than a twentieth of all tests is. */
export const likelyOf = (input: LikelyInput): StepLikely[] => {
  const { touched, steps } = input
  const count = (all: { tests?: string[] | undefined }[]) =>
    all.reduce((sum, { tests = [] }) => sum + tests.length, 0)
  const isFew = count(touched) <= Math.max(1, maxShare * count(steps))
  const failed = failedLately(input)
  return steps.flatMap(({ step: { name } }) => {
    const own = isFew ? touched.flatMap(({ step, tests }) => (step === name ? tests : [])) : []
    const tests = [...new Set(own)]
    const lately = failed.flatMap(({ step, test }) => (step === name && !tests.includes(test) ? [test] : []))
    if (tests.length + lately.length === 0) return []
    return [{ step: name, tests, ...(lately.length > 0 ? { lately } : {}) }]
  })
}
