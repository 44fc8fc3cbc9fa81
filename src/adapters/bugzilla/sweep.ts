// What has changed since the last look, in one request if nothing has: bugs by their time of change, page by page, the oldest change first.
import { z } from 'zod'
import { Fault } from '../../model/fault.ts'
import type { Instant } from '../../model/instant.ts'
import type { Sweep, SweepCursor } from '../../ports/bugs.ts'
import { bugFields, bugsAnswer, type RawBug, toBug } from './answers.ts'
import { overlapMs } from './comments.ts'
import type { Session } from './session.ts'

const cursorShape = z.object({
  /** Changes of this moment and later ones are asked for, in ms. */
  from: z.number(),
  /** How many bugs of that very second were seen already; only while more of them come than fit into a page. */
  skip: z.number(),
  /** Bugs of that second that the page before has told, and that nothing can be added to any more. */
  told: z.array(z.number()).default([]),
})
type Cursor = z.output<typeof cursorShape>

const start: Cursor = { from: 0, skip: 0, told: [] }

const cursorOf = (text: SweepCursor | undefined): Cursor => {
  if (text === undefined) return start
  try {
    return cursorShape.parse(JSON.parse(text))
  } catch {
    throw new Fault('malformed', 'never', 'the place where a sweep of Bugzilla goes on cannot be read')
  }
}

/** Between two pages some bugs of the second may have changed, and moved away: so many may be told twice. */
const margin = (pageSize: number): number => Math.floor(pageSize / 10)

const inSeconds = (at: Instant): string => `${new Date(at).toISOString().slice(0, 19)}Z`

/** After so long nothing can be added to a second any more. */
const isComplete = (changed: Instant, now: Instant): boolean => now - changed > overlapMs

/** Where the next page begins, if this one is full: at its last second, or within it, if it has no other. */
const afterFull = (
  page: RawBug[],
  cursor: Cursor,
  { now, pageSize }: { now: Instant; pageSize: number },
): Cursor => {
  const from = page.at(-1)?.last_change_time ?? cursor.from
  const told = isComplete(from, now)
    ? page.filter(bug => bug.last_change_time === from).map(({ id }) => id)
    : []
  if (page[0]?.last_change_time !== from) return { from, skip: 0, told }
  const skipped = cursor.from === from ? cursor.skip : 0
  return { from, skip: skipped + pageSize - margin(pageSize), told }
}

/** Where the next sweep begins, if this was all: with an overlap, until it is so long ago that nothing can be added to it any more. */
const afterLast = (page: RawBug[], cursor: Cursor, now: Instant): Cursor => {
  const newest = page.at(-1)?.last_change_time
  if (newest === undefined) return { ...cursor, skip: 0 }
  const from = isComplete(newest, now) ? newest + 1000 : Math.max(0, newest - overlapMs)
  return { from, skip: 0, told: [] }
}

/** A page of at most `pageSize`. Restricted bugs are told of, without their words. */
export const sweepBugs = async (
  { ask, config }: Session,
  given: { cursor: SweepCursor | undefined; products: string[]; pageSize: number },
): Promise<Sweep> => {
  const { products, pageSize } = given
  const cursor = cursorOf(given.cursor)
  const { value, at: now } = await ask({
    method: 'GET',
    path: 'bug',
    query: {
      last_change_time: inSeconds(cursor.from),
      order: 'changeddate,bug_id',
      include_fields: bugFields,
      limit: String(pageSize),
      ...(cursor.skip > 0 ? { offset: String(cursor.skip) } : {}),
      ...(products.length > 0 ? { product: products } : {}),
    },
    answer: bugsAnswer,
  })
  const page = value.bugs.toSorted((a, b) => a.last_change_time - b.last_change_time || a.id - b.id)
  const more = page.length >= pageSize
  const next = more ? afterFull(page, cursor, { now, pageSize }) : afterLast(page, cursor, now)
  const told = new Set(cursor.told)
  const isNew = ({ id, last_change_time: changed }: RawBug) => changed !== cursor.from || !told.has(id)
  return {
    bugs: page.filter(isNew).map(bug => toBug(config.url, bug)),
    next: JSON.stringify(next),
    more,
  }
}
