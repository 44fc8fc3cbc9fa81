// Log in, log out.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const accessPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
