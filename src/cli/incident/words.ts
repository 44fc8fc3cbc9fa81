// An incident in words, for the terminal.
import { isAbout } from '../../model/alike.ts'
import type { Incident } from '../../model/incident.ts'
import { overSince } from '../../model/incident-machine.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { sayDuration } from '../../text/ending.ts'
import { sayInstant } from '../when.ts'

/** What is told in a table of how it stands. */
export const sayState = ({ state, mergedInto }: Incident): string => {
  switch (state.at) {
    case 'suspected':
      return 'suspected'
    case 'open':
      return 'open'
    case 'monitoring':
      return 'watched'
    case 'resolved':
      return mergedInto === undefined ? 'over' : `in ${mergedInto}`
  }
}

/** Who said that it is over, if it was a person. */
const resolver = ({ log }: Incident): string => {
  const by = log.findLast(({ what }) => what.startsWith('resolved: '))?.by
  return by === undefined || by === 'grapevine' ? '' : ` (${by})`
}

/** How it is now, or how it ended. */
export const sayNow = (incident: Incident): string => {
  const { state, resolved, detail } = incident
  const over = overSince(incident)
  if (over === undefined) return detail
  const how = state.at === 'monitoring' ? state.how : (resolved?.how ?? '')
  return `over since ${sayInstant(over)}: ${how}${resolver(incident)}`
}

const stateLine = (incident: Incident, now: number): string => {
  const { state, since, resolved } = incident
  const lasted = (until: number) => sayDuration(Math.max(until - since, 1000))
  switch (state.at) {
    case 'suspected':
      return `suspected; opens at ${sayInstant(state.until)} if it goes on`
    case 'open':
      return `open for ${lasted(now)}`
    case 'monitoring':
      return `${sayNow(incident)}; it lasted ${lasted(state.since)}, and is watched until ${sayInstant(state.until)}`
    case 'resolved':
      return `${sayNow(incident)}; it lasted ${lasted(resolved?.at ?? now)}`
  }
}

const confirmedLine = ({ confirmed }: Incident): string | undefined =>
  confirmed && `${sayInstant(confirmed.at)} by ${confirmed.by}`

/** All that is known of it, line by line. */
export const describe = (incident: Incident, now: number): string[] => {
  const { id, trouble, host, about, since, detail, severity, flaps, affects, log } = incident
  const facts: [string, string | undefined][] = [
    ['incident', id],
    ['since', sayInstant(since)],
    ['state', stateLine(incident, now)],
    ['severity', severity],
    ['came back', flaps === 0 ? undefined : `${flaps} times`],
    ['cause', incident.cause],
    ['doing', incident.doing],
    ['owner', incident.owner],
    ['confirmed', confirmedLine(incident)],
    ['part of', incident.mergedInto],
    ['bug', incident.bug],
    ['hosts', affects.hosts.join(', ') || undefined],
    ['images', affects.images.join(', ') || undefined],
    ['projects', affects.projects.join(', ') || undefined],
    ['series', affects.series.join(', ') || undefined],
  ]
  return [
    `${trouble}${host === undefined ? '' : ` on ${host}`}: ${about}`,
    ...detail.split('; ').map(part => `  ${part}`),
    ...facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(11)}${value}`])),
    ...(log.length === 0 ? [] : ['log']),
    ...log.map(({ at, by, what }) => `  ${sayInstant(at)}  ${by}: ${what}`),
  ]
}

/** Failures from so long before an incident may be alike; see proof.alike.within. */
const backMs = 7 * 86_400_000

/** What series do that an incident of failures that are alike holds back; the newest last. */
export const concerned = async (store: Store, incident: Incident): Promise<string[][]> => {
  if (incident.trouble !== 'alike-failures') return []
  const [project = ''] = incident.about.split(': ', 1)
  const blames = await store.blames({ project, since: incident.since - backMs })
  const own = blames.filter(
    blame => isAbout(incident, blame) && blame.at <= (incident.resolved?.at ?? Number.POSITIVE_INFINITY),
  )
  return Promise.all(
    own.map(async ({ at, series, author, host, image, test, step, sign, job }) => {
      const isTold = (await store.verdictsOf(series)).some(verdict => verdict.job === job)
      const what = oneLine(test === '' ? `${step}: ${sign}` : test, 60)
      return [sayInstant(at), series, author, image, host, what, isTold ? 'told' : 'waits']
    }),
  )
}
