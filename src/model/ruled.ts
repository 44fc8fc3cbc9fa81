// What was found out about one failure: whose doing it is, and by which runs. Made by proof, told by the verdict.
import type { Ending } from './run.ts'
import type { Proof } from './verdict.ts'

/** How it showed in a run with the patch. */
export type Shown = {
  /** How the step ended. */
  ending: Ending
  /** What is wrong with the step's report; '' if nothing. */
  why: string
  /** The last lines of the step. */
  tail: string[]
  /** First and last line of it in the log of the image's first run, 1-based. undefined: another run showed it. */
  lines?: [number, number]
}

/**
 * new: it fails because of the patch · worse: it failed before, and does so more often now · flaky: it fails as often without · unclear: the
 * runs do not tell · failing: it fails nearly always without · reported: as its bug says · mended: it fails without, and not with the patch
 */
export type Ruled = {
  image: string
  step: string
  /** '' for the step itself: it does not come to a good end. */
  test: string
  message: string
  ruling: 'new' | 'worse' | 'flaky' | 'unclear' | 'failing' | 'reported' | 'mended'
  proof: Proof
  failure: Shown
  /** Of what was reported; '' where nobody wrote a bug for it. */
  bug?: string
}

/** Is it held against the patch? */
export const isBlamed = ({ ruling }: Pick<Ruled, 'ruling'>): boolean => ruling === 'new' || ruling === 'worse'
