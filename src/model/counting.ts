// How many of what a verdict holds: the same numbers wherever it is told, in replies, digests and lists. Pure.
import type { ImageVerdict } from './verdict.ts'

export type Counts = {
  /** Tests that fail newly; those of a step that did not come to a good end are not counted, the step is. */
  fresh: number
  /** Tests that fail more often, and nowhere newly. */
  worse: number
  /** Steps that did not come to a good end. */
  steps: number
  flaky: number
  unclear: number
  reported: number
  vanished: number
}

const nameOf = ({ step, test }: { step: string; test: string }): string => JSON.stringify([step, test])

const failures = ({ newFailures, broken }: ImageVerdict) =>
  newFailures.filter(({ step }) => !broken.some(other => other.step === step))

/** The same test on two images is one. */
export const countsOf = (images: ImageVerdict[]): Counts => {
  const all = images.flatMap(failures)
  const fresh = new Set(all.filter(({ kind }) => kind !== 'worse').map(nameOf))
  const worse = new Set(all.filter(({ kind }) => kind === 'worse').map(nameOf))
  const count = (pick: (image: ImageVerdict) => { step: string; test: string }[] | undefined): number =>
    new Set(images.flatMap(image => pick(image) ?? []).map(nameOf)).size
  return {
    fresh: fresh.size,
    worse: [...worse].filter(name => !fresh.has(name)).length,
    steps: new Set(images.flatMap(({ broken }) => broken.map(({ step }) => step))).size,
    flaky: count(({ flaky }) => flaky),
    unclear: count(({ unclear }) => unclear),
    reported: count(({ reported }) => reported),
    vanished: count(({ vanished }) => vanished),
  }
}
