// Where things have their pages. Pure; whoever names a series, a run or a test links it from here.
import type { IncidentId } from '../model/incident.ts'
import type { BlobId } from '../model/job.ts'
import type { RunId } from '../model/run.ts'
import type { SeriesId } from '../model/series.ts'

/** Names come from mails and test programs: half a character is none (it cannot be written in UTF-8). */
const part = (text: string): string => encodeURIComponent(text.toWellFormed())

export const seriesPath = (id: SeriesId): string => `/series/${part(id)}`

/** A whole number of a query; undefined: it is none. */
export const wholeOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined

/** Patches on one page. */
export const partsAtOnce = 10

/** Position of the first patch of the page of patches that holds that one. */
export const partsFrom = (position: number): number =>
  Math.max(0, Math.ceil(position / partsAtOnce) - 1) * partsAtOnce + 1

/** All patches with their changes; `position`: there that one, 0 for the cover letter. */
export const patchesPath = (id: SeriesId, position?: number): string => {
  const from = partsFrom(position ?? 1)
  const at = position === undefined ? '' : `#p${position}`
  return `${seriesPath(id)}/patches${from === 1 ? '' : `?from=${from}`}${at}`
}

/** One patch alone. */
export const patchPath = (id: SeriesId, position: number): string => `${seriesPath(id)}/patches/${position}`

export const comparePath = (id: SeriesId, other: SeriesId): string =>
  `${seriesPath(id)}/compare/${part(other)}`

/** A log, console or screenshot that a verdict names; so many digits tell it from the others of a series. */
export const evidencePath = (id: SeriesId, blob: BlobId): string =>
  `${seriesPath(id)}/evidence/${part(blob.slice(0, 16))}`

export const runPath = (run: RunId): string => `/runs/${part(run)}`

/** Lines of a log on one page. */
export const linesAtOnce = 500

/** First line of the page of a log that holds that line, 1-based. */
export const pageOf = (line: number): number =>
  Math.max(0, Math.ceil(line / linesAtOnce) - 1) * linesAtOnce + 1

/** `line`: 1-based; the page that holds it, and there that line. */
export const logPath = (run: RunId, line?: number): string => {
  if (line === undefined) return `${runPath(run)}/log`
  const from = pageOf(line)
  return `${runPath(run)}/log${from === 1 ? '' : `?from=${from}`}#L${Math.max(1, line)}`
}

export const testPath = ({ project, step, test }: { project: string; step: string; test: string }): string =>
  `/tests/${part(project)}/history?step=${part(step)}&test=${part(test)}`

export const incidentPath = (id: IncidentId): string => `/incidents/${part(id)}`

export const hostPath = (name: string): string => `/farm/hosts/${part(name)}`
