// A form of operators on a page that others read, too: what it says is done where all operations are, and the way leads back here.
import { html } from 'hono/html'
import { type Html, none } from './layout.ts'

export type DeedForm = {
  /** Name of the deed. */
  does: string
  csrf: string
  /** Path of the page that the form is on. */
  back: string
  /** What is not asked for. */
  fields: Record<string, string>
  body: Html
}

export const deedForm = ({ does, csrf, back, fields, body }: DeedForm): Html => {
  const hidden = Object.entries({ csrf, back, ...fields })
  return html`<form method="post" action="/operations/${does}" class="deed">${hidden.map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}
${body}
</form>`
}

type Field = { id: string; name: string; label: string; value?: string; isNeeded?: boolean; hint?: string }

/** One line of text. `id`: unique on its page. */
export const textField = ({ id, name, label, value = '', isNeeded = false, hint = '' }: Field): Html =>
  html`<div><label for="${id}">${label}</label><input id="${id}" name="${name}" value="${value}" maxlength="500"${isNeeded ? html` required` : none}${hint === '' ? none : html` placeholder="${hint}"`}></div>`

/** Forms are closed until they are asked for. */
export const deeds = (summary: string, forms: Html | Html[]): Html =>
  html`<details class="deeds"><summary>${summary}</summary>${forms}</details>`
