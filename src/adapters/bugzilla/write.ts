// What we write to a bug: one after another, each comment once, a change of fields together with its comment or not at all.
import type { BugChange, BugDraft } from '../../model/bug.ts'
import { Fault } from '../../model/fault.ts'
import type { Writing } from '../../ports/bugs.ts'
import { markedComment, markOf } from '../../text/bug-comment.ts'
import { oneLine } from '../../text/clean.ts'
import {
  bugFields,
  bugsAnswer,
  changedAnswer,
  historyAnswer,
  idAnswer,
  idsAnswer,
  type RawBug,
} from './answers.ts'
import { fieldsOf } from './change.ts'
import { rawComments } from './comments.ts'
import { isGone, Refusal } from './fault.ts'
import type { Found, Marks } from './marks.ts'
import type { Session } from './session.ts'

/** Bugzilla's limit, in characters. */
const maxComment = 65_535

/** A 5.0 whose database has three bytes for a character writes others as an escape, which counts. */
const sizeOf = (character: string): number => (character.length > 1 ? 11 : 1)

export type Order = Writing & { id: number }

type Written = { comment: number | undefined; refused?: string }

/** How the bug stands now. Throws a Refusal if it is not for us. */
export const rawBug = async ({ ask, config }: Session, id: number): Promise<RawBug> => {
  const query = { include_fields: bugFields }
  const { value } = await ask({ method: 'GET', path: `bug/${id}`, query, answer: bugsAnswer })
  const [bug] = value.bugs
  if (bug === undefined) throw new Refusal(101, 'never', `${config.name}: bug ${id} is not there`)
  return bug
}

const textOf = ({ text, mark, link }: Writing): string | undefined =>
  text === undefined ? undefined : markedComment(text, { mark, link, max: maxComment, sizeOf })

const comment = async ({ ask }: Session, id: number, text: string): Promise<number> => {
  const asked = {
    method: 'POST',
    path: `bug/${id}/comment`,
    body: { comment: text },
    answer: idAnswer,
  } as const
  return (await ask(asked)).value.id
}

const put = async ({ ask }: Session, id: number, fields: Record<string, unknown>): Promise<void> => {
  await ask({ method: 'PUT', path: `bug/${id}`, body: fields, answer: changedAnswer })
}

/** Was something changed by us together with that comment? Both have the same time then. */
const wasChangedWith = async ({ ask, config }: Session, id: number, { at }: Found): Promise<boolean> => {
  const query = { new_since: `${new Date(at - 1000).toISOString().slice(0, 19)}Z` }
  const { value } = await ask({ method: 'GET', path: `bug/${id}/history`, query, answer: historyAnswer })
  const own = config.login.toLowerCase()
  return value.bugs.some(({ history }) =>
    history.some(({ when, who }) => when === at && who.toLowerCase() === own),
  )
}

const fieldsNow = async (session: Session, id: number, change: BugChange | undefined) =>
  change === undefined ? undefined : fieldsOf(change, await rawBug(session, id))

const remedy = 'May our account change that field there, and does its workflow allow it?'

/** The comment is there. Its change is missing only if it was refused then; somebody may have allowed it since. */
const finish = async (
  session: Session,
  { id, change }: Order,
  found: Found,
): Promise<Pick<Written, 'refused'>> => {
  const fields = await fieldsNow(session, id, change)
  if (fields === undefined || (await wasChangedWith(session, id, found))) return {}
  try {
    await put(session, id, fields)
    return {}
  } catch (error) {
    if (!(error instanceof Refusal) || error.retry !== 'never') throw error
    return { refused: `${error.message}. ${remedy}` }
  }
}

/** Refused changes take the comment with them: people should read it all the same. */
const putWithComment = async (
  session: Session,
  { id, fields, text }: { id: number; fields: Record<string, unknown>; text: string | undefined },
): Promise<Written | undefined> => {
  try {
    await put(session, id, { ...fields, ...(text === undefined ? {} : { comment: { body: text } }) })
    return undefined
  } catch (error) {
    const isChange = error instanceof Refusal && error.retry === 'never' && !isGone(error)
    if (!isChange || text === undefined) throw error
    return { comment: await comment(session, id, text), refused: `${error.message}. ${remedy}` }
  }
}

/** Looks for the mark, then writes. The answer to a PUT has no comment's id: it is looked for, too. */
export const writeTo = async (session: Session, marks: Marks, order: Order): Promise<Written> => {
  const { id, mark } = order
  const text = textOf(order)
  const found = text === undefined ? undefined : await marks.find(id, mark)
  if (found) return { comment: found.comment, ...(await finish(session, order, found)) }
  const fields = await fieldsNow(session, id, order.change)
  if (fields === undefined)
    return { comment: text === undefined ? undefined : await comment(session, id, text) }
  const alone = await putWithComment(session, { id, fields, text })
  return alone ?? { comment: text === undefined ? undefined : (await marks.find(id, mark))?.comment }
}

const maxCandidates = 20

/** A bug of ours whose description has the mark. The search only narrows down; the description decides. */
const findMade = async (
  session: Session,
  { product }: BugDraft,
  mark: string,
): Promise<number | undefined> => {
  const query = {
    ...{ product, creator: session.config.login, include_fields: 'id' },
    ...{ f1: 'longdesc', o1: 'substring', v1: mark, order: 'bug_id DESC', limit: String(maxCandidates) },
  }
  const { value } = await session.ask({ method: 'GET', path: 'bug', query, answer: idsAnswer })
  for (const { id } of value.bugs) {
    const first = (await rawComments(session, id)).find(({ count }) => count === 0)
    if (first && markOf(first.text) === mark) return id
  }
  return undefined
}

const maxSummary = 255

/** Astral characters in summaries are lost by a 5.0; it writes four question marks for each. */
const summaryOf = (summary: string): string =>
  oneLine(summary, maxSummary - 40)
    .replace(/[\u{10000}-\u{10ffff}]/gu, '?')
    .slice(0, maxSummary)

/** Makes the bug, unless there is one with the mark. */
export const createBug = async (session: Session, draft: BugDraft, mark: string): Promise<number> => {
  const made = await findMade(session, draft, mark)
  if (made !== undefined) return made
  const { product, component, version, summary, fields } = draft
  const description = markedComment(draft.text, { mark, link: undefined, max: maxComment, sizeOf })
  const body = { ...fields, product, component, version, summary: summaryOf(summary), description }
  const asked = { method: 'POST', path: 'bug', body, answer: idAnswer } as const
  try {
    return (await session.ask(asked)).value.id
  } catch (error) {
    // A field that this site asks for.
    if (!(error instanceof Refusal) || error.code !== 50) throw error
    throw new Fault('refused', 'never', error.message, {
      cause: error,
      remedy:
        'Sites may ask for further fields, like op_sys and rep_platform: notices.bug.fields names them.',
    })
  }
}
