// Certificates and keys that end soon, or have ended. Pure.

import type { Instant, Millis } from '../../model/instant.ts'
import { sayDate } from '../../text/span.ts'
import type { Found, Over } from './found.ts'

/** Something that ends. `about`: as an incident names it · `what`: for people, with the place. */
export type Ending = {
  trouble: 'certificate-expires' | 'key-expires'
  about: string
  what: string
  until: Instant
  remedy: string
}

const day: Millis = 86_400_000

const sayWhen = (until: Instant, now: Instant): string => {
  const date = sayDate(until)
  if (until <= now) return `ended on ${date}`
  const days = Math.floor((until - now) / day)
  const left = days === 0 ? 'less than a day is' : days === 1 ? 'one day is' : `${days} days are`
  return `ends on ${date}: ${left} left`
}

/** Those that end within `expiresMs`. */
export const endingSoon = (
  endings: Ending[],
  { expiresMs, now }: { expiresMs: Millis; now: Instant },
): Found[] =>
  endings
    .filter(({ until }) => until - now <= expiresMs)
    .map(({ trouble, about, what, until, remedy }) => ({
      ...{ trouble, host: undefined, about },
      detail: `${what} ${sayWhen(until, now)}; ${remedy}`,
    }))

/** Over when it was looked at and ends later, or is not used any more. `used`: all that the configuration names now. */
export const expiryOver =
  (seen: Ending[], used: ReadonlySet<string>): Over =>
  ({ trouble, about }) => {
    if (!used.has(about)) return 'it is not used any more'
    const later = seen.find(one => one.trouble === trouble && one.about === about)
    return later && `a new one is there, until ${sayDate(later.until)}`
  }
