// A log as HTML: each line with its number, which is its address; and the way through the pages of a long one.
import { html } from 'hono/html'
import { type Html, none } from '../layout.ts'
import { linesAtOnce, pageOf } from '../links.ts'
import type { ShownLine, Tone } from './log-text.ts'

const tone = ({ text, tones }: Tone): Html =>
  tones.length === 0 ? html`${text}` : html`<span class="${tones.join(' ')}">${text}</span>`

const line = ({ number, tones, cut }: ShownLine): Html =>
  html`<a id="L${number}" href="#L${number}">${number}</a>${tones.map(tone)}${cut > 0 ? html` <span class="cut">… ${cut} more</span>` : none}
`

/** The lines of one page. Beginning at the first element's margin, as white space counts. */
export const logBlock = (lines: ShownLine[], label: string): Html =>
  html`<pre class="log-lines" tabindex="0" aria-label="${label}">${lines.map(line)}</pre>`

const count = (n: number): string => n.toLocaleString('en')

/** `path`: of the log, without a query. */
export const logPager = (path: string, { from, total }: { from: number; total: number }): Html => {
  if (total <= linesAtOnce) return none
  const last = Math.min(total, from + linesAtOnce - 1)
  const to = (first: number, words: string, rel: string) =>
    html`<a href="${path}?from=${first}" rel="${rel}">${words}</a>`
  return html`<nav class="pager" aria-label="Pages of the log">
<span>Lines ${count(from)}–${count(last)} of ${count(total)}</span>
${from > 1 ? html`${to(1, 'First', 'first')} ${to(from - linesAtOnce, 'Earlier', 'prev')}` : none}
${last < total ? html`${to(from + linesAtOnce, 'Later', 'next')} ${to(pageOf(total), 'Last', 'last')}` : none}
<form method="get" action="${path}"><label class="inline">Line <input name="line" inputmode="numeric" size="7"></label><button>Go</button></form>
</nav>`
}
