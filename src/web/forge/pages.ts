// The forge's webhooks: verified, kept, and dealt with by the bot. What is kept is told as done; all else GitHub shows as failed, and the
// sweep finds what was lost. https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { Fault } from '../../model/fault.ts'
import type { ForgeHook } from '../../ports/forge.ts'
import { forgeHookOf } from '../../wiring/forge-of.ts'
import type { Asked, Env, Pages, WebParts } from '../parts.ts'

export const webhookPath = '/api/github/webhooks'

/** GitHub sends no larger ones. */
const maxBody = 25 << 20

const refusal = (c: Asked, { log }: WebParts, error: unknown): Response => {
  if (!(error instanceof Fault) || (error.kind !== 'refused' && error.kind !== 'malformed')) throw error
  log('warn', `pages: ${error.message}`, { delivery: c.req.header('x-github-delivery')?.slice(0, 100) })
  return error.kind === 'refused'
    ? c.json({ error: 'the signature is wrong' }, 401)
    : c.json({ error: error.message }, 400)
}

const taken = async (c: Asked, parts: WebParts, hook: ForgeHook): Promise<Response> => {
  const header = (name: string) => c.req.header(name) ?? ''
  const given = {
    ...{ id: header('x-github-delivery'), name: header('x-github-event') },
    ...{ signature: header('x-hub-signature-256'), body: await c.req.text() },
  }
  const event = await hook.read(given).catch(error => refusal(c, parts, error))
  if (event instanceof Response) return event
  if (event === undefined) return c.json({ taken: false, why: 'nothing that is looked at' }, 202)
  const wired = await parts.wired()
  // The bot looks by itself every few seconds.
  const isNew = await wired.store.addForgeEvent(event)
  return c.json(isNew ? { taken: true } : { taken: false, why: 'it is known already' }, 202)
}

export const forgePages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const hook = forgeHookOf(parts.config, parts.clock)
  if (hook === undefined) return pages
  const tooLarge = bodyLimit({ maxSize: maxBody, onError: c => c.json({ error: 'it is too large' }, 413) })
  pages.post(webhookPath, tooLarge, c => taken(c, parts, hook))
  return pages
}
