// What both ways of keeping comments in step know: whose words a comment or a mail are, and their ids.
import type { Bug, BugComment, BugLink, BugUrl, Track } from '../../model/bug.ts'
import type { Address, Mail, MessageId } from '../../model/mail.ts'
import type { SyncRules } from '../../model/sync.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Tracker } from '../../ports/bugs.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { markOf as markIn } from '../../text/bug-comment.ts'
import { contentId } from '../../text/digest.ts'
import { holdsWords, namedIds, wordsIn } from '../../text/mirror.ts'
import { markOf, writeOfMark } from './write.ts'

/** A project whose threads and bugs are kept in step. */
export type SyncProject = {
  name: string
  list: Address
  /** Of the list's archive, with `{id}` in it. */
  archive: string | undefined
  tracker: Tracker
  /** Ours, there: its comments are never carried back. */
  login: string
  rules: SyncRules
  bot: Address
}

/** `push`: a reply that is kept is to be sent. */
export type SyncPorts = {
  store: Store
  blobs: Blobs
  clock: Clock
  push(reply: string): Promise<void>
  /** Runs what reads and then saves a track, one after another. */
  inTurn<T>(act: () => Promise<T>): Promise<T>
}

/** A bug as it is now, for all to see. */
export type SeenBug = { bug: Bug; comments: BugComment[]; links: BugLink[] }

const domainOf = (url: string): string => {
  try {
    return new URL(url).hostname.replace(/[^A-Za-z0-9.-]/g, '') || 'localhost'
  } catch {
    return 'localhost'
  }
}

/** Of the mail that a comment becomes. The same for every Grapevine, so that of two that carry it to one list both make the same mail. */
export const commentMessageId = (bug: Pick<Bug, 'url' | 'id'>, comment: number): MessageId =>
  `<grapevine.bug${bug.id}.${comment}.${contentId(12, 'comment', bug.url, comment)}@${domainOf(bug.url)}>`

/** Of the mail that a comment becomes where somebody else has used its Message-ID for other words: such an id can be guessed. */
export const ownMessageId = (messageId: MessageId): MessageId =>
  messageId.replace('<grapevine.', '<grapevine.own.')

/** Of the comment that a mail becomes. */
export const mirrorWriteId = (bug: BugUrl, messageId: MessageId): string =>
  contentId(24, 'mirror', bug, messageId)

/** What tells that something was carried over already: an edited comment has another one. */
export const digestOf = (text: string): string => contentId(24, text)

/** A Bugzilla may show logins cut at the @. */
export const isOwnComment = ({ author }: BugComment, login: string): boolean => {
  const [a, b] = [author.toLowerCase(), login.toLowerCase()]
  return a !== '' && (a === b || (!a.includes('@') && a === b.split('@')[0]))
}

/** What a mail of the list says; also of one of ours that has not come back yet. */
const wordsOf = async (store: Store, project: string, id: MessageId): Promise<string | undefined> => {
  const [mail] = await store.mailsByMessageId(id, project)
  return mail?.parsed?.text ?? (await store.replyByMessageId(id))?.mail.text
}

/**
 * The mail that a comment is a copy of, put there by us or by another bridge; undefined: somebody wrote it there. Somebody who names a mail in his
 * own words is no bridge: a copy holds the mail's words, too.
 */
export const mailOfComment = async (
  store: Store,
  comment: BugComment,
  { project, bug, isOwn }: { project: string; bug: BugUrl; isOwn: boolean },
): Promise<MessageId | undefined> => {
  const ids = namedIds(comment.text)
  // The mail may name others.
  if (isOwn) return ids.find(id => isMarked(comment, bug, id))
  for (const id of ids) {
    const words = await wordsOf(store, project, id)
    if (words !== undefined && isCopy(comment.text, words)) return id
  }
  return undefined
}

/** Was the comment made of that mail, by its mark? */
export const isMarked = ({ text }: BugComment, bug: BugUrl, id: MessageId): boolean =>
  markIn(text) === markOf({ id: mirrorWriteId(bug, id) })

/** Is it ours, by who wrote it, or, should our account there be another one than it was, by a mark that we know? */
export const isOurs = async (store: Store, comment: BugComment, login: string): Promise<boolean> => {
  if (isOwnComment(comment, login)) return true
  const write = writeOfMark(markIn(comment.text) ?? '')
  return write !== undefined && (await store.bugWrite(write)) !== undefined
}

/** The other bridge may have cut what the mail quotes, or its end. */
const isCopy = (whole: string, words: string): boolean => {
  const own = words.split(/^-- ?$/m)[0] ?? ''
  return holdsWords(whole, own)
}

/** The comment that a mail is a copy of, sent by us or by another bridge; undefined: somebody wrote it to the list. */
export const commentOfMail = (
  mail: Mail,
  { bug, comments }: Pick<SeenBug, 'bug' | 'comments'>,
  commentUrl: (comment: BugComment) => string,
): BugComment | undefined => {
  const { messageId, text } = mail.parsed ?? { messageId: undefined, text: '' }
  const holds = wordsIn(text)
  const namesBug = text.includes(bug.url)
  return comments.find(
    one =>
      (namesBug || commentMessageId(bug, one.id) === messageId || text.includes(commentUrl(one))) &&
      holds(one.text),
  )
}

/** Of what is kept and said of a track. */
export const trackKey = ({ bug, thread }: Pick<Track, 'bug' | 'thread'>): string => contentId(16, bug, thread)
