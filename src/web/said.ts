// What came of a form, for the page that the browser is sent on to (303; RFC 9110, 15.4.4): said there once. And what is sent twice by a
// double click is done once. Kept in memory, as there is one process of the pages; who did what stands in the audit log.
import { html } from 'hono/html'
import type { Instant, Millis } from '../model/instant.ts'
import type { Html } from './layout.ts'
import type { Asked, WebParts } from './parts.ts'

type Last = { what: string; came: Promise<unknown>; until: Instant }
type Kept = {
  /** By the session's secret. */
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
  words.set(c.get('csrf'), { body, until: now + sayForMs })
  return c.redirect(path, 303)
}

/** What is to be said on the page that is asked for; undefined: nothing. A page that reads itself again in the background is not where. */
export const takeSaid = (c: Asked, parts: WebParts): Html | undefined => {
  const { words } = keptOf(parts)
  const found = words.get(c.get('csrf'))
  if (found === undefined || !['document', undefined].includes(c.req.header('sec-fetch-dest')))
    return undefined
  words.delete(c.get('csrf'))
  // A form's own answer says other things: this word came too late.
  return c.req.method !== 'GET' || found.until < parts.clock.now() ? undefined : found.body
}

/** Does it, unless it is what this session did last, and did only now: then the same came of it. `what`: all that it hangs on. */
export const once = <T>(
  c: Asked,
  parts: WebParts,
  { what, act }: { what: string; act: () => Promise<T> },
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
  came.then(
    () => {
      mine.until = clock.now() + sameForMs
    },
    () => {
      if (deeds.get(key) === mine) deeds.delete(key)
    },
  )
  return came
}
