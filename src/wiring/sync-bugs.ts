// bug → list: which bugs changed, by the tracker's sweep, by bugmail, and by a slow look at each. What is found is kept until it was looked at.
import type { Bug, BugUrl, Track } from '../model/bug.ts'
import { Fault } from '../model/fault.ts'
import type { Instant, Millis } from '../model/instant.ts'
import { byRules, isChosen, isOfProduct, isWanted, nextTrack, threadOfBug } from '../model/sync.ts'
import type { SweepCursor } from '../ports/bugs.ts'
import type { Store } from '../ports/store.ts'
import type { SeenBug, SyncPorts, SyncProject } from '../stages/bugs/mirrored.ts'
import { carryComments } from '../stages/bugs/to-list.ts'
import { beginTrack, endTrack, isEndSaid, moveTrack, sayEnded } from '../stages/bugs/track.ts'
import { type SyncWired as Ports, syncPorts } from './sync-project.ts'

/** `began`: when bugs were first looked at; what was said before in a product is not carried over. */
type Swept = { began: Instant; sweep: SweepCursor | undefined; todo: BugUrl[] }

type Seen = { changedAt: Instant; at: Instant }

export type BugsMemory = {
  sweptAt: Instant | undefined
  /** Bugs as they were at the last look, and since when they are so. */
  seen: Map<BugUrl, Seen>
  /** When each was looked at though nothing told of a change. */
  looked: Map<BugUrl, Instant>
}

export const bugsMemory = (): BugsMemory => ({ sweptAt: undefined, seen: new Map(), looked: new Map() })

const everyMs: Millis = 60_000
const dayMs: Millis = 86_400_000
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
  { project, began, tracks }: { project: SyncProject; began: Instant; tracks: Track[] },
) =>
  tracks.some(track => track.bug === bug.url) ||
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
  for (let pages = 0; pages < pagesAtOnce && todo.size < mostTodo; pages++) {
    const page = await project.tracker.sweep(cursor, { products: productsOf(project, tracks) })
    cursor = page.next
    for (const bug of page.bugs)
      if (concerns(bug, { project, began: swept.began, tracks }) && isNews(memory, bug, now))
        todo.add(bug.url)
    if (!page.more) {
      memory.sweptAt = now
      break
    }
  }
  return { ...swept, sweep: cursor, todo: [...todo] }
}

/** Edits and comments that are private no more change no time at a tracker: each bug is looked at once a day, one in a sweep. */
const slowLook = (
  memory: BugsMemory,
  { project, tracks, now }: { project: SyncProject; tracks: Track[]; now: Instant },
) => {
  const on = tracks.filter(({ state }) => state.at === 'on').map(({ bug }) => bug)
  const due = [...new Set([...project.rules.bugs, ...on])].find(
    bug => now - (memory.looked.get(bug) ?? Number.NEGATIVE_INFINITY) >= dayMs,
  )
  if (due !== undefined) memory.looked.set(due, now)
  return due === undefined ? [] : [due]
}

/** Mails may not use up what verdicts may: at most half of what leaves in a day is comments. */
const roomOf = async ({ store, clock, config }: Ports): Promise<number> => {
  const waiting = (await store.repliesAt('pending')).filter(({ kind }) => kind === 'mirror').length
  const sent = (sinceMs: Millis) => store.countReplies({ since: clock.now() - sinceMs, kind: 'mirror' })
  const today = Math.floor(config.mail.caps.total / 2) - (await sent(dayMs))
  const thisHour = mostHourly - (await sent(hourMs))
  return Math.max(0, Math.min(mailsAtOnce, mostWaiting - waiting, today, thisHour))
}

const look = async ({ tracker }: SyncProject, url: BugUrl, store: Store): Promise<SeenBug | undefined> => {
  const bug = await tracker.bug(url)
  if (bug === undefined || bug.isRestricted) return undefined
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
  const seen = await look(project, url, ports.store)
  if (seen === undefined) {
    const track = threadOfBug(await ports.store.tracks({ bug: url }), project.name)
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

const endIdle = async (ports: SyncPorts, project: SyncProject, tracks: Track[]): Promise<void> => {
  const event = { on: 'looked', idleMs: project.rules.idleMs } as const
  for (const track of tracks.filter(one => nextTrack(one, event, ports.clock.now()) !== one)) {
    const bug = await project.tracker.bug(track.bug)
    const isSeen = bug !== undefined && !bug.isRestricted
    await endTrack(ports, project, {
      track,
      event: isSeen ? event : { on: 'hidden' },
      bug: isSeen ? bug : undefined,
    })
  }
}

/** What a crash left unsaid; later it is no news. */
const sayUnsaid = async (ports: SyncPorts, project: SyncProject, tracks: Track[]): Promise<void> => {
  for (const track of tracks) {
    const { state } = track
    if (state.at !== 'off' || ports.clock.now() - state.when > dayMs) continue
    if (await isEndSaid(ports.store, track)) continue
    const bug = await project.tracker.bug(track.bug)
    await sayEnded(ports, project, { track, bug: bug?.isRestricted ? undefined : bug })
  }
}

/** One that is refused for good must not keep the others waiting. */
const orRefused = async <T>(act: Promise<T>, otherwise: T, tell: (why: string) => void): Promise<T> => {
  try {
    return await act
  } catch (error) {
    if (!(error instanceof Fault) || error.retry !== 'never') throw error
    tell(error.message)
    return otherwise
  }
}

/** Carries what is new in bugs to their threads. Faults: those of the store and the tracker. */
export const syncBugs = async (
  wired: Ports,
  memory: BugsMemory,
  { project, woken }: { project: SyncProject; woken: BugUrl[] },
): Promise<void> => {
  const { store, clock, log } = wired
  const ports = syncPorts(wired)
  const now = clock.now()
  const save = (value: Swept) => store.saveMails([], { source: sourceOf(project.name), value })
  const tracks = (await store.tracks({})).filter(one => one.project === project.name)
  let swept = await sweptOf(store, project, now)
  if (memory.sweptAt === undefined || now - memory.sweptAt >= everyMs) {
    const before = JSON.stringify(swept)
    const after = await sweep(memory, swept, { project, tracks, now })
    swept = { ...after, todo: [...new Set([...after.todo, ...slowLook(memory, { project, tracks, now })])] }
    if (JSON.stringify(swept) !== before) await save(swept)
    await endIdle(ports, project, tracks)
    await sayUnsaid(ports, project, tracks)
  }
  const ours = woken.filter(url => tracks.some(({ bug }) => bug === url) || project.rules.products.length > 0)
  const todo = [...new Set([...ours, ...swept.todo])]
  if (todo.length === 0) return
  let room = await roomOf(wired)
  // It waits where it is, also after a crash.
  if (room === 0) return
  const left: BugUrl[] = []
  for (const url of todo.slice(0, bugsAtOnce)) {
    const turn = tendBug(ports, project, { url, began: swept.began, room })
    const { made, more } = await orRefused(turn, { made: 0, more: false }, why =>
      log('warn', `${url}: ${why}`),
    )
    room -= made
    if (more) left.push(url)
  }
  await save({ ...swept, todo: [...todo.slice(bugsAtOnce), ...left] })
}
