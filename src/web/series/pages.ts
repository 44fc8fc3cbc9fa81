// One series: its thread, its patches, its versions, and what was found. The page itself is here, the others beside it.
import { Hono } from 'hono'
import { oneLine } from '../../text/clean.ts'
import { sayStops } from '../../text/stop.ts'
import { stopsOfTasks } from '../../wiring/stopped.ts'
import { missing, page } from '../layout.ts'
import type { Asked, Env, Pages, WebParts } from '../parts.ts'
import { currentVerdict, seriesCase } from './case.ts'
import { showEvidence } from './evidence-page.ts'
import { seriesBody } from './page.ts'
import { showComparison, showPatch, showPatches } from './patch-pages.ts'

const showSeries = async (c: Asked, parts: WebParts): Promise<Response> => {
  const wired = await parts.wired()
  const { store, project } = wired
  const found = await seriesCase(store, c.req.param('id') ?? '')
  if (!found) return missing(c, parts, { what: 'series' })
  const { series, job } = found
  const known = parts.config.projects.find(({ name }) => name === series.project)
  const isOperator = c.get('viewer')?.role === 'operator'
  const isOpen = currentVerdict(found) === undefined
  const stops = !isOpen ? [] : await stopsOfTasks(wired, found.tasks)
  return page(c, parts, {
    ...{ title: oneLine(series.title), here: 'series' },
    body: seriesBody(found, {
      archive: known ? project(series.project).archive : undefined,
      operating: isOperator ? { csrf: c.get('csrf'), images: known?.recipe.test.images ?? [] } : undefined,
      stopped: sayStops(stops, { isOperator, where: 'page' }),
    }),
    topics: [
      `series:${series.id}`,
      ...(job ? [`job:${job.id}` as const] : []),
      ...(isOpen ? ['farm' as const] : []),
    ],
  })
}

export const seriesPages = (parts: WebParts): Pages =>
  new Hono<Env>()
    .get('/series/:id', c => showSeries(c, parts))
    .get('/series/:id/patches', c => showPatches(c, parts))
    .get('/series/:id/patches/:position', c => showPatch(c, parts))
    .get('/series/:id/compare/:other', c => showComparison(c, parts))
    .get('/series/:id/evidence/:blob', c => showEvidence(c, parts))
