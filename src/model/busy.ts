// How much of each hour something took. Pure.
import type { Instant, Millis } from './instant.ts'

export const hourMs: Millis = 3_600_000

export const hourOf = (at: Instant): Instant => Math.floor(at / hourMs) * hourMs

/** Of what is said to have taken longer, only its end is counted. */
const longestMs: Millis = 72 * hourMs

/** How a span falls on hours, the oldest first; the last one is there whatever it holds. */
export const hoursOf = (from: Instant, to: Instant): { hour: Instant; ms: Millis }[] => {
  const last = hourOf(to)
  const hours: { hour: Instant; ms: Millis }[] = []
  for (let hour = Math.min(Math.max(hourOf(from), last - longestMs), last); hour <= last; hour += hourMs) {
    const ms = Math.max(0, Math.min(to, hour + hourMs) - Math.max(from, hour))
    if (ms > 0 || hour === last) hours.push({ hour, ms })
  }
  return hours
}
