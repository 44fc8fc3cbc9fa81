// One series: its thread, its patches, its versions, and what was found.
import { Hono } from 'hono'
import { html } from 'hono/html'
import type { BlobId } from '../../model/job.ts'
import type { Series } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { sayStops } from '../../text/stop.ts'
import { stopsOfTasks } from '../../wiring/stopped.ts'
import { missing, page } from '../layout.ts'
import { evidencePath, partsFrom, seriesPath, wholeOf } from '../links.ts'
import type { Env, Pages, WebParts } from '../parts.ts'
import { gone, rawPicture, rawText } from '../runs/evidence.ts'
import { logPage } from '../runs/pages.ts'
import { currentVerdict, seriesCase } from './case.ts'
import { compareParts, type Side } from './compare.ts'
import { compareBody } from './compare-markup.ts'
import { seriesBody } from './page.ts'
import { partsOn, patchBody, patchesBody, readParts, textLines } from './patches.ts'

type Evidence = { blob: BlobId; what: 'log' | 'console' | 'screenshot'; of: string; since: number }

/** What verdicts name, by the first digits of the blob. */
const evidenceOf = (verdicts: Verdict[], digits: string): Evidence | undefined => {
  if (!/^[0-9a-f]{12,64}$/.test(digits)) return undefined
  return verdicts
    .flatMap(
      ({ buildLog, images, decidedAt: since }): (Omit<Evidence, 'blob'> & { blob: BlobId | undefined })[] => [
        { blob: buildLog, what: 'log', of: 'the build', since },
        ...images.flatMap(({ image, log, console, screenshot }) => [
          { blob: log, what: 'log' as const, of: image, since },
          { blob: console, what: 'console' as const, of: image, since },
          { blob: screenshot, what: 'screenshot' as const, of: image, since },
        ]),
      ],
    )
    .find((one): one is Evidence => one.blob?.startsWith(digits) === true)
}

/** Patches of one version that are compared. */
const maxCompared = 200

const sidesOf = (store: Store, series: Series): Promise<Side[]> =>
  Promise.all(
    series.parts.slice(0, maxCompared).map(async part => ({
      part,
      lines: textLines(await store.mail(part.mail, series.project)),
    })),
  )

export const seriesPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()

  pages.get('/series/:id', async c => {
    const wired = await parts.wired()
    const { store, project } = wired
    const found = await seriesCase(store, c.req.param('id'))
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
  })

  pages.get('/series/:id/patches', async c => {
    const { store } = await parts.wired()
    const series = await store.series(c.req.param('id'))
    if (!series) return missing(c, parts, { what: 'series' })
    const from = partsFrom(wholeOf(c.req.query('from')) ?? 1)
    const shown = await readParts(store, series, partsOn(series, from))
    return page(c, parts, {
      ...{ title: `Patches: ${oneLine(series.title)}`, here: 'series', isWide: true },
      body: patchesBody(series, shown, from),
    })
  })

  pages.get('/series/:id/patches/:position', async c => {
    const { store } = await parts.wired()
    const series = await store.series(c.req.param('id'))
    const position = wholeOf(c.req.param('position'))
    const part = position === 0 ? series?.cover : series?.parts.find(one => one.position === position)
    if (!series || !part || position === undefined) return missing(c, parts, { what: 'series' })
    const [shown] = await readParts(store, series, [{ part, position }])
    if (!shown) return missing(c, parts, { what: 'series' })
    return page(c, parts, {
      ...{ title: `Patch ${position}: ${oneLine(part.title)}`, here: 'series', isWide: true },
      body: patchBody(series, shown, Math.max(1, wholeOf(c.req.query('from')) ?? 1)),
    })
  })

  pages.get('/series/:id/compare/:other', async c => {
    const { store } = await parts.wired()
    const both = await Promise.all([store.series(c.req.param('id')), store.series(c.req.param('other'))])
    const [one, other] = both
    if (!one || !other || one.project !== other.project) return missing(c, parts, { what: 'series' })
    const [older, newer] = one.version < other.version ? [one, other] : [other, one]
    const [before, after] = await Promise.all([sidesOf(store, older), sidesOf(store, newer)])
    return page(c, parts, {
      ...{
        title: `Versions ${older.version} and ${newer.version}: ${oneLine(newer.title)}`,
        here: 'series',
        isWide: true,
      },
      body: compareBody({ older, newer }, compareParts(before, after)),
    })
  })

  pages.get('/series/:id/evidence/:blob', async c => {
    const { store, blobs } = await parts.wired()
    const series = await store.series(c.req.param('id'))
    if (!series) return missing(c, parts, { what: 'series' })
    const found = evidenceOf(await store.verdictsOf(series.id), c.req.param('blob').replace(/\.txt$/, ''))
    if (!found) return missing(c, parts, { what: 'series' })
    const { blob, what, of } = found
    const size = await blobs.size(blob)
    if (size === undefined)
      return gone(c, parts, {
        ...found,
        of: html`<a href="${seriesPath(series.id)}">the series and its verdict</a>`,
      })
    if (what === 'screenshot') return rawPicture(c, blobs, { blob, name: 'screenshot.png' })
    if (c.req.param('blob').endsWith('.txt')) return rawText(c, blobs, { blob, size, name: `${what}.txt` })
    const path = evidencePath(series.id, blob)
    return logPage(c, parts, {
      ...{
        blobs,
        blob,
        path,
        title: `${what === 'log' ? 'Log' : 'Console'} of ${of}: ${oneLine(series.title, 80)}`,
      },
      beside: html`<a href="${seriesPath(series.id)}">The series</a> · <a href="${path}.txt">As plain text</a>`,
    })
  })
  return pages
}
