// Figures as the pages say them. Pure.
import type { Millis } from '../model/instant.ts'

/** `42 s`, `12 min`, `1 h 5 min`, `3 d 2 h`: two units at most. */
export const sayDuration = (ms: Millis): string => {
  const seconds = Math.round(ms / 1000)
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  const rest = hours % 24
  return rest === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${rest} h`
}

/** `12 %`; what is there but rounds to nothing is `< 1 %`, what is not all but rounds to it `> 99 %`. */
export const sayShare = (part: number, whole: number): string => {
  if (whole <= 0) return '–'
  const percent = Math.round((100 * part) / whole)
  if (percent === 0 && part > 0) return '< 1 %'
  if (percent === 100 && part < whole) return '> 99 %'
  return `${percent} %`
}

/** The value below which that share of all lies (nearest rank). `sorted`: the smallest first. undefined: there are none. */
export const percentile = (sorted: number[], share: number): number | undefined =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]

/** `3.2 GiB`, `412 MiB`. */
export const sayMiB = (mib: number): string =>
  mib >= 10_240
    ? `${Math.round(mib / 1024)} GiB`
    : mib >= 1024
      ? `${(mib / 1024).toFixed(1)} GiB`
      : `${Math.round(mib)} MiB`
