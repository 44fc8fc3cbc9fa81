// The first page: what runs now, the queue, the latest verdicts.
import { Hono } from 'hono'
import { html } from 'hono/html'
import type { Hold } from '../../model/host.ts'
import type { Instant } from '../../model/instant.ts'
import { holdOn } from '../../model/standing.ts'
import { sayStop } from '../../text/stop.ts'
import { type Html, none, page } from '../layout.ts'
import type { Env, Pages, WebParts } from '../parts.ts'
import { type Line, lineOf, lineTable } from '../series/table.ts'
import { time } from '../when.ts'
import { type RunLine, runLine, sayWaiting, type WaitLine, waitLine } from './view.ts'

/** More is on the farm's page. */
const runsShown = 25
const verdictsShown = 15

const soft = (words: string): Html => (words === '' ? none : html` <span class="quiet-text">${words}</span>`)

const runRow = (line: RunLine): Html => html`<tr>
<td>${line.path === undefined ? line.title : html`<a href="${line.path}">${line.title}</a>`}${soft(line.of)}</td>
<td>${line.what}${soft(line.why)}</td>
<td>${line.host === undefined ? none : html`<a href="${line.host.path}">${line.host.name}</a>`}</td>
<td class="when">${line.since === undefined ? none : html`${time(line.since)} <span class="quiet-text">(${line.age})</span>`}</td>
<td>${line.run === undefined ? none : html`<a href="${line.run}" aria-label="Run: ${line.title}, ${line.what}">Run</a>`}</td>
</tr>
`

const runTable = (lines: RunLine[]): Html =>
  lines.length === 0
    ? html`<p>Nothing runs.</p>`
    : html`<div class="wide" tabindex="0" role="region" aria-label="What runs now"><table class="lines">
<thead><tr><th scope="col">Series</th><th scope="col">What</th><th scope="col">Host</th><th scope="col">Since</th><th scope="col"><span class="unseen">Its run</span></th></tr></thead>
<tbody>
${lines.map(runRow)}</tbody>
</table></div>`

const waitTable = (lines: WaitLine[]): Html => html`<p>${sayWaiting(lines)}</p>
${
  lines.length === 0
    ? none
    : html`<div class="wide" tabindex="0" role="region" aria-label="What waits"><table class="waits">
<thead><tr><th scope="col">Image</th><th scope="col" class="number">Tasks</th><th scope="col">The oldest waits</th></tr></thead>
<tbody>
${lines.map(
  line => html`<tr><th scope="row">${line.image}</th><td class="number">${line.tasks}</td><td>since ${time(line.oldest)} <span class="quiet-text">(${line.age})</span></td></tr>
`,
)}</tbody>
</table></div>`
}`

const verdictTable = (lines: Line[], isOne: boolean): Html =>
  lines.length === 0
    ? html`<p>There is no verdict yet.</p>`
    : html`${lineTable(lines, { when: 'Given', isOne })}<p><a href="/series">All series</a></p>`

const pauseOf = (holds: Hold[], { now, isOperator }: { now: Instant; isOperator: boolean }): Html => {
  const pause = holdOn(holds, { kind: 'queue' }, now)
  return pause === undefined
    ? none
    : html`<p class="warning">${sayStop({ on: 'queue', hold: pause }, { isOperator, where: 'page' })}</p>`
}

const quickSearch = html`<form class="search quick" role="search" action="/series">
<label for="text" class="unseen">Find a series by words of its title or author</label>
<input id="text" name="text" type="search" maxlength="200" placeholder="Title or author">
<button>Find series</button>
</form>`

export const homePages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const names = parts.config.projects.map(({ name }) => name)
  pages.get('/', async c => {
    const { store } = await parts.wired()
    const { reads } = store
    const now = parts.clock.now()
    const [holds, running, waiting, verdicts] = await Promise.all([
      store.holds(),
      reads.running(runsShown),
      reads.waiting(),
      reads.latestVerdicts({ limit: verdictsShown }),
    ])
    return page(c, parts, {
      ...{ title: 'Now', here: 'home', topics: ['queue', 'verdicts'] },
      body: html`<h1>Now</h1>
<p>${parts.name} tests patches${names.length === 0 ? '' : ` for ${names.join(', ')}`}. Each series is built and tested in machines that are thrown away afterwards.</p>
${quickSearch}
<section aria-labelledby="runs-now"><h2 id="runs-now">Runs now</h2>
<div id="running" data-live>${runTable(running.map(row => runLine(row, now)))}</div></section>
<section aria-labelledby="waits-now"><h2 id="waits-now">Waits</h2>
<div id="waiting" data-live>${pauseOf(holds, { now, isOperator: c.get('viewer')?.role === 'operator' })}${waitTable(waiting.map(row => waitLine(row, now)))}</div></section>
<section aria-labelledby="last-verdicts"><h2 id="last-verdicts">Latest verdicts</h2>
<div id="verdicts" data-live>${verdictTable(
        verdicts.map(row => lineOf(row, 'verdict')),
        names.length < 2,
      )}</div></section>`,
    })
  })
  return pages
}
