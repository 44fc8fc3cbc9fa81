// bug → list: which bugs changed, by the tracker's sweep, by bugmail, and by a slow look at each. What is found is kept until it was looked at.
import type { Bug, BugUrl, Track } from '../model/bug.ts'
import { dayMs, type Instant, type Millis } from '../model/instant.ts'
import { byRules, isChosen, isOfProduct, isWanted, nextTrack, threadOfBug } from '../model/sync.ts'
import type { SweepCursor } from '../ports/bugs.ts'
import type { Store } from '../ports/store.ts'
import type { SeenBug, SyncPorts, SyncProject } from '../stages/bugs/mirrored.ts'
import { carryComments, isUnheard } from '../stages/bugs/to-list.ts'
import { beginTrack, endTrack, isEndSaid, moveTrack, sayEnded } from '../stages/bugs/track.ts'
import { type Aside, isAside, setAside } from './sync-aside.ts'
import { type SyncWired as Ports, syncPorts } from './sync-project.ts'

/** `began`: when bugs were first looked at; what was said before in a product is not carried over. */
type Swept = { began: Instant; sweep: SweepCursor | undefined; todo: BugUrl[] }

type Seen = { changedAt: Instant; at: Instant }

export type BugsMemory = {
  sweptAt: Instant | undefined
  /** When it was last looked at what time alone brings. */
  tendedAt: Instant | undefined
  /** Bugs as they were at the last look, and since when they are so. */
  seen: Map<BugUrl, Seen>
  /** When the comments of each were last read. */
  looked: Map<BugUrl, Instant>
  aside: Aside
}

export const bugsMemory = (): BugsMemory => ({
  ...{ sweptAt: undefined, tendedAt: undefined },
  ...{ seen: new Map(), looked: new Map(), aside: new Map() },
})

const everyMs: Millis = 60_000
/** A comment may be seen later than the change that it made, and several are made in one second. */
const settledMs: Millis = 150_000
const pagesAtOnce = 3
const mostTodo = 400
const bugsAtOnce = 10
const mailsAtOnce = 10
/** A list is not to be flooded by what was said long ago. */
const mostHourly = 60
const hourMs: Millis = 3_600_000
/** As long as so many mails of comments wait to be sent, no more are made. */
const mostWaiting = 20

const sourceOf = (project: string): string => `bugs-sweep:${project}`

const sweptOf = async (store: Store, { name, rules }: SyncProject, now: Instant): Promise<Swept> => {
  const kept = await store.cursor(sourceOf(name))
  return kept !== null && typeof kept === 'object' && 'began' in kept
    ? (kept as Swept)
    : { began: now, sweep: undefined, todo: rules.bugs }
}

/** Did it change, or may it still? */
const isNews = ({ seen }: BugsMemory, { url, changedAt }: Bug, now: Instant): boolean => {
  const last = seen.get(url)
  if (last?.changedAt === changedAt) return now - last.at < settledMs
  seen.set(url, { changedAt, at: now })
  return true
}

/** Does a change of it concern us? */
const concerns = (
  bug: Bug,
  { project, began, tracked }: { project: SyncProject; began: Instant; tracked: Set<BugUrl> },
) =>
  tracked.has(bug.url) ||
  isChosen(bug, project.rules) ||
  (isOfProduct(bug, project.rules) && bug.changedAt >= began)

/** Only where no bug of another product can be kept in step. */
const productsOf = ({ rules }: SyncProject, tracks: Track[]): string[] =>
  rules.flag === undefined && rules.bugs.length === 0 && tracks.every(({ by }) => by === byRules)
    ? rules.products
    : []

const sweep = async (
  memory: BugsMemory,
  swept: Swept,
  { project, tracks, now }: { project: SyncProject; tracks: Track[]; now: Instant },
): Promise<Swept> => {
  let { sweep: cursor } = swept
  const todo = new Set(swept.todo)
  const about = { project, began: swept.began, tracked: new Set(tracks.map(({ bug }) => bug)) }
  for (let pages = 0; pages < pagesAtOnce && todo.size < mostTodo; pages++) {
    const page = await project.tracker.sweep(cursor, { products: productsOf(project, tracks) })
    cursor = page.next
    for (const bug of page.bugs) if (concerns(bug, about) && isNews(memory, bug, now)) todo.add(bug.url)
    if (!page.more) {
      memory.sweptAt = now
      break
    }
  }
  return { ...swept, sweep: cursor, todo: [...todo] }
}

/**
 * What no time of a bug tells, a comment that was edited in place: each bug's comments are read once a day. As many at a time as the tracker takes
 * in two requests; only those where something is new are looked at as a whole.
 */
