// A known failure in words: for the command line, alerts and answers by mail.
import type { BugState, KnownFailure } from '../../model/known.ts'
import { oneLine } from '../../text/clean.ts'

/** `net/dns on debian, win11`; what names of tests may hold does no harm. */
export const nameOf = ({ step, test, images }: Pick<KnownFailure, 'step' | 'test' | 'images'>): string => {
  const what = test === '' ? `step ${step ?? ''}, as a whole` : test
  return oneLine(images.length > 0 ? `${what} on ${images.join(', ')}` : what, 160)
}

const bugWords: Record<BugState['is'], string> = {
  open: 'open',
  fixed: 'fixed',
  closed: 'closed, not fixed',
  gone: 'not to be seen any more',
}

export const sayBug = ({ bug, bugState }: KnownFailure): string =>
  bug === undefined ? '' : `${bug}${bugState ? ` (${bugWords[bugState.is]})` : ''}`
