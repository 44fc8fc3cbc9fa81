// The first page: what runs now, the queue, the latest verdicts.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const homePages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
