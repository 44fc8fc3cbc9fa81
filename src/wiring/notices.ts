// Word of trouble to those who wait: what is due is kept in the journal, then sent; beside the flow, and without the database if need be.
import { Fault } from '../model/fault.ts'
import type { Incident } from '../model/incident.ts'
import type { Instant, Millis } from '../model/instant.ts'
import { excusedBy, type Maintenance } from '../model/maintenance.ts'
import type { Notice } from '../model/notice.ts'
import { type Letterhead, noticeSubject } from '../stages/notice/compose.ts'
import { readStanding } from '../stages/notice/standing.ts'
import { type Reach, type TellPorts, tellOf } from '../stages/notice/tell.ts'
import { type BugPlace, bugWritesFor, openingId } from '../stages/notice/track.ts'
import { concernedBy, progressOf, type SeriesMemory } from '../stages/notice/view.ts'
import { changeIncident } from './alarm.ts'
import { noteAway, noteBack } from './database-away.ts'
import { sendNotices } from './notice-mail.ts'
import type { Wired } from './wire.ts'

/** What this process has seen already; lost with it, at no harm. */
export type NoticeMemory = {
  series: SeriesMemory
  /** Notices that the store has as well. */
  kept: Set<string>
  standingAt: Instant
}

export const noticeMemory = (): NoticeMemory => ({
  series: new Map(),
  kept: new Set(),
  standingAt: Number.NEGATIVE_INFINITY,
})

const dayMs: Millis = 86_400_000

/** Of incidents that ended longer ago nothing is said any more, even if the bot was down since. */
const backMs: Millis = 7 * dayMs
const standingEveryMs: Millis = 30_000

/** What all notices of this bot share. */
export const letterheadOf = ({ bot, administrator, mail, host, web }: Wired['config']): Letterhead => ({
  ...{ bot, administrator, live: mail.live, host },
  page: web.url === undefined ? '' : `${web.url}/status`,
})

export const tellPortsOf = ({
  journal,
  clock,
  config,
}: Pick<Wired, 'journal' | 'clock' | 'config'>): TellPorts => ({
  ...{ journal, clock, head: letterheadOf(config), projects: config.projects },
  policy: config.notices,
})

type Seen = { incidents: Incident[]; maintenances: Maintenance[] }

/** undefined: the database is away. */
const lookAround = async ({ store, clock }: Wired): Promise<Seen | Fault> => {
  try {
    return {
      incidents: await store.incidents({ since: clock.now() - backMs }),
      maintenances: await store.maintenances({ live: true }),
    }
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
}

/** How far an incident reaches, by what the store knows. */
export const reachOf = async (
  { store, config }: Pick<Wired, 'store' | 'config'>,
  incident: Incident,
  { incidents, maintenances, memory }: Seen & { memory: SeriesMemory },
): Promise<Reach> => {
  const concerned = await concernedBy(store, incident, memory)
  const waiting = new Map<string, number>()
  for (const { project } of concerned.values()) waiting.set(project, (waiting.get(project) ?? 0) + 1)
  const into = incidents.find(({ id }) => id === incident.mergedInto)
  return {
    waiting,
    progress: project => progressOf(store, incident, project),
    planned: await isPlanned(store, incident, maintenances),
    into: into ? noticeSubject(into, config) : incident.mergedInto === undefined ? '' : incident.mergedInto,
  }
}

/** Does it come of hosts that rest as planned now? */
const isPlanned = async (
  store: Wired['store'],
  incident: Incident,
  maintenances: Maintenance[],
): Promise<boolean> => {
  const running = maintenances.filter(({ state }) => state.at === 'running')
  return running.length > 0 && excusedBy(incident, running, await store.hosts()) !== undefined
}

/** Of what is known without the database. */
const nothingKnown: Reach = {
  waiting: new Map(),
  progress: async () => ({ waiting: [], done: 0 }),
  planned: false,
  into: '',
}

const isAbout = ({ id }: Incident, { of }: Notice): boolean => 'incident' in of && of.incident === id

const tellAll = async (wired: Wired, seen: Seen | Fault, memory: NoticeMemory): Promise<void> => {
  const tell = tellOf(tellPortsOf(wired))
  const notices = await wired.journal.notices()
  const about = (incident: Incident) => notices.filter(one => isAbout(incident, one))
  if (seen instanceof Fault) {
    const incident = await noteAway(wired, seen)
    return tell(incident, { notices: about(incident), reach: nothingKnown })
  }
  for (const incident of seen.incidents) {
    const own = about(incident)
    if (incident.state.at === 'resolved' && own.length === 0) continue
    await tell(incident, {
      notices: own,
      reach: await reachOf(wired, incident, { ...seen, memory: memory.series }),
    })
  }
}

/** Where bugs of incidents are made; undefined: nowhere. While the bot is not live, it writes to no bug. */
const bugPlace = ({ notices: { bug }, trackers, mail }: Wired['config']): BugPlace | undefined => {
  if (bug === undefined || !mail.live) return undefined
  const isGithub = trackers.find(({ name }) => name === bug.tracker)?.kind === 'github'
  return { ...bug, resolved: isGithub ? { status: 'closed' } : { status: 'RESOLVED', resolution: 'FIXED' } }
}

/** Its bug hears what the list hears. */
const writeBugs = async (wired: Wired, { incidents }: Seen): Promise<void> => {
  const { store, journal, config, clock } = wired
  const place = bugPlace(config)
  if (place === undefined) return
  const all = await journal.notices()
  for (const one of incidents) {
    const notices = all.filter(notice => isAbout(one, notice))
    if (notices.length === 0) continue
    const opening = await store.bugWrite(openingId(one))
    const made = opening?.state.at === 'written' ? opening.state.bug : undefined
    const incident =
      made !== undefined && one.bug === undefined
        ? ((await changeIncident(wired, one, { on: 'tracked', bug: made })) ?? one)
        : one
    const isOwn = opening !== undefined && (made === undefined || made === incident.bug)
    for (const write of bugWritesFor(incident, { notices, place, isOwn, now: clock.now() }))
      await store.addBugWrite(write)
  }
}

/** What was sent is known to the store as well: what answers it is known by that. */
const keepSent = async ({ store, journal, clock }: Wired, { kept }: NoticeMemory): Promise<void> => {
  const since = clock.now() - backMs
  for (const { id, at, reply } of await journal.notices()) {
    if (at < since || reply.state.at !== 'sent' || kept.has(id)) continue
    await store.addReply(reply)
    kept.add(id)
  }
}

const keepStanding = async (
  { store, journal, config, clock }: Wired,
  memory: NoticeMemory,
): Promise<void> => {
  const now = clock.now()
  if (now - memory.standingAt < standingEveryMs) return
  const projects = config.projects.map(({ name }) => name)
  await journal.saveStanding(await readStanding(store, { projects, now }))
  memory.standingAt = now
}

/** One round: what is due is said, and sent. Repeatable, and after a crash at any point nothing is said twice. Throws Faults when the rest is done. */
export const tendNotices = async (wired: Wired, memory = noticeMemory()): Promise<void> => {
  const troubles: unknown[] = []
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act()
    } catch (error) {
      troubles.push(error)
    }
  }
  const seen = await lookAround(wired)
  await attempt(() => tellAll(wired, seen, memory))
  await attempt(() => sendNotices(wired))
  if (!(seen instanceof Fault)) {
    await attempt(() => noteBack(wired))
    await attempt(() => writeBugs(wired, seen))
    await attempt(() => keepSent(wired, memory))
    await attempt(() => keepStanding(wired, memory))
  }
  if (troubles.length > 0) throw troubles[0]
}
