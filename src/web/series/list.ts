// The list of series, with its search.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const seriesListPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
