// Times as people type and read them.
import { duration } from '../config/quantity.ts'
import { UsageError } from '../model/fault.ts'
import type { Instant } from '../model/instant.ts'
import { sayDuration } from '../text/ending.ts'

export { sayInstant } from '../text/span.ts'

const year = 366 * 86_400_000
const span = duration(1000, year)
const date = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/

/** `2 h` after `base`, or a date and time (ISO 8601), in this machine's time zone unless it says another. Throws UsageError for anything else. */
export const parseWhen = (text: string, option: string, base: Instant): Instant => {
  const asSpan = span.safeParse(text.trim())
  if (asSpan.success) return base + asSpan.data
  const [day, time = '00:00'] = text.trim().split(/[T ]/)
  const when = date.test(text.trim()) ? Date.parse(`${day}T${time}`) : Number.NaN
  if (Number.isNaN(when))
    throw new UsageError(
      `${option}: "${text}" is neither a span nor a date and time`,
      'Write it like "2 h", "3 d", 2026-12-24 or 2026-12-24T18:00',
    )
  return when
}

/** As parseWhen, from now on. Throws UsageError also for what is over. */
export const parseUntil = (text: string, now: Instant, option = '--until'): Instant => {
  const when = parseWhen(text, option, now)
  if (when <= now) throw new UsageError(`${option}: ${text} is over already`)
  return when
}

/** `for 12 seconds`. */
export const sayFor = (since: Instant, now: Instant): string =>
  `for ${sayDuration(Math.max(now - since, 1000))}`

/** `12 seconds ago`. */
export const sayAgo = (when: Instant, now: Instant): string =>
  now - when < 1000 ? 'now' : `${sayDuration(now - when)} ago`
