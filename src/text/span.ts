// Times and spans for people of all time zones, so always in UTC: in figures for those who look things up, and with the day of the week as
// they stand in notices.
import type { Instant, Millis } from '../model/instant.ts'
import { plural } from '../model/words.ts'

/** `2026-12-24`. */
export const sayDate = (when: Instant): string => new Date(when).toISOString().slice(0, 10)

/** `2026-12-24 18:00 UTC`. */
export const sayInstant = (when: Instant): string =>
  `${new Date(when).toISOString().slice(0, 16).replace('T', ' ')} UTC`

const parts = (when: Instant): Record<string, string> => {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' },
    ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  })
  return Object.fromEntries(format.formatToParts(when).map(({ type, value }) => [type, value]))
}

/** `Thursday 8 January 2026`. */
export const sayDay = (when: Instant): string => {
  const { weekday, day, month, year } = parts(when)
  return `${weekday} ${day} ${month} ${year}`
}

const clock = (when: Instant): string => {
  const { hour, minute } = parts(when)
  return `${hour}:${minute}`
}

/** `Thursday 8 January 2026, 10:00 UTC`. */
export const sayTime = (when: Instant): string => `${sayDay(when)}, ${clock(when)} UTC`

/** `2 h 30 min`, `3 days 1 h`; minutes up to a day, hours above; what is shorter than a minute counts as one. */
export const sayLength = (span: Millis): string => {
  const minutes = Math.max(1, Math.round(span / 60_000))
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)]
  const words = [
    days > 0 ? plural(days, 'day') : '',
    hours > 0 ? `${hours} h` : '',
    days === 0 && minutes % 60 > 0 ? `${minutes % 60} min` : '',
  ]
  return words.filter(Boolean).join(' ')
}

/** `Thursday 8 January 2026, 10:00 to 12:00 UTC (2 h)`; with both days, if there are two. */
export const saySpan = (from: Instant, to: Instant): string => {
  const isOneDay = sayDay(from) === sayDay(to)
  const end = isOneDay ? `${clock(to)} UTC` : sayTime(to)
  const begin = isOneDay ? `${sayDay(from)}, ${clock(from)}` : sayTime(from)
  return `${begin} to ${end} (${sayLength(to - from)})`
}
