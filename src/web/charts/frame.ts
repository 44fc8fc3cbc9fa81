// Charts as the server draws them: the frame with its axes. Shapes carry classes, and the style sheet says how they look; words beside
// each chart say the same for who does not see it.
import { type ScaleLinear, type ScaleTime, scaleLinear, scaleUtc } from 'd3-scale'
import { html } from 'hono/html'
import type { Instant } from '../../model/instant.ts'
import type { Html } from '../layout.ts'

/** In the units of the SVG. */
export const size = { width: 720, height: 220, left: 52, right: 12, top: 10, bottom: 26 }

const hourMs = 3_600_000

export type X = ScaleTime<number, number, never>
export type Y = ScaleLinear<number, number, never>

/** An hour at least: of less, all ticks would say the same. */
export const timeScale = (from: Instant, to: Instant): X =>
  scaleUtc()
    .domain([from, Math.max(to, from + hourMs)])
    .range([size.left, size.width - size.right])

/** From 0 to a round figure that holds `top`. */
export const valueScale = (top: number, { isWhole = false }: { isWhole?: boolean } = {}): Y =>
  scaleLinear()
    .domain([0, Math.max(top, isWhole ? 4 : Number.MIN_VALUE)])
    .nice(4)
    .range([size.height - size.bottom, size.top])

/** Short enough for any path: a tenth of a unit is not seen. */
export const short = (value: number): number => Math.round(value * 10) / 10

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
const hourFormat = new Intl.DateTimeFormat('en-GB', {
  ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: 'UTC' },
})

/** Midnight is said as the day that begins. */
export const sayTick = (at: Date): string =>
  at.getTime() % 86_400_000 === 0 ? dayFormat.format(at) : hourFormat.format(at)

export const timeAxis = (x: X, ticks = 7): Html => {
  const y = size.height - size.bottom
  return html`${x
    .ticks(ticks)
    .filter(at => x(at) < size.width - size.right - 16)
    .map(at => {
      const place = short(x(at))
      return html`<line class="tick" x1="${place}" x2="${place}" y1="${y}" y2="${y + 4}"/><text class="axis middle" x="${place}" y="${y + 18}">${sayTick(at)}</text>`
    })}`
}

export const valueAxis = (y: Y, say: (value: number) => string): Html =>
  html`${y.ticks(4).map(value => {
    const place = short(y(value))
    return html`<line class="grid" x1="${size.left}" x2="${size.width - size.right}" y1="${place}" y2="${place}"/><text class="axis end" x="${size.left - 6}" y="${place + 4}">${say(value)}</text>`
  })}`

export type Framed = {
  /** Of the element, so that it can be exchanged while the page is open. */
  id: string
  title: string
  /** The same in words. */
  words: string
  shapes: Html
  height?: number
  /** What stands below it: a legend, or the figures as a table. */
  below?: Html
}

export const chart = ({ id, title, words, shapes, height = size.height, below = html`` }: Framed): Html =>
  html`<figure class="chart" id="${id}" data-live>
<figcaption>${title}</figcaption>
<div class="wide" tabindex="0" role="group" aria-label="${title}"><svg viewBox="0 0 ${size.width} ${height}" role="img" aria-label="${words}">${shapes}</svg></div>
<p class="quiet-text">${words}</p>
${below}
</figure>
`

/** What stands for what; each has its own dash or pattern besides its colour. */
export const legend = (entries: { className: string; name: string }[]): Html =>
  html`<ul class="legend" aria-hidden="true">${entries.map(
    ({ className, name }) =>
      html`<li><svg class="chart-key" viewBox="0 0 24 8"><line class="line ${className}" x1="0" x2="24" y1="4" y2="4"/></svg> ${name}</li>`,
  )}</ul>`

/** Figures that are there for who wants them; closed at first. */
export const asTable = (summary: string, table: Html): Html =>
  html`<details><summary>${summary}</summary><div class="wide" tabindex="0" role="group" aria-label="${summary}">${table}</div></details>`
