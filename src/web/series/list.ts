// The list of series, with its search.
import { type Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { Place, SeriesRow } from '../../ports/reads.ts'
import type { Store } from '../../ports/store.ts'
import { limit } from '../access/limits.ts'
import { type Html, none, page } from '../layout.ts'
import { seriesPath } from '../links.ts'
import type { Env, Pages, WebParts } from '../parts.ts'
import { type Asked, askedOf, filterOf, isAnything, listPath } from './list-view.ts'
import { stateWords, verdictWords } from './said.ts'
import { lineOf, lineTable } from './table.ts'

const chosen = (
  name: string,
  { label, value, choices }: { label: string; value: string; choices: [string, string][] },
) =>
  html`<p><label for="${name}">${label}</label><select id="${name}" name="${name}">
${[['', 'any'], ...choices].map(
  ([key, words]) => html`<option value="${key}"${key === value ? html` selected` : none}>${words}</option>`,
)}</select></p>`

const typed = (name: string, { label, value }: { label: string; value: string }) =>
  html`<p><label for="${name}">${label}</label><input id="${name}" name="${name}" type="search" value="${value}" maxlength="200"></p>`

export const searchForm = (asked: Asked, projects: string[]): Html => html`
<form class="search" role="search" action="/series">
${typed('text', { label: 'Words of title or author', value: asked.text })}
${typed('author', { label: 'Author', value: asked.author })}
${
  projects.length < 2
    ? none
    : chosen('project', {
        label: 'Project',
        value: asked.project,
        choices: projects.map(name => [name, name]),
      })
}
${chosen('verdict', {
  ...{ label: 'Verdict', value: asked.verdict },
  choices: [
    ...Object.entries(verdictWords).map(([key, { words }]): [string, string] => [key, words]),
    ['none', 'none yet'],
  ],
})}
${chosen('state', { label: 'State', value: asked.state, choices: Object.entries(stateWords) })}
<p><button class="main">Search</button></p>
</form>`

type Found = {
  asked: Asked
  rows: SeriesRow[]
  next: Place | undefined
  isFirst: boolean
  projects: string[]
}

const pager = ({ asked, next, isFirst }: Found): Html =>
  isFirst && next === undefined
    ? none
    : html`<nav class="pager" aria-label="Pages of the list">${isFirst ? none : html`<a href="${listPath(asked)}">Newest</a>`}${next === undefined ? none : html`<a rel="next" href="${listPath(asked, next)}">Older</a>`}</nav>`

const results = (found: Found): Html => {
  const { rows, asked, isFirst, projects } = found
  if (rows.length > 0)
    return html`${lineTable(
      rows.map(row => lineOf(row, 'heard')),
      { when: 'Last heard of', isOne: projects.length < 2 },
    )}${pager(found)}`
  if (!isFirst) return html`<p>There is nothing older.</p>${pager(found)}`
  return isAnything(asked)
    ? html`<p>No series is like that. Each word has to be the beginning of a word in the title or in the author's name or address. <a href="/series">Show all series</a></p>`
    : html`<p>No series has come yet.</p>`
}

/** A series by its id, or by the Message-ID of one of its mails: who has that looks for just one. */
const exactly = async (store: Store, text: string): Promise<string | undefined> => {
  if (text === '' || /\s/.test(text)) return undefined
  const series = await store.series(text)
  if (series) return series.id
  if (!/^<?[^<>@]+@[^<>@]+>?$/.test(text)) return undefined
  const mails = await store.mailsByMessageId(`<${text.replace(/^<|>$/g, '')}>`)
  for (const { disposition } of mails) if ('series' in disposition) return disposition.series
  return undefined
}

export const seriesListPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const projects = parts.config.projects.map(({ name }) => name)
  const limited = limit(parts, 'search')
  pages.use('/series', (c, next) =>
    isAnything(askedOf(c.req.query(), projects)) ? limited(c, next) : next(),
  )
  pages.get('/series', async (c: Context<Env>) => {
    const { after, ...query } = c.req.query()
    const asked = askedOf(query, projects)
    const { store } = await parts.wired()
    const one = await exactly(store, asked.text)
    if (one !== undefined) return c.redirect(seriesPath(one))
    const { rows, next } = await store.reads.listSeries({
      ...filterOf(asked),
      ...(after === undefined ? {} : { after: after.slice(0, 100) }),
    })
    const found = { asked, rows, next, isFirst: after === undefined, projects }
    return page(c, parts, {
      ...{ title: asked.text === '' ? 'Series' : `${asked.text}: series`, here: 'series' },
      body: html`<h1>Series</h1>
${searchForm(asked, projects)}
${results(found)}`,
    })
  })
  return pages
}
