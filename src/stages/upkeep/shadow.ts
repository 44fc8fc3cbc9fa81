// After the storm: series whose verdicts stand on runs in the shadow of an incident are planned once more when it is over, against a base line
// that is made anew; while it lasts, on another host if there is one. Replies that were held (stages/judge/shadow.ts) go out with what is
// found then; where something else was told before, one correction follows in its thread, as after any other second look.
import { type Host, holdsNow } from '../../model/host.ts'
import { holds, type Incident, type IncidentId } from '../../model/incident.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Job, JobId } from '../../model/job.ts'
import type { RunEnd } from '../../model/run-end.ts'
import type { Series, SeriesId } from '../../model/series.ts'
import { fateIn, isOfBase, isShaken, makesWait, repeated, type Shadow, shadowOf } from '../../model/shadow.ts'
import { standingOf } from '../../model/standing.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'

export type ShadowPorts = {
  store: Store
  clock: Clock
  log: Log
  /** Notes in the incident that these are run again. */
  note(incident: IncidentId, series: Series[]): Promise<void>
}

/** What was looked at already. */
export type ShadowWatch = { seen: string; jobs: Map<JobId, Job> }

export const shadowWatch = (): ShadowWatch => ({ seen: '', jobs: new Map() })

const minuteMs: Millis = 60_000
const hourMs: Millis = 60 * minuteMs

/** So long after its end an incident is looked at again: runs that began in it end after it. */
const afterMs: Millis = 24 * 60 * minuteMs

const maxEnds = 20_000
/** Of one incident: more would be a second storm. Those that are left keep what they were told. */
const maxRepeated = 200
const maxJobs = 20_000

type Fate = { job: JobId; fate: 'doubted' | 'struck' }
type Shaken = { job: Job; fate: Fate['fate'] }

const fatesIn = (shadow: Shadow, ends: RunEnd[]): Fate[] => {
  const found = new Map<JobId, Fate>()
  for (const end of ends) {
    const fate = fateIn(shadow, end)
    if (fate === undefined || found.get(end.job)?.fate === 'doubted') continue
    found.set(end.job, { job: end.job, fate })
  }
  return [...found.values()]
}

const jobOf = async (store: Store, id: JobId, { jobs }: ShadowWatch): Promise<Job | undefined> => {
  const known = jobs.get(id) ?? (await store.job(id))
  if (jobs.size > maxJobs) jobs.clear()
  if (known) jobs.set(id, known)
  return known
}

const isBusy = async (store: Store, job: JobId): Promise<boolean> =>
  (await store.tasksOf(job)).some(({ state }) => state.at === 'queued' || state.at === 'running')

/** While an incident lasts, only what is over is worth another run elsewhere; after it, all that was touched. */
const again = async (
  store: Store,
  { job, fate, shadow }: { job: Job; fate: Fate['fate']; shadow: Shadow },
): Promise<Series | undefined> => {
  const series = job.series === undefined ? undefined : await store.series(job.series)
  if (!series) return undefined
  const verdict = await store.verdict(series.id)
  const next = repeated(series, { job: job.id, shadow, verdict })
  if (!next) return undefined
  if (verdict?.job === job.id) return isShaken(verdict, fate) ? next : undefined
  if (shadow.to === undefined) return (await isBusy(store, job.id)) ? undefined : next
  // What is struck before its verdict is tried again by itself, or has come to its end as ours.
  return fate === 'doubted' || !(await isBusy(store, job.id)) ? next : undefined
}

/** Series of which nothing else is known than that their base is broken, or was not tested: by a base line that is in the shadow. */
const uponBases = async (store: Store, bases: Map<JobId, Shaken>, since: Instant): Promise<Shaken[]> => {
  const found: Shaken[] = []
  for (const project of new Set([...bases.values()].map(({ job }) => job.project)))
    for (const { id, state, lastAt } of await store.seriesIn({ project, at: 'planned' })) {
      if (lastAt < since || state.at !== 'planned' || state.job === undefined) continue
      const verdict = await store.verdict(id)
      if (verdict?.job === state.job && !isOfBase(verdict)) continue
      const job = await store.job(state.job)
      const base = job?.baseline === undefined ? undefined : bases.get(job.baseline)
      if (job && base && !(await isBusy(store, base.job.id))) found.push({ job, fate: base.fate })
    }
  return found
}

/** How far back a series is looked for that waits for its base. */
const baseMs: Millis = 30 * 24 * 60 * minuteMs

const shakenJobs = async (
  { store, clock }: ShadowPorts,
  shadow: Shadow,
  given: { ends: RunEnd[]; watch: ShadowWatch },
): Promise<Shaken[]> => {
  const found: Shaken[] = []
  for (const { job: id, fate } of fatesIn(shadow, given.ends)) {
    const job = await jobOf(store, id, given.watch)
    if (job) found.push({ job, fate })
  }
  const bases = found.filter(({ job }) => job.series === undefined)
  if (bases.length === 0 || shadow.to === undefined) return found
  const byId = new Map(bases.map(one => [one.job.id, one]))
  return [...found, ...(await uponBases(store, byId, clock.now() - baseMs))]
}

