// Who asks: from the session's cookie; and what may come from a browser that is logged in. Before all pages.
import { createMiddleware } from 'hono/factory'
import type { Env, WebParts } from '../parts.ts'

export const accessGuard = (_parts: WebParts) =>
  createMiddleware<Env>(async (c, next) => {
    c.set('viewer', undefined)
    c.set('csrf', '')
    await next()
  })
