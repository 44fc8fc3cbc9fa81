// Server-sent events: what changed, and logs that grow.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const livePages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