const slowLook = async (
  ports: SyncPorts,
  memory: BugsMemory,
  { project, tracks, now }: { project: SyncProject; tracks: Track[]; now: Instant },
): Promise<BugUrl[]> => {
  const isDue = (bug: BugUrl) =>
    now - (memory.looked.get(bug) ?? Number.NEGATIVE_INFINITY) >= dayMs && !isAside(memory.aside, bug, now)
  const on = new Map(tracks.filter(({ state }) => state.at === 'on').map(track => [track.bug, track]))
  const begins = project.rules.bugs.find(bug => !on.has(bug) && isDue(bug))
  if (begins !== undefined) {
    memory.looked.set(begins, now)
    return [begins]
  }
  const due = [...on.keys()].filter(isDue)
  const [first] = due
  if (first === undefined) return []
  const peeked = await project.tracker.peek(due).catch(error => {
    setAside(memory.aside, first, { error, now })
    return new Map()
  })
  const news: BugUrl[] = []
  for (const [bug, comments] of peeked) {
    memory.looked.set(bug, now)
    const track = on.get(bug)
    if (track === undefined) continue
    const links = await ports.store.bugLinks(bug)
    if (comments === 'gone' || (await isUnheard(ports, project, { track, comments, links }))) news.push(bug)
  }
  return news
}

/** Mails may not use up what verdicts may: at most half of what leaves in a day is comments. */
const roomOf = async ({ store, clock, config }: Ports): Promise<number> => {
  const waiting = (await store.repliesAt('pending')).filter(({ kind }) => kind === 'mirror').length
  const sent = (sinceMs: Millis) => store.countReplies({ since: clock.now() - sinceMs, kind: 'mirror' })
  const today = Math.floor(config.mail.caps.total / 2) - (await sent(dayMs))
  const thisHour = mostHourly - (await sent(hourMs))
  return Math.max(0, Math.min(mailsAtOnce, mostWaiting - waiting, today, thisHour))
}

/** hidden: not for all to see · over: closed, and nothing of it was ever carried */
const look = async (
  { tracker }: SyncProject,
  url: BugUrl,
  { store, isTracked }: { store: Store; isTracked: boolean },
): Promise<SeenBug | 'hidden' | 'over'> => {
  const bug = await tracker.bug(url)
  if (bug === undefined || bug.isRestricted) return 'hidden'
  if (!bug.isOpen && !isTracked) return 'over'
  const comments = (await tracker.comments(url)).filter(({ isPrivate }) => !isPrivate)
  return { bug, comments: comments.toSorted((a, b) => a.number - b.number), links: await store.bugLinks(url) }
}

/** The track of a bug as it is now; a new one where the rules want it. */
const trackOf = async (
  ports: SyncPorts,
  project: SyncProject,
  { seen, began }: { seen: SeenBug; began: Instant },
): Promise<Track | undefined> => {
  const { bug, comments } = seen
  const track = threadOfBug(await ports.store.tracks({ bug: bug.url }), project.name)
  if (track === undefined)
    return bug.isOpen && isWanted(bug, project.rules)
      ? beginTrack(ports, project, { seen, began })
      : undefined
  const { state } = track
  if (state.at === 'on' || !bug.isOpen) return track
  if (nextTrack(track, { on: 'opened' }, 0) !== track) return moveTrack(ports, track, { on: 'opened' })
  const isTalkedOf = comments.some(({ at, author }) => at > state.when && author !== project.login)
  return isTalkedOf && isWanted(bug, project.rules) ? moveTrack(ports, track, { on: 'resumed' }) : track
}

/** Looks at one bug, and does what is due. more: it is to be looked at again. */
const tendBug = async (
  ports: SyncPorts,
  project: SyncProject,
  { url, began, room }: { url: BugUrl; began: Instant; room: number },
): Promise<{ made: number; more: boolean }> => {
  const none = { made: 0, more: false }
  const known = threadOfBug(await ports.store.tracks({ bug: url }), project.name)
  const seen = await look(project, url, { store: ports.store, isTracked: known !== undefined })
  if (seen === 'over') return none
  if (seen === 'hidden') {
    const track = known
    if (track) await endTrack(ports, project, { track, event: { on: 'hidden' }, bug: undefined })
    return none
  }
  const track = await trackOf(ports, project, { seen, began })
  if (track === undefined || track.state.at === 'off') return none
  const carried = await carryComments(ports, project, { track, seen, room })
  // First what was said with it.
  if (!carried.more && !seen.bug.isOpen)
    await endTrack(ports, project, { track, event: { on: 'closed' }, bug: seen.bug })
  return carried
}

