// Bars: how many of what. Those of one place stand before each other: a part before its whole.
import { scaleBand } from 'd3-scale'
import { html } from 'hono/html'
import type { Html } from '../layout.ts'
import { chart, short, size, valueAxis, valueScale } from './frame.ts'

export type Bar = {
  label: string
  /** The whole first, then its parts, each smaller. */
  parts: { className: string; value: number }[]
  title: string
}

export type BarChart = {
  id: string
  title: string
  words: string
  bars: Bar[]
  say: (value: number) => string
  legend: { className: string; name: string }[]
  below?: Html
}

/** Labels beside each other need room: of many, only some are shown. */
const maxLabels = 10

export const barChart = ({ id, title, words, bars, say, legend, below = html`` }: BarChart): Html => {
  const x = scaleBand<number>(
    bars.map((_, index) => index),
    [size.left, size.width - size.right],
  ).padding(0.2)
  const y = valueScale(Math.max(0, ...bars.flatMap(({ parts }) => parts.map(({ value }) => value))), {
    isWhole: true,
  })
  const floor = size.height - size.bottom
  const every = Math.ceil(bars.length / maxLabels)
  const drawn = bars.map(({ label, parts, title: says }, index) => {
    const left = x(index) ?? 0
    const rects = parts.map(({ className, value }) => {
      const top = short(y(value))
      return html`<rect class="bar ${className}" x="${short(left)}" y="${top}" width="${short(x.bandwidth())}" height="${short(Math.max(0, floor - top))}"/>`
    })
    const words =
      index % every === 0
        ? html`<text class="axis middle" x="${short(left + x.bandwidth() / 2)}" y="${floor + 18}">${label}</text>`
        : html``
    return html`<g><title>${says}</title>${rects}${words}</g>`
  })
  const key = html`<ul class="legend" aria-hidden="true">${legend.map(
    ({ className, name }) =>
      html`<li><svg class="chart-key" viewBox="0 0 24 8"><rect class="bar ${className}" width="24" height="8"/></svg> ${name}</li>`,
  )}</ul>`
  return chart({
    ...{ id, title, words, below: html`${key}${below}` },
    shapes: html`${valueAxis(y, say)}${drawn}<line class="floor" x1="${size.left}" x2="${size.width - size.right}" y1="${floor}" y2="${floor}"/>`,
  })
}
