// What of incidents everybody may read, and in which words: those of the notices. What only operators hear of is not for the pages.
import type { Incident, LogEntry, Severity } from '../model/incident.ts'
import { overSince } from '../model/incident-machine.ts'
import type { Instant } from '../model/instant.ts'
import { excusedBy, type Maintenance } from '../model/maintenance.ts'
import { troubleRules } from '../model/trouble.ts'
import { capital } from '../model/words.ts'
import { incidentView } from '../stages/notice/view.ts'
import { oneLine } from '../text/clean.ts'
import { render } from '../text/render.ts'
import type { Look } from './look.ts'

export type ShownIncident = {
  id: string
  title: string
  /** Paragraphs: what happened, and what it means for those who wait. */
  paragraphs: string[]
  cause: string
  doing: string
  at: 'open' | 'monitoring' | 'resolved'
  severity: Severity
  since: Instant
  until: Instant | undefined
  nextWord: Instant | undefined
  hosts: string[]
  projects: string[]
  /** Titles of series that wait for it or are run again, and how many more there are. */
  series: string[]
  more: number
  bug: string | undefined
  log: { at: Instant; by: string; what: string }[]
  /** When something was last said or seen of it. */
  changed: Instant
}

type Given = Pick<Look, 'now' | 'series' | 'nextWord'> & {
  maintenances: Maintenance[]
  /** Incidents of these severities wait for an operator's word. */
  hold: Severity[]
}

/** In order of beginning, the newest first. */
export const shownIncidents = (incidents: Incident[], given: Given): ShownIncident[] =>
  incidents
    .filter(one => isPublic(one, given))
    .map(one => shown(one, given))
    .sort((a, b) => b.since - a.since)

const isPublic = (incident: Incident, { hold, maintenances }: Given): boolean =>
  troubleRules[incident.trouble].hear !== 'operators' &&
  incident.state.at !== 'suspected' &&
  incident.mergedInto === undefined &&
  (incident.confirmed !== undefined || !hold.includes(incident.severity)) &&
  excusedBy(incident, windowsAt(incident.since, maintenances), []) === undefined

/** Those that run, or that ran at that time, as if they did now. */
const windowsAt = (at: Instant, maintenances: Maintenance[]): Maintenance[] =>
  maintenances.flatMap(one => {
    if (one.state.at === 'running') return [one]
    if (one.state.at !== 'done' || at < one.from || at > one.state.when) return []
    return [{ ...one, state: { at: 'running', since: one.from } }]
  })

const maxSeries = 15

const shown = (incident: Incident, { now, series, nextWord }: Given): ShownIncident => {
  const { id, state, severity, since, affects, bug } = incident
  const titles = affects.series.flatMap(one => series.get(one)?.words ?? [])
  const at = state.at === 'suspected' ? 'open' : state.at
  return {
    ...{ id, severity, since, at, until: overSince(incident), ...words(incident, now) },
    nextWord: state.at === 'open' ? nextWord.get(id) : undefined,
    hosts: affects.hosts.map(name => oneLine(name, 60)),
    projects: affects.projects,
    series: titles.slice(0, maxSeries),
    more: Math.max(0, titles.length - maxSeries),
    bug: bug !== undefined && /^https?:\/\//i.test(bug) ? bug : undefined,
    log: incident.log.map(entry => publicEntry(entry)),
    changed: Math.max(since, ...incident.log.map(entry => entry.at), incident.resolved?.at ?? 0),
  }
}

const words = (
  incident: Incident,
  now: Instant,
): Pick<ShownIncident, 'title' | 'paragraphs' | 'cause' | 'doing'> => {
  const isOver = incident.state.at === 'resolved'
  const said = { kind: isOver ? 'resolved' : 'first', alone: true, news: false, next: undefined } as const
  const n = incidentView(incident, said, {
    progress: { waiting: [], ids: [], done: 0 },
    into: '',
    page: '',
    now,
  })
  const title = oneLine(render('notice-subject', { n }).join(' '), 160)
  const isOpen = !isOver && incident.state.at !== 'monitoring'
  const told = [...render('notice-what', { n }), ...(isOpen ? ['', ...render('notice-means', { n })] : [])]
  return {
    title: capital(title),
    paragraphs: told
      .join('\n')
      .split(/\n\s*\n/)
      .map(text => oneLine(text, 600))
      .filter(text => text !== ''),
    cause: n.cause,
    doing: isOver ? '' : n.doing,
  }
}

/** What detectors say holds paths and commands for operators: of theirs the page tells only what it was. */
const ownWords: [RegExp, string | undefined][] = [
  [/^it is back\b/, 'it is back'],
  [/^it is over, and watched/, 'it is over, and watched for a while'],
  [/^it is over\b/, 'it is over'],
  [/^it stayed quiet/, 'it stayed quiet: resolved'],
  [/^switched its power/, undefined],
]

const publicEntry = ({ at, by, what }: LogEntry): ShownIncident['log'][number] => {
  if (by !== 'grapevine') {
    const isAmended = /^(?:cause|doing|severity|owner|detail): /.test(what)
    return { at, by: 'operator', what: isAmended ? 'wrote what is known' : oneLine(what, 400) }
  }
  const own = ownWords.find(([sign]) => sign.test(what))
  return { at, by: 'Grapevine', what: own === undefined ? 'noticed' : (own[1] ?? oneLine(what, 200)) }
}
