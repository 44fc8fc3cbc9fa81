// What only operators see of an incident: what detectors say, the whole log, and what may be done about it.
import { html } from 'hono/html'
import type { Incident } from '../../model/incident.ts'
import { oneLine } from '../../text/clean.ts'
import { deedForm, deeds, textField } from '../deed-form.ts'
import { type Html, none } from '../layout.ts'
import { incidentPath } from '../links.ts'
import { time } from '../when.ts'

const fact = (name: string, value: Html | string): Html =>
  value === ''
    ? none
    : html`<div><dt>${name}</dt><dd>${value}</dd></div>
`

const names = (all: string[]): string => all.map(name => oneLine(name, 60)).join(', ')

const mostLog = 60

export const rawPart = (incident: Incident): Html => {
  const { id, trouble, about, detail, severity, owner, confirmed, affects, flaps, log, mergedInto } = incident
  return html`<h2>For operators</h2>
<dl>
${fact('Id', id)}${fact('Trouble', `${trouble} (${oneLine(about, 120)})`)}${fact('Detail', oneLine(detail, 500))}${fact('Severity', severity)}${fact('Looked after by', oneLine(owner ?? '', 80))}${fact('Confirmed', confirmed === undefined ? 'no' : html`by ${oneLine(confirmed.by, 80)} at ${time(confirmed.at)}`)}${fact('Test machines', names(affects.hosts))}${fact('Images', names(affects.images))}${fact('Came back', flaps === 0 ? '' : `${flaps} times`)}${mergedInto === undefined ? none : fact('Is a part of', html`<a href="${incidentPath(mergedInto)}">${mergedInto}</a>`)}
</dl>
<ol class="log">${log.slice(-mostLog).map(({ at, by, what }) => html`<li>${time(at)} <span>${oneLine(what, 300)}</span> <span class="by">(${oneLine(by, 60)})</span></li>`)}</ol>`
}

type Editing = { csrf: string; back: string }

const severityField = (id: string, now: Incident['severity'] | undefined): Html =>
  html`<div><label for="${id}">Severity</label><select id="${id}" name="severity"><option value="">${now === undefined ? 'as usual' : `as it is (${now})`}</option><option value="minor">minor: work waits, or is repeated</option><option value="major">major: what was told may be wrong</option></select></div>`

export const incidentForms = (incident: Incident, editing: Editing): Html => {
  const { id, cause, doing, owner, severity, confirmed, resolved, trouble } = incident
  const form = (decision: string, body: Html) =>
    deedForm({ ...editing, does: 'incident', fields: { id, decision }, body })
  if (resolved)
    return deeds(
      'Add to it',
      form(
        'note',
        html`${textField({ id: 'note', name: 'what', label: 'What is to be noted', isNeeded: true })}<p><button>Note it</button></p>`,
      ),
    )
  return html`<h2>What to do about it</h2>
${form('note', html`${textField({ id: 'note', name: 'what', label: 'What was seen or done', isNeeded: true })}<p><button>Note it</button></p>`)}
${deeds('Change its words', form('amend', html`${textField({ id: 'cause', name: 'cause', label: 'Cause; contributors read it', value: cause ?? '' })}${textField({ id: 'doing', name: 'doing', label: 'What is being done; contributors read it', value: doing ?? '' })}${textField({ id: 'owner', name: 'owner', label: 'Who looks after it', value: owner ?? '' })}${severityField('severity', severity)}<p><button>Change</button></p>`))}
${confirmed === undefined ? deeds('Confirm it', form('confirm', html`<p>Contributors who wait are told of it.</p><p><button class="main">Confirm</button></p>`)) : none}
${deeds('Resolve it', form('resolve', html`${textField({ id: 'how', name: 'how', label: 'What was done; others will read it', isNeeded: trouble !== 'alike-failures' })}${trouble === 'alike-failures' ? html`<p><label class="inline"><input type="checkbox" name="real" value="yes"> The patches do fail alike</label></p>` : none}<p><button>Resolve</button></p>`))}
${deeds('It is a part of another one', form('merge', html`${textField({ id: 'into', name: 'into', label: 'Id of the other incident', isNeeded: true })}<p><button>Merge</button></p>`))}`
}

export const openForm = (csrf: string): Html =>
  deeds(
    'Open an incident',
    deedForm({
      ...{ does: 'open-incident', csrf, back: '/incidents', fields: {} },
      body: html`${textField({ id: 'about', name: 'about', label: 'What is wrong, in a few words', isNeeded: true })}${textField({ id: 'detail', name: 'detail', label: 'More; contributors read it' })}${textField({ id: 'open-hosts', name: 'hosts', label: 'Test machines, if it is about some' })}${textField({ id: 'open-projects', name: 'projects', label: 'Projects, if not all' })}${severityField('open-severity', undefined)}<p><button class="main">Open it</button></p>`,
    }),
  )
