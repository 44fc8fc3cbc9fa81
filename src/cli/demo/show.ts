// What the demo's watcher sees: lines as things happen, and at a terminal a last line that moves.
import type { Output } from '../deps.ts'

export type Show = {
  line(text: string): void
  /** What stands at the bottom of a terminal; without one, repeated when nothing else was said for a while. */
  status(text: string): void
  end(): void
}

const silenceMs = 10_000

export const show = (output: Output, now: () => number = Date.now): Show => {
  const began = now()
  let spoke = now()
  let below = ''
  const seconds = () => `${((now() - began) / 1000).toFixed(1).padStart(6)} s`
  const wipe = () => {
    if (below !== '') output.write('\r\x1b[K')
  }
  const line = (text: string) => {
    wipe()
    output.write(`${seconds()}  ${text}\n`)
    if (output.isTTY && below !== '') output.write(below)
    spoke = now()
  }
  return {
    line,
    status(text) {
      if (output.isTTY) {
        wipe()
        below = `${seconds()}  ${text}`.slice(0, (output.columns ?? 80) - 1)
        output.write(below)
      } else if (now() - spoke > silenceMs) line(text)
    },
    end() {
      wipe()
      below = ''
    },
  }
}
