// A known failure is changed by several at once: a person, a run that shows it, its bug. Each change is made of what is kept at that moment.
import type { KnownFailure } from '../../model/known.ts'
import type { Store } from '../../ports/store.ts'

export type KnownStore = Pick<Store, 'knownFailures' | 'updateKnown'>

/** `how` gives undefined, or the same, where nothing is to be changed; it may be called more than once. Returns what is kept then, and
 *  undefined where nothing was changed. Throws the store's Faults. */
export const changeKnown = async (
  store: KnownStore,
  id: string,
  how: (known: KnownFailure) => KnownFailure | undefined,
): Promise<KnownFailure | undefined> => {
  for (;;) {
    const known = (await store.knownFailures()).find(one => one.id === id)
    const next = known && how(known)
    if (!known || !next || next === known) return undefined
    if (await store.updateKnown(next, known)) return next
  }
}
