// Word of trouble to those who wait: what is due is kept in the journal, then sent; beside the flow, and without the database if need be.
import { isCoveredBy } from '../model/covered.ts'
import { Fault } from '../model/fault.ts'
import { holds, type Incident, type IncidentId } from '../model/incident.ts'
import { dayMs, type Instant, type Millis } from '../model/instant.ts'
import { excusedBy, type Maintenance } from '../model/maintenance.ts'
import type { Notice } from '../model/notice.ts'
import { type Letterhead, noProgress, noticeSubject } from '../stages/notice/compose.ts'
import { readStanding } from '../stages/notice/standing.ts'
import { isMeantFor, type Reach, type TellPorts, tellOf } from '../stages/notice/tell.ts'
import { type BugPlace, bugWritesFor, openingId } from '../stages/notice/track.ts'
import { concernedBy, doubtful, type Progress, progressOf, type SeriesMemory } from '../stages/notice/view.ts'
import { changeIncident } from './alarm.ts'
import { noteAway, noteBack } from './database-away.ts'
import { sendNotices } from './notice-mail.ts'
import type { Wired } from './wire.ts'

/** What this process has seen already; lost with it, at no harm. */
export type NoticeMemory = {
  series: SeriesMemory
  /** Who waited when it was last asked whether a first word is due, by incident and project. */
  waited: Map<string, { at: Instant; touched: number; progress: Progress }>
  /** Incidents of which it was looked at what they touch; undefined: nobody looks. */
  looked: ReadonlyMap<IncidentId, Instant> | undefined
  /** Notices that the store has as well. */
  kept: Set<string>
  /** Writes to bugs that the store has; and incidents, as they were told when all that was to be written was. */
  written: Set<string>
  standingAt: Instant
}

export const noticeMemory = (looked?: NoticeMemory['looked']): NoticeMemory => ({
  ...{ series: new Map(), waited: new Map(), looked, kept: new Set(), written: new Set() },
  standingAt: Number.NEGATIVE_INFINITY,
})

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

const isTo = ({ to }: Notice, project: string): boolean => to !== 'operators' && to.list === project

const isAbout = ({ id }: Pick<Incident, 'id'>, { of }: Notice): boolean =>
  'incident' in of && of.incident === id

const waitedMs: Millis = 30_000

/** Who waits for it, of a project: asked again when it touches more, and now and then. */
const whoWaits = async (
  { store, clock }: Pick<Wired, 'store' | 'clock'>,
  incident: Incident,
  { project, memory }: { project: string; memory: NoticeMemory },
): Promise<Progress> => {
  const [key, now, touched] = [`${incident.id} ${project}`, clock.now(), incident.affects.series.length]
  const known = memory.waited.get(key)
  if (known && known.touched === touched && now - known.at < waitedMs) return known.progress
  const progress = await progressOf(store, incident, project)
  memory.waited.set(key, { at: now, touched, progress })
  return progress
}

type Around = Seen & { notices: Notice[]; memory: NoticeMemory }

/** Whom a first word of it would concern, and who has one of another incident of the same outage. */
const audienceOf = async (
  ports: Pick<Wired, 'store' | 'clock' | 'config'>,
  incident: Incident,
  { incidents, notices, memory }: Around,
): Promise<Pick<Reach, 'waiting' | 'covered'>> => {
  const waiting = new Map<string, number>()
  const covered = new Set<string>()
  if (!holds(incident)) return { waiting, covered }
  const series = await concernedBy(ports.store, incident, memory.series)
  const touched = new Set([...series.values()].map(({ project }) => project))
  const hasWord = (project: string) =>
    notices.some(one => isAbout(incident, one) && isTo(one, project) && one.reply.state.at !== 'failed')
  for (const { name: project } of ports.config.projects) {
    // Only a first word asks for it.
    if (hasWord(project)) continue
    const known = touched.has(project)
    const { ids } = known ? await whoWaits(ports, incident, { project, memory }) : noProgress
    if (known) waiting.set(project, doubtful.has(incident.trouble) ? 1 : ids.length)
    const isTold = (one: Incident) =>
      notices.some(notice => isAbout(one, notice) && isTo(notice, project) && isMeantFor(notice))
    if (incidents.some(one => isCoveredBy(incident, one, new Set(ids)) && isTold(one))) covered.add(project)
  }
  return { waiting, covered }
}

/** Lists that were told of a part of it. */
const owedOf = (incident: Incident, { incidents, notices }: Around): Set<string> => {
  const parts = incidents.filter(one => one.mergedInto === incident.id)
  const told = notices.filter(one => isMeantFor(one) && parts.some(part => isAbout(part, one)))
  return new Set(told.flatMap(({ to }) => (to === 'operators' ? [] : [to.list])))
}

