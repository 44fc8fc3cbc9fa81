// The audit log as a table: who did what to what, why, and what came of it.
import { html } from 'hono/html'
import type { Html } from '../layout.ts'
import { time } from '../when.ts'
import type { AuditLine } from './view.ts'

const ways: Record<AuditLine['by'], string> = {
  ...{ web: 'pages', api: 'API', cli: 'command line', mail: 'mail', github: 'GitHub' },
}

const came = (text: string): Html =>
  text === ''
    ? html`<td class="ok"><span class="sign" aria-hidden="true">✓</span> done</td>`
    : html`<td class="not-ok"><span class="sign" aria-hidden="true">!</span> ${text === 'begun' ? 'begun; not known whether it was done' : text}</td>`

/** What there is not has nothing else to show. */
const about = ({ about: name, came: outcome }: AuditLine): Html | string =>
  name === '' || /^no: there is no /.test(outcome)
    ? name
    : html`<a href="/audit?about=${encodeURIComponent(name)}" aria-label="All that was done to ${name}">${name}</a>`

const row = (
  line: AuditLine,
): Html => html`<tr><td>${time(line.at)}</td><td>${line.who} <span class="by">(${ways[line.by]})</span></td><td>${line.what}</td><td>${about(line)}</td><td>${line.reason}</td>${came(line.came)}</tr>
`

export const auditTable = (
  lines: AuditLine[],
): Html => html`<div class="wide" tabindex="0" role="group" aria-label="What was done"><table class="audit">
<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">To what</th><th scope="col">Why</th><th scope="col">Came of it</th></tr></thead>
<tbody>
${lines.map(row)}</tbody>
</table></div>`
