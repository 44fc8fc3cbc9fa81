// What all parts of the API begin with: an app that checks requests by their description, and answers errors as problems.
import { OpenAPIHono, z } from '@hono/zod-openapi'
import type { WebParts } from '../parts.ts'
import { answerOf, problemSchema, unfit } from './problem.ts'
import type { Telling } from './shapes.ts'
import type { ApiEnv } from './token.ts'

export type Api = OpenAPIHono<ApiEnv>

export const openApi = (parts: WebParts): Api => {
  const api = new OpenAPIHono<ApiEnv>({
    defaultHook: (result, c) => (result.success ? undefined : unfit(c, result.error.issues)),
  })
  api.onError((error, c) => answerOf(c, error, parts.log))
  return api
}

type Content = { description: string; content: { 'application/json': { schema: z.ZodType } } }

/** What is answered if all is well. */
export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  ...{ description, content: { 'application/json': { schema } } },
})

const says: Record<number, string> = {
  400: 'The request does not fit its description.',
  401: 'The token is missing, unknown or over.',
  403: 'The token may not do that.',
  404: 'There is no such thing.',
  409: 'That cannot be done as things are.',
  410: 'It was there, and is not kept any more.',
  413: 'It is too large.',
  415: 'It is of another type than those that are taken.',
  429: 'Too many requests.',
  503: 'Something that it needs does not answer.',
}

/** What is answered otherwise, for the description. */
export const problems = (...statuses: number[]): Record<`${number}`, Content> =>
  Object.fromEntries(
    [...statuses, 429, 503].map(status => [
      status,
      {
        description: says[status] ?? '',
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    ]),
  ) as unknown as Record<`${number}`, Content>

/** Some of many. */
export const limit = (most: number) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(most)
    .default(50)
    .openapi({ description: `At most ${most}.` })

/** A short word of a query or path. */
export const word = z.string().min(1).max(200)

export const tellingOf = (parts: WebParts, token: ApiEnv['Variables']['token']): Telling => ({
  base: parts.config.web.url ?? '',
  tellsAddresses: token !== undefined,
})
