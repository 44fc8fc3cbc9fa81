// Series by the API: lists, one with its newest verdict, all its verdicts, all its runs.
import { createRoute, z } from '@hono/zod-openapi'
import type { Series } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import type { WebParts } from '../parts.ts'
import { type Api, json, limit, openApi, problems, tellingOf, word } from './open.ts'
import { Refused } from './problem.ts'
import * as schema from './schema.ts'
import { rowOf, runOf, seriesOf, verdictOf } from './shapes.ts'

const id = z.object({ id: word.openapi({ description: 'Of a series.' }) })

const listRoute = createRoute({
  ...{ method: 'get', path: '/series', tags: ['Series'], operationId: 'listSeries' },
  summary: 'Series, the last heard of first',
  request: {
    query: z.object({
      text: word.optional().openapi({ description: 'Words, or their beginnings, of title and author.' }),
      author: word.optional().openapi({ description: "Part of the author's name or address." }),
      project: word.optional(),
      verdict: z.enum([...schema.findingKinds, 'none']).optional(),
      state: z.enum(schema.stateNames).optional(),
      after: z.string().max(500).optional().openapi({ description: '`next` of the page before.' }),
      limit: limit(200),
    }),
  },
  responses: {
    200: json(
      z.object({ series: z.array(schema.seriesRow), next: z.string().nullable() }),
      'A page of them.',
    ),
    ...problems(400),
  },
})

const oneRoute = createRoute({
  ...{ method: 'get', path: '/series/{id}', tags: ['Series'], operationId: 'getSeries' },
  summary: 'One series, with its newest verdict',
  request: { params: id },
  responses: { 200: json(schema.series, 'The series.'), ...problems(404) },
})

const verdictsRoute = createRoute({
  ...{ method: 'get', path: '/series/{id}/verdicts', tags: ['Series'], operationId: 'getVerdicts' },
  summary: 'All verdicts on a series, the oldest first',
  request: { params: id },
  responses: { 200: json(z.object({ verdicts: z.array(schema.verdict) }), 'Verdicts.'), ...problems(404) },
})

const runsRoute = createRoute({
  ...{ method: 'get', path: '/series/{id}/runs', tags: ['Series'], operationId: 'getRunsOfSeries' },
  summary: 'All runs of a series, in order of their tasks',
  request: { params: id },
  responses: {
    200: json(z.object({ runs: z.array(schema.run), more: z.boolean() }), 'At most 500.'),
    ...problems(404),
  },
})

const found = async (store: Store, wanted: string): Promise<Series> => {
  const series = await store.series(wanted)
  if (!series) throw new Refused(404, 'There is no series of that id.')
  return series
}

const maxRuns = 500

/** One more than `maxRuns` at most. */
const runsOf = async (store: Store, series: string, base: string) => {
  const jobs = await store.jobsOf(series)
  const runs: ReturnType<typeof runOf>[] = []
  for (const task of await store.tasksOfJobs(jobs.map(job => job.id))) {
    for (const record of await store.runsOf(task.id)) runs.push(runOf(record, { task, series, base }))
    if (runs.length > maxRuns) break
  }
  return runs
}

export const seriesApi = (parts: WebParts): Api => {
  const api = openApi(parts)
  api.openapi(listRoute, async c => {
    const { state, limit, ...filter } = c.req.valid('query')
    const { store } = await parts.wired()
    const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
    const page = await store.reads.listSeries({ ...given, ...(state ? { at: state } : {}), limit })
    const telling = tellingOf(parts, c.get('token'))
    return c.json({ series: page.rows.map(row => rowOf(row, telling)), next: page.next ?? null }, 200)
  })
  api.openapi(oneRoute, async c => {
    const { store } = await parts.wired()
    const series = await found(store, c.req.valid('param').id)
    const newest = await store.verdict(series.id)
    const versions = await store.reads.versionsOf(series.id)
    return c.json(seriesOf(series, { newest, versions, telling: tellingOf(parts, c.get('token')) }), 200)
  })
  api.openapi(verdictsRoute, async c => {
    const { store } = await parts.wired()
    const { id: series } = await found(store, c.req.valid('param').id)
    return c.json({ verdicts: (await store.verdictsOf(series)).map(verdictOf) }, 200)
  })
  api.openapi(runsRoute, async c => {
    const { store } = await parts.wired()
    const { id: series } = await found(store, c.req.valid('param').id)
    const runs = await runsOf(store, series, tellingOf(parts, undefined).base)
    return c.json({ runs: runs.slice(0, maxRuns), more: runs.length > maxRuns }, 200)
  })
  return api
}
