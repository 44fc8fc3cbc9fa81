// Failures that are alike and were held back: when nothing like it comes any more, their incident ends; and after it, or when an operator
// ended it, the series that it concerned are planned once more, against a base line that is made anew. stages/judge/alike.ts held them.
import { heldBy, isAbout, realMs, waitsFor } from '../../model/alike.ts'
import type { Blame } from '../../model/blame.ts'
import type { Incident } from '../../model/incident.ts'
import type { Millis } from '../../model/instant.ts'
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

/**
 * Ends incidents by themselves, and returns the series that are to be planned again; those that were told what is alike are among them, as they
 * may have been told wrongly. Repeatable: a series is run again once for an incident. Call it in turn. Throws the store's Faults.
 */
export const tendAlike =
  (ports: AlikePorts) =>
  async (projects: AlikeProject[]): Promise<Series[]> => {
    const { store, clock, log } = ports
    const since = clock.now() - realMs
    const isOurs = ({ trouble, resolved }: Incident) =>
      trouble === 'alike-failures' && (resolved === undefined || resolved.at > since)
    if (!(await store.incidents()).some(isOurs)) return []
    const found: Series[] = []
    for (const { name, withinMs } of projects) {
      const blames = await store.blames({ project: name, since: since - withinMs })
      for (const incident of (await store.incidents({ open: true })).filter(isOurs)) {
        const own = blames.filter(blame => isAbout(incident, blame))
        if (own.length > 0) await endQuiet(ports, incident, { blames: own, withinMs })
      }
      const over = (await store.incidents({ open: false })).filter(isOurs)
      for (const incident of over) {
        if (incident.resolved?.real) continue
        for (const blame of blames) {
          if (!isAbout(incident, blame) || !heldBy(incident, blame, withinMs)) continue
          const series = await store.series(blame.series)
          const next = again(series, blame, incident)
          if (!next || isCancelled(await store.verdict(next.id), next)) continue
          await store.saveSeries([next])
          found.push(next)
          log('info', `run again after incident ${incident.id}`, { series: next.id })
        }
      }
    }
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
