// Patches that are handed in here.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const submitPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
