// What operators do: drain, pause, cancel, retry, power; with a reason, and an entry in the audit log.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const operationPages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
