// The farm: hosts, slots, templates, storage, and what they did when.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const farmPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
