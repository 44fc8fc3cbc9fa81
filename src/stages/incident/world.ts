// What affects.ts looks at, read from the store: only when an incident lives, and then now and then.
import { holdsNow } from '../../model/host.ts'
import { holds, type Incident } from '../../model/incident.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { JobId } from '../../model/job.ts'
import type { SeriesId } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import type { World } from './affects.ts'

type OfJob = { series: SeriesId | undefined; project: string }

/** Which series a job is of: that never changes. */
export type JobMemory = Map<JobId, OfJob>

const maxJobs = 20_000
const maxEnds = 5_000

const jobOf = async (store: Store, jobs: JobMemory, id: JobId): Promise<OfJob | undefined> => {
  const known = jobs.get(id)
  if (known) return known
  const job = await store.job(id)
  if (!job) return undefined
  if (jobs.size >= maxJobs) jobs.clear()
  const of = { series: job.series, project: job.project }
  jobs.set(id, of)
  return of
}

/** With the series that each is of; those of bases are nobody's. */
const ofSeries = async <T extends { job: JobId }>(
  store: Store,
  jobs: JobMemory,
  all: T[],
): Promise<(T & { series: SeriesId; project: string })[]> => {
  const found: (T & { series: SeriesId; project: string })[] = []
  for (const one of all) {
    const of = await jobOf(store, jobs, one.job)
    if (of?.series !== undefined) found.push({ ...one, series: of.series, project: of.project })
  }
  return found
}

const downTroubles = new Set(['host-lost', 'host-unqualified', 'disk-reserve'])

const downHosts = async (
  store: Store,
  live: Incident[],
  now: Instant,
): Promise<Pick<World, 'hosts' | 'down'>> => {
  const hosts = await store.hosts()
  const held = (await store.holds()).filter(hold => holdsNow(hold, now))
  const down = [
    ...hosts.filter(host => host.stoppedAt !== undefined || host.unfit !== undefined).map(({ name }) => name),
    ...held.flatMap(({ on }) => (on.kind === 'host' ? [on.name] : [])),
    ...live.filter(one => holds(one) && downTroubles.has(one.trouble)).flatMap(({ host }) => host ?? []),
  ]
  return { hosts, down: new Set(down) }
}

const unsentOf = async (store: Store): Promise<World['unsent']> => {
  const replies = [...(await store.repliesAt('pending')), ...(await store.repliesAt('sending'))]
  return replies.flatMap(({ series, project }) => (series === undefined ? [] : [{ series, project }]))
}

const blamesOf = async (
  store: Store,
  live: Incident[],
  projects: World['projects'],
): Promise<World['blames']> => {
  const since = Math.min(...live.filter(one => one.trouble === 'alike-failures').map(one => one.since))
  if (since === Number.POSITIVE_INFINITY) return []
  const all = projects.map(({ name, alikeWithinMs }) =>
    store.blames({ project: name, since: since - alikeWithinMs }),
  )
  return (await Promise.all(all)).flat()
}

export type Looking = {
  live: Incident[]
  projects: World['projects']
  jobs: JobMemory
  /** Runs that ended after that. */
  since: Instant
  now: Instant
}

/** How things stand, for the live incidents. Throws the store's Faults. */
export const worldOf = async (
  store: Store,
  { live, projects, jobs, since, now }: Looking,
): Promise<World> => ({
  ...(await downHosts(store, live, now)),
  waiting: await ofSeries(store, jobs, await store.tasksAt('queued')),
  ends: await ofSeries(store, jobs, await store.runEnds({ since, limit: maxEnds })),
  unsent: live.some(({ trouble }) => trouble === 'mail-unreachable') ? await unsentOf(store) : [],
  blames: await blamesOf(store, live, projects),
  projects,
})

/** So far back runs are looked at again: they may be noted late. */
export const endsLagMs: Millis = 10 * 60_000
