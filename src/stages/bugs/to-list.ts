// bug → list: each comment becomes one mail of the thread, once. Neither our own comments nor those that another bridge brought from the list.

import type { BugComment, BugLink, Track } from '../../model/bug.ts'
import type { Mail, MessageId } from '../../model/mail.ts'
import type { Reply } from '../../model/reply.ts'
import { oneLine } from '../../text/clean.ts'
import { contentId } from '../../text/digest.ts'
import { reSubject, type Threaded, threadingBelow } from '../../text/envelope.ts'
import { answered, commentWords, holdsWords, masked, shownName, withRaw } from '../../text/mirror.ts'
import { mailText, render } from '../../text/render.ts'
import { sayDate } from '../../text/span.ts'
import {
  commentMessageId,
  digestOf,
  isOurs,
  mailOfComment,
  ownMessageId,
  type SeenBug,
  type SyncPorts,
  type SyncProject,
} from './mirrored.ts'
import { bugMail, bugSubject, moveTrack, placeBelow } from './track.ts'

/** So long after it was written a comment comes with its date. */
const lateMs = 3_600_000

type About = { track: Track; seen: SeenBug; comment: BugComment }

const size = (bytes: number): string =>
  bytes < 1024
    ? `${bytes} B`
    : bytes < 1 << 20
      ? `${Math.ceil(bytes / 1024)} KiB`
      : `${(bytes / (1 << 20)).toFixed(1)} MiB`

const attachmentOf = ({ attachment }: BugComment): Record<string, string> =>
  attachment === undefined
    ? {}
    : {
        file: `${oneLine(masked(attachment.name), 80)} (${oneLine(attachment.type, 60)}, ${size(attachment.bytes)})`,
        'file-url': attachment.url,
      }

/** Comments that were there before, and are not carried over: the first mail of a thread says so. */
const earlierOf = ({ track, seen: { bug, comments }, comment }: About): number =>
  commentMessageId(bug, comment.id) === track.thread
    ? comments.filter(one => one.id !== comment.id && !carried(track, one)).length
    : 0

const textOf = (
  { tracker }: SyncProject,
  about: About,
  { isEdit, now }: { isEdit: boolean; now: number },
): string => {
  const { comment, seen } = about
  const { number, authorName, attachment } = comment
  const variables = {
    ...{
      name: shownName(authorName),
      bug: seen.bug.id,
      number,
      isEdit,
      hasAttachment: attachment !== undefined,
    },
    ...{ on: now - comment.at > lateMs ? sayDate(comment.at) : '', earlier: earlierOf(about) },
  }
  const words = commentWords(comment.text) || '(no text)'
  const top = render('mirror-top', variables).join('\n')
  const raw = { ...attachmentOf(comment), comment: tracker.commentUrl(seen.bug.url, comment) }
  const end = withRaw(render('mirror-end', variables), raw).join('\n')
  const body = mailText(`${top}\n\n${words}`.split('\n')).trimEnd()
  return `${body}\n\n-- \n${end}\n`
}

/** The mail that the answered comment is, or was; else the thread's first one. */
const parentOf = ({ track, seen: { comments, links }, comment }: About): MessageId => {
  const number = answered(comment.text)
  const above =
    number === undefined ? undefined : comments.find(one => one.number === number && one.id !== comment.id)
  const link = above && links.find(one => one.comment === above.id)
  return link?.messageId ?? track.thread
}

const carried = (track: Track, { at }: BugComment): boolean => at >= track.since

const threadOf = async (
  { store }: SyncPorts,
  about: About,
  parent: MessageId,
): Promise<{ subject: string; threading: Threaded }> => {
  const { track, seen, comment } = about
  if (commentMessageId(seen.bug, comment.id) === track.thread && parent === track.thread)
    return { subject: bugSubject(seen.bug), threading: threadingBelow(undefined, []) }
  const place = await placeBelow(store, track, parent)
  return { subject: reSubject(place.subject ?? bugSubject(seen.bug)), threading: place.threading }
}

/** What the mails of a comment have in common: `id` says which one it is. */
const letterOf = ({ clock }: SyncPorts, project: SyncProject, about: About, given: Letter): Reply => {
  const { track, comment, seen } = about
  const now = clock.now()
  const { isEdit, ...rest } = given
  return bugMail(project, {
    ...{ author: shownName(comment.authorName), thread: track.thread, bug: seen.bug.url, now },
    ...rest,
    text: textOf(project, about, { isEdit, now }),
  })
}

type Letter = { id: string; messageId: MessageId; subject: string; threading: Threaded; isEdit: boolean }

/** The mail of a comment. The id hangs on bug and comment alone, so that it leaves once. */
const mailOf = async (
  ports: SyncPorts,
  project: SyncProject,
  about: About,
  messageId: MessageId,
): Promise<Reply> => {
  const id = `m${contentId(23, 'comment', about.seen.bug.url, about.comment.id)}`
  const place = await threadOf(ports, about, parentOf(about))
  return letterOf(ports, project, about, { id, messageId, ...place, isEdit: false })
}

