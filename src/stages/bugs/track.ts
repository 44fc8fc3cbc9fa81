// When a bug and a thread begin to be kept in step, and what is said when that ends: once.
import type { Bug, BugUrl, BugWrite, Track } from '../../model/bug.ts'
import { dayMs, type Instant } from '../../model/instant.ts'
import type { MessageId } from '../../model/mail.ts'
import type { Reply } from '../../model/reply.ts'
import { byRules, isChosen, nextTrack, type TrackEvent } from '../../model/sync.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { headerText } from '../../text/compose.ts'
import { contentId } from '../../text/digest.ts'
import {
  commonHeaders,
  messageIdOf,
  reSubject,
  type Threaded,
  threadingBelow,
  threadingUnder,
  undecodable,
} from '../../text/envelope.ts'
import { masked, shownName } from '../../text/mirror.ts'
import { mailText, render } from '../../text/render.ts'
import { commentMessageId, type SeenBug, type SyncPorts, type SyncProject, trackKey } from './mirrored.ts'

/** `Bug 7: it breaks`: no bracket of a summary stands where those of a patch do. */
export const bugSubject = ({ id, summary }: Pick<Bug, 'id' | 'summary'>): string =>
  undecodable(headerText(`Bug ${id}: ${oneLine(masked(summary), 200)}`))

/** Subject and place of a mail below another one of the thread. */
export const placeBelow = async (
  store: Store,
  track: Pick<Track, 'thread' | 'project'>,
  parent: MessageId,
): Promise<{ subject: string | undefined; threading: Threaded }> => {
  const reply = await store.replyByMessageId(parent)
  if (reply) return { subject: reply.mail.subject, threading: threadingUnder(reply.mail) }
  const [mail] = await store.mailsByMessageId(parent, track.project)
  const older = [...(mail?.parsed?.ancestors ?? [])].reverse()
  const above = older.length > 0 || parent === track.thread ? older : [track.thread]
  return { subject: mail?.parsed?.subject, threading: threadingBelow(parent, above) }
}

/** What every mail about a bug has. */
export const bugMail = (
  { name, list, bot }: SyncProject,
  given: {
    id: string
    author: string | undefined
    messageId: MessageId
    thread: MessageId
    subject: string
    threading: Threaded
    text: string
    bug: BugUrl
    now: Instant
  },
): Reply => ({
  id: given.id,
  kind: 'mirror',
  series: undefined,
  project: name,
  thread: given.thread,
  mail: {
    messageId: given.messageId,
    from: {
      name: headerText(given.author === undefined ? bot.name : `${given.author} via ${bot.name}`),
      address: bot.address,
    },
    to: [list],
    cc: [],
    subject: given.subject,
    ...given.threading,
    headers: {
      ...commonHeaders({ project: name, bot, auto: 'auto-generated' }),
      'X-Grapevine-Bug': headerText(given.bug).slice(0, 400),
    },
    text: given.text,
    date: given.now,
  },
  state: { at: 'pending', notBefore: given.now, tries: 0 },
})

/** Saves where an event leads, unless somebody else was there first. Returns the track as it is then. */
export const moveTrack = (
  { store, clock, inTurn }: Pick<SyncPorts, 'store' | 'clock' | 'inTurn'>,
  track: Track,
  event: TrackEvent,
): Promise<Track> =>
  inTurn(async () => {
    const now = (await store.tracks({ bug: track.bug, thread: track.thread }))[0] ?? track
    const next = nextTrack(now, event, clock.now())
    if (next !== now) await store.saveTrack(next)
    return next
  })

/**
 * The track of a bug that the configuration keeps in step; undefined: nothing can be seen of it, or nothing was said since it was switched
 * on. `began`: when that was.
 */
export const beginTrack = async (
  { store, inTurn, clock }: SyncPorts,
  project: SyncProject,
  { seen: { bug, comments }, began }: { seen: SeenBug; began: Instant },
): Promise<Track | undefined> => {
  const [first] = comments
  const all = isChosen(bug, project.rules)
  if (first === undefined || (!all && !comments.some(({ at }) => at >= began))) return undefined
  const track: Track = {
    ...{ tracker: project.tracker.name, bug: bug.url, project: project.name, by: byRules },
    ...{
      thread: commentMessageId(bug, first.id),
      since: all ? 0 : began,
      lastAt: clock.now(),
      state: { at: 'on' },
    },
  }
  return inTurn(async () => {
    const there = await store.tracks({ bug: bug.url })
    const same = there.find(one => one.project === project.name)
    if (same) return same
    await store.saveTrack(track)
    return track
  })
}

