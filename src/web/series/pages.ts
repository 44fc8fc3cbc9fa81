// One series: its thread, its patches, its versions, and what was found.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const seriesPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
