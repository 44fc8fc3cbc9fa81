// The forge's webhooks: verified, kept, and dealt with by the bot. What is kept is told as done; all else GitHub shows as failed, and the
// sweep finds what was lost. https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { ForgeHook } from '../../ports/forge.ts'
import { forgeHookOf } from '../../wiring/forge-of.ts'
import { isBrokenOff } from '../broken-off.ts'
import type { Asked, Env, Pages, WebParts } from '../parts.ts'
import { type Door, maxBody, openDoor, tooLarge, unsigned } from './door.ts'

export const webhookPath = '/api/github/webhooks'

type Parts = WebParts & { hook: ForgeHook; door: Door }

const refusal = async (c: Asked, { log, door }: Parts, error: unknown): Promise<Response> => {
  if (!(error instanceof Fault) || (error.kind !== 'refused' && error.kind !== 'malformed')) throw error
  log('warn', `pages: ${error.message}`, { delivery: c.req.header('x-github-delivery')?.slice(0, 100) })
  if (error.kind === 'malformed') return c.json({ error: error.message }, 400)
  await door.noteWrong(c)
  return unsigned(c)
}

/** GitHub itself waits for 10 s until all is answered; who sends more slowly would hold the place of others. */
const bodyMs: Millis = 15_000

/** undefined: it was not here in time, or its sender went away. */
const bodyOf = async (c: Asked, { clock }: Parts): Promise<string | undefined> => {
  const over = new AbortController()
  const late = clock.sleep(bodyMs, over.signal).then(
    () => undefined,
    () => undefined,
  )
  const read = c.req.text().catch((error: unknown) => {
    if (isBrokenOff(c)) return undefined
    throw error
  })
  try {
    return await Promise.race([read, late])
  } finally {
    over.abort()
  }
}

const taken = async (c: Asked, parts: Parts): Promise<Response> => {
  const header = (name: string) => c.req.header(name) ?? ''
  const body = await bodyOf(c, parts)
  if (body === undefined) {
    await parts.door.noteWrong(c)
    return c.json({ error: 'it was not here in time' }, 408, { connection: 'close' })
  }
  const given = {
    ...{ id: header('x-github-delivery'), name: header('x-github-event') },
    ...{ signature: header('x-hub-signature-256'), body },
  }
  const event = await parts.hook.read(given).catch(error => refusal(c, parts, error))
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
  const own = { ...parts, hook, door: openDoor(parts) }
  const bounded = bodyLimit({ maxSize: maxBody, onError: tooLarge })
  pages.post(webhookPath, async c => {
    const entered = await own.door.enter(c)
    if (entered instanceof Response) return entered
    try {
      // Answered by whichever says no first.
      let answer: Response | undefined
      const refused = await bounded(c, async () => {
        answer = await taken(c, own)
      })
      return refused ?? answer ?? tooLarge(c)
    } finally {
      entered.left()
    }
  })
  return pages
}
