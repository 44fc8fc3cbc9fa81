// Two versions side by side, as HTML.
import { html } from 'hono/html'
import type { Part, Series } from '../../model/series.ts'
import { oneLine } from '../../text/clean.ts'
import { type Html, none } from '../layout.ts'
import { patchPath, seriesPath } from '../links.ts'
import type { Compared, DiffedLine } from './compare.ts'
import { diffBlock, within } from './patch-markup.ts'

const words: Record<Compared['kind'], string> = {
  same: 'the same',
  words: 'the same change, other words',
  differs: 'changed',
  'too-long': 'changed; too long to be compared here',
  came: 'new',
  went: 'left out',
}

const pageBytes = 90_000

const link = (series: Series, part: Part | undefined): Html =>
  part === undefined
    ? html`–`
    : html`<a href="${patchPath(series.id, part.position)}">${part.position}/${series.total}</a> ${oneLine(part.title, 160)}`

type Both = { older: Series; newer: Series }

const partOf = (one: Compared, which: 'older' | 'newer'): Part | undefined =>
  which in one ? (one as Record<typeof which, Part>)[which] : undefined

const row = (one: Compared, i: number, { older, newer }: Both): Html => html`<tr>
<td>${link(older, partOf(one, 'older'))}</td><td>${link(newer, partOf(one, 'newer'))}</td>
<td>${one.kind === 'differs' ? html`<a href="#d${i}">${words[one.kind]}</a>` : words[one.kind]}</td></tr>`

const toLine = ({ kind, text }: DiffedLine) => ({
  kind: kind === 'skipped' ? ('hunk' as const) : kind,
  text:
    kind === 'added'
      ? `+${text}`
      : kind === 'removed'
        ? `-${text}`
        : kind === 'skipped'
          ? `… ${text}`
          : ` ${text}`,
})

const detail = (one: Compared, i: number, budget: number): Html => {
  if (one.kind !== 'differs') return none
  const lines = one.lines.map(toLine)
  const shown = within(lines, budget)
  return html`<section id="d${i}"><h2>${one.newer.position}: ${oneLine(one.newer.title, 200)}</h2>
${diffBlock(shown, `What differs in patch ${one.newer.position}`)}
${shown.length < lines.length ? html`<p>… and ${lines.length - shown.length} more lines.</p>` : none}</section>`
}

export const compareBody = ({ older, newer }: Both, all: Compared[]): Html => {
  const budget = pageBytes / Math.max(1, all.filter(({ kind }) => kind === 'differs').length)
  const isKnown = all.length > 200
  return html`<h1>Version ${older.version} and version ${newer.version} of ${oneLine(newer.title, 200)}</h1>
<div class="wide"><table><thead><tr><th scope="col"><a href="${seriesPath(older.id)}">Version ${older.version}</a></th><th scope="col"><a href="${seriesPath(newer.id)}">Version ${newer.version}</a></th><th scope="col">Patch</th></tr></thead>
<tbody>${all.slice(0, 200).map((one, i) => row(one, i, { older, newer }))}</tbody></table></div>
${isKnown ? html`<p>… and ${all.length - 200} more.</p>` : none}
${all.some(({ kind }) => kind === 'differs') ? html`<p class="quiet-text">Below are differences of differences: the second sign of a line is the patch's own. Line numbers are left out.</p>` : none}
${all.map((one, i) => detail(one, i, budget))}`
}
