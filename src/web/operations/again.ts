// A form that was not taken, once more: with what was typed into it, and why it was not.
import { html } from 'hono/html'
import { type Html, none } from '../layout.ts'
import type { Fields } from './deed.ts'

/** Fields that people fill; all others go along as they came. */
const labels: Record<string, string> = {
  ...{ name: 'Host or image', host: 'Host', hosts: 'Hosts', images: 'Images', projects: 'Projects' },
  ...{ series: 'Series (its id)', against: 'Base; empty: as planned', into: 'Id of the other incident' },
  ...{ about: 'What is wrong, in a few words', detail: 'More; contributors read it' },
  ...{ cause: 'Cause; contributors read it', doing: 'What is being done; contributors read it' },
  ...{
    owner: 'Who looks after it',
    what: 'What was seen or done',
    how: 'What was done; others will read it',
  },
  ...{ bug: 'Address of its bug', until: 'Until; empty: somebody resumes it' },
  ...{ from: 'From; a time, or how long from now', to: 'To; a time, or how long it takes' },
  ...{ repeat: 'Again; empty: once', reason: 'Reason; others will read it' },
}

const boxes: Record<string, string> = {
  force: 'Also while tasks run there: they go back into the queue',
  all: 'The whole service',
  unproven: 'Without a proof',
  whole: 'And all that follow',
  always: 'It fails every time: let it go however often it fails',
  real: 'The patches do fail alike',
}

/** Boxes that were empty are not sent, and may be what helps. */
const boxesOf: Record<string, string[]> = {
  ...{ power: ['force'], 'plan-maintenance': ['all'] },
  ...{ 'finish-maintenance': ['unproven'], 'cancel-maintenance': ['whole'] },
}

const box = (name: string, isChecked: boolean): Html =>
  html`<p><label class="inline"><input type="checkbox" name="${name}" value="yes"${isChecked ? html` checked` : none}> ${boxes[name]}</label></p>`

const field = (name: string, { label, value }: { label: string; value: string }): Html =>
  html`<div><label for="again-${name}">${label}</label><input id="again-${name}" name="${name}" value="${value}" maxlength="500"></div>`

/** One of them; of several alike, all of them with blanks between, as such fields are read. */
const shown = (does: string, name: string, values: string[]): Html => {
  if (Object.hasOwn(boxes, name)) return box(name, true)
  const isAsked = Object.hasOwn(labels, name) || (name === 'id' && does === 'cancel')
  const label = labels[name] ?? 'Series, job or task (its id)'
  if (isAsked) return field(name, { label, value: values.join(' ') })
  return html`${values.map(value => html`<input type="hidden" name="${name}" value="${value}">`)}`
}

export type Again = { does: string; fields: Fields; csrf: string; back: string; says: string; remedy: string }

export const againBody = ({ does, fields, csrf, back, says, remedy }: Again): Html => {
  const sent = Object.entries(fields).filter(([name]) => name !== 'csrf')
  const missing = (boxesOf[does] ?? []).filter(name => fields[name] === undefined)
  return html`<h1>Not done</h1>
<p class="problem" role="alert">${says}</p>
${remedy === '' ? none : html`<p>${remedy}</p>`}
<form method="post" action="/operations/${does}" class="deed"><input type="hidden" name="csrf" value="${csrf}">
${sent.map(([name, values]) => shown(does, name, values))}${missing.map(name => box(name, false))}
<p class="buttons"><button class="main">Try again</button> <a href="${back}">Go back</a></p>
</form>`
}
