// Failures that are alike and were held back: when nothing like it comes any more, their incident ends; and after it, or when an operator
// ended it, the series that it concerned are planned once more, against a base line that is made anew. stages/judge/alike.ts held them.
import { heldBy, isAbout, realMs, waitsFor } from '../../model/alike.ts'
import type { Blame } from '../../model/blame.ts'
import type { Incident } from '../../model/incident.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Job, JobId } from '../../model/job.ts'
import type { Series } from '../../model/series.ts'
import { isCancelled } from '../../model/verdict.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'

export type AlikePorts = { store: Store; clock: Clock; log: Log }

export type AlikeProject = { name: string; withinMs: Millis }

/** Has nothing like it come for a quarter of the time in which failures count as alike? After all of that time it ends in any case: what
 *  is run then tells. */
export const isQuiet = (
  incident: Incident,
  blames: Blame[],
  { now, withinMs }: { now: number; withinMs: Millis },
): boolean => {
  const newest = Math.max(incident.since, ...blames.map(({ at }) => at))
  return now - newest >= withinMs / 4 || now - incident.since >= withinMs
}

const endQuiet = async (
  { store, clock, log }: AlikePorts,
  incident: Incident,
  given: { blames: Blame[]; withinMs: Millis },
): Promise<void> => {
  const now = clock.now()
  if (!isQuiet(incident, given.blames, { now, withinMs: given.withinMs })) return
  const how = 'nothing like it came any more; the series are run again by themselves'
  if ((await store.resolveIncidents(incident, { at: now, how })) > 0)
    log('info', `incident ${incident.trouble} (${incident.about}) is over: ${how}`)
}

/** The series as it is planned once more for the incident; undefined: it went on without that, or was run again for it already. */
const again = (series: Series | undefined, blame: Blame, incident: Incident): Series | undefined => {
  if (series?.state.at !== 'planned' || series.state.job !== blame.job) return undefined
  if (series.again?.incident === incident.id) return undefined
  const on = / on host (\S+)$/.exec(incident.about)?.[1]
  return {
    ...series,
    again: { incident: incident.id, ...(on === undefined ? {} : { avoid: on }) },
    round: (series.round ?? 0) + 1,
    state: { at: 'complete' },
  }
}

/** Is the incident one of that project? */
const isOf = ({ about }: Incident, project: string): boolean => about.startsWith(`${project}: `)

/** The series that the incident, which is over, made wait, each once. */
const heldOnes = (incident: Incident, blames: Blame[], withinMs: Millis): Blame[] => {
  const own = blames.filter(blame => isAbout(incident, blame) && heldBy(incident, blame, withinMs))
  return [...new Map(own.map(blame => [`${blame.series} ${blame.job}`, blame])).values()]
}

const runAgain = async (
  { store, log }: AlikePorts,
  incident: Incident,
  given: { blames: Blame[]; withinMs: Millis },
): Promise<Series[]> => {
  const found: Series[] = []
  for (const blame of heldOnes(incident, given.blames, given.withinMs)) {
    const next = again(await store.series(blame.series), blame, incident)
    if (!next || isCancelled(await store.verdict(next.id), next)) continue
    await store.saveSeries([next])
    found.push(next)
    log('info', `run again after incident ${incident.id}`, { series: next.id })
  }
  return found
}

/** What was looked at already: the incidents as they were, and the minute. */
export type AlikeWatch = { seen: string }

const minuteMs: Millis = 60_000

/** Blames are many, and a week old at most: they are read when an incident began or ended, and once a minute. */
const turnOf = (incidents: Incident[], now: Instant): string =>
  `${Math.floor(now / minuteMs)} ${incidents.map(({ id, resolved }) => `${id} ${resolved?.at}`).join()}`

/**
 * Ends incidents by themselves, and returns the series that are to be planned again; those that were told what is alike are among them, as they
 * may have been told wrongly. Repeatable: a series is run again once for an incident. Call it in turn. Throws the store's Faults.
 */
export const tendAlike =
  (ports: AlikePorts) =>
  async (projects: AlikeProject[], watch: AlikeWatch = { seen: '' }): Promise<Series[]> => {
    const { store, clock } = ports
    const now = clock.now()
    const since = now - realMs
    const ours = async () =>
      (await store.incidents({ since })).filter(
        ({ trouble, resolved }) =>
          trouble === 'alike-failures' && (resolved === undefined || resolved.at > since),
      )
    const incidents = await ours()
    if (incidents.length === 0 || watch.seen === turnOf(incidents, now)) return []
    const found: Series[] = []
    for (const { name, withinMs } of projects) {
      const blames = await store.blames({ project: name, since: since - withinMs })
      for (const incident of incidents.filter(one => isOf(one, name) && !one.resolved)) {
        const own = blames.filter(blame => isAbout(incident, blame))
        await endQuiet(ports, incident, { blames: own, withinMs })
      }
      const over = (await ours()).filter(one => isOf(one, name) && one.resolved && !one.resolved.real)
      for (const incident of over) found.push(...(await runAgain(ports, incident, { blames, withinMs })))
    }
    watch.seen = turnOf(await ours(), now)
    return found
  }

/** Of these jobs, those whose verdict waits for the end of an incident: there is no use in looking at them before. */
export const heldJobs = async (store: Store, clock: Clock, jobs: Job[]): Promise<Set<JobId>> => {
  const open = (await store.incidents({ open: true })).filter(({ trouble }) => trouble === 'alike-failures')
  const found = new Set<JobId>()
  if (open.length === 0) return found
  for (const project of new Set(jobs.map(job => job.project)))
    for (const blame of await store.blames({ project, since: clock.now() - realMs }))
      if (open.some(incident => waitsFor(incident, blame))) found.add(blame.job)
  return found
}
