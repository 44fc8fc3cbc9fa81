// The JSON API, its description, and what monitoring asks for.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const apiPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
