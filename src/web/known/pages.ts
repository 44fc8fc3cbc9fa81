// Known failures: what is proposed, what counts, and what people decide about them.
import { Hono } from 'hono'
import { html } from 'hono/html'
import type { KnownFailure, KnownState } from '../../model/known.ts'
import { plural } from '../../model/words.ts'
import { bugAddress } from '../../stages/known/decide.ts'
import { oneLine } from '../../text/clean.ts'
import { deedForm, deeds, textField } from '../deed-form.ts'
import { sayShare } from '../figures.ts'
import { type Html, none, page } from '../layout.ts'
import { runPath } from '../links.ts'
import type { Env, Pages, WebParts } from '../parts.ts'
import { time } from '../when.ts'

const states: { at: KnownState['at']; title: string; says: string }[] = [
  {
    at: 'proposed',
    title: 'Proposed',
    says: 'Seen often enough without patches that a person should decide. They do not count yet.',
  },
  {
    at: 'confirmed',
    title: 'Confirmed',
    says: 'Such a failure is told as known, with its bug, and not as new.',
  },
  { at: 'retired', title: 'Retired', says: 'Mended, as far as is known. One that is seen again comes back.' },
  { at: 'rejected', title: 'Rejected', says: 'None, said a person. They are not proposed again.' },
]

/** A page stays below 150 KB. */
const most = 60

const titleOf = ({ test, step }: KnownFailure): string =>
  test === '' ? `step ${oneLine(step ?? '', 80)}, as a whole` : oneLine(test, 200)

const fact = (name: string, value: Html | string): Html =>
  value === ''
    ? none
    : html`<div><dt>${name}</dt><dd>${value}</dd></div>
`

const bugWords = {
  open: 'open',
  fixed: 'fixed',
  closed: 'closed, not fixed',
  gone: 'not to be seen any more',
}

const bugPart = ({ bug, bugState }: KnownFailure): Html => {
  if (bug === undefined) return html`none yet`
  const address = bugAddress(bug)
  const state = bugState === undefined ? '' : ` (${bugWords[bugState.is]})`
  return html`${address === undefined ? oneLine(bug, 300) : html`<a href="${address}" rel="nofollow">${oneLine(bug, 300)}</a>`}${state}`
}

/** Who decided is in the audit log. */
const statePart = ({ state }: KnownFailure): Html => {
  switch (state.at) {
    case 'proposed':
      return html`proposed: ${oneLine(state.why, 300)}`
    case 'confirmed':
      return html`confirmed at ${time(state.when)}${state.by === 'seen again' ? ', as it was seen again' : ''}`
    case 'rejected':
      return html`rejected at ${time(state.when)}: ${oneLine(state.why, 300)}`
    case 'retired':
      return html`retired at ${time(state.when)}`
  }
}

const ratePart = (known: KnownFailure): string => {
  const rate = known.rate ?? (known.state.at === 'proposed' ? known.state.rate : undefined)
  if (rate === undefined || rate.runs === 0) return ''
  return `${rate.failed} of ${plural(rate.runs, 'run')} (${sayShare(rate.failed, rate.runs)})`
}

const article = (known: KnownFailure, forms: Html): Html => html`<article id="${known.id}" class="known">
<h2>${titleOf(known)}</h2>
<dl>
${fact('State', statePart(known))}${fact('Project', oneLine(known.project, 60))}${fact('Step', known.step === undefined ? 'any' : oneLine(known.step, 80))}${fact('Images', known.images.length === 0 ? 'any' : known.images.map(one => oneLine(one, 60)).join(', '))}${fact('It says', known.message === '' ? 'anything' : oneLine(known.message, 300))}${fact('Fails without patches', ratePart(known))}${known.always ? fact('Always', 'it is let go however often it fails') : none}${fact('Bug', bugPart(known))}${fact('Seen last', known.seen === undefined ? 'not yet' : html`${time(known.seen.at)}, in <a href="${runPath(known.seen.run)}">a run</a>; ${plural(known.seen.times, 'time')} in all`)}${fact('Id', known.id)}
</dl>
${forms}
</article>
`