type Tended = { project: SyncProject; tracks: Track[]; memory: BugsMemory; log: Ports['log'] }

/** The bug of a track, as far as all may see it; 'unknown': it cannot be said now. */
const bugOfTrack = async (
  { clock }: SyncPorts,
  { project, memory, log }: Tended,
  { bug: url }: Track,
): Promise<Bug | undefined | 'unknown'> => {
  const now = clock.now()
  if (isAside(memory.aside, url, now)) return 'unknown'
  try {
    const bug = await project.tracker.bug(url)
    return bug?.isRestricted ? undefined : bug
  } catch (error) {
    log('warn', `${url}: ${setAside(memory.aside, url, { error, now }).why}`)
    return 'unknown'
  }
}

/** `room`: each says it by a mail. */
const endIdle = async (ports: SyncPorts, given: Tended, room: number): Promise<void> => {
  const { project, tracks } = given
  const event = { on: 'looked', idleMs: project.rules.idleMs } as const
  const idle = tracks.filter(one => nextTrack(one, event, ports.clock.now()) !== one)
  for (const track of idle.slice(0, room)) {
    const bug = await bugOfTrack(ports, given, track)
    if (bug === 'unknown') continue
    await endTrack(ports, project, { track, event: bug ? event : { on: 'hidden' }, bug })
  }
}

/** What a crash left unsaid; later it is no news. */
const sayUnsaid = async (ports: SyncPorts, given: Tended, room: number): Promise<void> => {
  let left = room
  for (const track of given.tracks) {
    const { state } = track
    if (state.at !== 'off' || left <= 0 || ports.clock.now() - state.when > dayMs) continue
    if (await isEndSaid(ports.store, track)) continue
    left -= 1
    const bug = await bugOfTrack(ports, given, track)
    if (bug !== 'unknown') await sayEnded(ports, given.project, { track, bug })
  }
}

/** What is to be looked at: what changed, and once in a while what time alone brings. */
const findWork = async (
  wired: Ports,
  memory: BugsMemory,
  { project, tracks, now }: { project: SyncProject; tracks: Track[]; now: Instant },
): Promise<Swept> => {
  const ports = syncPorts(wired)
  const swept = await sweptOf(wired.store, project, now)
  const isTime = (at: Instant | undefined) => at === undefined || now - at >= everyMs
  if (!isTime(memory.sweptAt)) return swept
  const before = JSON.stringify(swept)
  const after = await sweep(memory, swept, { project, tracks, now })
  if (isTime(memory.tendedAt)) {
    memory.tendedAt = now
    const given = { project, tracks, memory, log: wired.log }
    const found = await slowLook(ports, memory, { project, tracks, now })
    after.todo = [...new Set([...after.todo, ...found])]
    const room = await roomOf(wired)
    await endIdle(ports, given, room)
    await sayUnsaid(ports, given, room)
  }
  if (JSON.stringify(after) !== before) await save(wired.store, project, after)
  return after
}

const save = (store: Store, { name }: SyncProject, value: Swept) =>
  store.saveMails([], { source: sourceOf(name), value })

/** Carries what is new in bugs to their threads. Faults: those of the store and the tracker. */
export const syncBugs = async (
  wired: Ports,
  memory: BugsMemory,
  { project, woken, tracks }: { project: SyncProject; woken: BugUrl[]; tracks: Track[] },
): Promise<void> => {
  const { store, clock, log } = wired
  const ports = syncPorts(wired)
  const now = clock.now()
  const swept = await findWork(wired, memory, { project, tracks, now })
  const ours = woken.filter(url => tracks.some(({ bug }) => bug === url) || project.rules.products.length > 0)
  const todo = [...new Set([...ours, ...swept.todo])]
  const ready = todo.filter(url => !isAside(memory.aside, url, now)).slice(0, bugsAtOnce)
  if (ready.length === 0) return
  let room = await roomOf(wired)
  // It waits where it is, also after a crash.
  if (room === 0) return
  const left = new Set<BugUrl>()
  for (const url of ready) {
    try {
      const turn = { url, began: swept.began, room }
      const { made, more } = room > 0 ? await tendBug(ports, project, turn) : { made: 0, more: true }
      room -= made
      memory.looked.set(url, now)
      if (more) left.add(url)
    } catch (error) {
      const { again, why } = setAside(memory.aside, url, { error, now })
      log('warn', `${url}: ${why}`)
      if (again) left.add(url)
    }
  }
  const rest = todo.filter(url => !ready.includes(url))
  await save(store, project, { ...swept, todo: [...rest, ...left] })
}
