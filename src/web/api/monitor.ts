// For monitoring: /metrics, and /readyz, which says whether all that pages need is there.
import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import { pingRedis } from '../../adapters/bullmq/ping.ts'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Env, Pages, WebParts } from '../parts.ts'
import { metricsOf } from './metrics.ts'
import { answerOf, Refused } from './problem.ts'
import { allow, tokenOf } from './token.ts'

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE'])

/** Measures what is behind it; streams count until they begin. */
export const measured = (parts: WebParts) => {
  const metrics = metricsOf(parts)
  return createMiddleware<Env>(async (c, next) => {
    const begun = performance.now()
    await next()
    // What matches everything is no page.
    const route = matchedRoutes(c).findLast(({ path }) => !path.endsWith('*'))?.path ?? 'none'
    metrics.took({
      method: methods.has(c.req.method) ? c.req.method : 'other',
      route,
      ...{ status: c.res.status, ms: performance.now() - begun },
    })
  })
}

const patienceMs: Millis = 5_000

/** Does it come to a good end in time? What is no Fault is a bug, and thrown. */
const answers = async (parts: WebParts, act: () => Promise<unknown>): Promise<boolean> => {
  const over = new AbortController()
  const late = parts.clock.sleep(patienceMs, over.signal).then(
    () => false,
    () => false,
  )
  const done = act().then(
    () => true,
    error => {
      if (error instanceof Fault) return false
      throw error
    },
  )
  try {
    return await Promise.race([done, late])
  } finally {
    over.abort()
  }
}

const readiness = async (parts: WebParts): Promise<{ database: boolean; queue: boolean }> => {
  const database = await answers(parts, async () => (await parts.wired()).store.holds())
  const queue = database && (await answers(parts, async () => pingRedis((await parts.wired()).redis)))
  return { database, queue }
}

export const monitorPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const metrics = metricsOf(parts)
  pages.get('/metrics', async c => {
    try {
      if (parts.config.web.metrics !== 'open') {
        const token = await tokenOf(parts, c.req.header('authorization'))
        if (!token) throw new Refused(401, 'This needs a token with the scope "metrics".')
        allow(token, 'metrics')
      }
      const { type, text } = await metrics.text()
      return c.body(text, 200, { 'content-type': type, 'cache-control': 'no-store' })
    } catch (error) {
      return answerOf(c, error as Error, parts.log)
    }
  })
  pages.get('/readyz', async c => {
    const ready = await readiness(parts)
    const isReady = ready.database && ready.queue
    return c.json({ ready: isReady, ...ready }, isReady ? 200 : 503, { 'cache-control': 'no-store' })
  })
  return pages
}
