// One run: its log, console, screenshot and manifest.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const runPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
