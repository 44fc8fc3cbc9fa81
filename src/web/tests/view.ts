// How a test did → what its page shows. Pure.
import type { KnownFailure } from '../../model/known.ts'
import { matches } from '../../model/known.ts'
import type { TestPoint } from '../../ports/reads.ts'
import { oneLine } from '../../text/clean.ts'

/** How a test did on one image: with patches and without. */
export type ImageLine = {
  image: string
  without: { failed: number; runs: number }
  withPatches: { failed: number; runs: number }
  /** The oldest first. */
  points: TestPoint[]
}

const countOf = (points: TestPoint[]) => ({
  failed: points.filter(({ failed }) => failed).length,
  runs: points.length,
})

/** By image. `points`: the newest first. */
export const imageLines = (points: TestPoint[]): ImageLine[] =>
  [...Map.groupBy(points, ({ image }) => image)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([image, own]) => ({
      image,
      without: countOf(own.filter(({ series }) => series === undefined)),
      withPatches: countOf(own.filter(({ series }) => series !== undefined)),
      points: own.toReversed(),
    }))

/** What a test is called; '' is the step itself. */
export const nameOfTest = (step: string, test: string): string =>
  test === '' ? `step ${oneLine(step, 80)}, as a whole` : oneLine(test, 300)

/** Known failures that speak of what was seen of it; those that were rejected are left out. */
export const knownOf = (
  known: KnownFailure[],
  { step, test, points }: { step: string; test: string; points: TestPoint[] },
): KnownFailure[] => {
  const failures = points.filter(({ failed }) => failed)
  return known.filter(
    one =>
      one.state.at !== 'rejected' &&
      failures.some(({ image, message }) => matches(one, { image, step, test, message })),
  )
}
