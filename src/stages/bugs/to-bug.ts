// list → bug: each mail of the thread becomes one comment, once. Neither mails of programs nor those that another bridge brought from the bug.
import type { BugComment, BugWrite, Track } from '../../model/bug.ts'
import { Fault } from '../../model/fault.ts'
import type { Mail, MessageId } from '../../model/mail.ts'
import type { Store } from '../../ports/store.ts'
import { mailAddress } from '../../text/archive.ts'
import { commandText } from '../../text/command-text.ts'
import { mailWords, namedIds, shownName, withRaw } from '../../text/mirror.ts'
import { render } from '../../text/render.ts'
import { isSameMailbox } from '../../text/same-address.ts'
import {
  commentMessageId,
  commentOfMail,
  digestOf,
  isMarked,
  isOurs,
  isOwnComment,
  mailOfComment,
  mirrorWriteId,
  type SeenBug,
  type SyncPorts,
  type SyncProject,
} from './mirrored.ts'
import { moveTrack } from './track.ts'

/** Ours are neither by what was kept nor by their sender, which also tells after the database was lost. */
const isByPeople = ({ disposition, parsed }: Mail, bot: string): boolean =>
  parsed !== undefined &&
  parsed.auto === undefined &&
  !['own', 'automatic', 'unreadable'].includes(disposition.kind) &&
  !(parsed.from !== undefined && isSameMailbox(parsed.from.address, bot))

const addressesOf = ({ parsed }: Mail): string[] =>
  [parsed?.from, parsed?.author, ...(parsed?.to ?? []), ...(parsed?.cc ?? [])].flatMap(one =>
    one === undefined ? [] : [one.address.toLowerCase()],
  )

/** Where the mail is, or its Message-ID; neither if somebody's address is in it. */
const sourceOf = ({ archive }: SyncProject, mail: Mail, messageId: MessageId) => {
  const plain = messageId.replace(/^<|>$/g, '')
  const tells = addressesOf(mail).some(address => plain.toLowerCase().includes(address))
  return { link: tells ? undefined : mailAddress(archive, messageId), id: tells ? '' : plain }
}

/** The comment that a mail of the thread is in the bug; undefined: none, or it cannot be seen yet. */
const commentAt = (
  { comments, links, bug }: SeenBug,
  login: string,
  id: MessageId,
): BugComment | undefined => {
  const link = links.find(one => one.messageId === id)
  if (link) return comments.find(one => one.id === link.comment)
  return comments.find(
    one => commentMessageId(bug, one.id) === id || (isOwnComment(one, login) && isMarked(one, bug.url, id)),
  )
}

const answeredBy = (seen: SeenBug, login: string, { parsed }: Mail): number | undefined => {
  for (const id of parsed?.ancestors.slice(0, 1) ?? []) {
    const comment = commentAt(seen, login, id)
    if (comment) return comment.number
  }
  return undefined
}

/** The comment; undefined: the mail says nothing of its own. */
const writeOf = (
  project: SyncProject,
  {
    track,
    mail,
    seen,
    messageId,
    text,
    now,
  }: { track: Track; mail: Mail; seen: SeenBug; messageId: MessageId; text: string; now: number },
): BugWrite | undefined => {
  const said = mailWords(text, mail.patch !== undefined)
  if (said === '') return undefined
  const { link, id } = sourceOf(project, mail, messageId)
  const name = shownName((mail.parsed?.author ?? mail.parsed?.from)?.name ?? '')
  const about = { name, answers: answeredBy(seen, project.login, mail) ?? -1, list: project.name }
  const where = link ?? (id === '' ? undefined : `Message-ID ${id}`)
  const top = render('mirror-bug-top', about).join('\n')
  const foot = render('mirror-bug-end', { ...about, where: where !== undefined })
  const end = withRaw(foot, where === undefined ? {} : { mail: where }).join('\n')
  return {
    ...{ id: mirrorWriteId(track.bug, messageId), tracker: project.tracker.name, bug: track.bug },
    ...{ kind: 'mirror', project: project.name, series: undefined, link },
    ...{ text: `${top}\n\n${said}\n\n${end}`, change: undefined, create: undefined, createdAt: now },
    state: { at: 'pending', notBefore: now, tries: 0 },
  }
}

/** Is the mail that it answers about to become a comment? Then its number is waited for. */
export const waitsForParent = async (store: Store, track: Track, { parsed }: Mail): Promise<boolean> => {
  const [parent] = parsed?.ancestors ?? []
  if (parent === undefined) return false
  const at = (await store.bugWrite(mirrorWriteId(track.bug, parent)))?.state.at
  return at === 'pending' || at === 'writing'
}

/** Is nothing left to be done for it? Asks no tracker. */
export const isCarried = async (
  store: Store,
  track: Track,
  { parsed, disposition }: Mail,
): Promise<boolean> => {
  const messageId = parsed?.messageId
  if (messageId === undefined || disposition.kind === 'own') return true
  if ((await store.bugWrite(mirrorWriteId(track.bug, messageId))) !== undefined) return true
  return (await store.bugLinkOf(messageId))?.bug === track.bug
}

/** Some write HTML only. '' where the bytes are gone. */
const readText = async ({ blobs }: SyncPorts, { id, parsed }: Mail): Promise<string> => {
  if (parsed !== undefined && parsed.text.trim() !== '') return parsed.text
  try {
    return await commandText(await blobs.get(id))
  } catch (error) {
    if (error instanceof Fault && error.kind === 'damaged') return ''
    throw error
  }
}

/** Is it in the bug already, or a copy of what is there? Then the two are linked. */
const isInBug = async (
  { store, clock }: SyncPorts,
  project: SyncProject,
  { track, mail, seen, messageId }: { track: Track; mail: Mail; seen: SeenBug; messageId: MessageId },
): Promise<boolean> => {
  const base = { tracker: project.tracker.name, bug: track.bug, messageId, at: clock.now() }
  if (seen.links.some(link => link.messageId === messageId)) return true
  const copied = commentOfMail(mail, seen, one => project.tracker.commentUrl(track.bug, one))
  if (copied) {
    await store.addBugLinks([{ ...base, comment: copied.id, digest: digestOf(copied.text), from: 'bug' }])
    return true
  }
  const about = { project: project.name, bug: track.bug }
  for (const one of seen.comments.filter(comment => namedIds(comment.text).includes(messageId))) {
    const isOwn = await isOurs(store, one, project.login)
    if ((await mailOfComment(store, one, { ...about, isOwn })) !== messageId) continue
    await store.addBugLinks([{ ...base, comment: one.id, digest: digestOf(one.text), from: 'list' }])
    return true
  }
  return false
}

/** Carries a mail to the bug of its thread, at most once. Repeatable. Returns whether a comment is made of it. */
export const carryMail = async (
  ports: SyncPorts,
  project: SyncProject,
  { track, mail, seen }: { track: Track; mail: Mail; seen: SeenBug },
): Promise<boolean> => {
  const messageId = mail.parsed?.messageId
  if (messageId === undefined || (await isInBug(ports, project, { track, mail, seen, messageId })))
    return false
  if (!isByPeople(mail, project.bot.address)) return false
  const text = await readText(ports, mail)
  const write = writeOf(project, { track, mail, seen, messageId, text, now: ports.clock.now() })
  if (write === undefined || !(await ports.store.addBugWrite(write))) return false
  await moveTrack(ports, track, { on: 'heard' })
  return true
}
