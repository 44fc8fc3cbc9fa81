// Times as the pages say them.
import { html } from 'hono/html'
import type { Instant } from '../model/instant.ts'
import { plural } from '../model/words.ts'
import { sayInstant } from '../text/span.ts'

/** For programs as well. */
export const time = (at: Instant) =>
  html`<time datetime="${new Date(at).toISOString()}">${sayInstant(at)}</time>`

const format: [unit: string, ms: number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
]

/** `3 days`, `2 hours`, `1 minute`: the largest unit of which there are two, or else minutes. */
export const saySpan = (ms: number): string => {
  const [unit, size] = format.find(([, one]) => ms >= 2 * one) ?? ['minute', 60_000]
  return plural(Math.max(1, Math.round(ms / size)), unit)
}
