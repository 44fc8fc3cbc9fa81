// A known failure that was retired is back: its bug is opened again with a comment, and the administrator hears of it. Both follow from the
// saved state, once.

import { Fault } from '../../model/fault.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import { type KnownFailure, type Returned, settled } from '../../model/known.ts'
import type { Bugs } from '../../ports/bugs.ts'
import { oneLine } from '../../text/clean.ts'
import { sayDate } from '../../text/span.ts'
import { changeKnown, type KnownStore } from './change.ts'
import type { NextLook } from './follow.ts'

/** What came of opening its bug again. */
export type Reopened = 'done' | 'later' | { no: string }

export type Tell = (known: KnownFailure, reopened: Reopened) => Promise<void>

const retryMs: Millis = 3_600_000

/** Stands in the comment, so that it is written once. */
export const markOf = ({ id }: KnownFailure, { at }: Returned): string => `grapevine-${id}-${at}`

const commentOn = ({ test, step, images, project }: KnownFailure, { at, base }: Returned): string => {
  const name = test === '' ? `Step "${step ?? ''}"` : `Test "${oneLine(test, 200)}"`
  const where = images.length > 0 ? ` on ${oneLine(images.join(', '), 200)}` : ''
  return `${name} of ${project}${where} fails again, without any patch, on the base ${base} (${sayDate(at)}). It was taken for mended.`
}

const tryReopen = async (bugs: Bugs, known: KnownFailure, returned: Returned): Promise<Reopened> => {
  if (known.bug === undefined) return { no: 'it has no bug' }
  try {
    const mark = markOf(known, returned)
    await bugs.reopen(known.bug, { text: commentOn(known, returned), mark })
    return 'done'
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return error.retry === 'never' ? { no: error.message } : 'later'
  }
}

/** Does what is due. A tracker that does not answer is tried again after an hour; the administrator hears of it at once. Repeatable.
 *  Throws the store's Faults. */
export const reopenBugs =
  ({ store, bugs }: { store: KnownStore; bugs: Bugs }) =>
  async (next: NextLook, given: { now: Instant; tell: Tell }): Promise<void> => {
    for (const known of await store.knownFailures({ at: 'confirmed' })) {
      const returned = known.state.at === 'confirmed' ? known.state.returned : undefined
      if (returned === undefined) continue
      const turn = markOf(known, returned)
      if ((next.get(turn) ?? 0) > given.now) continue
      const reopened = await tryReopen(bugs, known, returned)
      if (!returned.told) await given.tell(known, reopened)
      if (reopened === 'later') next.set(turn, given.now + retryMs)
      else next.delete(turn)
      await changeKnown(store, known.id, current => {
        const { state } = current
        if (state.at !== 'confirmed' || state.returned?.at !== returned.at) return undefined
        if (reopened !== 'later') return settled(current)
        return state.returned.told
          ? current
          : { ...current, state: { ...state, returned: { ...state.returned, told: true } } }
      })
    }
  }