/** The mail that says what a comment says since it was changed, below the one that it was. */
const editOf = async (
  ports: SyncPorts,
  project: SyncProject,
  about: About,
  link: BugLink,
): Promise<Reply> => {
  const { track, comment, seen } = about
  const edit = contentId(12, 'edit', seen.bug.url, comment.id, digestOf(comment.text))
  const messageId = commentMessageId(seen.bug, comment.id).replace('<grapevine.', `<grapevine.edit.${edit}.`)
  const { subject, threading } = await placeBelow(ports.store, track, link.messageId)
  return letterOf(ports, project, about, {
    ...{ id: `m${edit}`, messageId, threading, isEdit: true },
    subject: reSubject(subject ?? bugSubject(seen.bug)),
  })
}

const linkOf = (
  { seen: { bug }, comment }: About,
  given: { tracker: string; messageId: MessageId; from: 'bug' | 'list'; now: number },
): BugLink => ({
  ...{ tracker: given.tracker, bug: bug.url, comment: comment.id, digest: digestOf(comment.text) },
  ...{ messageId: given.messageId, from: given.from, at: given.now },
})

const isSaidIn = ({ parsed }: Mail, { text }: BugComment): boolean =>
  text.trim() === '' || holdsWords(parsed?.text ?? '', text)

type Came = { link: BugLink | undefined; sent: boolean }

/** What becomes of a comment that has no mail yet. full: it would be one, and there is no room. */
const carry = async (
  ports: SyncPorts,
  project: SyncProject,
  about: About,
  hasRoom: boolean,
): Promise<Came | 'full'> => {
  const { store, clock, push } = ports
  const { comment, track, seen } = about
  const base = { tracker: project.tracker.name, now: clock.now() }
  const isOwn = await isOurs(store, comment, project.login)
  const copied = await mailOfComment(store, comment, { project: project.name, bug: seen.bug.url, isOwn })
  if (copied !== undefined) {
    const link = linkOf(about, { ...base, messageId: copied, from: 'list' })
    await store.addBugLinks([link])
    return { link, sent: false }
  }
  const messageId = commentMessageId(seen.bug, comment.id)
  if (isOwn || (!carried(track, comment) && messageId !== track.thread))
    return { link: undefined, sent: false }
  // Another bridge was quicker, or an older life of this one.
  const [there] = await store.mailsByMessageId(messageId, project.name)
  const isThere = there !== undefined && (isSaidIn(there, comment) || (await store.isOurs(messageId)))
  if (!isThere && !hasRoom) return 'full'
  const isTaken = there !== undefined && !isThere
  const made = isTaken ? ownMessageId(messageId) : messageId
  const mail = isThere ? undefined : await mailOf(ports, project, about, made)
  if (mail && (await store.addReply(mail))) await push(mail.id)
  const link = linkOf(about, { ...base, messageId: made, from: 'bug' })
  await store.addBugLinks([link])
  return { link, sent: mail !== undefined }
}

const sendEdit = async (
  ports: SyncPorts,
  project: SyncProject,
  about: About,
  link: BugLink,
): Promise<void> => {
  const mail = await editOf(ports, project, about, link)
  if (await ports.store.addReply(mail)) await ports.push(mail.id)
  await ports.store.updateBugLink({ ...link, digest: digestOf(about.comment.text) })
}

/**
 * Carries a bug's comments to its thread, the oldest first: those that have no mail yet, be they new or were private before, and those that
 * were changed. Repeatable at any point: ids hang on bug and comment.
 * @param room so many mails at most.
 * @returns how many were made; whether there is more.
 */
export const carryComments = async (
  ports: SyncPorts,
  project: SyncProject,
  { track, seen, room }: { track: Track; seen: SeenBug; room: number },
): Promise<{ made: number; more: boolean }> => {
  const links = [...seen.links]
  let made = 0
  let isFull = false
  // Trackers give no private ones; nothing is lost by looking twice.
  for (const comment of seen.comments.filter(one => !one.isPrivate && !seen.bug.isRestricted)) {
    const about = { track, seen: { ...seen, links }, comment }
    const link = links.find(one => one.comment === comment.id)
    if (link !== undefined && (link.from === 'list' || link.digest === digestOf(comment.text))) continue
    if (link !== undefined && made < room) {
      await sendEdit(ports, project, about, link)
      made += 1
    } else if (link !== undefined) isFull = true
    else {
      const came = await carry(ports, project, about, made < room)
      if (came === 'full') {
        isFull = true
        break
      }
      if (came.link) links.push(came.link)
      if (came.sent) made += 1
    }
  }
  if (made > 0) await moveTrack(ports, track, { on: 'heard' })
  return { made, more: isFull }
}

/** Has the thread not heard all that is said there now? Asks no tracker. */
export const isUnheard = async (
  { store }: Pick<SyncPorts, 'store'>,
  { login }: Pick<SyncProject, 'login'>,
  { track, comments, links }: { track: Track; comments: BugComment[]; links: BugLink[] },
): Promise<boolean> => {
  for (const comment of comments) {
    const link = links.find(one => one.comment === comment.id)
    if (link?.from === 'bug' && link.digest !== digestOf(comment.text)) return true
    if (link === undefined && carried(track, comment) && !(await isOurs(store, comment, login))) return true
  }
  return false
}
