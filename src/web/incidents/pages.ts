// Incidents: what is wrong and what was, in the words of the notices; for operators also what detectors say, and forms.
import { Hono } from 'hono'
import { html } from 'hono/html'
import type { Incident } from '../../model/incident.ts'
import { dayMs } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'
import { type Html, missing, none, page } from '../layout.ts'
import { incidentPath } from '../links.ts'
import { incidentPart, windowPart } from '../page.ts'
import type { Asked, Env, Pages, WebParts } from '../parts.ts'
import type { ShownIncident } from '../shown.ts'
import { saySpan as sayLength, time } from '../when.ts'
import { incidentForms, openForm, rawPart } from './operators.ts'

const isOperator = (c: Asked): boolean => c.get('viewer')?.role === 'operator'

const overRow = ({
  id,
  title,
  since,
  until,
  cause,
}: ShownIncident): Html => html`<tr><th scope="row" class="long"><a href="${incidentPath(id)}">${title}</a></th><td>${time(since)}</td><td>${until === undefined ? '' : sayLength(until - since)}</td><td>${cause}</td></tr>
`

const overPart = (over: ShownIncident[]): Html => html`<h2>The last 90 days</h2>
${
  over.length === 0
    ? html`<p>No incident.</p>`
    : html`<div class="wide" tabindex="0" role="group" aria-label="Incidents that are over"><table>
<thead><tr><th scope="col">Incident</th><th scope="col">Since</th><th scope="col">Took</th><th scope="col">Cause</th></tr></thead>
<tbody>${over.slice(0, mostOver).map(overRow)}</tbody></table></div>`
}`

const mostOver = 200

/** All that live, also those of which nobody else hears. */
const operatorsPart = (incidents: Incident[], shown: ShownIncident[]): Html => {
  const hidden = incidents.filter(({ id }) => !shown.some(one => one.id === id))
  if (hidden.length === 0) return none
  return html`<h2>Only for operators</h2>
<div class="wide" tabindex="0" role="group" aria-label="Incidents that only operators see"><table>
<thead><tr><th scope="col">Incident</th><th scope="col">State</th><th scope="col">Since</th><th scope="col">What is said of it</th></tr></thead>
<tbody>${hidden.map(
    ({
      id,
      trouble: what,
      about,
      state,
      since,
      detail,
    }) => html`<tr><th scope="row"><a href="${incidentPath(id)}">${what}: ${oneLine(about, 60)}</a></th><td>${state.at}</td><td>${time(since)}</td><td class="long">${oneLine(detail, 200)}</td></tr>
`,
  )}</tbody></table></div>`
}

const list = async (c: Asked, parts: WebParts): Promise<Response> => {
  const { live, over, windows } = await parts.status()
  const own = isOperator(c) ? await (await parts.wired()).store.incidents({ live: true }) : []
  const body = html`<h1>Incidents</h1>
<div id="live-incidents" data-live>
${live.length + windows.length === 0 ? html`<p class="ok"><span class="sign" aria-hidden="true">✓</span> Nothing is wrong that we know of.</p>` : none}
${live.length + windows.length === 0 ? none : html`<h2>Now, and planned</h2>`}
${live.map(one => html`${incidentPart(one)}<p><a href="${incidentPath(one.id)}">This incident’s own page</a></p>`)}
${windows.map(windowPart)}
</div>
${operatorsPart(own, live)}
${isOperator(c) ? openForm(c.get('csrf')) : none}
${overPart(over)}`
  return page(c, parts, { title: 'Incidents', here: 'incidents', topics: ['incidents'], body })
}

const one = async (c: Asked, parts: WebParts, id: string): Promise<Response> => {
  const { live, over } = await parts.status()
  const shown = [...live, ...over].find(incident => incident.id === id)
  const raw = isOperator(c) ? await (await parts.wired()).store.incident(id) : undefined
  if (shown === undefined && raw === undefined)
    return missing(c, parts, {
      what: 'incident',
      says: `It may have been nothing, be a part of another one, or be more than ${shownMs / dayMs} days ago.`,
      remedy: 'The page of incidents lists all that are known.',
    })
  const title = shown?.title ?? oneLine(`${raw?.trouble}: ${raw?.about}`, 120)
  const body = html`<p class="quiet-text"><a href="/incidents">Incidents</a></p>
<h1>${title}</h1>
<div id="incident" data-live>
${shown === undefined ? html`<p class="warning">Only operators see this one.</p>` : incidentPart(shown, { isAlone: true })}
</div>
${raw === undefined ? none : html`${rawPart(raw)}${incidentForms(raw, { csrf: c.get('csrf'), back: incidentPath(id) })}`}`
  return page(c, parts, { title, here: 'incidents', topics: ['incidents'], body })
}

const shownMs = 90 * dayMs

/** Also without a database, as far as the bot's journal tells. */
export const incidentPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  pages.get('/incidents', c => list(c, parts))
  pages.get('/incidents/:id', c => one(c, parts, c.req.param('id')))
  return pages
}