/** How far an incident reaches, by what the store knows. */
export const reachOf = async (
  ports: Pick<Wired, 'store' | 'clock' | 'config'>,
  incident: Incident,
  around: Around,
): Promise<Reach> => {
  const { store, config } = ports
  const { incidents, maintenances } = around
  const into = incidents.find(({ id }) => id === incident.mergedInto)
  return {
    ...(await audienceOf(ports, incident, around)),
    owed: owedOf(incident, around),
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
  ...{ waiting: new Map(), covered: new Set(), owed: new Set() },
  ...{ progress: async () => noProgress, planned: false, into: '' },
}

/** Longer it is not waited for. */
const lookMs: Millis = 2 * 60_000

/** Whom it concerns is known once it was looked at what it touches. */
const isLookedAt = ({ id, state, since, log }: Incident, { looked }: NoticeMemory, now: Instant): boolean =>
  state.at !== 'open' || looked === undefined || looked.has(id) || now - (log[0]?.at ?? since) >= lookMs

/** Those that live first, the oldest of them first, so that what follows from it is known to. One that cannot be told keeps no other back. */
const tellAll = async (wired: Wired, seen: Seen | Fault, memory: NoticeMemory): Promise<void> => {
  const tell = tellOf(tellPortsOf(wired))
  let notices = await wired.journal.notices()
  const about = (incident: Incident) => notices.filter(one => isAbout(incident, one))
  if (seen instanceof Fault) {
    const incident = await noteAway(wired, seen)
    await tell(incident, { notices: about(incident), reach: nothingKnown })
    return
  }
  const now = wired.clock.now()
  const faults: Fault[] = []
  for (const incident of seen.incidents) {
    const own = about(incident)
    if (incident.state.at === 'suspected' || (incident.state.at === 'resolved' && own.length === 0)) continue
    if (!isLookedAt(incident, memory, now)) continue
    try {
      const said = await tell(incident, {
        notices: own,
        reach: await reachOf(wired, incident, { ...seen, notices, memory }),
      })
      const known = new Set(notices.map(({ id }) => id))
      notices = [...notices, ...said.filter(({ id }) => !known.has(id))]
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      faults.push(error)
    }
  }
  for (const key of memory.waited.keys())
    if (!seen.incidents.some(one => one.state.at === 'open' && key.startsWith(`${one.id} `)))
      memory.waited.delete(key)
  if (faults[0]) throw faults[0]
}

/** Where bugs of incidents are made; undefined: nowhere. While the bot is not live, it writes to no bug. */
const bugPlace = ({ notices: { bug }, trackers, mail }: Wired['config']): BugPlace | undefined => {
  if (bug === undefined || !mail.live) return undefined
  const isGithub = trackers.find(({ name }) => name === bug.tracker)?.kind === 'github'
  return { ...bug, resolved: isGithub ? { status: 'closed' } : { status: 'RESOLVED', resolution: 'FIXED' } }
}

/** Its bug hears what the list hears. */
const writeBugs = async (wired: Wired, { incidents }: Seen, { written }: NoticeMemory): Promise<void> => {
  const { store, journal, config, clock } = wired
  const place = bugPlace(config)
  if (place === undefined) return
  const said = await journal.notices()
  for (const one of incidents) {
    const notices = said.filter(notice => isAbout(one, notice))
    const all = notices.map(({ id, held, reply }) => `${id} ${held} ${reply.state.at}`)
    const as = `${one.id} ${one.bug} ${all.join()}`
    if (notices.length === 0 || written.has(as)) continue
    const opening = await store.bugWrite(openingId(one))
    const made = opening?.state.at === 'written' ? opening.state.bug : undefined
    const incident =
      made !== undefined && one.bug === undefined
        ? ((await changeIncident(wired, one, { on: 'tracked', bug: made })) ?? one)
        : one
    const isOwn = opening !== undefined && (made === undefined || made === incident.bug)
    for (const write of bugWritesFor(incident, { notices, place, isOwn, now: clock.now() })) {
      if (written.has(write.id)) continue
      await store.addBugWrite(write)
      written.add(write.id)
    }
    // Nothing more is to be written until one of them changes.
    if (one.bug !== undefined) written.add(as)
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
    await attempt(() => writeBugs(wired, seen, memory))
    await attempt(() => keepSent(wired, memory))
    await attempt(() => keepStanding(wired, memory))
  }
  if (troubles.length > 0) throw troubles[0]
}
