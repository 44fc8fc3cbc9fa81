// Time × host: how busy each host was in each hour. Fuller cells are taller as well as stronger, so that colour alone tells nothing.
import { html } from 'hono/html'
import type { Instant } from '../../model/instant.ts'
import type { Html } from '../layout.ts'
import { chart, sayTick, short, size, timeScale } from './frame.ts'

export type Cell = {
  from: Instant
  to: Instant /** 0 to 1, of the slots' time. */
  share: number
  title: string
  isTrouble: boolean
}

export type GridRow = { name: string; cells: Cell[] }

export type Grid = {
  id: string
  title: string
  words: string
  from: Instant
  to: Instant
  rows: GridRow[]
  below?: Html
}

const row = { height: 26, gap: 6, left: 110 }

/** What is longer is cut: the whole name stands in the table. */
const maxName = 16

const cutName = (name: string): string => (name.length > maxName ? `${name.slice(0, maxName - 1)}…` : name)

export const gridChart = ({ id, title, words, from, to, rows, below }: Grid): Html => {
  const x = timeScale(from, to).range([row.left, size.width - size.right])
  const height = rows.length * (row.height + row.gap) + 26
  const floor = height - 26
  const lines = rows.map(({ name, cells }, index) => {
    const top = index * (row.height + row.gap)
    const drawn = cells
      .filter(({ share, isTrouble }) => share > 0 || isTrouble)
      .map(cell => {
        const tall = short(Math.max(2, Math.min(1, cell.share) * row.height))
        const [left, right] = [short(x(cell.from)), short(x(cell.to))]
        const mark = cell.isTrouble
          ? html`<circle class="trouble-mark" cx="${short((left + right) / 2)}" cy="${top + 4}" r="3"/>`
          : html``
        return html`<g><title>${cell.title}</title><rect class="busy" x="${left}" y="${short(top + row.height - tall)}" width="${short(Math.max(1, right - left - 0.6))}" height="${tall}"/>${mark}</g>`
      })
    return html`<rect class="idle" x="${row.left}" y="${top}" width="${size.width - size.right - row.left}" height="${row.height}"/><text class="axis end" x="${row.left - 8}" y="${top + row.height / 2 + 4}">${cutName(name)}</text>${drawn}`
  })
  const ticks = x
    .ticks(8)
    .filter(at => x(at) < size.width - size.right - 16)
    .map(at => {
      const place = short(x(at))
      return html`<line class="tick" x1="${place}" x2="${place}" y1="0" y2="${floor}"/><text class="axis middle" x="${place}" y="${floor + 16}">${sayTick(at)}</text>`
    })
  return chart({
    ...{ id, title, words, height },
    shapes: html`${lines}${ticks}`,
    ...(below ? { below } : {}),
  })
}
