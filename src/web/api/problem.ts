// Errors of the API as programs read them (RFC 9457): thrown anywhere below, answered in one place.
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { Fault } from '../../model/fault.ts'
import type { Log } from '../../ports/log.ts'
import { isBrokenOff } from '../broken-off.ts'

export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 410 | 413 | 415 | 422 | 429 | 500 | 503

export const problemSchema = z
  .object({
    type: z.string().openapi({ description: 'about:blank: the status says all.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional().openapi({ description: 'What is wrong, and what to do about it.' }),
    errors: z
      .array(z.object({ at: z.string(), says: z.string() }))
      .optional()
      .openapi({ description: 'Of a request that does not fit: each field.' }),
  })
  .openapi('Problem')

export type Problem = Omit<z.infer<typeof problemSchema>, 'type' | 'title'> & { status: ProblemStatus }

const titles: Record<ProblemStatus, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** An answer that is an error. */
export const problem = (c: Context, { status, ...more }: Problem): Response => {
  if (status === 503) c.header('retry-after', '30')
  if (status === 401) c.header('www-authenticate', 'Bearer realm="grapevine"')
  const said = { type: 'about:blank', title: titles[status], status, ...more }
  return c.body(JSON.stringify(said), status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  })
}

/** Thrown where a request cannot be answered. */
export class Refused extends Error {
  readonly problem: Problem
  constructor(status: ProblemStatus, detail: string) {
    super(detail)
    this.problem = { status, detail }
  }
}

/** What was thrown, as an answer. What went wrong here is noted, and not told in detail. */
export const answerOf = (c: Context, error: Error, log: Log): Response => {
  if (error instanceof Refused) return problem(c, error.problem)
  // A body that is no JSON, or never came.
  if ((error instanceof HTTPException && error.status === 400) || isBrokenOff(c))
    return problem(c, { status: 400, detail: 'The request cannot be read.' })
  const isFault = error instanceof Fault
  log(
    'error',
    `api: ${c.req.method} ${c.req.path}: ${isFault ? error.message : (error.stack ?? error.message)}`,
  )
  if (isFault && error.retry !== 'never')
    return problem(c, { status: 503, detail: 'Something that this needs does not answer. Try again later.' })
  return problem(c, { status: 500, detail: 'That is our fault, and noted.' })
}

type Issue = { path: PropertyKey[]; message: string }

/** A request that does not fit its description. */
export const unfit = (c: Context, issues: readonly Issue[]): Response => {
  const errors = issues.slice(0, 20).map(({ path, message }) => ({ at: path.join('.'), says: message }))
  return problem(c, { status: 400, detail: 'The request does not fit its description: see /api.', errors })
}
