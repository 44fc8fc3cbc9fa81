// Do runs without any patch fail more on one host than on the others? Then the host is what is wrong. Pure.
//
// The same step of the same base on the same image should do the same on all hosts. So each such group is a table of its own, host against
// other hosts, failed against good, and what is too much is summed over all of them (N. Mantel, W. Haenszel: Statistical aspects of the
// analysis of data from retrospective studies of disease, 1959, without the correction for continuity). A base that is broken, or a test
// that is flaky, concerns all hosts, and so nobody.
import type { Sample } from './history.ts'

/** `failed` of `runs`, where by what the other hosts did `expected` should have. */
export type StrayHost = { host: string; runs: number; failed: number; expected: number }

/** Standard deviations; by chance that is met once in some million looks. Fewer failures than these are no ground for a word. */
const tooFar = 5
/** It is over when it is nearer than this: one at the border does not come and go. */
const near = 3
const fewest = 10

const isBad = ({ state, failed }: Sample): boolean => state !== 'whole' || failed.length > 0

type Sum = { runs: number; failed: number; expected: number; variance: number }

const nothing: Sum = { runs: 0, failed: 0, expected: 0, variance: 0 }

/** What one host did in a group of `all` runs of the same; hypergeometric mean and variance. */
const inGroup = (own: Sample[], all: Sample[]): Sum => {
  const [n, bad, runs] = [all.length, all.filter(isBad).length, own.length]
  // It alone ran this: nobody to compare it with.
  if (runs === n) return nothing
  return {
    runs,
    failed: own.filter(isBad).length,
    expected: (runs * bad) / n,
    variance: (runs * bad * (n - bad) * (n - runs)) / (n * n * (n - 1)),
  }
}

const plus = (a: Sum, b: Sum): Sum => ({
  runs: a.runs + b.runs,
  failed: a.failed + b.failed,
  expected: a.expected + b.expected,
  variance: a.variance + b.variance,
})

/** Hosts whose runs fail much more than those of the others. `samples`: of the last days; those with patches, and of single tests, are left out.
 *  `told`: those that were found before. */
export const strayHosts = (samples: Sample[], told: ReadonlySet<string> = new Set()): StrayHost[] => {
  const whole = samples.filter(({ series, only }) => series === undefined && only === undefined)
  const groups = Map.groupBy(whole, ({ project, base, image, step }) =>
    JSON.stringify([project, base, image, step]),
  )
  const sums = new Map<string, Sum>()
  for (const all of groups.values())
    for (const [host, own] of Map.groupBy(all, one => one.host))
      sums.set(host, plus(sums.get(host) ?? nothing, inGroup(own, all)))
  return [...sums].flatMap(([host, { runs, failed, expected, variance }]) => {
    const isStray =
      failed >= fewest &&
      failed >= 1.5 * expected &&
      failed - expected >= (told.has(host) ? near : tooFar) * Math.sqrt(variance) &&
      variance > 0
    return isStray ? [{ host, runs, failed, expected }] : []
  })
}
