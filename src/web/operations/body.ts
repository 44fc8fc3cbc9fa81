// The operations page as HTML: every form says what it does, asks for a reason, and works without a script.
import { html } from 'hono/html'
import { type Html, none } from '../layout.ts'
import { seriesPath } from '../links.ts'
import { time } from '../when.ts'
import { auditTable } from './audit-table.ts'
import type { HeldLine, OperationsView, WaitingLine, WindowLine } from './view.ts'

/** The session's secret, in each form. */
export type Csrf = string

const hidden = (csrf: Csrf, fields: Record<string, string> = {}): Html =>
  html`<input type="hidden" name="csrf" value="${csrf}">${Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}`

/** One form: `id` makes its fields' ids. */
const form = (
  { id, does, csrf, fields = {} }: { id: string; does: string; csrf: Csrf; fields?: Record<string, string> },
  body: Html,
): Html => html`<form method="post" action="/operations/${does}" class="deed" id="${id}">${hidden(csrf, fields)}
${body}
</form>`

const text = (
  id: string,
  {
    name,
    label,
    hint = '',
    required = false,
  }: { name: string; label: string; hint?: string; required?: boolean },
): Html => html`<div><label for="${id}-${name}">${label}</label>
<input id="${id}-${name}" name="${name}" maxlength="500"${required ? html` required` : none}${hint === '' ? none : html` placeholder="${hint}"`}></div>`

const select = (
  id: string,
  { name, label, choices }: { name: string; label: string; choices: [value: string, words: string][] },
): Html => html`<div><label for="${id}-${name}">${label}</label>
<select id="${id}-${name}" name="${name}">${choices.map(([value, words]) => html`<option value="${value}">${words}</option>`)}</select></div>`

const check = (id: string, { name, label }: { name: string; label: string }): Html =>
  html`<label class="inline"><input type="checkbox" id="${id}-${name}" name="${name}" value="yes"> ${label}</label>`

const reason = (id: string): Html =>
  text(id, { name: 'reason', label: 'Reason; others will read it', required: true })

const until = (id: string): Html =>
  text(id, { name: 'until', label: 'Until; empty: somebody resumes it', hint: '2 h, or 2026-12-24 18:00' })

const same = (names: string[]): [string, string][] => names.map(name => [name, name])

const nameOfHeld = ({ kind, name }: HeldLine): string => (kind === 'queue' ? 'the queue' : `${kind} ${name}`)

const heldRow = (
  line: HeldLine,
  csrf: Csrf,
): Html => html`<tr><th scope="row">${nameOfHeld(line)}</th><td class="not-ok"><span class="sign" aria-hidden="true">!</span> ${line.says}</td><td>${line.reason}</td><td>${line.by}</td><td>${time(line.since)}</td><td>${line.until === undefined ? 'somebody resumes it' : time(line.until)}</td><td>${form(
  {
    ...{ id: `resume-${line.kind}-${line.name}`.replace(/[^\w-]/g, '-'), does: 'resume', csrf },
    fields: { on: line.kind, ...(line.name === '' ? {} : { name: line.name }) },
  },
  html`<button aria-label="Resume ${nameOfHeld(line)}">Resume</button>`,
)}</td></tr>
`

const heldPart = ({ held }: OperationsView, csrf: Csrf): Html => html`<section id="held" data-live>
<h2>Held now</h2>
${
  held.length === 0
    ? html`<p>Nothing is held.</p>`
    : html`<div class="wide" tabindex="0" role="group" aria-label="What is held"><table>
<thead><tr><th scope="col">What</th><th scope="col">How</th><th scope="col">Why</th><th scope="col">By</th><th scope="col">Since</th><th scope="col">Until</th><th scope="col">Resume</th></tr></thead>
<tbody>
${held.map(line => heldRow(line, csrf))}</tbody>
</table></div>`
}
</section>`

const hostsPart = ({
  hosts,
}: OperationsView): Html => html`<div class="wide" id="standing" data-live tabindex="0" role="group" aria-label="Hosts and how they stand"><table>
<thead><tr><th scope="col">Host</th><th scope="col">State</th></tr></thead>
<tbody>
${hosts.map(
  ({
    name,
    says,
    ok,
  }) => html`<tr><th scope="row">${name}</th><td class="${ok ? 'ok' : 'not-ok'}"><span class="sign" aria-hidden="true">${ok ? '✓' : '!'}</span> ${says}</td></tr>
