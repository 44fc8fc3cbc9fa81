// What operators do, by the API: the same as on the page of operations, and written into the same audit log.
import { createRoute, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { operate } from '../../wiring/operate.ts'
import type { WebParts } from '../parts.ts'
import { deedOf, operation } from './deed.ts'
import { type Api, json, openApi, problems } from './open.ts'
import { Refused } from './problem.ts'
import { allow } from './token.ts'

const route = createRoute({
  ...{ method: 'post', path: '/operations', tags: ['Operations'], operationId: 'operate' },
  summary: 'Do what an operator may: drain, cancel, retest, release, power, incidents, maintenance',
  description: 'Needs a token with the scope operate. Repeatable. It is written into the audit log.',
  security: [{ token: [] }],
  request: { body: { required: true, content: { 'application/json': { schema: operation } } } },
  responses: {
    200: json(z.object({ did: z.string() }), 'It is done.'),
    ...problems(400, 401, 403, 409),
  },
})

const largest = 64 * 1024

const tooLarge = (): never => {
  throw new Refused(413, `A request may have ${largest} bytes.`)
}

export const operateApi = (parts: WebParts): Api => {
  const api = openApi(parts)
  api.use('/operations', async (c, next) => {
    if (c.req.method === 'POST') allow(c.get('token'), 'operate')
    await next()
  })
  api.use('/operations', bodyLimit({ maxSize: largest, onError: tooLarge }))
  api.openapi(route, async c => {
    const token = allow(c.get('token'), 'operate')
    const { deed, reason } = c.req.valid('json')
    const who = `token ${token.name} (${token.by})`
    const came = await operate(await parts.wired(), { who, by: 'api', deed: deedOf(deed), reason })
    if ('no' in came) throw new Refused(409, came.remedy === '' ? came.no : `${came.no}. ${came.remedy}`)
    return c.json({ did: came.did }, 200)
  })
  return api
}
