// The farm and what goes on, by the API: projects, hosts, the queue, incidents, maintenance, known failures.
import { createRoute, z } from '@hono/zod-openapi'
import { standingOf } from '../../model/standing.ts'
import type { WebParts } from '../parts.ts'
import { type Api, json, limit, openApi, problems, tellingOf, word } from './open.ts'
import * as schema from './schema.ts'
import { hostOf, incidentOf, iso, knownOf, taskOf, windowOf } from './shapes.ts'

const projectsRoute = createRoute({
  ...{ method: 'get', path: '/projects', tags: ['Projects'], operationId: 'listProjects' },
  summary: 'Projects whose patches are tested',
  responses: { 200: json(z.object({ projects: z.array(schema.project) }), 'Projects.'), ...problems() },
})

const hostsRoute = createRoute({
  ...{ method: 'get', path: '/hosts', tags: ['Farm'], operationId: 'listHosts' },
  summary: 'Hosts, by name',
  description:
    'Why one cannot work, and its facts, are told to tokens with the scope operate; why an operator holds one, to everybody.',
  responses: { 200: json(z.object({ hosts: z.array(schema.host) }), 'Hosts.'), ...problems() },
})

const queueRoute = createRoute({
  ...{ method: 'get', path: '/queue', tags: ['Farm'], operationId: 'getQueue' },
  summary: 'What runs, and how much waits',
  request: { query: z.object({ limit: limit(500) }) },
  responses: {
    200: json(
      z.object({
        running: z.array(schema.task),
        waiting: z.array(z.object({ image: z.string(), tasks: z.int(), oldest: schema.instant })),
      }),
      'The queue.',
    ),
    ...problems(400),
  },
})

const incidentsRoute = createRoute({
  ...{ method: 'get', path: '/incidents', tags: ['Incidents'], operationId: 'listIncidents' },
  summary: 'Incidents and maintenance, as the status page tells them',
  responses: {
    200: json(
      z.object({
        mood: z.enum(['works', 'maintenance', 'trouble', 'unknown']),
        headline: z.string(),
        incidents: z.array(schema.incident),
        maintenance: z.array(schema.maintenance),
      }),
      'Those that are live, and those of the last 90 days.',
    ),
    ...problems(),
  },
})

const knownRoute = createRoute({
  ...{ method: 'get', path: '/known', tags: ['Tests'], operationId: 'listKnownFailures' },
  summary: 'Failures that are known',
  request: {
    query: z.object({
      project: word.optional(),
      state: z.enum(['proposed', 'confirmed', 'rejected', 'retired']).optional(),
    }),
  },
  responses: {
    200: json(z.object({ known: z.array(schema.knownFailure) }), 'At most 1000.'),
    ...problems(400),
  },
})

const maxKnown = 1000

export const farmApi = (parts: WebParts): Api => {
  const api = openApi(parts)
  api.openapi(projectsRoute, c =>
    c.json(
      {
        projects: parts.config.projects.map(({ name, list, recipe }) => ({
          ...{ name, list: list.address, repository: publicAddress(recipe.repository) },
          ...{ branch: recipe.branch, images: recipe.test.images },
        })),
      },
      200,
    ),
  )
  api.openapi(hostsRoute, async c => {
    const { store } = await parts.wired()
    const [hosts, holds, now] = [await store.hosts(), await store.holds(), parts.clock.now()]
    const tellsWhy = c.get('token')?.scopes.includes('operate') === true
    const told = hosts.map(host => hostOf(host, { standing: standingOf(host, holds, now), tellsWhy }))
    return c.json({ hosts: told }, 200)
  })
  api.openapi(queueRoute, async c => {
    const { store } = await parts.wired()
    const running = await store.reads.running(c.req.valid('query').limit)
    const waiting = (await store.reads.waiting()).map(one => ({ ...one, oldest: iso(one.oldest) }))
    return c.json({ running: running.map(taskOf), waiting }, 200)
  })
  api.openapi(incidentsRoute, async c => {
    const { mood, headline, live, over, windows, pastWindows } = await parts.status()
    const { base } = tellingOf(parts, undefined)
    const incidents = [...live, ...over].map(one => incidentOf(one, base))
    return c.json({ mood, headline, incidents, maintenance: [...windows, ...pastWindows].map(windowOf) }, 200)
  })
  api.openapi(knownRoute, async c => {
    const { project, state } = c.req.valid('query')
    const { store } = await parts.wired()
    const all = await store.knownFailures({
      ...(project === undefined ? {} : { project }),
      ...(state === undefined ? {} : { at: state }),
    })
    return c.json({ known: all.slice(0, maxKnown).map(knownOf) }, 200)
  })
  return api
}

/** Without a password that stands in it. */
const publicAddress = (repository: string): string => {
  if (!URL.canParse(repository)) return repository
  const url = new URL(repository)
  ;[url.username, url.password] = ['', '']
  return url.href
}
