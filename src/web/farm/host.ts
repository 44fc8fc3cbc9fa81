// The page of one host, as it is written.
import { html } from 'hono/html'
import type { HostStock } from '../../model/host.ts'
import type { Task } from '../../model/job.ts'
import type { RunEnd } from '../../model/run-end.ts'
import { oneLine } from '../../text/clean.ts'
import { asTable } from '../charts/frame.ts'
import { gridChart } from '../charts/grid.ts'
import { sayDuration, sayMiB, sayShare } from '../figures.ts'
import { type Html, none } from '../layout.ts'
import { incidentPath, runPath } from '../links.ts'
import { time } from '../when.ts'
import type { HostPage } from './read-host.ts'
import { activityWords, sayRunning } from './view.ts'

const fact = (name: string, value: Html | string): Html => html`<div><dt>${name}</dt><dd>${value}</dd></div>
`

/** Nobody is to be told what a fault of ours was called within: its first words say enough. */
const endWords: Record<RunEnd['kind'], string> = {
  built: 'built',
  'does-not-apply': 'does not apply',
  'already-applied': 'applied already',
  'build-failed': 'does not build',
  tested: 'tested',
  walked: 'each patch was built',
  ours: 'failed by fault of ours',
}

const stateTable = ({
  line: { host, ok, says },
  isOperator,
}: HostPage): Html => html`<p class="${ok ? 'ok' : 'not-ok'}" id="host-state" data-live><span class="sign" aria-hidden="true">${ok ? '✓' : '!'}</span> ${says}. ${host.busy} of ${host.slots} slots are busy.</p>
<dl>
${fact('Heard of', time(host.seenAt))}${fact('Its worker runs since', time(host.startedAt))}${fact('Memory for guests', sayMiB(host.memoryMiB))}${fact('Images', host.images.map(name => oneLine(name, 60)).join(', ') || 'none')}${Object.entries(isOperator ? host.facts : {}).map(([name, value]) => fact(oneLine(name, 40), oneLine(value, 200)))}
</dl>`

const runningPart = (running: Task[], now: number): Html => html`<div id="host-runs" data-live>
<h2>Running now</h2>
${
  running.length === 0
    ? html`<p>Nothing.</p>`
    : html`<ul>${running.map(task =>
        task.state.at === 'running'
          ? html`<li><a href="${runPath(task.state.run)}">${task.kind === 'build' ? 'Build' : 'Test'} on ${oneLine(task.image, 60)}</a>, for ${oneLine(task.project, 60)}; it has run for ${sayRunning(task, now)}</li>`
          : none,
      )}</ul>`
}
</div>`

const stockPart = (stock: HostStock | undefined): Html => {
  if (stock === undefined) return html`<h2>Storage</h2><p>It has not told yet what is on its disk.</p>`
  const used = Math.max(0, stock.totalMiB - stock.freeMiB)
  const percent = (part: number) => Math.round((1000 * part) / Math.max(1, stock.totalMiB)) / 10
  return html`<h2>Storage</h2>
<figure class="chart"><svg class="disk" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="idle" width="100" height="6"/><rect class="busy" width="${percent(used)}" height="6"/><rect class="reserve" x="${100 - percent(stock.reserveMiB)}" width="${percent(stock.reserveMiB)}" y="4" height="2"/></svg>
<figcaption>${sayMiB(stock.freeMiB)} of ${sayMiB(stock.totalMiB)} free (${sayShare(stock.freeMiB, stock.totalMiB)}); ${sayMiB(stock.reserveMiB)} are kept in reserve. As of ${time(stock.at)}.</figcaption></figure>
${stock.damage.map(one => html`<p class="warning">Damaged: ${one}</p>`)}
<div class="wide" tabindex="0" role="group" aria-label="What takes the disk"><table>
<thead><tr><th scope="col">What</th><th scope="col">Name</th><th scope="col">Size</th><th scope="col">State</th></tr></thead>
<tbody>${stock.takes.map(
    ({
      kind,
      name,
      note,
      MiB,
    }) => html`<tr><td>${kind}</td><th scope="row" class="long">${name}</th><td>${sayMiB(MiB)}</td><td>${note}</td></tr>
`,
  )}</tbody></table></div>
${stock.more === 0 ? none : html`<p class="quiet-text">And ${stock.more} smaller ones.</p>`}`
}

const endsPart = (ends: RunEnd[]): Html => html`<h2>Runs that ended lately</h2>
${
  ends.length === 0
    ? html`<p>None in the last days.</p>`
    : html`<div class="wide" tabindex="0" role="group" aria-label="Runs that ended lately"><table>
<thead><tr><th scope="col">Ended</th><th scope="col">Run</th><th scope="col">Project</th><th scope="col">Took</th><th scope="col">What came of it</th></tr></thead>
<tbody>${ends.map(
        one => html`<tr><td>${time(one.endedAt)}</td><td><a href="${runPath(one.run)}">${oneLine(one.image, 60)}</a></td><td>${oneLine(one.project, 60)}</td><td>${sayDuration(one.endedAt - one.startedAt)}</td><td class="${one.kind === 'ours' ? 'not-ok' : ''}">${one.kind === 'ours' ? html`<span class="sign" aria-hidden="true">!</span> ` : none}${endWords[one.kind]}</td></tr>
`,
      )}</tbody></table></div>`
}`

const powerPart = ({ power, isOperator }: HostPage): Html =>
  power.length === 0
    ? none
    : html`<h2>Switched in the last 30 days</h2>
<ul class="log">${power.map(({ at, act, why }) => html`<li>${time(at)} ${act}${isOperator ? `: ${oneLine(why, 200)}` : ''}</li>`)}</ul>`

const troublePart = ({ incidents, windows }: HostPage): Html =>
  incidents.length + windows.length === 0
    ? none
    : html`<h2>Trouble and maintenance</h2>
<ul>${windows.map(({ reason, from, to }) => html`<li>Maintenance: ${reason}, from ${time(from)} until ${time(to)}</li>`)}${incidents
        .slice(0, 20)
        .map(
          ({ id, title, since, at }) =>
            html`<li><a href="${incidentPath(id)}">${title}</a>, since ${time(since)}${at === 'resolved' ? ', resolved' : ''}</li>`,
        )}</ul>`

export const hostBody = (found: HostPage): Html => {
  const { line, running, activity, from, now, ends } = found
  const name = oneLine(line.host.name, 60)
  return html`<p class="quiet-text"><a href="/farm">Farm</a></p>
<h1>Test machine ${name}</h1>
${stateTable(found)}
${troublePart(found)}
${runningPart(running, now)}
${gridChart({
  ...{ id: 'host-activity', title: 'Slots busy in the last seven days, in steps of 3 hours', from, to: now },
  words: activityWords(activity, 'the last seven days'),
  rows: activity.rows,
  below: asTable('Steps as a table', stepTable(activity.rows[0]?.cells ?? [])),
})}
${stockPart(line.host.stock)}
${endsPart(ends)}
${powerPart(found)}`
}

const stepTable = (cells: HostPage['activity']['rows'][number]['cells']): Html => html`<table>
<thead><tr><th scope="col">From</th><th scope="col">Of its slots’ time</th></tr></thead>
<tbody>${cells.toReversed().map(
  ({ from, share }) => html`<tr><td>${time(from)}</td><td>${sayShare(share, 1)}</td></tr>
`,
)}</tbody></table>`
