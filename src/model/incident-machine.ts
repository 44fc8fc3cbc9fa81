// Where an event takes an incident; the diagram is atop incident.ts. Pure: who calls it saves what comes back. Beside the flow.
import {
  type Affects,
  affectsNothing,
  type Incident,
  type IncidentEvent,
  type LogEntry,
  newIncident,
  type Trouble,
} from './incident.ts'
import type { Instant } from './instant.ts'
import { troubleRules } from './trouble.ts'

type Given = Pick<Incident, 'id' | 'trouble' | 'host' | 'about' | 'since' | 'detail'>

/** One that a detector has just seen: only suspected at first, if its trouble may pass by itself. */
export const begunIncident = (given: Given, now: Instant): Incident => {
  const { suspectMs, severity } = troubleRules[given.trouble]
  const begun = newIncident({ ...given, severity })
  return suspectMs > 0
    ? { ...begun, state: { at: 'suspected', until: now + suspectMs } }
    : logged(begun, { at: now, by: us, what: given.detail })
}

/** Who it was, in the log, when no person did it. */
const us = 'grapevine'

const logLimit = 200
/** So many of the oldest entries stay: how it began. */
const logBegin = 40

/** At most 200 entries: what is in the middle goes first. */
const logged = (incident: Incident, entry: LogEntry): Incident => {
  const log = [...incident.log, entry]
  if (log.length > logLimit) log.splice(logBegin, log.length - logLimit)
  return { ...incident, log }
}

/** When it was over, as far as we know: for one that is watched, since when it is quiet. undefined: it holds. */
export const overSince = ({ state, resolved }: Incident): Instant | undefined =>
  resolved?.at ?? (state.at === 'monitoring' ? state.since : undefined)

/**
 * The incident after the event; the same object if nothing changes (it came too late, or says nothing new); 'forgotten' if it was
 * suspected, and was nothing. What it affects only grows. Resolved is final; what is said of it afterwards is still kept.
 */
export const nextIncident = (
  incident: Incident,
  event: IncidentEvent,
  now: Instant,
): Incident | 'forgotten' => {
  switch (event.on) {
    case 'raised':
      return raised(incident, event.detail, now)
    case 'cleared':
      return cleared(incident, event, now)
    case 'looked':
      return looked(incident, now)
    case 'affects':
      return touched(incident, event.affects)
    case 'noted':
      return noted(incident, { at: now, by: event.by, what: event.what })
    case 'amended':
      return amended(incident, event, now)
    case 'confirmed':
      return confirmed(incident, event.by, now)
    case 'resolved':
      return resolved(incident, event, now)
    case 'merged':
      return merged(incident, event, now)
    case 'tracked':
      return tracked(incident, event.bug, now)
  }
}

/** Of these, what is seen changes seldom, and each change is news. Of others there are numbers in it, which change all the time. */
const isNews = (trouble: Trouble): boolean => trouble === 'base-broken'

/** It holds: what is seen of it now is told again only if that is news. */
const raised = (incident: Incident, detail: string, now: Instant): Incident => {
  const { state } = incident
  if (state.at === 'suspected') {
    const same = detail === incident.detail ? incident : { ...incident, detail }
    return now < state.until ? same : opened(same, now)
  }
  if (state.at === 'open' && isNews(incident.trouble) && detail !== incident.detail)
    return logged({ ...incident, detail }, { at: now, by: us, what: detail })
  if (state.at !== 'monitoring') return incident
  const back: Incident = { ...incident, state: { at: 'open' }, detail, flaps: incident.flaps + 1 }
  return logged(back, { at: now, by: us, what: `it is back: ${detail}` })
}

/** Said twice, it is one: whoever says it may not know whether it was kept. */
const noted = (incident: Incident, entry: LogEntry): Incident => {
  const last = incident.log.at(-1)
  return last?.by === entry.by && last.what === entry.what ? incident : logged(incident, entry)
}

const opened = (incident: Incident, now: Instant): Incident =>
  logged({ ...incident, state: { at: 'open' } }, { at: now, by: us, what: incident.detail })

