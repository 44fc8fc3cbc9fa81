// A look at how things stand → what the page and the feeds say. Pure but for the words of the notices.
import type { Severity } from '../model/incident.ts'
import type { Instant } from '../model/instant.ts'
import type { Maintenance } from '../model/maintenance.ts'
import type { Standing } from '../ports/journal.ts'
import { oneLine } from '../text/clean.ts'
import { sayInstant } from '../text/span.ts'
import { sayWhy } from '../text/stop.ts'
import { type Day, daysOf } from './days.ts'
import type { Look } from './look.ts'
import { type ShownIncident, shownIncidents } from './shown.ts'

export type Line = { name: string; ok: boolean; says: string; days: Day[] }

export type ProjectLine = Line & { waiting: number; oldest: Instant | undefined; last: Instant | undefined }

export type ShownWindow = {
  id: string
  at: 'planned' | 'running' | 'done'
  hosts: string[]
  reason: string
  from: Instant
  to: Instant
  /** It runs, and was to be over by now. */
  isLate: boolean
  changed: Instant
}

export type StatusView = {
  /** As of then; undefined: nothing is known. */
  at: Instant | undefined
  isDatabaseHere: boolean
  /** Since then the bot gave no sign; undefined: it works, or it is not known. */
  idleSince: Instant | undefined
  mood: 'works' | 'maintenance' | 'trouble' | 'unknown'
  headline: string
  projects: ProjectLine[]
  hosts: Line[]
  /** Open, or watched for a while. */
  live: ShownIncident[]
  over: ShownIncident[]
  windows: ShownWindow[]
  pastWindows: ShownWindow[]
}

/** The bot writes down every half minute how things stand. */
const idleMs = 180_000

export const statusView = (look: Look, { hold }: { hold: Severity[] }): StatusView => {
  const { standing, now, isDatabaseHere, botAt } = look
  const idleSince = isDatabaseHere && botAt !== undefined && now - botAt > idleMs ? botAt : undefined
  if (!standing) return { ...nothing, isDatabaseHere, idleSince }
  const { maintenances } = standing
  const incidents = shownIncidents(standing.incidents, { ...look, hold, maintenances })
  const live = incidents.filter(({ at }) => at !== 'resolved')
  const all = maintenances.flatMap(one => shownWindow(one, now)).sort((a, b) => a.from - b.from)
  const given = { incidents, windows: all, now }
  const isServed = standing.hosts.some(({ works }) => works)
  const view = {
    ...{ at: standing.at, isDatabaseHere, idleSince, live },
    over: incidents.filter(({ at }) => at === 'resolved'),
    windows: all.filter(({ at }) => at !== 'done'),
    pastWindows: all.filter(({ at }) => at === 'done').reverse(),
    projects: standing.projects.map(one => projectLine(one, { ...given, live, isServed })),
    hosts: standing.hosts.map(one => hostLine(one, given)),
  }
  return { ...view, ...headlineOf({ ...view, pause: pauseAt(standing.pause, now) }) }
}

const nothing: Omit<StatusView, 'isDatabaseHere' | 'idleSince'> = {
  at: undefined,
  ...{ mood: 'unknown', headline: 'How things stand is not known at the moment.' },
  ...{ projects: [], hosts: [], live: [], over: [], windows: [], pastWindows: [] },
}

const pauseAt = (pause: Standing['pause'], now: Instant): Standing['pause'] =>
  pause === undefined || (pause.until !== undefined && pause.until <= now) ? undefined : pause

const sayPause = ({ reason, until }: NonNullable<Standing['pause']>): string =>
  `The queue is paused${until === undefined ? '' : ` until ${sayInstant(until)}`}${sayWhy(reason, 120)}.`

const headlineOf = ({
  live,
  windows,
  hosts,
  idleSince,
  isDatabaseHere,
  pause,
}: Pick<StatusView, 'live' | 'windows' | 'hosts' | 'idleSince' | 'isDatabaseHere'> & {
  pause: Standing['pause'] | undefined
}): Pick<StatusView, 'mood' | 'headline'> => {
  // A window of the whole service pauses the queue itself.
  const isResting = windows.some(({ at, hosts }) => at === 'running' && hosts.length === 0)
  const paused = pause === undefined || isResting ? '' : sayPause(pause)
  const besides = paused === '' ? '' : `${paused} `
  const open = live.filter(({ at }) => at === 'open')
  const [first] = open
  if (idleSince !== undefined) return { mood: 'trouble', headline: 'Grapevine is not running.' }
  if (first && open.length === 1) return { mood: 'trouble', headline: `${besides}${first.title}.` }
  if (first)
    return { mood: 'trouble', headline: `${besides}There is trouble: ${open.length} incidents are open.` }
  if (!isDatabaseHere) return { mood: 'trouble', headline: 'The database does not answer.' }
  if (paused !== '') return { mood: 'maintenance', headline: paused }
  if (windows.some(({ at }) => at === 'running'))
    return { mood: 'maintenance', headline: 'Maintenance is under way.' }
  if (hosts.every(({ ok }) => !ok))
    return { mood: 'trouble', headline: 'No test machine takes work at the moment.' }
  return { mood: 'works', headline: 'Everything works.' }
}

const shownWindow = (
  { id, state, hosts, reason, from, to, createdAt }: Maintenance,
  now: Instant,
): ShownWindow[] => {
  const window = { id, hosts, reason: oneLine(reason, 300), from, to, isLate: false }
  switch (state.at) {
    case 'planned':
      return [{ ...window, at: 'planned', changed: createdAt }]
    case 'announced':
      return [{ ...window, at: 'planned', changed: state.when }]
    case 'running':
      return [{ ...window, at: 'running', isLate: to < now, from: state.since, changed: state.since }]
    case 'done':
      return [{ ...window, at: 'done', to: state.when, changed: state.when }]
    case 'cancelled':
      return []
  }
}

type History = { incidents: ShownIncident[]; windows: ShownWindow[]; now: Instant }

/** An incident of no named project concerns all of them. */
const concerns = ({ projects }: ShownIncident, name: string): boolean =>
  projects.length === 0 || projects.includes(name)

const projectLine = (
  { name, waiting, oldestWaiting, lastVerdict }: Standing['projects'][number],
  { incidents, windows, now, live, isServed }: History & { live: ShownIncident[]; isServed: boolean },
): ProjectLine => {
  const mine = live.filter(one => one.at === 'open' && concerns(one, name))
  const whole = windows.filter(({ hosts }) => hosts.length === 0)
  const isResting = whole.some(({ at }) => at === 'running')
  const [first] = mine
  const isStuck = !isServed && waiting > 0
  const otherwise = isResting ? 'rests for maintenance' : isStuck ? 'waits for a test machine' : 'works'
  const says = first?.title ?? otherwise
  return {
    ...{ name, ok: says === 'works', says, waiting, oldest: oldestWaiting, last: lastVerdict },
    days: daysOf({ incidents: incidents.filter(one => concerns(one, name)), windows: whole, now }),
  }
}

const hostLine = (
  { name, works, why }: Standing['hosts'][number],
  { incidents, windows, now }: History,
): Line => ({
  ...{ name: oneLine(name, 60), ok: works },
  says: works ? 'takes work' : oneLine(why, 160) || 'takes no work',
  days: daysOf({
    incidents: incidents.filter(({ hosts }) => hosts.includes(name)),
    windows: windows.filter(({ hosts }) => hosts.length === 0 || hosts.includes(name)),
    now,
  }),
})