`,
)}</tbody>
</table></div>`

/** Drain and stop are two buttons of one form. */
const restForm = (kind: 'host' | 'image', choices: string[], csrf: Csrf): Html => {
  const id = `rest-${kind}`
  const body = html`${select(id, { name: 'name', label: kind === 'host' ? 'Host' : 'Image', choices: same(choices) })}
${reason(id)}
${until(id)}
<p class="buttons"><button class="main">Drain: take nothing new</button> <button class="danger" formaction="/operations/stop">Stop: what runs goes back into the queue</button></p>`
  return form({ id, does: 'drain', csrf, fields: { on: kind } }, body)
}

const farmPart = (view: OperationsView, csrf: Csrf): Html => html`<section>
<h2>Hosts</h2>
${
  view.hosts.length === 0
    ? html`<p>No host has given a sign of life yet.</p>`
    : html`${hostsPart(view)}
${restForm(
  'host',
  view.hosts.map(({ name }) => name),
  csrf,
)}`
}
${
  view.switches.length === 0
    ? none
    : html`<h3>Power</h3>
${form(
  { id: 'power', does: 'power', csrf },
  html`${select('power', { name: 'host', label: 'Host', choices: same(view.switches) })}
${select('power', {
  name: 'act',
  label: 'What',
  choices: [
    ['cycle', 'off and on again'],
    ['on', 'on'],
    ['off', 'off, until somebody switches it on'],
  ],
})}
${reason('power')}
<p>${check('power', { name: 'force', label: 'Also while tasks run there: they go back into the queue' })}</p>
<p class="buttons"><button class="danger">Switch the power</button></p>`,
)}`
}
</section>
${
  view.images.length === 0
    ? none
    : html`<section>
<h2>Images</h2>
<p>On every host.</p>
${restForm('image', view.images, csrf)}
</section>`
}`

const queuePart = ({ isPaused }: OperationsView, csrf: Csrf): Html => html`<section>
<h2>The queue</h2>
${
  isPaused
    ? html`<p>It is paused: see what is held.</p>`
    : form(
        { id: 'pause', does: 'drain', csrf, fields: { on: 'queue' } },
        html`${reason('pause')}
${until('pause')}
<p class="buttons"><button class="main">Pause: no host takes anything new</button></p>`,
      )
}
<p><a href="/queues">Look into the queues themselves</a> (they only wake; what counts is in the database).</p>
</section>`

const waitingRow = (
  line: WaitingLine,
  csrf: Csrf,
): Html => html`<tr><th scope="row"><a href="${seriesPath(line.id)}">${line.title}</a></th><td>${line.author}</td><td>${line.why}</td><td>${time(line.since)}</td><td>${form(
  { id: `release-${line.id}`, does: 'release', csrf, fields: { series: line.id, reason: 'looked at' } },
  html`<button aria-label="Let it go: ${line.title}">Let it go</button>`,
)}</td></tr>
`

const seriesPart = ({ waiting, images }: OperationsView, csrf: Csrf): Html => html`<section>
<h2>Series</h2>
${
  waiting.length === 0
    ? html`<p>No series waits for an operator.</p>`
    : html`<div class="wide" tabindex="0" role="group" aria-label="Series that wait"><table>
<caption>These wait for your word, as their authors are new</caption>
<thead><tr><th scope="col">Series</th><th scope="col">Author</th><th scope="col">Why</th><th scope="col">Since</th><th scope="col">Let go</th></tr></thead>
<tbody>
${waiting.map(line => waitingRow(line, csrf))}</tbody>
</table></div>`
}
<h3>Test again</h3>
${form(
  { id: 'retest', does: 'retest', csrf },
  html`${text('retest', { name: 'series', label: 'Series (its id)', required: true })}
${text('retest', { name: 'images', label: 'Images', hint: images.slice(0, 3).join(' ') || 'all of the recipe' })}
${text('retest', { name: 'against', label: 'Base; empty: as planned', hint: 'branch, tag or commit' })}
${reason('retest')}
<p class="buttons"><button class="main">Test again</button></p>`,
)}
<h3>Cancel</h3>
${form(
  { id: 'cancel', does: 'cancel', csrf },
  html`${text('cancel', { name: 'id', label: 'Series, job or task (its id)', required: true })}
${reason('cancel')}
<p class="buttons"><button class="danger">Cancel: nothing more is run, and nobody gets mail</button></p>`,
)}
</section>`

