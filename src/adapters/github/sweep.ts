// Issues that changed, page by page in the order of their changes. `since` is inclusive and knows seconds; lists lag behind somewhat: the last
// two minutes are asked for again, and what was told already is left out.
import { z } from 'zod'
import type { Instant, Millis } from '../../model/instant.ts'
import type { SweepCursor } from '../../ports/bugs.ts'
import type { Clock } from '../../ports/clock.ts'
import { type Issue, issues } from './answers.ts'
import type { Http } from './http.ts'

const overlapMs: Millis = 120_000
const perPage = 100

const place = z.object({
  /** undefined: from the beginning. */
  since: z.number().optional(),
  page: z.int(),
  /** Issues that were told: number, when it was changed, and how many comments it had. */
  seen: z.array(z.tuple([z.number(), z.number(), z.number()])),
})
type Place = z.output<typeof place>

const start: Place = { page: 1, seen: [] }

/** One that is not ours begins anew: nothing is lost by that. */
const readPlace = (cursor: SweepCursor | undefined): Place => {
  if (cursor === undefined) return start
  try {
    return place.safeParse(JSON.parse(cursor)).data ?? start
  } catch {
    return start
  }
}

const keyOf = ({ number, updated_at, comments }: Issue): Place['seen'][number] => [
  number,
  updated_at,
  comments,
]

/** `at`: what time it is there. */
const nextPlace = (now: Place, list: Issue[], at: Instant): Place => {
  const last = list.at(-1)?.updated_at
  if (last === undefined) return { ...now, page: 1 }
  const told = [...new Map([...now.seen, ...list.map(keyOf)].map(key => [key.join(), key])).values()]
  if (list.length < perPage) {
    const since = Math.max(0, Math.min(last, at - overlapMs))
    return { since, page: 1, seen: told.filter(([, changed]) => changed >= since) }
  }
  // More than a page of one second: it is turned. Else the time goes on, as pages shift when something changes.
  return last === now.since
    ? { ...now, page: now.page + 1, seen: told }
    : { since: last, page: 1, seen: told.filter(([, changed]) => changed >= last - overlapMs) }
}

export const sweepIssues = async (
  { ask }: Http,
  { path, clock }: { path: string; clock: Pick<Clock, 'now'> },
  cursor: SweepCursor | undefined,
): Promise<{ changed: Issue[]; next: SweepCursor; more: boolean }> => {
  const now = readPlace(cursor)
  const { value, header } = await ask({
    ...{ method: 'GET' as const, path: `${path}/issues`, answer: issues },
    query: {
      ...{ state: 'all', sort: 'updated', direction: 'asc', per_page: perPage, page: now.page },
      ...(now.since === undefined ? {} : { since: `${new Date(now.since).toISOString().slice(0, 19)}Z` }),
    },
  })
  const at = Date.parse(header('date'))
  const seen = new Set(now.seen.map(key => key.join()))
  const changed = value.filter(one => one.pull_request === undefined && !seen.has(keyOf(one).join()))
  return {
    changed,
    next: JSON.stringify(nextPlace(now, value, Number.isNaN(at) ? clock.now() : at)),
    more: value.length >= perPage,
  }
}
