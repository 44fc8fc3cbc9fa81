// All routes together. Pages read; what changes something is a form of somebody who is logged in, or a webhook that is signed.
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { etag } from 'hono/etag'
import { html } from 'hono/html'
import { secureHeaders } from 'hono/secure-headers'
import { Fault } from '../model/fault.ts'
import { saidScheme } from './access/asker.ts'
import { accessGuard } from './access/guard.ts'
import { accessPages } from './access/pages.ts'
import { measured } from './api/monitor.ts'
import { apiPages } from './api/pages.ts'
import { problem } from './api/problem.ts'
import { assets } from './assets.ts'
import { isBrokenOff } from './broken-off.ts'
import { farmPages } from './farm/pages.ts'
import { statusFeed } from './feeds.ts'
import { forgePages } from './forge/pages.ts'
import { homePages } from './home/pages.ts'
import { incidentPages } from './incidents/pages.ts'
import { knownPages } from './known/pages.ts'
import { missing, trouble } from './layout.ts'
import { livePages } from './live/pages.ts'
import { pouring } from './live/pour.ts'
import { operationPages } from './operations/pages.ts'
import { boardHeaders, isBoard } from './operations/queues.ts'
import { statusPage } from './page.ts'
import type { Asked, Env, Pages, WebParts } from './parts.ts'
import { runPages } from './runs/pages.ts'
import { seriesListPages } from './series/list.ts'
import { seriesPages } from './series/pages.ts'
import { statisticsPages } from './statistics/pages.ts'
import { submitPages } from './submit/pages.ts'
import { testPages } from './tests/pages.ts'

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    scriptSrc: ["'self'"],
    connectSrc: ["'self'"],
    imgSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  // Without one, browsers say of our own forms that they come from nowhere.
  referrerPolicy: 'same-origin',
  // What is sent as it lies has a stricter one of its own.
  overwrite: false,
  // Whether TLS is there for ever is for who runs it to say.
  strictTransportSecurity: false,
})

/** Everybody may keep it for a moment. */
const fresh = 'public, max-age=15'

const baseOf = (c: Asked, parts: WebParts): string => {
  const { protocol, host } = new URL(c.req.url)
  return parts.config.web.url ?? `${saidScheme(c, parts) ?? protocol.slice(0, -1)}://${host}`
}

/** How things stand: without a login, and also while the database is away. */
const statusPages = (parts: WebParts): Pages => {
  const { looking, status, name } = parts
  const pages = new Hono<Env>()
  const feed = async (c: Asked, titles: 'html' | 'text') =>
    statusFeed(await status(), { name, base: baseOf(c, parts), titles })
  pages.get('/status', async c => {
    c.header('cache-control', fresh)
    return c.html(statusPage(await status(), { name, look: assets.style.id }))
  })
  pages.get('/status.atom', async c => {
    const xml = (await feed(c, 'html')).atom1()
    return c.body(xml, 200, { 'content-type': 'application/atom+xml; charset=utf-8', 'cache-control': fresh })
  })
  pages.get('/status.json', async c => {
    const json = (await feed(c, 'text')).json1()
    return c.body(json, 200, {
      'content-type': 'application/feed+json; charset=utf-8',
      'cache-control': fresh,
    })
  })
  // For monitoring: 503 if nothing can be shown; the rest is said.
  pages.get('/healthz', async c => {
    const { standing, isDatabaseHere, botAt } = await looking.look()
    const said = { ok: standing !== undefined, database: isDatabaseHere, bot: botAt ?? null }
    return c.json(said, standing === undefined ? 503 : 200, { 'cache-control': 'no-store' })
  })
  return pages
}

const assetPages = (): Pages => {
  const pages = new Hono<Env>()
  for (const [path, { text, type }] of [
    ['/style.css', assets.style],
    ['/script.js', assets.script],
    ['/icon.svg', assets.icon],
  ] as const)
    pages.get(path, c => c.body(text, 200, { 'content-type': type, 'cache-control': 'public, max-age=3600' }))
  return pages
}

/** Who asks for the head alone gets no body; what would have sent one is told that nobody reads it, and lets go of its file or stream. */
const headAlone: MiddlewareHandler<Env> = async (c, next) => {
  await next()
  if (c.req.method !== 'HEAD') return
  const { body } = c.res
  c.res = new Response(null, c.res)
  await body?.cancel()
}

const wantsJson = (c: Context): boolean => c.req.path.startsWith('/api/')

const notShown = (c: Asked, parts: WebParts, error: Error): Response | Promise<Response> => {
  if (isBrokenOff(c)) return c.body(null, 400)
  const { log } = parts
  const isFault = error instanceof Fault
  const says = isFault ? error.message : (error.stack ?? error.message)
  log('error', `pages: ${c.req.method} ${c.req.path}: ${says}`)
  const status = isFault && error.retry !== 'never' ? 503 : 500
  if (wantsJson(c)) return problem(c, { status, detail: 'Not available at the moment.' })
  const page = trouble(c, parts, {
    ...{ status, title: 'This page cannot be shown at the moment' },
    says: isFault
      ? 'Something that it needs does not answer. Mail that you send is not lost.'
      : 'That is our fault, and noted.',
    remedy: html`Please try again in a few minutes. <a href="/status">How things stand</a> is told all the same.`,
  })
  // What every page needs may be what is broken.
  return page.catch(() =>
    c.text('This page cannot be shown at the moment. Please try again later.\n', status),
  )
}

export const app = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  pages.use(pouring)
  pages.use((c, next) => (isBoard(c.req.path) ? boardHeaders(c, next) : headers(c, next)))
  pages.use(measured(parts))
  pages.use(headAlone)
  // Nothing has that in its name, and PostgreSQL takes it nowhere.
  pages.use((c, next) => (c.req.url.includes('%00') ? Promise.resolve(c.notFound()) : next()))
  pages.route('/', assetPages())
  pages.route('/', livePages(parts))
  pages.use(etag())
  pages.route('/', statusPages(parts))
  pages.route('/', forgePages(parts))
  pages.use(accessGuard(parts))
  for (const part of [
    ...[homePages, seriesListPages, seriesPages, runPages, accessPages, operationPages, apiPages],
    ...[farmPages, testPages, knownPages, incidentPages, statisticsPages, submitPages],
  ])
    pages.route('/', part(parts))
  pages.notFound(c => {
    if (wantsJson(c)) return problem(c, { status: 404, detail: 'There is nothing here: see /api.' })
    const says = 'Perhaps the address was cut off in a mail, or what was here is gone.'
    return missing(c as Asked, parts, { what: 'page', says })
  })
  pages.onError((error, c) => notShown(c, parts, error))
  return pages
}
