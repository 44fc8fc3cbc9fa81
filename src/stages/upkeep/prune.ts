// History that nobody asks for any more goes: what is older than the last bases, or too old at all.
import type { Instant, Millis } from '../../model/instant.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'

const day: Millis = 86_400_000
/** However few bases there were. */
const longestMs: Millis = 90 * day
/** However many: what was seen lately elsewhere is of use. */
const shortestMs: Millis = 7 * day

/** When the last so many bases of each branch began; undefined: a branch had fewer. */
const beginOf = async (store: Store, project: string, bases: number): Promise<Instant | undefined> => {
  const jobs = await store.baselines({ project, limit: 20 * bases })
  const begins = [...Map.groupBy(jobs, ({ baseName }) => baseName).values()].map(own => {
    const first = [...new Map(own.map(job => [job.base, job.createdAt])).values()]
    return first.length < bases ? undefined : first[bases - 1]
  })
  return begins.includes(undefined) ? undefined : Math.min(...begins.map(begin => begin ?? 0))
}

/** Keeps what the last `bases` bases of every branch said, at least a week of it and at most 90 days; and what was held against patches for
 *  90 days. Returns how many samples went. Repeatable. Throws the store's Faults. */
export const pruneHistory = async (
  { store, clock }: { store: Store; clock: Clock },
  { project, bases }: { project: string; bases: number },
): Promise<number> => {
  const now = clock.now()
  // Incidents look back for a week; who asks what an older one was about still finds it.
  await store.pruneBlames(now - longestMs, project)
  const begin = (await beginOf(store, project, bases)) ?? 0
  return store.pruneSamples(Math.max(now - longestMs, Math.min(begin, now - shortestMs)), project)
}
