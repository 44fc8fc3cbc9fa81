// Where a viewer's stream meets the answer: what an outlet says goes straight into Node's own answer. With a stream of the web between them
// each viewer takes several times the memory.
import type { ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { MiddlewareHandler } from 'hono'
import type { Asked, Env } from '../parts.ts'
import type { Outlet } from './outlet.ts'

/** The answer that `outlet` will be poured into. */
export const streaming = (c: Asked, outlet: Outlet): Response => {
  c.set('outlet', outlet)
  return c.body(null, 200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // Proxies of nginx's kind keep what they get until it is much.
    'x-accel-buffering': 'no',
  })
}

const intoAnswer = (outlet: Outlet, answer: ServerResponse): void => {
  // It may have gone before it was served.
  if (answer.destroyed) return void outlet.close()
  answer.on('drain', () => outlet.go())
  answer.on('close', () => outlet.close())
  outlet.into(answer)
}

/** For who has no connection: tests, and whatever asks within the process. */
const bodyOf = (outlet: Outlet): ReadableStream<Uint8Array> =>
  new ReadableStream(
    {
      start(line) {
        outlet.into({
          write(bytes) {
            line.enqueue(bytes)
            return false
          },
          end: () => line.close(),
          destroy: () => line.error(new Error('its viewer takes nothing')),
        })
      },
      pull: () => outlet.go(),
      cancel: () => outlet.close(),
    },
    { highWaterMark: 1 },
  )

const answerOf = (c: Asked): ServerResponse | undefined =>
  (c.env as { outgoing?: ServerResponse } | undefined)?.outgoing

/** Before all others that set headers: with the first byte they are sent. */
export const pouring: MiddlewareHandler<Env> = async (c, next) => {
  await next()
  const outlet = c.get('outlet')
  if (!outlet) return
  if (c.req.method === 'HEAD') return outlet.close()
  const answer = answerOf(c)
  const { status, headers } = c.res
  // What is there already would be joined to what comes instead.
  c.res = undefined
  if (answer) {
    answer.writeHead(status, Object.fromEntries(headers))
    intoAnswer(outlet, answer)
    c.res = RESPONSE_ALREADY_SENT
  } else c.res = new Response(bodyOf(outlet), { status, headers })
}