type Editing = { csrf: string; back: string }

const bugField = (known: KnownFailure, name: string, isNeeded: boolean): Html =>
  textField({
    ...{ id: `${name}-${known.id}`, name: 'bug', label: 'Address of its bug', value: known.bug ?? '' },
    ...{ isNeeded, hint: 'https://bugs.example.org/123' },
  })

const decision = (known: KnownFailure, editing: Editing, what: string, body: Html): Html =>
  deedForm({ ...editing, does: 'known', fields: { id: known.id, decision: what }, body })

const endForm = (known: KnownFailure, editing: Editing, what: 'reject' | 'retire'): Html =>
  decision(
    known,
    editing,
    what,
    html`${textField({ id: `${what}-${known.id}`, name: 'reason', label: 'Why', isNeeded: true })}<p><button>${what === 'reject' ? 'Reject: it is none' : 'Retire: it is mended'}</button></p>`,
  )

/** What may be decided of one in its state. */
const formsOf = (known: KnownFailure, editing: Editing): Html => {
  const { at } = known.state
  const confirm = decision(
    known,
    editing,
    'confirm',
    html`${bugField(known, 'confirm', true)}<p><label class="inline"><input type="checkbox" name="always" value="yes"> It fails every time: let it go however often it fails</label></p><p><button class="main">Confirm</button></p>`,
  )
  const another = decision(
    known,
    editing,
    'bug',
    html`${bugField(known, 'bug', true)}<p><button>Name this bug</button></p>`,
  )
  return deeds('Decide', [
    at === 'confirmed' ? another : confirm,
    ...(at === 'confirmed' ? [endForm(known, editing, 'retire')] : []),
    ...(at === 'rejected' ? [] : [endForm(known, editing, 'reject')]),
  ])
}

const newestFirst = (a: KnownFailure, b: KnownFailure): number =>
  (b.seen?.at ?? b.createdAt) - (a.seen?.at ?? a.createdAt)

const words = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean)

const holds = (known: KnownFailure, text: string): boolean => {
  const said = [known.id, known.test, known.step, known.message, known.bug].join(' ').toLowerCase()
  return words(text).every(word => said.includes(word))
}

/** Everybody may read; operators decide. */
export const knownPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  pages.get('/known', async c => {
    const { store } = await parts.wired()
    const all = await store.knownFailures()
    const of = (at: KnownState['at']) => all.filter(({ state }) => state.at === at)
    const asked = states.find(({ at }) => at === c.req.query('state'))
    const here = asked ??
      states.find(({ at }) => of(at).length > 0) ?? { at: 'proposed', title: '', says: '' }
    const text = (c.req.query('text') ?? '').slice(0, 200)
    const found = of(here.at)
      .filter(one => holds(one, text))
      .sort(newestFirst)
    const isOperator = c.get('viewer')?.role === 'operator'
    const back = `/known?state=${here.at}`
    const forms = (one: KnownFailure) => (isOperator ? formsOf(one, { csrf: c.get('csrf'), back }) : none)
    const body = html`<h1>Known failures</h1>
<p>Failures that happen by themselves, each with its bug. They are proposed from what tests did without patches; people decide.</p>
<ul class="choices" aria-label="Which state">${states.map(({ at, title }) => html`<li>${at === here.at ? html`<strong aria-current="page">${title} (${of(at).length})</strong>` : html`<a href="/known?state=${at}">${title} (${of(at).length})</a>`}</li>`)}</ul>
<form class="search" role="search" action="/known"><input type="hidden" name="state" value="${here.at}"><p><label for="text">Words of test, message or bug</label><input id="text" name="text" type="search" value="${oneLine(text, 200)}" maxlength="200"></p><p><button>Search</button></p></form>
<p class="quiet-text">${here.says}</p>
${found.length === 0 ? html`<p>None.</p>` : found.slice(0, most).map(one => article(one, forms(one)))}
${found.length > most ? html`<p class="quiet-text">The ${most} seen last of ${found.length}; words find others.</p>` : none}`
    return page(c, parts, { title: 'Known failures', here: 'known', body })
  })
  return pages
}
