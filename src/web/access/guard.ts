// Who asks: from the session's cookie; and what may come from a browser that is logged in. Before all pages.
import { createMiddleware } from 'hono/factory'
import type { Role, Viewer } from '../../model/access.ts'
import { trouble } from '../layout.ts'
import type { Env, WebParts } from '../parts.ts'

export const accessGuard = (_parts: WebParts) =>
  createMiddleware<Env>(async (c, next) => {
    c.set('viewer', undefined)
    c.set('csrf', '')
    await next()
  })

/** An operator may do what a submitter may. */
export const may = (viewer: Viewer | undefined, role: Role): boolean =>
  viewer !== undefined && (viewer.role === role || viewer.role === 'operator')

/** Only for who has that role: readers are led to the login (and back, when they looked at a page), others are told no. */
export const requireRole = (parts: WebParts, role: Role) =>
  createMiddleware<Env>(async (c, next) => {
    const viewer = c.get('viewer')
    if (may(viewer, role)) return next()
    if (viewer === undefined) {
      const back = c.req.method === 'GET' ? `?to=${encodeURIComponent(new URL(c.req.url).pathname)}` : ''
      return c.redirect(`/login${back}`, 303)
    }
    return trouble(c, parts, {
      ...{ status: 403, title: 'That is not for you to do' },
      says: role === 'operator' ? 'Only operators may do that.' : 'Only who may hand in patches may do that.',
      remedy: `You are logged in as ${viewer.name}. If you should be able to do it, ask the operators.`,
    })
  })
