// All patches of a series with their changes; and one alone, of which a long one has several pages.
import { html } from 'hono/html'
import type { Mail } from '../../model/mail.ts'
import type { Part, Series } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { type Html, none } from '../layout.ts'
import { partsAtOnce, patchesPath, patchPath, seriesPath } from '../links.ts'
import { type DiffLine, diffLines } from './diff-lines.ts'
import { diffBlock, within } from './patch-markup.ts'

export type ShownPart = { part: Part; position: number; lines: DiffLine[]; mail: Mail | undefined }

/** What a mail says, line by line; without the empty lines at its end. */
export const textLines = (mail: Mail | undefined): string[] =>
  (mail?.parsed?.text ?? '').trimEnd().split('\n')

/** Parts of one page; 0 is the cover letter. */
export const partsOn = (series: Series, from: number): { part: Part; position: number }[] => {
  const all = [
    ...(series.cover ? [{ part: series.cover, position: 0 }] : []),
    ...series.parts.map(part => ({ part, position: part.position })),
  ]
  return all.filter(
    ({ position }) => position < from + partsAtOnce && (position >= from || (from === 1 && position === 0)),
  )
}

export const readParts = (
  store: Store,
  series: Series,
  parts: { part: Part; position: number }[],
): Promise<ShownPart[]> =>
  Promise.all(
    parts.map(async one => {
      const mail = await store.mail(one.part.mail, series.project)
      return { ...one, mail, lines: mail ? diffLines(textLines(mail)) : [] }
    }),
  )

/** Bytes of a page for patches; one alone may have half of that at least where the others are short. */
const pageBytes = 100_000

const files = ({ mail }: ShownPart): Html => {
  const all = mail?.patch?.files ?? []
  if (all.length === 0) return none
  return html`<ul class="files">${all
    .slice(0, 50)
    .map(
      ({ before, after, added, removed }) =>
        html`<li><code>${oneLine(after ?? before ?? '', 200)}</code> <span class="plus">+${added}</span> <span class="minus">−${removed}</span></li>`,
    )}${all.length > 50 ? html`<li>… and ${all.length - 50} more</li>` : none}</ul>`
}

const onePart = (series: Series, one: ShownPart, budget: number): Html => {
  const { part, position, lines, mail } = one
  const shown = within(lines, budget)
  const left = lines.length - shown.length
  return html`<article class="patch" id="p${position}">
<h2>${position === 0 ? 'Cover letter' : `${position}/${series.total}`}: ${oneLine(part.title, 200)}</h2>
${part.unusable ? html`<p class="problem">${part.unusable.kind}: ${oneLine(part.unusable.why, 300)}</p>` : none}
${files(one)}
${mail === undefined ? html`<p>Its mail is not kept here.</p>` : diffBlock(shown, oneLine(part.title, 100))}
${left > 0 ? html`<p><a href="${patchPath(series.id, position)}?from=${shown.length + 1}">${left} more lines</a></p>` : none}
</article>`
}

const pager = (series: Series, from: number): Html => {
  const last = series.parts.at(-1)?.position ?? 0
  if (last <= partsAtOnce) return none
  const to = (first: number, words: string) => html`<a href="${patchesPath(series.id, first)}">${words}</a>`
  return html`<nav class="pager" aria-label="Pages of patches"><span>Patches ${from}–${Math.min(last, from + partsAtOnce - 1)} of ${last}</span>
${from > 1 ? to(from - partsAtOnce, 'Earlier') : none}${from + partsAtOnce <= last ? to(from + partsAtOnce, 'Later') : none}</nav>`
}

/** What is short leaves its room to what is long. */
const shares = (parts: ShownPart[]): number[] => {
  const needs = parts.map(({ lines }) => lines.reduce((sum, { text }) => sum + text.length * 1.3 + 20, 0))
  const fair = pageBytes / Math.max(1, parts.length)
  const spare = needs.reduce((sum, need) => sum + Math.max(0, fair - need), 0)
  const long = needs.filter(need => need > fair).length
  return needs.map(() => fair + (long > 0 ? spare / long : 0))
}

export const patchesBody = (series: Series, parts: ShownPart[], from: number): Html => {
  const budgets = shares(parts)
  return html`<h1>Patches of <a href="${seriesPath(series.id)}">${oneLine(series.title, 200)}</a></h1>
${pager(series, from)}
${parts.map((one, i) => onePart(series, one, budgets[i] ?? 0))}
${pager(series, from)}`
}

/** Lines from `from` on (1-based), as many as fit. */
export const patchBody = (series: Series, one: ShownPart, from: number): Html => {
  const rest = one.lines.slice(from - 1)
  const shown = within(rest, pageBytes)
  const next = from + Math.max(1, shown.length)
  return html`<h1>${one.position === 0 ? 'Cover letter' : `Patch ${one.position}/${series.total}`} of <a href="${seriesPath(series.id)}">${oneLine(series.title, 200)}</a></h1>
<p>${oneLine(one.part.title, 200)}</p>
${shown.length === 0 ? html`<p>There are no such lines.</p>` : diffBlock(shown, `Lines ${from} to ${next - 1}`)}
<nav class="pager" aria-label="Pages of the patch"><span>Lines ${from}–${next - 1} of ${one.lines.length}</span>
${from > 1 ? html`<a href="${patchPath(series.id, one.position)}">First</a>` : none}${next <= one.lines.length ? html`<a href="${patchPath(series.id, one.position)}?from=${next}">Later</a>` : none}</nav>`
}