/** A word of ours on a bug. */
const bugWord = (
  project: SyncProject,
  {
    id,
    bug,
    text,
    link,
    now,
  }: { id: string; bug: BugUrl; text: string; link: string | undefined; now: Instant },
): BugWrite => ({
  ...{
    id,
    tracker: project.tracker.name,
    bug,
    kind: 'track',
    project: project.name,
    series: undefined,
    text,
    link,
  },
  ...{
    change: undefined,
    create: undefined,
    createdAt: now,
    state: { at: 'pending', notBefore: now, tries: 0 },
  },
})

/** The words behind a command to begin: to the thread, and to the bug. Repeatable; call it before the track is saved. */
export const sayBegun = async (
  { store, push }: Pick<SyncPorts, 'store' | 'push'>,
  project: SyncProject,
  { track, bug, by, link }: { track: Track; bug: Bug; by: string; link: string | undefined },
): Promise<void> => {
  const { since: now, thread } = track
  const key = contentId(16, 'begun', trackKey(track), now)
  const place = await placeBelow(store, track, thread)
  const about = {
    bug: { id: bug.id, url: bug.url, summary: oneLine(masked(bug.summary), 120) },
    by: shownName(by),
  }
  const mail = bugMail(project, {
    ...{
      id: `t${key}`,
      author: undefined,
      messageId: messageIdOf(`t${key}`, project.bot),
      thread,
      now,
      bug: bug.url,
    },
    ...{ threading: place.threading, subject: reSubject(place.subject ?? bugSubject(bug)) },
    text: mailText(render('mirror-begun', about)),
  })
  if (await store.addReply(mail)) await push(mail.id)
  const text = render('mirror-bug-begun', { ...about, link: link ?? '', list: project.name }).join('\n')
  await store.addBugWrite(bugWord(project, { id: key, bug: bug.url, text, link, now }))
}

type Off = Track & { state: { at: 'off' } }

const isOff = (track: Track): track is Off => track.state.at === 'off'

const endedKey = ({ state, ...track }: Off): string => contentId(16, 'ended', trackKey(track), state.when)

/** Of a thread that was never begun nobody needs to hear. */
const isBegun = async (store: Store, { thread, project }: Track): Promise<boolean> =>
  (await store.isOurs(thread)) || (await store.mailPlace(project, thread)) > 0

/** Was it said that it is over, where that is to be said? */
export const isEndSaid = async (store: Store, track: Track): Promise<boolean> =>
  !isOff(track) || (await store.reply(`t${endedKey(track)}`)) !== undefined || !(await isBegun(store, track))

/**
 * Says that it is over: to the thread; and to the bug where that is open and may be seen. Once, however often it is called. Nothing is told
 * of a bug that not all may see (undefined).
 */
export const sayEnded = async (
  { store, clock, push }: Pick<SyncPorts, 'store' | 'clock' | 'push'>,
  project: SyncProject,
  { track, bug }: { track: Track; bug: Bug | undefined },
): Promise<void> => {
  if (!isOff(track) || (await isEndSaid(store, track))) return
  const now = clock.now()
  const { why } = track.state
  const key = endedKey(track)
  const place = await placeBelow(store, track, track.thread)
  const isTold = why !== 'hidden' && bug !== undefined
  const state = isTold ? [bug.status, bug.resolution].filter(word => word !== '').join(' ') : ''
  const about = {
    ...{ why, state: oneLine(state, 60), url: track.bug, id: bug?.id ?? 0, isTold },
    days: Math.max(1, Math.round(project.rules.idleMs / dayMs)),
  }
  const text = render('mirror-bug-ended', about).join('\n')
  if (isTold && why !== 'closed')
    await store.addBugWrite(bugWord(project, { id: key, bug: track.bug, text, link: undefined, now }))
  const id = `t${key}`
  const mail = bugMail(project, {
    ...{
      id,
      author: undefined,
      messageId: messageIdOf(id, project.bot),
      thread: track.thread,
      now,
      bug: track.bug,
    },
    ...{ threading: place.threading, text: mailText(render('mirror-ended', about)) },
    subject: reSubject(place.subject ?? (isTold ? bugSubject(bug) : 'a bug')),
  })
  if (await store.addReply(mail)) await push(mail.id)
}

/** Ends what an event ends, and says so. Returns the track as it is then; what a crash left unsaid, `sayEnded` says. */
export const endTrack = async (
  ports: SyncPorts,
  project: SyncProject,
  { track, event, bug }: { track: Track; event: TrackEvent; bug: Bug | undefined },
): Promise<Track> => {
  const ended = await moveTrack(ports, track, event)
  await sayEnded(ports, project, { track: ended, bug })
  return ended
}
