// Server-sent events: what changed, and logs that grow. Open to everybody, as the pages are that they belong to.
import { Hono } from 'hono'
import type { Topic } from '../../ports/live.ts'
import { askerOf } from '../access/asker.ts'
import { waitFor } from '../access/limits.ts'
import type { Asked, Env, Pages, WebParts } from '../parts.ts'
import { placeOf } from '../runs/log-live.ts'
import { type Changes, changesOf } from './changes.ts'
import { type Endings, endingsOf } from './endings.ts'
import { type Hub, newHub } from './hub.ts'
import { followRun, sendKept } from './log-stream.ts'
import { eventOf } from './outlet.ts'
import { streaming } from './pour.ts'

const topicForm = /^(?:(?:series|job|run):[\w.-]{1,200}|queue|farm|incidents|verdicts)$/
const isTopic = (text: string): text is Topic => topicForm.test(text)
const maxTopics = 20

/** A whole number, or that. */
const numberOf = (text: string | undefined, instead: number): number =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : instead

const full = (c: Asked): Response => {
  c.header('retry-after', '30')
  return c.text('There are too many viewers at the moment; a reload shows how things stand.\n', 503)
}

const changed = (topics: Topic[] | 'lost') =>
  topics === 'lost' ? eventOf({ event: 'lost', data: {} }) : eventOf({ event: 'changed', data: topics })

type Shared = { hub: Hub; changes: Changes; endings: Endings }

/** `topic`, several times; `age`: how old the page is that listens, in ms. */
const events = (c: Asked, parts: WebParts, { hub, changes }: Shared) => {
  const topics = [...new Set(c.req.queries('topic') ?? [])].filter(isTopic)
  if (topics.length === 0 || topics.length > maxTopics)
    return c.text(`Say what to listen to: ?topic=queue, up to ${maxTopics} times\n`, 400)
  let stop = () => {}
  const outlet = hub.open(askerOf(c, parts), () => stop())
  if (!outlet) return full(c)
  stop = changes.on(topics, some => {
    // Who is so far behind looks at all anew.
    if (!outlet.send(changed(some))) outlet.sendInstead(changed('lost'))
  }).stop
  const missed = changes.since(topics, parts.clock.now() - numberOf(c.req.query('age'), 0))
  if (missed === 'lost' || missed.length > 0) outlet.send(changed(missed))
  return streaming(c, outlet)
}

const logStream = async (c: Asked, parts: WebParts, { hub, endings }: Shared) => {
  // Each may make us read a whole file, or colour all that there is anew.
  const seconds = await waitFor(c, parts, 'log')
  if (seconds !== undefined) return c.text('Not so fast.\n', 429, { 'retry-after': String(seconds) })
  const wired = await parts.wired()
  const run = c.req.param('run') ?? ''
  const record = await wired.store.run(run)
  if (!record) return c.text('There is no such run.\n', 404)
  const place = placeOf(c.req.header('last-event-id')) ?? placeOf(c.req.query('from')) ?? { at: 0, pen: '' }
  let stop = () => {}
  const outlet = hub.open(askerOf(c, parts), () => stop())
  if (!outlet) return full(c)
  if (record.endedAt === undefined)
    stop = followRun({ wired, live: parts.live, endings }, { run, place, outlet }).stop
  else void sendKept(wired, { record, place, outlet })
  return streaming(c, outlet)
}

export const livePages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const changes = changesOf(parts.live, () => parts.clock.now())
  const shared = { hub: newHub(), changes, endings: endingsOf(parts, changes) }
  pages.get('/events', c => events(c, parts, shared))
  pages.get('/runs/:run/log/stream', c => logStream(c, parts, shared))
  return pages
}
