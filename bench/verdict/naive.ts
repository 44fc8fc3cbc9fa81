// Two judges that most projects have: one that compares with a single run of the base, and one that tries a failure again a few times.
import type { Break, RunResult, SeriesTruth, World } from './world.ts'

/** What a judge says of a series: what it blames it for, and the time of clones that this took besides running everything once. */
export type Said = {
  blamed: { image: string; test: number }[]
  unclear: boolean
  extraMs: number
  runs: number
}

export const guilty = ({ breaks }: SeriesTruth, image: string, test: number): Break | undefined =>
  breaks.find(one => one.test === test && one.images.includes(image))

/** A failure is new if the one run of the base did not have it: how the bot that this one replaces did it. */
export const compareOnce = (
  world: World,
  first: Map<string, RunResult>,
  base: Map<string, RunResult>,
): Said => {
  const blamed = world.size.images.flatMap(image =>
    [...(first.get(image)?.failed ?? [])]
      .filter(test => !base.get(image)?.failed.has(test))
      .map(test => ({ image, test })),
  )
  return { blamed, unclear: false, extraMs: 0, runs: 0 }
}

const retries = 3

/** What fails is tried again, up to three times; what fails always, and not in the run of the base, is new: how most CI does it. */
export const retryThrice = (
  world: World,
  first: Map<string, RunResult>,
  base: Map<string, RunResult>,
  again: (image: string, tests: number[]) => RunResult,
): Said => {
  const said: Said = { blamed: [], unclear: false, extraMs: 0, runs: 0 }
  for (const image of world.size.images) {
    let left = [...(first.get(image)?.failed ?? [])].filter(test => !base.get(image)?.failed.has(test))
    for (let time = 0; time < retries && left.length > 0; time++) {
      const result = again(image, left)
      said.extraMs += result.ms
      said.runs++
      left = left.filter(test => result.failed.has(test))
    }
    said.blamed.push(...left.map(test => ({ image, test })))
  }
  return said
}
