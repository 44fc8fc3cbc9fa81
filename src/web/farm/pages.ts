// The farm: hosts, slots, images, storage, and what they did when.
import { Hono } from 'hono'
import { html } from 'hono/html'
import { hourMs } from '../../model/busy.ts'
import { dayMs } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'
import { asTable } from '../charts/frame.ts'
import { gridChart } from '../charts/grid.ts'
import { sayDuration, sayMiB, sayShare } from '../figures.ts'
import { type Html, missing, none, page } from '../layout.ts'
import { hostPath } from '../links.ts'
import type { Env, Pages, WebParts } from '../parts.ts'
import { time } from '../when.ts'
import { hostBody } from './host.ts'
import { readHost } from './read-host.ts'
import {
  type ActivityView,
  activityView,
  activityWords,
  farmHeadline,
  type HostLine,
  hostLines,
  type ImageLine,
  imageLines,
  pauseOf,
} from './view.ts'

const spans = [
  { days: 2, stepHours: 1, says: 'the last two days' },
  { days: 7, stepHours: 3, says: 'the last seven days' },
  { days: 30, stepHours: 12, says: 'the last 30 days' },
] as const

type Span = (typeof spans)[number]

const hostRow = ({ host, ok, says }: HostLine): Html => html`<tr>
<th scope="row"><a href="${hostPath(host.name)}">${oneLine(host.name, 60)}</a></th>
<td class="${ok ? 'ok' : 'not-ok'}"><span class="sign" aria-hidden="true">${ok ? '✓' : '!'}</span> ${says}</td>
<td>${host.busy} of ${host.slots}</td>
<td>${host.images.map(name => oneLine(name, 60)).join(', ') || 'none'}</td>
<td>${host.stock === undefined ? 'not told yet' : `${sayMiB(host.stock.freeMiB)} of ${sayMiB(host.stock.totalMiB)}`}</td>
<td>${time(host.seenAt)}</td>
</tr>
`

const hostTable = (
  lines: HostLine[],
): Html => html`<div class="wide" id="hosts" data-live tabindex="0" role="group" aria-label="Test machines"><table>
<thead><tr><th scope="col">Test machine</th><th scope="col">State</th><th scope="col">Slots busy</th><th scope="col">Images</th><th scope="col">Disk free</th><th scope="col">Heard of</th></tr></thead>
<tbody>${lines.map(hostRow)}</tbody></table></div>`

const imageTable = (
  lines: ImageLine[],
): Html => html`<div class="wide" id="images" data-live tabindex="0" role="group" aria-label="Images"><table>
<thead><tr><th scope="col">Image</th><th scope="col">State</th><th scope="col">On</th><th scope="col">Tasks that wait</th></tr></thead>
<tbody>${lines.map(({ name, hosts, waiting, oldest, held }) => {
  const says = held ?? (hosts.length === 0 ? 'no test machine has it' : 'served')
  const ok = held === undefined && hosts.length > 0
  return html`<tr><th scope="row">${oneLine(name, 60)}</th><td class="${ok ? 'ok' : 'not-ok'}"><span class="sign" aria-hidden="true">${ok ? '✓' : '!'}</span> ${says}</td><td>${hosts.map(host => oneLine(host, 60)).join(', ') || 'none'}</td><td>${waiting === 0 || oldest === undefined ? waiting : html`${waiting}, the oldest since ${time(oldest)}`}</td></tr>
`
})}</tbody></table></div>`

export const activityTable = ({ sums }: ActivityView): Html => html`<table>
<thead><tr><th scope="col">Test machine</th><th scope="col">Of its slots’ time</th><th scope="col">Time of runs</th><th scope="col">Runs</th><th scope="col">Failed by fault of ours</th></tr></thead>
<tbody>${sums.map(
  ({ name, share, busyMs, runs, ours }) =>
    html`<tr><th scope="row">${name}</th><td>${sayShare(share, 1)}</td><td>${sayDuration(busyMs)}</td><td>${runs}</td><td>${ours}</td></tr>
`,
)}</tbody></table>`

const activityPart = (view: ActivityView, span: Span, { from, now }: { from: number; now: number }): Html => {
  const links = spans.map(
    one =>
      html`<li>${one === span ? html`<strong>${one.says}</strong>` : html`<a href="/farm?days=${one.days}">${one.says}</a>`}</li>`,
  )
  const hours = span.stepHours === 1 ? 'an hour' : `${span.stepHours} hours`
  return html`<h2>What ran when</h2>
<ul class="choices" aria-label="Which time">${links}</ul>
${
  view.rows.length === 0
    ? html`<p>Nothing yet.</p>`
    : gridChart({
        ...{ id: 'activity', title: `Slots busy, in steps of ${hours}`, from, to: now },
        words: `${activityWords(view, span.says)} A dot marks a step in which runs failed by fault of ours.`,
        rows: view.rows,
        below: asTable('These figures as a table', activityTable(view)),
      })
}`
}

/** Hosts, and one of them. */
export const farmPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  pages.get('/farm', async c => {
    const { store } = await parts.wired()
    const now = parts.clock.now()
    const span = spans.find(({ days }) => String(days) === c.req.query('days')) ?? spans[0]
    const from = Math.ceil((now - span.days * dayMs) / hourMs) * hourMs
    const [hosts, holds, waiting, running, activity] = await Promise.all([
      store.hosts(),
      store.holds(),
      store.reads.waiting(),
      store.tasksAt('running'),
      store.reads.activity({ since: from, until: now }),
    ])
    const isOperator = c.get('viewer')?.role === 'operator'
    const lines = hostLines(hosts, { holds, now, isOperator })
    const wanted = parts.config.projects.flatMap(({ recipe }) => [recipe.build.image, ...recipe.test.images])
    const pause = pauseOf(holds, { now, isOperator })
    const body = html`<h1>Farm</h1>
<p class="headline" id="farm-headline" data-live>${farmHeadline(lines)}</p>
${pause === undefined ? none : html`<p class="warning">${pause}</p>`}
<h2>Test machines</h2>
${hostTable(lines)}
${activityPart(activityView({ activity, running, hosts, from, now, stepHours: span.stepHours }), span, { from, now })}
<h2>Images</h2>
${imageTable(imageLines({ wanted, lines, holds, waiting, now, isOperator }))}`
    return page(c, parts, { title: 'Farm', here: 'farm', topics: ['farm', 'queue'], body })
  })
  pages.get('/farm/hosts/:name', async c => {
    const isOperator = c.get('viewer')?.role === 'operator'
    const found = await readHost(parts, c.req.param('name'), { isOperator })
    if (found === undefined)
      return missing(c, parts, {
        what: 'test machine',
        says: 'Perhaps it was taken out of service.',
        remedy: 'The farm’s page lists all that are known.',
      })
    const title = oneLine(found.line.host.name, 60)
    return page(c, parts, { title, here: 'farm', topics: ['farm', 'incidents'], body: hostBody(found) })
  })
  return pages
}
