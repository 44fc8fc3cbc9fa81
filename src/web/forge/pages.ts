// The forge's webhooks: verified, kept, and dealt with by the bot.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'

export const forgePages = (_parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  return pages
}
