// How often somebody may ask, by network address; kept in memory, as there is one process of the pages.
import { createMiddleware } from 'hono/factory'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { trouble } from '../layout.ts'
import type { Asked, Env, WebParts } from '../parts.ts'
import { askerOf } from './asker.ts'

export type Limited = 'login' | 'submit' | 'api' | 'search' | 'log'

/** points: so often in so many seconds. */
const rules: Record<Limited, { points: number; duration: number }> = {
  login: { points: 20, duration: 900 },
  submit: { points: 30, duration: 3600 },
  api: { points: 600, duration: 60 },
  search: { points: 120, duration: 60 },
  // Each reads the whole file, however long it is.
  log: { points: 240, duration: 60 },
}

type Limits = Record<Limited, RateLimiterMemory>

const kept = new WeakMap<WebParts, Limits>()

const limitsOf = (parts: WebParts): Limits => {
  const found = kept.get(parts)
  if (found) return found
  const of = (kind: Limited) => new RateLimiterMemory({ ...rules[kind], keyPrefix: kind })
  const made = {
    ...{ login: of('login'), submit: of('submit'), api: of('api') },
    ...{ search: of('search'), log: of('log') },
  }
  kept.set(parts, made)
  return made
}

/** In seconds; undefined: now. Whoever asks from this machine itself is held up only where guessing must be slow. */
export const waitFor = async (c: Asked, parts: WebParts, kind: Limited): Promise<number | undefined> => {
  const { network, isUs } = askerOf(c, parts)
  if (isUs && kind !== 'login') return undefined
  try {
    await limitsOf(parts)[kind].consume(network)
    return undefined
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    return Math.max(1, Math.ceil(error.msBeforeNext / 1000))
  }
}

/** Says no by 429 (RFC 6585, 4). */
export const tooMany = (c: Asked, parts: WebParts, seconds: number): Response | Promise<Response> => {
  c.header('retry-after', String(seconds))
  const says = 'There were too many requests from your address.'
  if (c.req.path.startsWith('/api/'))
    return c.json({ type: 'about:blank', title: 'Too Many Requests', status: 429, detail: says }, 429, {
      'content-type': 'application/problem+json',
    })
  const wait = seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} seconds`
  return trouble(c, parts, {
    ...{ status: 429, title: 'Not so fast', says },
    remedy: `Please try again in ${wait}.`,
  })
}

/** For routes: at most as often as the kind allows. */
export const limit = (parts: WebParts, kind: Limited) =>
  createMiddleware<Env>(async (c, next) => {
    const seconds = await waitFor(c, parts, kind)
    return seconds === undefined ? next() : tooMany(c, parts, seconds)
  })
