// Who asks: from the session's cookie; and what may come from a browser that is logged in. Before all pages.
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import type { Role } from '../../model/access.ts'
import { Fault } from '../../model/fault.ts'
import { trouble } from '../layout.ts'
import type { Asked, Env, WebParts } from '../parts.ts'
import { type Limited, tooMany, waitFor } from './limits.ts'
import { may } from './role.ts'
import { hasSecret, isFromHere } from './same-site.ts'
import { sessionOf } from './session.ts'

export { may } from './role.ts'

/** Who uses the API shows a token: cookies count for nothing there. */
const isApi = (c: Asked): boolean => c.req.path.startsWith('/api/v1/')

const isReading = (c: Asked): boolean => ['GET', 'HEAD', 'OPTIONS'].includes(c.req.method)

/** Lists that are searched by words. */
const isSearch = (c: Asked): boolean =>
  ['/series', '/tests'].includes(c.req.path) && new URL(c.req.url).searchParams.has('text')

const isLog = (c: Asked): boolean =>
  /^\/(?:runs\/[^/]+\/(?:log|console|manifest|screenshot)|series\/[^/]+\/evidence)\b/.test(c.req.path)

/** What may be asked for only so often. */
const kindOf = (c: Asked): Limited | undefined => {
  if (isApi(c)) return 'api'
  return isSearch(c) ? 'search' : isLog(c) ? 'log' : undefined
}

const largestForm = 256 * 1024
/** Patches are uploaded there; what is too large is said there as well. */
const largestUpload = 32 * 1024 * 1024

const notFromHere = (c: Asked, parts: WebParts) =>
  trouble(c, parts, {
    ...{ status: 403, title: 'That form was not taken' },
    says: 'It did not come from a page of ours, or you logged in or out since it was opened.',
    remedy: 'Go back, load the page again, and send it once more.',
  })

const tooLarge = (parts: WebParts) => (c: Parameters<ReturnType<typeof bodyLimit>>[0]) =>
  trouble(c as Asked, parts, {
    ...{ status: 413, title: 'That is too much' },
    says: 'What was sent is larger than what can be taken here.',
  })

/** What the journal can tell is told while the database is away; who is logged in is a reader then. */
const asReader = (c: Asked, error: unknown): undefined => {
  if (!(error instanceof Fault) || !isReading(c) || !/^\/incidents(\/|$)/.test(c.req.path)) throw error
}

/** Sets who asks, and lets no form through that somebody else's page made. */
export const accessGuard = (parts: WebParts) => {
  const onError = tooLarge(parts)
  const bounded = {
    form: bodyLimit({ maxSize: largestForm, onError }),
    upload: bodyLimit({ maxSize: largestUpload, onError }),
  }
  return createMiddleware<Env>(async (c, next) => {
    c.set('viewer', undefined)
    c.set('csrf', '')
    const kind = kindOf(c)
    const seconds = kind && (await waitFor(c, parts, kind))
    if (seconds !== undefined) return tooMany(c, parts, seconds)
    if (isApi(c)) return next()
    const session = await sessionOf(c, parts).catch(error => asReader(c, error))
    if (session) {
      c.set('viewer', session.viewer)
      c.set('csrf', session.csrf)
    }
    if (isReading(c)) return next()
    if (!isFromHere(c, parts)) return notFromHere(c, parts)
    const bound = c.req.path.startsWith('/submit') ? bounded.upload : bounded.form
    return bound(c, async () => {
      if (session && !(await hasSecret(c, session.csrf))) c.res = await notFromHere(c, parts)
      else await next()
    })
  })
}

/** Only for who has that role: readers are led to the login, and back if they looked at a page; others are told no. */
export const requireRole = (parts: WebParts, role: Role) =>
  createMiddleware<Env>(async (c, next) => {
    const viewer = c.get('viewer')
    if (may(viewer, role)) return next()
    if (viewer === undefined) {
      const { pathname, search } = new URL(c.req.url)
      const back = isReading(c) ? `?to=${encodeURIComponent(pathname + search)}` : ''
      return c.redirect(`/login${back}`, 303)
    }
    return trouble(c, parts, {
      ...{ status: 403, title: 'That is not for you to do' },
      says: role === 'operator' ? 'Only operators may do that.' : 'Only who may hand in patches may do that.',
      remedy: `You are logged in as ${viewer.name}. If you should be able to do it, ask the operators.`,
    })
  })
