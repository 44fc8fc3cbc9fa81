// What operators do: drain, pause, cancel, retry, power; with a reason, and an entry in the audit log.
import { Hono } from 'hono'
import { html } from 'hono/html'
import { Fault } from '../../model/fault.ts'
import { sentence } from '../../model/words.ts'
import { oneLine } from '../../text/clean.ts'
import { type Operated, operate } from '../../wiring/operate.ts'
import { requireRole } from '../access/guard.ts'
import { safePath } from '../access/place.ts'
import { page } from '../layout.ts'
import type { Asked, Env, Pages, WebParts } from '../parts.ts'
import { once, sayThere } from '../said.ts'
import { againBody } from './again.ts'
import { auditTable } from './audit-table.ts'
import { operationsBody } from './body.ts'
import { deedOf, type Fields } from './deed.ts'
import { queuePages } from './queues.ts'
import { auditLine, operationsView } from './view.ts'

const mostWaiting = 50

const look = async (parts: WebParts) => {
  const { store } = await parts.wired()
  const [holds, hosts, waiting, windows, done] = await Promise.all([
    store.holds(),
    store.hosts(),
    store.seriesIn({ at: 'held', limit: mostWaiting }),
    store.maintenances({ live: true }),
    store.audits({ limit: 10 }),
  ])
  return operationsView({
    ...{ config: parts.config, holds, hosts, waiting, windows, done, now: parts.clock.now() },
  })
}

const fieldsOf = async (c: Asked): Promise<Fields> => {
  const all = await c.req.parseBody({ all: true })
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [
      name,
      (Array.isArray(value) ? value : [value]).filter(one => typeof one === 'string'),
    ]),
  )
}

/** A power switch that does not answer is an answer, too. */
const answerOf = (error: unknown): Operated => {
  if (error instanceof Fault && error.message.startsWith('power'))
    return {
      no: error.message,
      remedy: error.remedy ?? 'It may have been done all the same: look at the host.',
    }
  throw error
}

type Said = { no: string; remedy: string }

/** What was not done is asked for again: nothing that was typed is lost. */
const notDone = (
  c: Asked,
  parts: WebParts,
  { said: { no, remedy }, fields, status }: { said: Said; fields: Fields; status: 409 | 422 },
) =>
  page(c, parts, {
    ...{ title: 'Not done', here: 'operations', status },
    body: againBody({
      ...{ does: c.req.param('deed') ?? '', fields, csrf: c.get('csrf'), back: backOf(fields) },
      ...{ says: sentence(oneLine(no, 600)), remedy: oneLine(remedy, 400) },
    }),
  })

/** Where the form was: other pages of ours have forms that lead here as well. */
const backOf = (fields: Fields): string => {
  const path = safePath(fields.back?.[0])
  return path === '/' ? '/operations' : path
}

const pageLength = 100

const auditPage = async (c: Asked, parts: WebParts) => {
  const { store } = await parts.wired()
  const about = c.req.query('about')
  const given = Number(c.req.query('before') ?? Number.NaN)
  const before = Number.isSafeInteger(given) ? given : undefined
  const found = await store.audits({
    ...{ limit: pageLength + 1, ...(about === undefined ? {} : { about: about.slice(0, 300) }) },
    ...(before === undefined ? {} : { before }),
  })
  const lines = found.slice(0, pageLength).map(auditLine)
  const last = lines.at(-1)
  const more =
    found.length > pageLength && last ? new URLSearchParams({ before: String(last.at) }) : undefined
  if (more && about !== undefined) more.set('about', about)
  const whole = about !== undefined || before !== undefined
  return page(c, parts, {
    ...{ title: 'Audit log', here: 'operations' },
    body: html`<h1>Audit log</h1>
<p>What people did, the newest first${about === undefined ? '' : html`; only what was done to ${oneLine(about, 200)}`}.</p>
${lines.length === 0 ? html`<p>Nothing.</p>` : auditTable(lines)}
<p class="pager">${more ? html`<a href="/audit?${more.toString()}">Older</a>` : ''} ${whole ? html`<a href="/audit">All, from the newest</a>` : ''} <a href="/operations">Operations</a></p>`,
  })
}

export const operationPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const operators = requireRole(parts, 'operator')
  pages.get('/operations', operators, async c =>
    page(c, parts, {
      ...{ title: 'Operations', here: 'operations', topics: ['farm', 'queue'] },
      body: operationsBody(await look(parts), c.get('csrf')),
    }),
  )
  pages.post('/operations/:deed', operators, async (c, next) => {
    const fields = await fieldsOf(c)
    const said = deedOf(c.req.param('deed'), fields, parts.clock.now())
    if (said === undefined) return next()
    if ('no' in said) return notDone(c, parts, { said, fields, status: 422 })
    const who = c.get('viewer')?.name ?? ''
    const act = async () => operate(await parts.wired(), { who, by: 'web', ...said }).catch(answerOf)
    const what = JSON.stringify([c.req.path, fields])
    const came = await once(c, parts, { what, act, isDone: one => !('no' in one) })
    if ('no' in came) return notDone(c, parts, { said: came, fields, status: 409 })
    return sayThere(c, parts, { path: backOf(fields), says: sentence(oneLine(came.did, 600)) })
  })
  pages.get('/audit', operators, c => auditPage(c, parts))
  pages.route('/', queuePages(parts))
  return pages
}
