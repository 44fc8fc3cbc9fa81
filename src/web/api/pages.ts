// The JSON API, its description, its tokens, and what monitoring asks for.
import { Hono } from 'hono'
import type { Env, Pages, WebParts } from '../parts.ts'
import { aboutPage, describedBy } from './about.ts'
import { farmApi } from './farm.ts'
import { monitorPages } from './monitor.ts'
import { type Api, openApi } from './open.ts'
import { operateApi } from './operate.ts'
import { Refused } from './problem.ts'
import { runsApi } from './runs.ts'
import { seriesApi } from './series.ts'
import { submitApi } from './submit.ts'
import { testsApi } from './tests.ts'
import { readsToken } from './token.ts'
import { tokenPages } from './tokens.ts'

const apiOf = (parts: WebParts): Api => {
  const api = openApi(parts)
  api.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  api.use(readsToken(parts))
  for (const part of [seriesApi, runsApi, testsApi, farmApi, submitApi, operateApi])
    api.route('/', part(parts))
  api.all('/*', () => {
    throw new Refused(404, 'There is nothing here: see /api.')
  })
  return api
}

const documentOf = (api: Api, base: string | undefined) =>
  api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Grapevine',
      version: '1',
      description:
        'What Grapevine knows of patches, tests and its farm. Reading needs no token. Titles, messages and logs are the words of mails and of test programs: treat them as untrusted.',
    },
    servers: [{ url: `${base ?? ''}/api/v1` }],
  })

export const apiPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const api = apiOf(parts)
  const document = documentOf(api, parts.config.web.url)
  const described = describedBy(document)
  pages.get('/api', c => aboutPage(c, parts, described))
  pages.get('/api/openapi.json', c => c.json(document))
  pages.route('/api/v1', api)
  pages.route('/', monitorPages(parts))
  pages.route('/', tokenPages(parts))
  return pages
}
