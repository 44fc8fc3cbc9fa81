// The routes of the pages: all are read-only, for everybody, and cheap to ask for again.
import { readFileSync } from 'node:fs'
import { type Context, Hono } from 'hono'
import { etag } from 'hono/etag'
import { secureHeaders } from 'hono/secure-headers'
import type { Severity } from '../model/incident.ts'
import type { Log } from '../ports/log.ts'
import { contentId } from '../text/digest.ts'
import { statusFeed } from './feeds.ts'
import type { Look, Looking } from './look.ts'
import { statusPage } from './page.ts'
import { type StatusView, statusView } from './view.ts'

export type AppParts = {
  looking: Looking
  log: Log
  /** Who the pages are of. */
  name: string
  /** Where people find them, without "/" at its end; undefined: where they were asked for. */
  url: string | undefined
  /** Incidents of these severities are shown when an operator has confirmed them. */
  hold: Severity[]
}

const style = readFileSync(new URL('style.css', import.meta.url), 'utf8')
const styleId = contentId(8, style)

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  referrerPolicy: 'no-referrer',
  // Whether TLS is there for ever is for who runs it to say.
  strictTransportSecurity: false,
})

/** Everybody may keep it for a moment. */
const fresh = 'public, max-age=15'

const baseOf = (c: Context, url: string | undefined): string => url ?? new URL(c.req.url).origin

export const app = ({ looking, log, name, url, hold }: AppParts): Hono => {
  // Made once for each look, which is the same for all who ask within a few seconds.
  const views = new WeakMap<Look, StatusView>()
  const view = async (): Promise<StatusView> => {
    const look = await looking.look()
    const made = views.get(look) ?? statusView(look, { hold })
    views.set(look, made)
    return made
  }
  const feed = async (c: Context, titles: 'html' | 'text') =>
    statusFeed(await view(), { name, base: baseOf(c, url), titles })
  const pages = new Hono()
  pages.use(headers, etag())
  pages.get('/', c => c.redirect('status', 302))
  pages.get('/status', async c => {
    c.header('cache-control', fresh)
    return c.html(statusPage(await view(), { name, look: styleId }))
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
  pages.get('/style.css', c =>
    c.body(style, 200, {
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'public, max-age=3600',
    }),
  )
  // For monitoring: 503 if nothing can be shown; the rest is said.
  pages.get('/healthz', async c => {
    const { standing, isDatabaseHere, botAt } = await looking.look()
    const said = { ok: standing !== undefined, database: isDatabaseHere, bot: botAt ?? null }
    return c.json(said, standing === undefined ? 503 : 200, { 'cache-control': 'no-store' })
  })
  pages.notFound(c => c.text('There is no such page. See: /status\n', 404))
  pages.onError((error, c) => {
    log('error', `pages: ${c.req.method} ${c.req.path}: ${error.stack ?? error.message}`)
    return c.text('This page cannot be shown at the moment.\n', 500)
  })
  return pages
}
