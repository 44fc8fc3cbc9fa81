// Series as rows: for the list, and for the newest verdicts.
import { html } from 'hono/html'
import type { SeriesRow } from '../../ports/reads.ts'
import { type Html, none } from '../layout.ts'
import { seriesPath } from '../links.ts'
import { time } from '../when.ts'
import { authorName, type Said, said, saidOf, titleOf } from './said.ts'

export type Line = {
  path: string
  title: string
  /** `v2, 3 patches`. */
  extent: string
  author: string
  project: string
  said: Said
  /** A newer version is tested instead. */
  isReplaced: boolean
  at: number
}

/** `by`: which instant is told. */
export const lineOf = (row: SeriesRow, by: 'heard' | 'verdict'): Line => ({
  path: seriesPath(row.id),
  title: titleOf(row),
  extent: [
    ...(row.version > 1 ? [`v${row.version}`] : []),
    ...(row.total > 1 ? [`${row.total} patches`] : []),
    ...(row.origin === 'forge' ? ['pull request'] : []),
  ].join(', '),
  author: authorName(row.author),
  project: row.project,
  said: saidOf(row),
  isReplaced: row.at === 'superseded',
  at: by === 'verdict' ? (row.verdict?.at ?? row.lastAt) : row.lastAt,
})

const soft = (words: string): Html => (words === '' ? none : html` <span class="quiet-text">${words}</span>`)

/** `isOne`: there is one project only, which need not be told. */
export const lineTable = (lines: Line[], { when, isOne }: { when: string; isOne: boolean }): Html => html`
<div class="wide" tabindex="0" role="region" aria-label="Series"><table class="lines">
<thead><tr><th scope="col">Series</th><th scope="col">Author</th>${isOne ? none : html`<th scope="col">Project</th>`}<th scope="col">Verdict</th><th scope="col">${when}</th></tr></thead>
<tbody>
${lines.map(
  line => html`<tr><td><a href="${line.path}">${line.title}</a>${soft(line.extent)}</td><td>${line.author}</td>${isOne ? none : html`<td>${line.project}</td>`}<td>${said(line.said)}${soft(line.isReplaced ? '(replaced)' : '')}</td><td class="when">${time(line.at)}</td></tr>
`,
)}</tbody>
</table></div>`
