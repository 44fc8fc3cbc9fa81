// Chances that are computed exactly.

/** Chance of `hits` or more in `n` trials, each with the chance `p` (upper tail of the binomial distribution). 0 ≤ p ≤ 1. */
export const tailOf = ({ n, hits, p }: { n: number; hits: number; p: number }): number => {
  if (hits <= 0 || p >= 1) return hits <= n ? 1 : 0
  let sum = 0
  let log = n * Math.log1p(-p)
  for (let k = 0; k <= n; k++) {
    if (k >= hits) sum += Math.exp(log)
    log += Math.log((n - k) / (k + 1)) + Math.log(p / (1 - p))
  }
  return Math.min(1, sum)
}