const windowRow = (
  line: WindowLine,
  csrf: Csrf,
): Html => html`<tr><th scope="row">${line.what}</th><td>${line.reason}</td><td>${time(line.from)}</td><td>${time(line.to)}</td><td>${
  line.isRunning
    ? form(
        { id: `finish-${line.id}`, does: 'finish-maintenance', csrf, fields: { id: line.id } },
        html`<button aria-label="End it: maintenance of ${line.what}">End it</button> ${check(`finish-${line.id}`, { name: 'unproven', label: 'without a proof' })}`,
      )
    : form(
        { id: `off-${line.id}`, does: 'cancel-maintenance', csrf, fields: { id: line.id } },
        html`<input name="reason" required maxlength="500" aria-label="Reason to call off the maintenance of ${line.what}" placeholder="reason"> <button aria-label="Call it off: maintenance of ${line.what}">Call it off</button>${line.isRepeated ? html` ${check(`off-${line.id}`, { name: 'whole', label: 'and all that follow' })}` : none}`,
      )
}</td></tr>
`

const windowsPart = ({ windows, hosts }: OperationsView, csrf: Csrf): Html => html`<section>
<h2>Maintenance</h2>
${
  windows.length === 0
    ? html`<p>None is planned.</p>`
    : html`<div class="wide" tabindex="0" role="group" aria-label="Windows that are planned"><table>
<thead><tr><th scope="col">What rests</th><th scope="col">Why</th><th scope="col">From</th><th scope="col">To</th><th scope="col">End or call off</th></tr></thead>
<tbody>
${windows.map(line => windowRow(line, csrf))}</tbody>
</table></div>`
}
<h3>Plan a window</h3>
${form(
  { id: 'plan', does: 'plan-maintenance', csrf },
  html`<fieldset><legend>What rests</legend>
${hosts.map(({ name }) => html`<label class="inline"><input type="checkbox" name="hosts" value="${name}"> ${name}</label>`)}
${check('plan', { name: 'all', label: 'the whole service' })}</fieldset>
${text('plan', { name: 'from', label: 'From; a time, or how long from now', hint: '2026-12-24 18:00', required: true })}
${text('plan', { name: 'to', label: 'To; a time, or how long it takes', hint: '2 h', required: true })}
${text('plan', { name: 'repeat', label: 'Again; empty: once', hint: 'weekly, monthly, a rule' })}
${reason('plan')}
<p class="buttons"><button class="main">Plan it: those who wait for it are told</button></p>`,
)}
</section>`

const incidentPart = ({ projects, hosts }: OperationsView, csrf: Csrf): Html => html`<section>
<h2>Incidents</h2>
<p>Those that are known, and what can be done about them: <a href="/incidents">Incidents</a>. What no detector sees is opened here.</p>
${form(
  { id: 'open', does: 'open-incident', csrf },
  html`${text('open', { name: 'about', label: 'What is wrong, in a few words', required: true })}
${select('open', {
  name: 'severity',
  label: 'How bad',
  choices: [
    ['', 'as usual'],
    ['minor', 'minor: delays'],
    ['major', 'major: results are in doubt'],
  ],
})}
${text('open', { name: 'cause', label: 'Cause', hint: 'not known yet' })}
${text('open', { name: 'doing', label: 'What is being done' })}
${text('open', {
  name: 'hosts',
  label: 'Hosts',
  hint: hosts
    .map(({ name }) => name)
    .slice(0, 3)
    .join(' '),
})}
${text('open', { name: 'projects', label: 'Projects', hint: projects.slice(0, 3).join(' ') })}
<p class="buttons"><button class="main">Open an incident</button></p>`,
)}
</section>`

export const operationsBody = (view: OperationsView, csrf: Csrf): Html => html`<h1>Operations</h1>
<p>What is done here is done at once, and stands in the <a href="/audit">audit log</a> with your name. Times are UTC. <a href="/tokens">Tokens of the API</a></p>
${heldPart(view, csrf)}
${farmPart(view, csrf)}
${queuePart(view, csrf)}
${seriesPart(view, csrf)}
${windowsPart(view, csrf)}
${incidentPart(view, csrf)}
<section>
<h2>Done lately</h2>
${
  view.done.length === 0
    ? html`<p>Nothing yet.</p>`
    : html`${auditTable(view.done)}
<p><a href="/audit">All of it</a></p>`
}
</section>`
