// Spans and sizes as people write them in grapevine.yaml: "20 s", "2 min", "256 MiB". No plain numbers: nobody knows their unit.
// The packages for this (ms, bytes, …) read more than is good here: "1m" as a minute, "20" as milliseconds, "1kb" as 1024.
import { z } from 'zod'

const spans = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const
const sizes = { MiB: 1, GiB: 1024 } as const

/** `undefined` where the text is not a number and one of the units. */
const parse = (text: string, units: Record<string, number>): number | undefined => {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?) ?([A-Za-z]+)$/.exec(text) ?? []
  const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined
  return number === undefined || factor === undefined ? undefined : Math.round(Number(number) * factor)
}

const show = (value: number, units: Record<string, number>): string => {
  const [unit, factor] = Object.entries(units).findLast(
    ([, factor]) => value >= factor && value % factor === 0,
  ) ?? ['', 1]
  return `${value / factor} ${unit}`
}

const quantity = (what: string, units: Record<string, number>, limits: { min: number; max: number }) =>
  z
    .string({ error: issue => (issue.input === undefined || issue.input === null ? undefined : what) })
    .regex(new RegExp(`^\\d{1,9}(\\.\\d{1,3})? ?(${Object.keys(units).join('|')})$`), {
      error: what,
      abort: true,
    })
    .transform((text, context) => {
      const value = parse(text, units) ?? Number.NaN
      if (value >= limits.min && value <= limits.max) return value
      const [min, max] = [show(limits.min, units), show(limits.max, units)]
      context.addIssue({ code: 'custom', message: `must be between ${min} and ${max}` })
      return z.NEVER
    })

/** A span in milliseconds; the limits too. */
export const duration = (min: number, max: number) =>
  quantity('must be a number with a unit (ms, s, min, h or d), like 20 s', spans, { min, max })

/** A size in MiB; the limits too. */
export const size = (min: number, max: number) =>
  quantity('must be a number with a unit (MiB or GiB), like 256 MiB', sizes, { min, max })

/** Milliseconds for people: `2 min`. */
export const showSpan = (span: number): string => show(span, spans)

/** MiB for people: `4 GiB`. */
export const showSize = (mib: number): string => show(mib, sizes)