/** Another host that takes all that the job needs. */
const isElsewhere = (job: Job, { host }: Shadow, hosts: Host[]): boolean => {
  const needed = [job.recipe.build.image, ...job.recipe.test.images]
  const others = hosts.filter(({ name }) => name !== host)
  return needed.every(image => others.some(({ images }) => images.includes(image)))
}

const workingHosts = async ({ store, clock }: ShadowPorts): Promise<Host[]> => {
  const now = clock.now()
  const held = (await store.holds()).filter(hold => holdsNow(hold, now))
  return (await store.hosts()).filter(host => standingOf(host, held, now).at === 'works')
}

const runAgain = async (
  ports: ShadowPorts,
  shadow: Shadow,
  given: { ends: RunEnd[]; watch: ShadowWatch; hosts: Host[] },
): Promise<Series[]> => {
  const { store, log } = ports
  const found = new Map<SeriesId, Series>()
  for (const { job, fate } of await shakenJobs(ports, shadow, given)) {
    if (found.size >= maxRepeated) break
    if (shadow.to === undefined && !isElsewhere(job, shadow, given.hosts)) continue
    const next = await again(store, { job, fate, shadow })
    if (next) found.set(next.id, next)
  }
  const all = [...found.values()]
  if (all.length === 0) return []
  // First: what a crash cuts off here is found once more.
  await ports.note(shadow.incident, all)
  await store.saveSeries(all)
  for (const { id } of all)
    log('info', `run again: its runs were in the shadow of incident ${shadow.incident}`, { series: id })
  return all
}

/** While it lasts, only what is in doubt on one host can be had elsewhere. */
const isDue = (shadow: Shadow): boolean =>
  shadow.to !== undefined || (shadow.doubts && shadow.host !== undefined)

const shadowsOf = (incidents: Incident[]): Shadow[] =>
  incidents.flatMap(incident => {
    const shadow = shadowOf(incident)
    return shadow && isDue(shadow) ? [shadow] : []
  })

/** Once a minute while there may be news, later once an hour. */
const turnOf = (shadows: Shadow[], now: Instant): string =>
  `${Math.floor(now / (shadows.some(({ to = now }) => now - to <= hourMs) ? minuteMs : hourMs))} ${shadows.map(({ key, to }) => `${key} ${to}`).join()}`

/**
 * Returns the series that are to be planned again. Costs one query while there was no such incident for a day; else it looks when one began or
 * ended, and once a minute. Repeatable: a series is run again once for an incident, and again if that came back. Call it in turn. Throws
 * the store's Faults.
 */
export const tendShadows =
  (ports: ShadowPorts) =>
  async (watch: ShadowWatch): Promise<Series[]> => {
    const { store, clock } = ports
    const now = clock.now()
    const shadows = shadowsOf(await store.incidents({ since: now - afterMs }))
    const turn = turnOf(shadows, now)
    if (shadows.length === 0 || watch.seen === turn) return []
    const since = Math.min(...shadows.map(({ from }) => from))
    const ends = await store.runEnds({ since, limit: maxEnds })
    const hosts = await workingHosts(ports)
    const found: Series[] = []
    for (const shadow of shadows) found.push(...(await runAgain(ports, shadow, { ends, watch, hosts })))
    watch.seen = turn
    return found
  }

/** Of these jobs, those whose verdict waits for the end of an incident, and which: there is no use in looking at them before.
 *  `settledMs`: not those of which something ended within it, as they may be about to be judged. */
export const shadedJobs = async (
  store: Store,
  clock: Clock,
  { jobs, settledMs = 0 }: { jobs: Job[]; settledMs?: Millis },
): Promise<Map<JobId, IncidentId>> => {
  const now = clock.now()
  const found = new Map<JobId, IncidentId>()
  if (jobs.length === 0) return found
  const shadows = (await store.incidents({ open: true })).filter(holds).flatMap(incident => {
    const shadow = shadowOf(incident)
    return shadow && makesWait(shadow, incident, now) ? [shadow] : []
  })
  if (shadows.length === 0) return found
  const busy = new Set(
    [...(await store.tasksAt('queued')), ...(await store.tasksAt('running'))].map(one => one.job),
  )
  const idle = new Set(jobs.map(({ id }) => id).filter(id => !busy.has(id)))
  if (idle.size === 0) return found
  const since = Math.min(...shadows.map(({ from }) => from))
  const ends = (await store.runEnds({ since, limit: maxEnds })).filter(({ job }) => idle.has(job))
  const fresh = new Set(ends.filter(({ endedAt }) => now - endedAt < settledMs).map(({ job }) => job))
  for (const shadow of shadows)
    for (const { job } of fatesIn(shadow, ends)) {
      if (!found.has(job) && !fresh.has(job)) found.set(job, shadow.incident)
    }
  return found
}
