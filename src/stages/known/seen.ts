// When was a known failure last seen? Told by runs of unpatched bases and by verdicts; each run counts once, whoever tells of it and how often.
import type { Sample } from '../../model/history.ts'
import type { Instant } from '../../model/instant.ts'
import type { Commit } from '../../model/job.ts'
import { comeBack, type Failure, type KnownFailure, matches, seenIn } from '../../model/known.ts'
import { matchesName } from '../../model/name-glob.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { Store } from '../../ports/store.ts'
import { changeKnown, type KnownStore } from './change.ts'

export type Sighting = {
  failure: Failure
  run: string
  at: Instant
  base: Commit
  /** It failed without any patch, so that no patch can be the reason. */
  unpatched: boolean
}

/** Of unpatched bases; patched runs are told of by their verdicts, which know whose doing a failure is. */
export const sightingsIn = (samples: Sample[]): Sighting[] =>
  samples
    .filter(({ series }) => series === undefined)
    .flatMap(({ image, step, run, at, base, state, failed }) => {
      const all = state === 'whole' ? failed : [...failed, { test: '', message: '' }]
      return all.map(one => ({ failure: { image, step, ...one }, run, at, base, unpatched: true }))
    })

/** What a verdict calls known, and what was proven to fail as often without the patch. */
export const sightingsOf = ({ job, base, decidedAt, images }: Verdict): Sighting[] => {
  if (base === undefined) return []
  return images.flatMap(({ image, run = `${job} ${image}`, reported = [], flaky = [] }) =>
    [...reported, ...flaky.filter(({ proof }) => proof !== undefined && proof.without.failed > 0)].map(
      ({ step, test, message, proof }) => ({
        failure: { image, step, test, message },
        ...{ run, at: decidedAt, base: base.commit },
        unpatched: proof !== undefined && proof.without.failed > 0,
      }),
    ),
  )
}

const counts = ({ state }: KnownFailure): boolean => state.at !== 'rejected'

/** Samples that are looked through for an earlier run of a base. */
const maxSamples = 2000

type SeenStore = KnownStore & Pick<Store, 'samples'>

/** Unpatched runs of a step on an image; each step's are read once, however many failures there are. */
type RunsOf = (failure: Failure) => Promise<Sample[]>

const runsIn = (store: SeenStore, project: string): RunsOf => {
  const read = new Map<string, Promise<Sample[]>>()
  return ({ image, step }) => {
    const key = JSON.stringify([image, step])
    const known = read.get(key) ?? store.samples({ project, image, step, patched: false, limit: maxSamples })
    read.set(key, known)
    return known
  }
}

/** The first one that shows that it is back. */
const returnedIn = async (
  { state, seen }: KnownFailure,
  sightings: Sighting[],
  runsOf: RunsOf,
): Promise<Sighting | undefined> => {
  if (state.at !== 'retired') return undefined
  for (const sighting of sightings) {
    const isCounted = seen?.last?.some(({ run }) => run === sighting.run)
    if (!sighting.unpatched || sighting.at <= state.when || isCounted) continue
    // A base that was run before it was retired: what fails there was not mended there yet.
    const isOld = ({ base, at }: Sample) => base === sighting.base && at <= state.when
    if (!(await runsOf(sighting.failure)).some(isOld)) return sighting
  }
  return undefined
}

/**
 * Notes when known failures were seen, and brings back those that were retired: not by a patched run, nor by a base that was tested before.
 * Repeatable: a run counts once. Throws the store's Faults.
 */
export const noteSightings = async (
  store: SeenStore,
  { project, sightings }: { project: string; sightings: Sighting[] },
): Promise<void> => {
  if (sightings.length === 0) return
  const runsOf = runsIn(store, project)
  const byTest = Map.groupBy(sightings, ({ failure }) => failure.test)
  for (const known of (await store.knownFailures({ project })).filter(counts)) {
    const own = [...byTest]
      .filter(([test]) => matchesName(test, known.test))
      .flatMap(([, all]) => all.filter(({ failure }) => matches(known, failure)))
    if (own.length === 0) continue
    const back = await returnedIn(known, own, runsOf)
    await changeKnown(store, known.id, now => {
      const seen = seenIn(now.seen, own)
      const noted = seen === now.seen ? now : { ...now, seen }
      return (back && comeBack(noted, { at: back.at, run: back.run, base: back.base })) ?? noted
    })
  }
}
