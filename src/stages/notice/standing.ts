// How things stand, in short: for the status page, and kept beside the database for when that is away.
import type { Hold } from '../../model/host.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import { holdOn, standingOf } from '../../model/standing.ts'
import type { Standing } from '../../ports/journal.ts'
import type { Store } from '../../ports/store.ts'

/** So far back goes what people are shown of incidents and maintenance. */
export const historyMs: Millis = 90 * 86_400_000

type StandingStore = Pick<
  Store,
  'incidents' | 'maintenances' | 'jobsWithoutVerdict' | 'seriesIn' | 'lastVerdictAt' | 'hosts' | 'holds'
>

type Waiting = { id: string; project: string; since: Instant }

/** Series that are whole, and of which nothing is said yet. */
const waitingSeries = async (store: StandingStore): Promise<Waiting[]> => {
  const unplanned = (await store.seriesIn({ at: 'complete' })).map(({ id, project, lastAt }) => ({
    ...{ id, project, since: lastAt },
  }))
  const jobs = (await store.jobsWithoutVerdict()).flatMap(({ series, project, createdAt }) =>
    series === undefined ? [] : [{ id: series, project, since: createdAt }],
  )
  const oldest = new Map<string, Waiting>()
  for (const one of [...unplanned, ...jobs])
    if (one.since < (oldest.get(one.id)?.since ?? Number.POSITIVE_INFINITY)) oldest.set(one.id, one)
  return [...oldest.values()]
}

const hostsNow = async (
  store: StandingStore,
  { holds, now }: { holds: Hold[]; now: Instant },
): Promise<Standing['hosts']> => {
  return (await store.hosts()).map(host => {
    const standing = standingOf(host, holds, now)
    const why = {
      works: () => '',
      ended: () => 'its worker is not running',
      lost: () => 'does not answer',
      unfit: () => (standing.at === 'unfit' ? standing.why : ''),
      held: () => (standing.at === 'held' ? standing.hold.reason : ''),
      paused: () => (standing.at === 'paused' ? standing.hold.reason : ''),
    }[standing.at]()
    return { name: host.name, works: standing.at === 'works', why }
  })
}

const pauseIn = (holds: Hold[], now: Instant): Pick<Standing, 'pause'> => {
  const hold = holdOn(holds, { kind: 'queue' }, now)
  if (!hold) return {}
  const { since, until, reason } = hold
  return { pause: { since, reason, ...(until === undefined ? {} : { until }) } }
}

/** Reads it all from the store. Throws its Faults. */
export const readStanding = async (
  store: StandingStore,
  { projects, now }: { projects: string[]; now: Instant },
): Promise<Standing> => {
  const since = now - historyMs
  const waiting = await waitingSeries(store)
  const holds = await store.holds()
  return {
    at: now,
    incidents: await store.incidents({ since }),
    maintenances: await store.maintenances({ since }),
    projects: await Promise.all(
      projects.map(async name => {
        const own = waiting.filter(({ project }) => project === name)
        return {
          name,
          waiting: own.length,
          oldestWaiting: own.length === 0 ? undefined : Math.min(...own.map(one => one.since)),
          lastVerdict: await store.lastVerdictAt(name),
        }
      }),
    ),
    hosts: await hostsNow(store, { holds, now }),
    ...pauseIn(holds, now),
  }
}
