// The bugs of known failures are followed: each is looked at once a day. One that is fixed, and whose failure was not seen on so many bases
// since, retires its failure.
import { Fault } from '../../model/fault.ts'
import { dayMs, type Instant, type Millis } from '../../model/instant.ts'
import { type BugState, type KnownFailure, retire } from '../../model/known.ts'
import { matchesName } from '../../model/name-glob.ts'
import type { Bugs, BugWord } from '../../ports/bugs.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { changeKnown, type KnownStore } from './change.ts'

export type FollowPorts = { store: KnownStore & Pick<Store, 'samples'>; bugs: Bugs; clock: Clock }

/** A tracker that did not answer is asked again after this. */
const retryMs: Millis = 3_600_000

/** When which bug is asked next, where the store does not know: it did not answer, or no tracker has it. Lost with the process, at no harm. */
export type NextLook = Map<string, Instant>

type Confirmed = KnownFailure & { bug: string }

const isDue = ({ bugState }: KnownFailure, now: Instant): boolean =>
  bugState === undefined || bugState.seenAt + dayMs <= now

/** undefined: it is not known now. */
const ask = async (bugs: Bugs, bug: string): Promise<BugWord | 'later' | undefined> => {
  try {
    return await bugs.look(bug)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    // A clear no stays one.
    return error.kind === 'refused' && error.retry === 'never' ? { is: 'gone' } : 'later'
  }
}

const stateOf = (word: BugWord, old: BugState | undefined, now: Instant): BugState => ({
  is: word.is,
  seenAt: now,
  since: old?.is === word.is ? (old.since ?? old.seenAt) : now,
})

/** Looks at what is due. `gone` hears of each failure whose bug is not to be seen any more, once, before it is noted. Throws the store's Faults. */
export const lookAtBugs =
  ({ store, bugs, clock }: FollowPorts) =>
  async (next: NextLook, gone: (known: Confirmed) => Promise<void>): Promise<void> => {
    const now = clock.now()
    const all = await store.knownFailures({ at: 'confirmed' })
    const due = all.filter((known): known is Confirmed => known.bug !== undefined && isDue(known, now))
    for (const [bug, own] of Map.groupBy(due, known => known.bug)) {
      if ((next.get(bug) ?? 0) > now) continue
      const word = await ask(bugs, bug)
      next.set(bug, now + (word === 'later' ? retryMs : dayMs))
      if (word === 'later' || word === undefined) continue
      next.delete(bug)
      for (const known of own) {
        if (word.is === 'gone' && known.bugState?.is !== 'gone') await gone(known)
        await changeKnown(store, known.id, current =>
          current.bug === bug ? { ...current, bugState: stateOf(word, current.bugState, now) } : undefined,
        )
      }
    }
  }

const maxSamples = 5000

/** On how many bases was it looked for since then, and not seen? */
const basesSince = async (
  store: Pick<Store, 'samples'>,
  { project, step, images }: KnownFailure,
  since: Instant,
): Promise<number> => {
  const filter = { project, ...(step === undefined ? {} : { step }), patched: false, since }
  const samples = await store.samples({ ...filter, limit: maxSamples })
  const looked = samples.filter(
    ({ state, only, image }) =>
      state === 'whole' &&
      only === undefined &&
      (images.length === 0 || images.some(glob => matchesName(image, glob))),
  )
  return new Set(looked.map(({ base }) => base)).size
}

/** Retires what is fixed and was not seen on `bases` bases since. Returns what was. Throws the store's Faults. */
export const retireFixed =
  ({ store, clock }: Pick<FollowPorts, 'store' | 'clock'>) =>
  async (of: { project: string; bases: number }): Promise<KnownFailure[]> => {
    const { project, bases } = of
    const retired: KnownFailure[] = []
    for (const known of await store.knownFailures({ project, at: 'confirmed' })) {
      const { bugState, seen, createdAt } = known
      if (bugState?.is !== 'fixed') continue
      const since = Math.max(bugState.since ?? bugState.seenAt, seen?.at ?? createdAt)
      const count = await basesSince(store, known, since)
      if (count < bases) continue
      const why = `its bug is fixed, and it was not seen on ${count} bases since`
      const gone = await changeKnown(store, known.id, now =>
        now.seen?.at === seen?.at && now.bug === known.bug
          ? retire(now, { when: clock.now(), why })
          : undefined,
      )
      if (gone) retired.push(gone)
    }
    return retired
  }
