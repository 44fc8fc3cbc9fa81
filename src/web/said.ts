// What came of a form, for the page that the browser is sent on to (303; RFC 9110, 15.4.4): said there once. And what is sent twice by a
// double click is done once. Kept in memory, as there is one process of the pages; who did what stands in the audit log.
import { html } from 'hono/html'
import type { Instant, Millis } from '../model/instant.ts'
import type { Html } from './layout.ts'
import type { Asked, WebParts } from './parts.ts'

type Last = { what: string; came: Promise<unknown>; until: Instant }
type Kept = {
  /** By the session's secret and the page where it is said. */
  words: Map<string, { body: Html; until: Instant }>
  deeds: Map<string, Last>
}

const sayForMs: Millis = 60_000
const sameForMs: Millis = 5_000

const all = new WeakMap<WebParts, Kept>()

const keptOf = (parts: WebParts): Kept => {
  const kept = all.get(parts) ?? { words: new Map(), deeds: new Map() }
  all.set(parts, kept)
  return kept
}

const forgetOld = (kept: Map<string, { until: Instant }>, now: Instant) => {
  for (const [key, { until }] of kept) if (until < now) kept.delete(key)
}

/** Another page of the same session, in another tab, says nothing of it. */
const placeOf = (c: Asked, path: string): string => `${c.get('csrf')} ${new URL(path, c.req.url).pathname}`

/** Sends the browser on to one of our pages, which says that. */
export const sayThere = (
  c: Asked,
  parts: WebParts,
  { path, says }: { path: string; says: string | Html },
): Response => {
  const { words } = keptOf(parts)
  const now = parts.clock.now()
  forgetOld(words, now)
  const body = typeof says === 'string' ? html`<p class="said" role="status">${says}</p>` : says
  words.set(placeOf(c, path), { body, until: now + sayForMs })
  return c.redirect(path, 303)
}

/** What is to be said on the page that is asked for; undefined: nothing. A page that reads itself again in the background is not where. */
export const takeSaid = (c: Asked, parts: WebParts): Html | undefined => {
  const { words } = keptOf(parts)
  const place = placeOf(c, c.req.url)
  const found = words.get(place)
  const isShown = c.req.method === 'GET' && ['document', undefined].includes(c.req.header('sec-fetch-dest'))
  // A page that is loaded before anybody asks for it may never be seen.
  if (found === undefined || !isShown || c.req.header('sec-purpose') !== undefined) return undefined
  words.delete(place)
  return found.until < parts.clock.now() ? undefined : found.body
}

/** Does it, unless it is what this session did last, and did only now: then the same came of it. `what`: all that it hangs on; `isDone`: what
 *  was not done is tried anew. */
export const once = <T>(
  c: Asked,
  parts: WebParts,
  { what, act, isDone = () => true }: { what: string; act: () => Promise<T>; isDone?: (came: T) => boolean },
): Promise<T> => {
  const { deeds } = keptOf(parts)
  const key = c.get('csrf')
  const { clock } = parts
  forgetOld(deeds, clock.now())
  const last = deeds.get(key)
  if (last?.what === what) return last.came as Promise<T>
  const came = act()
  const mine: Last = { what, came, until: Number.POSITIVE_INFINITY }
  deeds.set(key, mine)
  const forget = () => {
    if (deeds.get(key) === mine) deeds.delete(key)
  }
  came.then(one => {
    if (isDone(one)) mine.until = clock.now() + sameForMs
    else forget()
  }, forget)
  return came
}
