// list → bug: which mails of the list are new in a thread that is kept in step. How far each was read is kept, so that it goes on after a crash.
import type { Track } from '../model/bug.ts'
import type { Mail, MessageId } from '../model/mail.ts'
import type { Store } from '../ports/store.ts'
import { type SeenBug, type SyncPorts, type SyncProject, trackKey } from '../stages/bugs/mirrored.ts'
import { carryMail, isCarried, waitsForParent } from '../stages/bugs/to-bug.ts'
import { type Aside, isAside, setAside } from './sync-aside.ts'
import { type SyncWired as Ports, syncPorts } from './sync-project.ts'

/** All are read up to `at`, but for those that lag behind: new ones, and those where an answer waits for the comment above it. */
type Reading = { at: number; known: string[]; behind: Record<string, number> }

const mailsAtOnce = 300
/** Two that store mails at once may be done in another order than they began. */
const overlap = 20
/** As long as so many comments wait to be written, no more are made. */
const mostWaiting = 40
const maxClimbed = 60

const sourceOf = (project: string): string => `bugs-mails:${project}`

const readingOf = async (store: Store, project: string): Promise<Reading | undefined> => {
  const kept = await store.cursor(sourceOf(project))
  return kept !== null && typeof kept === 'object' && 'behind' in kept ? (kept as Reading) : undefined
}

/** Where each track is read from; a new one from the first mail of its thread. */
const withTracks = async (store: Store, project: string, kept: Reading | undefined, tracks: Track[]) => {
  const at = kept && kept.known.length > 0 ? kept.at : await store.mailPlace(project)
  const known = tracks.map(trackKey)
  const before = new Set(kept?.known)
  const behind: Record<string, number> = {}
  for (const [n, track] of tracks.entries()) {
    const key = known[n] ?? trackKey(track)
    const place = kept?.behind[key]
    if (place !== undefined) behind[key] = place
    else if (!before.has(key)) {
      const first = await store.mailPlace(project, track.thread)
      // Of a thread that the bug began nothing can be older than now.
      behind[key] = Math.max(0, (first === 0 ? at : first) - overlap)
    }
  }
  return { at, known, behind }
}

/** The tracks in whose thread a mail stands, up to its beginning. */
const tracksOf = async (store: Store, mail: Mail, tracks: Track[]): Promise<Track[]> => {
  const { messageId, ancestors = [] } = mail.parsed ?? {}
  const byThread = (id: MessageId) => tracks.filter(({ thread }) => thread === id)
  const climbed = new Set<MessageId>()
  let next = [...(messageId === undefined ? [] : [messageId]), ...ancestors]
  const direct = next.flatMap(byThread)
  if (direct.length > 0) return [...new Set(direct)]
  while (next.length > 0 && climbed.size < maxClimbed) {
    const [id = '', ...rest] = next
    next = rest
    if (climbed.has(id)) continue
    climbed.add(id)
    const linked = await store.bugLinkOf(id)
    const found = [...byThread(id), ...tracks.filter(({ bug }) => bug === linked?.bug)]
    if (found.length > 0) return [...new Set(found)]
    const [above] = await store.mailsByMessageId(id, mail.project)
    next.push(...(above?.parsed?.ancestors ?? (await store.replyByMessageId(id))?.mail.references ?? []))
  }
  return []
}

type Round = {
  ports: SyncPorts
  project: SyncProject
  /** Each bug is asked for once in a round; undefined: it cannot be written to. */
  seen: Map<string, SeenBug | undefined>
  room: number
  aside: Aside
}

const seenBug = async (
  { ports, project: { tracker }, seen }: Round,
  url: string,
): Promise<SeenBug | undefined> => {
  if (seen.has(url)) return seen.get(url)
  const bug = await tracker.bug(url)
  // What became of it the other side finds, which also says so.
  const canSee = bug !== undefined && !bug.isRestricted && bug.isOpen
  const comments = canSee ? await tracker.comments(url) : []
  const found = canSee ? { bug, comments, links: await ports.store.bugLinks(url) } : undefined
  seen.set(url, found)
  return found
}

/** wait: it is looked at again. */
const carryTo = async (round: Round, track: Track, mail: Mail): Promise<'done' | 'wait'> => {
  if (await isCarried(round.ports.store, track, mail)) return 'done'
  if (round.room <= 0 || (await waitsForParent(round.ports.store, track, mail))) return 'wait'
  const now = round.ports.clock.now()
  if (isAside(round.aside, track.bug, now)) return 'wait'
  const seen = await seenBug(round, track.bug).catch(error => {
    setAside(round.aside, track.bug, { error, now })
    return 'unknown' as const
  })
  if (seen === 'unknown') return 'wait'
  if (seen && (await carryMail(round.ports, round.project, { track, mail, seen }))) round.room -= 1
  return 'done'
}

/** Reads on from a place; what is read again changes nothing. Returns how far it came. */
const readFrom = async (round: Round, reading: Reading, tracks: Track[], place: number): Promise<number> => {
  const { ports, project } = round
  const mails = await ports.store.mailsAfter({ project: project.name, place, limit: mailsAtOnce })
  for (const { place: here, mail } of mails) {
    for (const track of await tracksOf(ports.store, mail, tracks)) {
      const key = trackKey(track)
      // It reads alone, up to here.
      if (reading.behind[key] !== undefined) continue
      if ((await carryTo(round, track, mail)) === 'wait') reading.behind[key] = here - 1
    }
  }
  return mails.length < mailsAtOnce ? Number.POSITIVE_INFINITY : (mails.at(-1)?.place ?? place)
}

/** One that lags behind reads alone, until it meets the others or has to wait. */
const catchUp = async (round: Round, reading: Reading, track: Track): Promise<void> => {
  const key = trackKey(track)
  const place = reading.behind[key]
  if (place === undefined) return
  const { ports, project } = round
  const mails = await ports.store.mailsAfter({ project: project.name, place, limit: mailsAtOnce })
  for (const { place: here, mail } of mails) {
    if (here > reading.at) break
    const isIn = (await tracksOf(ports.store, mail, [track])).length > 0
    if (isIn && (await carryTo(round, track, mail)) === 'wait') return
    reading.behind[key] = here
  }
  const last = mails.at(-1)?.place
  if (last === undefined || last >= reading.at || mails.length < mailsAtOnce) delete reading.behind[key]
}

/** Carries what is new in the threads that are kept in step to their bugs. Faults: those of the store and the tracker. */
export const syncMails = async (
  wired: Ports,
  project: SyncProject,
  { tracks: all, aside }: { tracks: Track[]; aside: Aside },
): Promise<void> => {
  const { store } = wired
  const tracks = all.filter(({ state }) => state.at === 'on')
  const kept = await readingOf(store, project.name)
  if (tracks.length === 0 && (kept === undefined || kept.known.length === 0)) return
  const reading = await withTracks(store, project.name, kept, tracks)
  const before = JSON.stringify(kept)
  const waiting = await store.bugWrites({ at: 'pending', kind: 'mirror', limit: mostWaiting })
  const room = mostWaiting - waiting.length
  const round = { ports: syncPorts(wired), project, seen: new Map(), room, aside }
  if (Object.keys(reading.behind).length > 0) for (const track of tracks) await catchUp(round, reading, track)
  const head = await store.mailPlace(project.name)
  if (head > reading.at) {
    const came = await readFrom(round, reading, tracks, Math.max(0, reading.at - overlap))
    reading.at = Math.min(came, head)
  }
  if (JSON.stringify(reading) !== before)
    await store.saveMails([], { source: sourceOf(project.name), value: reading })
}
