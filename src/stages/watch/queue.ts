// Does the queue move, and how long does the oldest series wait? Pure.
import { type Hold, type Host, holdsNow } from '../../model/host.ts'
import { holds as holdsStill, type Incident } from '../../model/incident.ts'
import { overSince } from '../../model/incident-machine.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Task } from '../../model/job.ts'
import type { SeriesId } from '../../model/series.ts'
import { standingOf } from '../../model/standing.ts'
import type { Found, Over } from './found.ts'

export type QueueFacts = {
  /** Tasks that may be run now. */
  due: Task[]
  running: Task[]
  hosts: Host[]
  holds: Hold[]
  /** When a run last began or ended; undefined: none did, as far as we know. */
  movedAt: Instant | undefined
  /** Since when something is due, and we look. */
  dueSince: Instant
  now: Instant
}

const isBusy = ({ name }: Host, { running, now }: QueueFacts): boolean =>
  running.some(({ state }) => state.at === 'running' && state.host === name && state.until > now)

const isHeld = ({ image }: Task, { holds, now }: QueueFacts): boolean =>
  holds.some(
    hold =>
      holdsNow(hold, now) &&
      (hold.on.kind === 'queue' || (hold.on.kind === 'image' && hold.on.name === image)),
  )

/** Hosts that could run one of the tasks, and have nothing else to do. */
const idleHosts = (facts: QueueFacts): Host[] =>
  facts.hosts.filter(
    host =>
      standingOf(host, facts.holds, facts.now).at === 'works' &&
      !isBusy(host, facts) &&
      facts.due.some(task => host.images.includes(task.image) && !isHeld(task, facts)),
  )

const minutes = (span: Millis): string => `${Math.floor(span / 60_000)} minutes`

/** Work waits, a host could do it, and for `stuckMs` nothing was begun or ended. */
export const stuckQueue = (facts: QueueFacts, stuckMs: Millis): Found[] => {
  const { due, dueSince, movedAt = dueSince, now } = facts
  const still = now - Math.max(dueSince, movedAt)
  const idle = idleHosts(facts).map(({ name }) => name)
  if (due.length === 0 || still < stuckMs || idle.length === 0) return []
  const tasks = due.length === 1 ? 'one task is' : `${due.length} tasks are`
  const detail =
    `${tasks} due, and for ${minutes(still)} nothing was begun or ended, though ${idle.join(', ')} could do it; ` +
    'see what its worker says, and start it again if it says nothing'
  return [{ trouble: 'queue-stuck', host: undefined, about: 'queue', detail }]
}

export const stuckOver =
  ({ due, movedAt }: QueueFacts): Over =>
  ({ since }) => {
    if (due.length === 0) return 'nothing waits any more'
    return movedAt !== undefined && movedAt > since ? 'work goes on' : undefined
  }

/** A series that somebody waits for. */
export type Waiting = { series: SeriesId; project: string; title: string; since: Instant }

/**
 * Since when nobody was told why they wait: the time in which an incident or a window of maintenance said that does not count. `incidents`: also
 * those that ended lately; `rested`: until when the hosts of a project rested as planned.
 */
export const waitingUntold = (
  waiting: Waiting[],
  { incidents, rested }: { incidents: Incident[]; rested: ReadonlyMap<string, Instant> },
): Waiting[] => {
  const ends = new Map<SeriesId, Instant>()
  for (const incident of incidents.filter(({ trouble }) => trouble !== 'queue-old'))
    for (const id of incident.affects.series)
      ends.set(id, Math.max(ends.get(id) ?? 0, overSince(incident) ?? 0))
  return waiting.map(one => ({
    ...one,
    since: Math.max(one.since, ends.get(one.series) ?? 0, rested.get(one.project) ?? 0),
  }))
}

/** Those for which another incident says why they wait. */
const explained = (incidents: Incident[]): Set<SeriesId> =>
  new Set(
    incidents
      .filter(one => one.trouble !== 'queue-old' && holdsStill(one))
      .flatMap(({ affects }) => affects.series),
  )

const hours = (span: Millis): string => {
  const count = Math.floor(span / 3_600_000)
  return count < 2 ? minutes(span) : `${count} hours`
}

type OldRules = { oldestMs: Millis; incidents: Incident[]; now: Instant }

/** Of each project: has a series waited for longer than `oldestMs`, and no other incident says why? */
export const oldQueues = (waiting: Waiting[], { oldestMs, incidents, now }: OldRules): Found[] => {
  const known = explained(incidents)
  const late = waiting.filter(one => now - one.since >= oldestMs && !known.has(one.series))
  return [...Map.groupBy(late, ({ project }) => project)].map(([project, own]) => {
    const oldest = own.reduce((a, b) => (b.since < a.since ? b : a))
    const all = waiting.filter(one => one.project === project).length
    const detail =
      `the oldest series of ${project} waits for ${hours(now - oldest.since)} (${oldest.series}); ${all} wait in all; ` +
      'see what runs: grapevine queue; more hosts or slots help, or a smaller recipe'
    return { trouble: 'queue-old' as const, host: undefined, about: project, detail }
  })
}

/** When the oldest waits for three quarters of the time only: one more or less at the limit is no news. */
export const oldOver =
  (waiting: Waiting[], { oldestMs, now }: Pick<OldRules, 'oldestMs' | 'now'>): Over =>
  ({ about }) => {
    const late = waiting.filter(one => one.project === about && now - one.since >= (3 * oldestMs) / 4)
    return late.length === 0 ? 'the oldest series waits for no longer than it should' : undefined
  }
