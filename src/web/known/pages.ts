// Failures that are known, each with its bug.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const knownPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
