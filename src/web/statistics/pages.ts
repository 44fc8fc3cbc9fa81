// Figures over time.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const statisticsPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
