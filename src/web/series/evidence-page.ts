// What a verdict names as evidence: the log of the build, logs, consoles and pictures of the tests. Verdicts and blobs in, a page out.
import { html } from 'hono/html'
import type { BlobId } from '../../model/job.ts'
import type { Verdict } from '../../model/verdict.ts'
import { oneLine } from '../../text/clean.ts'
import { missing } from '../layout.ts'
import { evidencePath, seriesPath } from '../links.ts'
import type { Asked, WebParts } from '../parts.ts'
import { gone, rawPicture, rawText } from '../runs/evidence.ts'
import { logPage } from '../runs/pages.ts'

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

export const showEvidence = async (c: Asked, parts: WebParts): Promise<Response> => {
  const { store, blobs } = await parts.wired()
  const asked = c.req.param('blob') ?? ''
  const series = await store.series(c.req.param('id') ?? '')
  if (!series) return missing(c, parts, { what: 'series' })
  const found = evidenceOf(await store.verdictsOf(series.id), asked.replace(/\.txt$/, ''))
  if (!found) return missing(c, parts, { what: 'series' })
  const { blob, what, of } = found
  const size = await blobs.size(blob)
  if (size === undefined)
    return gone(c, parts, {
      ...found,
      of: html`<a href="${seriesPath(series.id)}">the series and its verdict</a>`,
    })
  if (what === 'screenshot') return rawPicture(c, blobs, { blob, name: 'screenshot.png' })
  if (asked.endsWith('.txt')) return rawText(c, blobs, { blob, size, name: `${what}.txt` })
  const path = evidencePath(series.id, blob)
  const title = `${what === 'log' ? 'Log' : 'Console'} of ${of}: ${oneLine(series.title, 80)}`
  const beside = html`<a href="${seriesPath(series.id)}">The series</a> · <a href="${path}.txt">As plain text</a>`
  return logPage(c, parts, { blobs, blob, path, title, beside })
}
