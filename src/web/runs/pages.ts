// One run: its log, console, screenshot and manifest.
import { Hono } from 'hono'
import { html } from 'hono/html'
import type { RunRecord } from '../../model/job.ts'
import { capital } from '../../model/words.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { type Html, missing, page, trouble } from '../layout.ts'
import { linesAtOnce, pageOf, runPath, wholeOf } from '../links.ts'
import type { Asked, Env, Pages, WebParts } from '../parts.ts'
import { gone, rawPicture, rawText } from './evidence.ts'
import { linesIn } from './log-lines.ts'
import { logBlock, logPager } from './log-markup.ts'
import { showLines } from './log-text.ts'
import { type RunCase, runBody } from './page.ts'
import { runView } from './view.ts'

const caseOf = async (store: Store, id: string): Promise<RunCase | undefined> => {
  const run = await store.run(id)
  const task = run && (await store.task(run.task))
  const job = task && (await store.job(task.job))
  if (!run || !task || !job) return undefined
  const series = job.series === undefined ? undefined : await store.series(job.series)
  return { run, task, job, series, all: await store.runsOf(task.id) }
}

export type LogPage = {
  blobs: Blobs
  blob: string
  path: string
  title: string
  /** Ways to other views of it. */
  beside: Html
}

/** One page of a log. `line` in the query leads to the page that holds it. */
export const logPage = async (c: Asked, parts: WebParts, { blobs, blob, path, title, beside }: LogPage) => {
  const line = wholeOf(c.req.query('line'))
  if (line !== undefined) return c.redirect(`${path}?from=${pageOf(line)}#L${line}`)
  const from = pageOf(wholeOf(c.req.query('from')) ?? 1)
  const { lines, total } = await linesIn(blobs.stream(blob), { from, count: linesAtOnce })
  const pager = logPager(path, { from, total })
  return page(c, parts, {
    ...{ title, here: 'series', isWide: true },
    body: html`<h1>${title}</h1>
<p>${beside}</p>
${pager}
${lines.length === 0 ? html`<p>${total === 0 ? 'It is empty.' : `It has only ${total} lines.`}</p>` : logBlock(showLines(lines, from), title)}
${pager}`,
  })
}

/** What runs keep as text: the last part of the address, and the file for programs. */
const texts = [
  { what: 'log', file: 'log.txt' },
  { what: 'console', file: 'console.txt' },
  { what: 'manifest', file: 'manifest.json' },
] as const
type Text = (typeof texts)[number]

type Kept = { run: RunRecord; store: Store; blobs: Blobs; blob: string; size: number }

const nothingKept = (c: Asked, parts: WebParts, { run, what }: { run: RunRecord; what: string }) =>
  run.endedAt === undefined && what === 'log'
    ? c.redirect(runPath(run.id))
    : trouble(c, parts, { ...{ status: 404, title: `This run has no ${what}` }, says: 'It left none.' })

/** What the run of the address keeps; a Response says what became of it. */
const keptOf = async (c: Asked, parts: WebParts, what: string): Promise<Kept | Response> => {
  const { store, blobs } = await parts.wired()
  const run = await store.run(c.req.param('run') ?? '')
  if (!run) return missing(c, parts, { what: 'run' })
  const blob = run.evidence[what]
  if (blob === undefined) return nothingKept(c, parts, { run, what })
  const size = await blobs.size(blob)
  if (size !== undefined) return { run, store, blobs, blob, size }
  const of = html`<a href="${runPath(run.id)}">the run and its results</a>`
  return gone(c, parts, { blob, what, since: run.endedAt, of })
}

const showRun = async (c: Asked, parts: WebParts): Promise<Response> => {
  const { store } = await parts.wired()
  const found = await caseOf(store, c.req.param('run') ?? '')
  if (!found) return missing(c, parts, { what: 'run' })
  const { run, task, series } = found
  return page(c, parts, {
    ...{ title: titleOf(found), here: 'series', body: runBody(found) },
    topics: [`run:${run.id}`, `job:${task.job}`, ...(series ? [`series:${series.id}` as const] : [])],
  })
}

const showText = async (c: Asked, parts: WebParts, { what, file }: Text): Promise<Response> => {
  const kept = await keptOf(c, parts, what)
  if (kept instanceof Response) return kept
  const { run, store, blobs, blob } = kept
  const found = await caseOf(store, run.id)
  const title = `${capital(what)}${found ? ` of ${titleOf(found)}` : ''}`
  const [here, path] = [runPath(run.id), `${runPath(run.id)}/${what}`]
  const beside = html`<a href="${here}">The run</a> · <a href="${here}/${file}">As plain text</a>`
  return logPage(c, parts, { blobs, blob, path, title, beside })
}

const showRaw = async (c: Asked, parts: WebParts, { what, file }: Text): Promise<Response> => {
  const kept = await keptOf(c, parts, what)
  if (kept instanceof Response) return kept
  const { blobs, blob, size } = kept
  return rawText(c, blobs, { blob, size, name: file })
}

const showPicture = async (c: Asked, parts: WebParts): Promise<Response> => {
  const kept = await keptOf(c, parts, 'screenshot')
  if (kept instanceof Response) return kept
  const { blobs, blob } = kept
  return rawPicture(c, blobs, { blob, name: 'screenshot.png' })
}

export const runPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  pages.get('/runs/:run', c => showRun(c, parts))
  for (const text of texts) {
    pages.get(`/runs/:run/${text.what}`, c => showText(c, parts, text))
    pages.get(`/runs/:run/${text.file}`, c => showRaw(c, parts, text))
  }
  pages.get('/runs/:run/screenshot.png', c => showPicture(c, parts))
  return pages
}

const titleOf = ({ run, task, series }: RunCase): string => {
  const { title } = runView(run, task)
  return series ? `${title.charAt(0).toLowerCase()}${title.slice(1)}: ${oneLine(series.title, 80)}` : title
}
