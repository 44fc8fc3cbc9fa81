// What an incident casts doubt on: runs on its hosts or images, from somewhat before it was noticed until it was over. Pure.
//
// In its shadow a failure proves nothing: a disk that lies or a kernel that corrupts memory gives any failure there is. And what could not be
// tested there was not tested because of it. Both are done once more, and nothing of it is told before.
import { holds, type Incident, type IncidentId, type Trouble } from './incident.ts'
import { overSince } from './incident-machine.ts'
import type { Instant, Millis } from './instant.ts'
import type { RunEnd } from './run-end.ts'
import { stable } from './sameness.ts'
import type { Series } from './series.ts'
import { isCancelled, type Verdict } from './verdict.ts'

const minute: Millis = 60_000
const hour = 60 * minute
const day = 24 * hour

type Rule = {
  /** So long it may have been so before anybody noticed. */
  lagMs: Millis
  /** What a guest did then proves nothing. undefined: only what ended as trouble of ours was struck by it. */
  doubts?: true
}

/** What a lost host ran goes on elsewhere by itself; what takes one host after another down must not be run again for ever.
 *  Storage is compared with its digests within a week; hosts are compared with each other over three days. */
const rules: Partial<Record<Trouble, Rule>> = {
  'image-damaged': { lagMs: 7 * day, doubts: true },
  // Whatever fails in a clone has its template's bytes compared: what is blamed on patches had sound ones.
  'template-damaged': { lagMs: day },
  'disk-error': { lagMs: hour, doubts: true },
  'host-unqualified': { lagMs: hour, doubts: true },
  'guests-failing': { lagMs: 3 * hour, doubts: true },
  'host-fails-more': { lagMs: 3 * day, doubts: true },
  'infra-repeats': { lagMs: 2 * hour },
  'disk-reserve': { lagMs: hour },
  'image-unserved': { lagMs: 10 * minute },
  'queue-stuck': { lagMs: hour },
  'database-unreachable': { lagMs: 10 * minute },
  'redis-unreachable': { lagMs: 10 * minute },
}

export type Shadow = {
  incident: IncidentId
  /** Another for each time that it came back. */
  key: string
  trouble: Trouble
  from: Instant
  /** undefined: it holds. */
  to: Instant | undefined
  /** undefined: any. */
  host: string | undefined
  image: string | undefined
  /** Of the same outcome that is ours, many times: which. */
  what: string | undefined
  doubts: boolean
}

const imageOf = ({ trouble, host, about }: Incident): string | undefined => {
  if (trouble === 'image-damaged' || trouble === 'image-unserved') return about
  return trouble === 'guests-failing' && host === undefined ? about : undefined
}

/** undefined: it casts none: it is only suspected, or nothing that runs is touched by it. */
export const shadowOf = (incident: Incident): Shadow | undefined => {
  const { id, trouble, since, host, about, flaps, state } = incident
  const rule = rules[trouble]
  if (!rule || state.at === 'suspected') return undefined
  return {
    ...{ incident: id, trouble, host, from: since - rule.lagMs, to: overSince(incident) },
    key: flaps === 0 ? id : `${id}.${flaps}`,
    image: imageOf(incident),
    what: trouble === 'infra-repeats' ? about : undefined,
    doubts: rule.doubts === true && incident.resolved?.real !== true,
  }
}

/** Asked for, or of a run that was put back and is run again anyhow. */
const isStopped = ({ what = '' }: RunEnd): boolean => ['stopped', 'cancelled', 'taken'].includes(what)

export type ShadowedRun = Pick<RunEnd, 'host' | 'image' | 'startedAt' | 'endedAt' | 'kind'> & {
  what?: string
}

const isThere = (shadow: Shadow, run: ShadowedRun): boolean =>
  run.endedAt >= shadow.from &&
  run.startedAt < (shadow.to ?? Number.POSITIVE_INFINITY) &&
  (shadow.host === undefined || shadow.host === run.host) &&
  (shadow.image === undefined || shadow.image === run.image)

/** doubted: what it showed proves nothing · struck: it ended as ours, by it · undefined: it is not in the shadow. */
export const fateIn = (shadow: Shadow, run: ShadowedRun): 'doubted' | 'struck' | undefined => {
  if (!isThere(shadow, run)) return undefined
  if (run.kind !== 'ours') return shadow.doubts ? 'doubted' : undefined
  if (isStopped(run as RunEnd)) return undefined
  return shadow.what === undefined || stable(run.what ?? '') === shadow.what ? 'struck' : undefined
}

/** What was found wrong by runs, and would be told as somebody's doing: the patches', or the base's. */
const blames: ReadonlySet<Verdict['finding']['kind']> = new Set([
  ...(['new-failures', 'build-broken', 'does-not-apply', 'base-broken'] as const),
])

const isUntested = ({ finding, images }: Verdict): boolean =>
  finding.kind === 'ours' || images.some(({ kind }) => kind === 'untested')

/** Does it tell of the base only, or of what could not be tested, perhaps as the base could not? */
export const isOfBase = (verdict: Verdict): boolean =>
  verdict.finding.kind === 'base-broken' || isUntested(verdict)

/** May a verdict be wrong, or say too little, that stands on a run with this fate? */
export const isShaken = (verdict: Verdict, fate: 'doubted' | 'struck'): boolean =>
  (fate === 'doubted' && blames.has(verdict.finding.kind)) || isUntested(verdict)

/** Longer nobody waits for the end of an incident: what is known then is told. */
export const longestHoldMs: Millis = day

/** So soon after the end it is seen that a series is to be run again. */
const soonMs: Millis = 10 * minute

/** Does a verdict wait for the end of this incident, or for being run again after it? */
export const makesWait = (shadow: Shadow, incident: Incident, now: Instant): boolean => {
  if (now - incident.since > longestHoldMs + soonMs) return false
  return holds(incident)
    ? now - incident.since <= longestHoldMs
    : shadow.to !== undefined && now - shadow.to <= soonMs
}

/** A series may be what brings the trouble about. */
const mostRounds = 6

/** The series as it is planned once more; undefined: it went on without that, or somebody ended it. */
export const repeated = (
  series: Series | undefined,
  { job, shadow, verdict }: { job: string; shadow: Shadow; verdict: Verdict | undefined },
): Series | undefined => {
  if (series?.state.at !== 'planned' || series.state.job !== job) return undefined
  if (isCancelled(verdict, series) || (series.round ?? 0) >= mostRounds) return undefined
  const incident = shadow.to === undefined ? `${shadow.key}.elsewhere` : shadow.key
  if (series.again?.incident === incident) return undefined
  const avoid = shadow.doubts && shadow.host !== undefined ? { avoid: shadow.host } : {}
  return {
    ...series,
    again: { incident, ...avoid },
    round: (series.round ?? 0) + 1,
    state: { at: 'complete' },
  }
}
