// Lines over time: how the queue stood, how long verdicts took.
import { curveMonotoneX, curveStepAfter, line } from 'd3-shape'
import { html } from 'hono/html'
import type { Instant } from '../../model/instant.ts'
import type { Html } from '../layout.ts'
import { chart, legend, short, size, timeAxis, timeScale, valueAxis, valueScale } from './frame.ts'

export type Point = { at: Instant; value: number }

export type Line = { name: string; className: 'one' | 'two' | 'three'; points: Point[] }

export type LineChart = {
  id: string
  title: string
  words: string
  from: Instant
  to: Instant
  lines: Line[]
  say: (value: number) => string
  /** Values that hold until the next one. */
  steps?: boolean
  /** Only whole numbers. */
  isWhole?: boolean
  below?: Html
}

export const lineChart = (given: LineChart): Html => {
  const { id, title, words, from, to, lines, say, steps = false, isWhole = false, below = html`` } = given
  const x = timeScale(from, to)
  const y = valueScale(Math.max(0, ...lines.flatMap(one => one.points.map(({ value }) => value))), {
    isWhole,
  })
  const path = line<Point>(
    ({ at }) => short(x(at)),
    ({ value }) => short(y(value)),
  ).curve(steps ? curveStepAfter : curveMonotoneX)
  const drawn = lines.map(({ className, points }) => {
    const [only, ...more] = points
    if (only && more.length === 0)
      return html`<circle class="dot ${className}" cx="${short(x(only.at))}" cy="${short(y(only.value))}" r="4"/>`
    return html`<path class="line ${className}" d="${path(points) ?? ''}"/>`
  })
  const floor = size.height - size.bottom
  return chart({
    ...{ id, title, words },
    shapes: html`${valueAxis(y, say)}<line class="floor" x1="${size.left}" x2="${size.width - size.right}" y1="${floor}" y2="${floor}"/>${timeAxis(x)}${drawn}`,
    below: html`${legend(lines)}${below}`,
  })
}

/** At most so many points: of each stretch of time the largest value, at its beginning. */
export const thinned = (points: Point[], count = 240): Point[] => {
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last || points.length <= count) return points
  const stretch = (last.at - first.at) / count
  const found = new Map<number, Point>()
  for (const point of points) {
    const slot = Math.min(count - 1, Math.floor((point.at - first.at) / stretch))
    const before = found.get(slot)
    found.set(slot, { at: before?.at ?? point.at, value: Math.max(before?.value ?? 0, point.value) })
  }
  return [...found.values()]
}
