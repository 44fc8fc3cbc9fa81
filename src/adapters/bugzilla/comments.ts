// Comments of a bug, as everybody may read them: nothing private, nothing of a restricted bug, whatever our key may see.
import type { BugComment } from '../../model/bug.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import {
  attachmentsAnswer,
  commentFields,
  commentsAnswer,
  groupsAnswer,
  nameWithoutAddress,
  type RawAttachment,
  type RawComment,
  toComment,
  usersAnswer,
} from './answers.ts'
import { isGone, Refusal } from './fault.ts'
import type { Session } from './session.ts'

/** `new_since` is strict, knows seconds only, and a comment is seen up to some seconds after its time: what is asked for overlaps. */
export const overlapMs: Millis = 120_000

/** For `new_since`: from somewhat before that moment. */
const newSince = (since: Instant): string =>
  `${new Date(Math.max(0, since - overlapMs)).toISOString().slice(0, 19)}Z`

/** All that our key may see, in order. Throws a Refusal if the bug is not for us. */
export const rawComments = async (
  { ask }: Pick<Session, 'ask'>,
  id: number,
  since?: Instant,
): Promise<RawComment[]> => {
  const finite = since !== undefined && Number.isFinite(since)
  const query = { include_fields: commentFields, ...(finite ? { new_since: newSince(since) } : {}) }
  const { value } = await ask({ method: 'GET', path: `bug/${id}/comment`, query, answer: commentsAnswer })
  return (value.bugs[String(id)]?.comments ?? []).toSorted((a, b) => a.id - b.id)
}

const isRestricted = async ({ ask }: Session, id: number): Promise<boolean> => {
  const query = { include_fields: 'id,groups' }
  const { value } = await ask({ method: 'GET', path: `bug/${id}`, query, answer: groupsAnswer })
  return value.bugs[0] === undefined || value.bugs[0].groups.length > 0
}

const attachmentsOf = async ({ ask }: Session, id: number): Promise<Map<number, RawAttachment>> => {
  const query = { include_fields: 'id,file_name,content_type,size,is_private' }
  const asked = { method: 'GET', path: `bug/${id}/attachment`, query, answer: attachmentsAnswer } as const
  const { value } = await ask(asked)
  return new Map((value.bugs[String(id)] ?? []).map(one => [one.id, one]))
}

export type Names = (logins: string[]) => Promise<Map<string, string>>

const maxNames = 5_000
const namesAtOnce = 30

const askNames = async ({ ask }: Session, logins: string[]): Promise<[string, string][]> => {
  const query = { names: logins, include_fields: 'name,real_name' }
  const { value } = await ask({ method: 'GET', path: 'user', query, answer: usersAnswer })
  return value.users.map(user => [user.name, nameWithoutAddress(user.real_name ?? '')])
}

/** One name that is not known spoils the answer for all: then each is asked about alone. */
const askEach = async (session: Session, logins: string[]): Promise<[string, string][]> => {
  try {
    return await askNames(session, logins)
  } catch (error) {
    if (!(error instanceof Refusal) || error.retry !== 'never') throw error
    const [first, ...others] = logins
    if (first === undefined) return []
    if (others.length === 0) return [[first, '']]
    const each: [string, string][] = []
    for (const login of logins) each.push(...(await askEach(session, [login])))
    return each
  }
}

/** Names for people, by login; remembered, as comments do not hold them. */
export const openNames = (session: Session): Names => {
  const known = new Map<string, string>()
  return async logins => {
    const unknown = [...new Set(logins)].filter(login => !known.has(login))
    if (known.size > maxNames) known.clear()
    for (let at = 0; at < unknown.length; at += namesAtOnce) {
      const chunk = unknown.slice(at, at + namesAtOnce)
      for (const login of chunk) known.set(login, '')
      try {
        for (const [login, name] of await askEach(session, chunk)) known.set(login, name)
      } catch (error) {
        for (const login of chunk) known.delete(login)
        throw error
      }
    }
    return new Map(logins.map(login => [login, known.get(login) ?? '']))
  }
}

/** Those of these bugs that everybody may see; a search leaves out the others without a word. */
const openBugs = async ({ ask }: Session, ids: number[]): Promise<number[]> => {
  const query = { id: ids.map(String), include_fields: 'id,groups', limit: String(ids.length) }
  const { value } = await ask({ method: 'GET', path: 'bug', query, answer: groupsAnswer })
  return value.bugs.filter(({ groups }) => groups.length === 0).map(({ id }) => id)
}

/** Public comments of many bugs by two requests, without names and attachments. Those that are not in the answer were not told of. */
export const publicCommentsOf = async (
  session: Session,
  { ids, base }: { ids: number[]; base: string },
): Promise<Map<number, BugComment[] | 'gone'>> => {
  const open = await openBugs(session, ids)
  const found = new Map<number, BugComment[] | 'gone'>()
  for (const id of ids) if (!open.includes(id)) found.set(id, 'gone')
  const [first, ...others] = open
  if (first === undefined) return found
  // Bugs that are named beside the one in the path are answered about, too.
  const query = { include_fields: commentFields, ...(others.length > 0 ? { ids: others.map(String) } : {}) }
  const asked = { method: 'GET', path: `bug/${first}/comment`, query, answer: commentsAnswer } as const
  const { value } = await session.ask(asked)
  const none = { authorName: '', attachment: undefined }
  for (const [id, { comments }] of Object.entries(value.bugs)) {
    const shown = comments.filter(one => !one.is_private)
    found.set(
      Number(id),
      shown.map(one => toComment(base, one, none)),
    )
  }
  return found
}

/** Nothing, if the bug is gone or restricted. */
export const publicComments = async (
  session: Session,
  names: Names,
  { id, base, since }: { id: number; base: string; since: Instant | undefined },
): Promise<BugComment[]> => {
  try {
    const open = (await rawComments(session, id, since)).filter(comment => !comment.is_private)
    if (open.length === 0) return []
    // Asked afterwards: a bug that is hidden meanwhile is hidden.
    if (await isRestricted(session, id)) return []
    const isAttached = open.some(({ attachment_id }) => attachment_id != null)
    const attachments = isAttached ? await attachmentsOf(session, id) : new Map<number, RawAttachment>()
    const nameOf = await names(open.map(({ creator }) => creator))
    return open.map(comment =>
      toComment(base, comment, {
        authorName: nameOf.get(comment.creator) ?? '',
        attachment: comment.attachment_id == null ? undefined : attachments.get(comment.attachment_id),
      }),
    )
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}
