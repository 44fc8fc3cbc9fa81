// Incidents: list, and one with its log.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const incidentPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
