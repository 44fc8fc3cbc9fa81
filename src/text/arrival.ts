// When a mail arrived, as far as its envelope tells: the "From " line of an mbox, the topmost Received header.
import type { Instant } from '../model/instant.ts'

const day = 86_400_000
const oldest = Date.UTC(1980, 0, 1)
// git format-patch writes this date on every mail that it makes; it means nothing.
const formatPatch = Date.UTC(2001, 8, 17)

/** Dates before e-mail archives, of the future, and those that tools write as a constant tell nothing. */
export const saneArrival = (date: Instant | undefined, now: Instant): Instant | undefined =>
  date !== undefined && date >= oldest && date <= now + day && date !== formatPatch ? date : undefined

const months = 'JanFebMarAprMayJunJulAugSepOctNovDec'
const asctime =
  /(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+(?:([A-Z][a-z]{2})\s+(\d{1,2})|(\d{1,2})\s+([A-Z][a-z]{2})\s+(\d{4}))\s+(\d{1,2}):(\d\d)(?::(\d\d))?((?:\s+(?:[A-Z]{1,5}|[+-]\d{4})){0,2})(?:\s+(\d{4}))?(?:\s+([+-]\d{4}))?(?:\s+\([^)]*\))?\s*(?:remote from \S+\s*)?$/

const offsetMs = (zone: string | undefined): number => {
  const found = /([+-])(\d\d)(\d\d)/.exec(zone ?? '')
  if (!found) return 0
  return (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3])) * 60_000
}

/** The date (asctime(3), with or without a zone; UTC if there is none) that a line ends with, and where it begins. */
export const findAsctime = (line: string): { at: number; date: Instant } | undefined => {
  const found = asctime.exec(line)
  if (!found) return undefined
  const [, monthA, dayA, dayB, monthB, yearB, hour, minute, second, zone, yearA, zoneAfter] = found
  const month = months.indexOf(monthA ?? monthB ?? '-') / 3
  const year = yearB ?? yearA
  if (!Number.isInteger(month) || month < 0 || year === undefined) return undefined
  const utc = Date.UTC(
    Number(year),
    month,
    Number(dayA ?? dayB),
    Number(hour),
    Number(minute),
    Number(second ?? 0),
  )
  return { at: found.index, date: utc - offsetMs(zoneAfter ?? zone) }
}

/** The date of an mbox "From " line. */
export const fromLineDate = (line: string): Instant | undefined => findAsctime(line)?.date

const headerBytes = 64 * 1024

/** The date of the topmost Received header (RFC 5321 §4.4): the last hop, the one nearest to us. */
export const receivedDate = (raw: Buffer): Instant | undefined => {
  const head = raw.subarray(0, headerBytes).toString('latin1')
  const end = /\r?\n\r?\n/.exec(head)?.index ?? head.length
  const found = /^Received:[^\n]*(?:\n[ \t][^\n]*)*/im.exec(head.slice(0, end))
  const stamp = found?.[0].split(';').at(-1)?.replace(/\s+/g, ' ').trim()
  if (found === null || stamp === undefined || !found[0].includes(';')) return undefined
  const date = Date.parse(stamp)
  return Number.isNaN(date) ? undefined : date
}
