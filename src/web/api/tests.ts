// Tests by the API: those that failed at least once, how one did, and which fail now and then.
import { createRoute, z } from '@hono/zod-openapi'
import { dayMs } from '../../model/instant.ts'
import type { WebParts } from '../parts.ts'
import { type Api, json, limit, openApi, problems, word } from './open.ts'
import { Refused } from './problem.ts'
import * as schema from './schema.ts'
import { iso, pointOf } from './shapes.ts'

const params = z.object({ project: word })
const testName = z.string().max(2000)

const findRoute = createRoute({
  ...{ method: 'get', path: '/projects/{project}/tests', tags: ['Tests'], operationId: 'findTests' },
  summary: 'Tests that failed at least once, the last failed first',
  request: {
    params,
    query: z.object({
      text: z.string().max(200).default('').openapi({ description: 'Words in the name.' }),
      limit: limit(200),
    }),
  },
  responses: { 200: json(z.object({ tests: z.array(schema.foundTest) }), 'Tests.'), ...problems(400, 404) },
})

const historyRoute = createRoute({
  ...{ method: 'get', path: '/projects/{project}/tests/history', tags: ['Tests'] },
  operationId: 'getTestHistory',
  summary: 'Runs that tell of a test, the newest first',
  request: {
    params,
    query: z.object({ step: word, test: testName, image: word.optional(), limit: limit(500) }),
  },
  responses: { 200: json(z.object({ points: z.array(schema.testPoint) }), 'Runs.'), ...problems(400, 404) },
})

const flakyRoute = createRoute({
  ...{ method: 'get', path: '/projects/{project}/flaky', tags: ['Tests'], operationId: 'listFlakyTests' },
  summary: 'Tests of unpatched bases that fail now and then, the most often failing first',
  request: {
    params,
    query: z.object({ days: z.coerce.number().int().min(1).max(366).default(30), limit: limit(200) }),
  },
  responses: { 200: json(z.object({ tests: z.array(schema.flakyTest) }), 'Tests.'), ...problems(400, 404) },
})

const checkProject = ({ config }: WebParts, name: string): string => {
  if (!config.projects.some(project => project.name === name))
    throw new Refused(404, 'There is no project of that name: see /api/v1/projects.')
  return name
}

export const testsApi = (parts: WebParts): Api => {
  const api = openApi(parts)
  const reads = async () => (await parts.wired()).store.reads
  api.openapi(findRoute, async c => {
    const project = checkProject(parts, c.req.valid('param').project)
    const found = await (await reads()).findTests({ project, ...c.req.valid('query') })
    return c.json({ tests: found.map(one => ({ ...one, lastFailed: iso(one.lastFailed) })) }, 200)
  })
  api.openapi(historyRoute, async c => {
    const project = checkProject(parts, c.req.valid('param').project)
    const { image, ...asked } = c.req.valid('query')
    const filter = { project, ...asked, ...(image === undefined ? {} : { image }) }
    return c.json({ points: (await (await reads()).testHistory(filter)).map(pointOf) }, 200)
  })
  api.openapi(flakyRoute, async c => {
    const project = checkProject(parts, c.req.valid('param').project)
    const { days, limit } = c.req.valid('query')
    const since = parts.clock.now() - days * dayMs
    const found = await (await reads()).flaky({ project, since, limit })
    return c.json({ tests: found.map(one => ({ ...one, lastFailed: iso(one.lastFailed) })) }, 200)
  })
  return api
}