const cleared = (
  incident: Incident,
  { how, settleMs: wanted }: IncidentEvent & { on: 'cleared' },
  now: Instant,
): Incident | 'forgotten' => {
  if (incident.state.at === 'suspected') return 'forgotten'
  if (incident.state.at !== 'open') return incident
  const usual = troubleRules[incident.trouble].settleMs
  const settleMs = usual === 0 ? 0 : (wanted ?? usual)
  if (settleMs === 0)
    return ended(incident, { at: now, how }, { at: now, by: us, what: `it is over: ${how}` })
  const state = { at: 'monitoring', since: now, until: now + settleMs, how } as const
  return logged({ ...incident, state }, { at: now, by: us, what: `it is over, and watched: ${how}` })
}

const looked = (incident: Incident, now: Instant): Incident => {
  const { state } = incident
  if (state.at === 'suspected' && now >= state.until) return opened(incident, now)
  if (state.at !== 'monitoring' || now < state.until) return incident
  const over = { at: state.since, how: state.how }
  return ended(incident, over, { at: now, by: us, what: 'it stayed quiet: resolved' })
}

const ended = (incident: Incident, over: NonNullable<Incident['resolved']>, entry: LogEntry): Incident =>
  logged({ ...incident, state: { at: 'resolved' }, resolved: over }, entry)

/** More series than anybody reads in a notice. */
const seriesLimit = 1000

const union = (before: string[], now: string[]): string[] =>
  now.every(one => before.includes(one)) ? before : [...new Set([...before, ...now])].sort()

const touched = (incident: Incident, { hosts, images, projects, series }: Affects): Incident => {
  const { affects } = incident
  const grown: Affects = {
    hosts: union(affects.hosts, hosts),
    images: union(affects.images, images),
    projects: union(affects.projects, projects),
    series: affects.series.length >= seriesLimit ? affects.series : union(affects.series, series),
  }
  const isSame = keys.every(key => grown[key] === affects[key])
  return isSame ? incident : { ...incident, affects: grown }
}

const keys = Object.keys(affectsNothing) as (keyof Affects)[]

const amendable = ['cause', 'doing', 'severity', 'owner', 'detail'] as const

const amended = (incident: Incident, event: IncidentEvent & { on: 'amended' }, now: Instant): Incident => {
  const changed = amendable.filter(key => event[key] !== undefined && event[key] !== incident[key])
  if (changed.length === 0) return incident
  const what = changed.map(key => `${key}: ${event[key]}`).join('; ')
  const words = Object.fromEntries(changed.map(key => [key, event[key]]))
  return logged({ ...incident, ...words }, { at: now, by: event.by, what })
}

const confirmed = (incident: Incident, by: string, now: Instant): Incident =>
  incident.confirmed
    ? incident
    : logged(
        { ...incident, confirmed: { at: now, by } },
        { at: now, by, what: 'confirmed: others may hear of it' },
      )

const resolved = (
  incident: Incident,
  { by, how, real }: IncidentEvent & { on: 'resolved' },
  now: Instant,
): Incident => {
  if (incident.state.at === 'resolved') return incident
  const at = overSince(incident) ?? now
  const over = { at, how, ...(real ? { real } : {}) }
  return ended(incident, over, { at: now, by, what: `${byHand}${how}` })
}

const byHand = 'resolved: '

/** When a person said that it is over, and who; undefined: nobody did, or it is not. */
export const endedByHand = ({ resolved, log }: Pick<Incident, 'resolved' | 'log'>): LogEntry | undefined =>
  resolved && log.findLast(({ by, what }) => by !== us && what.startsWith(byHand))

const merged = (
  incident: Incident,
  { by, into }: IncidentEvent & { on: 'merged' },
  now: Instant,
): Incident => {
  if (incident.state.at === 'resolved' || into === incident.id) return incident
  const at = overSince(incident) ?? now
  const what = `it is a part of ${into}`
  return ended({ ...incident, mergedInto: into }, { at, how: what }, { at: now, by, what })
}

const tracked = (incident: Incident, bug: string, now: Instant): Incident =>
  incident.bug === bug
    ? incident
    : logged({ ...incident, bug }, { at: now, by: us, what: `its bug is ${bug}` })
