// How tests did, and which of them fail now and then.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const testPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
