// Runs by the API: what ran where, how it ended, and its log as it is kept.
import { Readable } from 'node:stream'
import { createRoute, z } from '@hono/zod-openapi'
import type { RunRecord } from '../../model/job.ts'
import type { Store } from '../../ports/store.ts'
import type { WebParts } from '../parts.ts'
import { type Api, json, openApi, problems, tellingOf, word } from './open.ts'
import { Refused } from './problem.ts'
import * as schema from './schema.ts'
import { runOf } from './shapes.ts'

const params = z.object({ run: word.openapi({ description: 'Id of a run.' }) })

const runRoute = createRoute({
  ...{ method: 'get', path: '/runs/{run}', tags: ['Runs'], operationId: 'getRun' },
  summary: 'One run',
  request: { params },
  responses: { 200: json(schema.run, 'The run.'), ...problems(404) },
})

const logRoute = createRoute({
  ...{ method: 'get', path: '/runs/{run}/log', tags: ['Runs'], operationId: 'getLog' },
  summary: 'The whole log of a run that is over, as the guest printed it',
  request: { params },
  responses: {
    200: { description: 'The log.', content: { 'text/plain': { schema: z.string() } } },
    ...problems(404, 410),
  },
})

const found = async (store: Store, wanted: string): Promise<RunRecord> => {
  const record = await store.run(wanted)
  if (!record) throw new Refused(404, 'There is no run of that id.')
  return record
}

export const runsApi = (parts: WebParts): Api => {
  const api = openApi(parts)
  api.openapi(runRoute, async c => {
    const { store } = await parts.wired()
    const record = await found(store, c.req.valid('param').run)
    const task = await store.task(record.task)
    if (!task) throw new Refused(404, 'There is no task of that run any more.')
    const series = (await store.job(task.job))?.series
    return c.json(runOf(record, { task, series, base: tellingOf(parts, undefined).base }), 200)
  })
  // Not JSON: described here, answered as it lies.
  api.openAPIRegistry.registerPath(logRoute)
  api.get('/runs/:run/log', async c => {
    const { store, blobs } = await parts.wired()
    const record = await found(store, c.req.param('run').slice(0, 200))
    const blob = record.evidence.log
    if (blob === undefined) throw new Refused(404, 'There is no log of that run yet.')
    const size = await blobs.size(blob)
    if (size === undefined) throw new Refused(410, 'This log is not kept any more.')
    return c.body(Readable.toWeb(blobs.stream(blob)) as ReadableStream, 200, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(size),
      // The blob's name is the digest of what it holds.
      etag: `"${blob}"`,
    })
  })
  return api
}
