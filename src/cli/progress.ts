// How far a long command is: a bar at the bottom of a terminal; elsewhere a line for each new thing that is done.
import type { Progress } from '../ports/farm.ts'
import { show as makeShow } from './demo/show.ts'
import type { Output } from './deps.ts'

export type Meter = {
  progress: Progress
  line(text: string): void
  end(): void
}

const width = 20

/** `[########------------]  40 %`; empty where nobody knows how much there is. */
export const bar = (done: number | undefined, total: number | undefined): string => {
  if (done === undefined || total === undefined || total <= 0) return ''
  const part = Math.min(1, Math.max(0, done / total))
  const filled = Math.floor(part * width)
  const percent = String(Math.floor(part * 100)).padStart(3)
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${percent} %`
}

/** What a line speaks of, without how far it is: that stands in its last brackets. */
const subject = (line: string): string => line.replace(/ \([^()]*\)(…?)$/, '$1')

export const meterOn = (output: Output): Meter => {
  const show = makeShow(output)
  let last = ''
  return {
    progress: (line, done, total) => {
      const about = subject(line)
      if (about !== last) show.line(about)
      last = about
      const drawn = bar(done, total)
      // The bar goes first: a terminal may be too narrow for the rest.
      show.status(drawn && output.isTTY ? `${drawn}  ${line}` : line)
    },
    line: text => show.line(text),
    end: () => show.end(),
  }
}
