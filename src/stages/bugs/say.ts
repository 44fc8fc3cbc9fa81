// The comments that bugs get: what was found of a series that names them, and as which commits it landed. Read by people who know the bug,
// and perhaps not the list: no address stands in them, and no word of a mail that is not cleaned.

import { countsOf } from '../../model/counting.ts'
import type { Commit } from '../../model/job.ts'
import type { Part, Series } from '../../model/series.ts'
import { culpritOf, type ImageVerdict, type Verdict } from '../../model/verdict.ts'
import { listed, plural } from '../../model/words.ts'
import { mailAddress } from '../../text/archive.ts'
import { oneLine } from '../../text/clean.ts'
import { sayEnding } from '../../text/ending.ts'
import { mailText, render } from '../../text/render.ts'

const maxLines = 8
const maxImages = 4

const counter = ({ total, cover }: Series, part: Part | undefined): string =>
  total > 1 || cover ? ` ${part?.position ?? 0}/${total}` : ''

/** `[PATCH v2 3/7] tally: count`; of several parts that name the bug, the series. */
const titleOf = (series: Series, part: Part | undefined): string => {
  const version = series.version > 1 ? ` v${series.version}` : ''
  return oneLine(`[PATCH${version}${counter(series, part)}] ${part?.title ?? series.title}`, 160)
}

/** A name alone: an address is nobody's business there. */
const nameOf = ({ author: { name } }: Series): string => (/\S+@\S+/.test(name) ? '' : oneLine(name, 60))

/** Stands for the address until the lines are filled: one that is broken leads nowhere. */
const mailLine = '@mail'

const comment = (
  template: string,
  { where, ...words }: { where: string | undefined; [word: string]: unknown },
): string => {
  const lines = render(template, words)
  const at = lines.findIndex(line => line.trim() === mailLine)
  if (at < 0) return mailText(lines).trimEnd()
  return mailText(lines.toSpliced(at, 1, ...(where === undefined ? [] : [`    ${where}`]))).trimEnd()
}

/** What is said of a series, whatever it is. `part`: the only one that names the bug; undefined: the series as a whole. */
const headOf = (series: Series, part: Part | undefined, archive: string | undefined) => {
  const id = (part ?? series.cover ?? series.parts[0])?.messageId
  return {
    title: titleOf(series, part),
    who: nameOf(series),
    mail: mailLine,
    // What was handed in as a file may have none.
    where: mailAddress(archive, id) ?? (id === undefined ? undefined : `Message-ID: ${oneLine(id, 250)}`),
    version: series.version,
    thing: series.total > 1 && part === undefined ? 'series' : 'patch',
  }
}

const onImages = (images: ImageVerdict[], kinds: ImageVerdict['kind'][]): string => {
  const names = images.filter(({ kind }) => kinds.includes(kind)).map(({ image }) => oneLine(image, 30))
  return names.length > maxImages ? `${names.length} images` : listed(names)
}

const sayFailures = (images: ImageVerdict[]): string => {
  const { fresh, worse, steps } = countsOf(images)
  return listed([
    ...(fresh > 0 ? [`${plural(fresh, 'test')} newly ${fresh === 1 ? 'fails' : 'fail'}`] : []),
    ...(worse > 0 ? [`${plural(worse, 'test')} ${worse === 1 ? 'fails' : 'fail'} more often`] : []),
    ...(steps > 0
      ? [`${plural(steps, 'test step')} ${steps === 1 ? 'does' : 'do'} not come to a good end`]
      : []),
  ])
}

/** The names of what fails, each once. */
const failingLines = (images: ImageVerdict[]): string[] => {
  const steps = images.flatMap(({ broken }) =>
    broken.map(({ step, ending }) => `step "${oneLine(step, 60)}" ${sayEnding(ending)}`),
  )
  const tests = images.flatMap(({ newFailures, broken }) =>
    newFailures
      .filter(({ step }) => !broken.some(other => other.step === step))
      .map(({ step, test }) => (test === '' ? `step "${oneLine(step, 60)}" as a whole` : oneLine(test, 140))),
  )
  return [...new Set([...steps, ...tests])]
}

const linesOf = ({ finding, images }: Verdict): string[] => {
  if (finding.kind === 'new-failures') return failingLines(images)
  if (finding.kind !== 'build-broken') return []
  const errors = finding.errors.map(error => oneLine(error, 160)).filter(error => error !== '')
  return errors.length > 0 ? errors : [`step "${oneLine(finding.step, 60)}" ${sayEnding(finding.ending)}`]
}

const sayBase = ({ base }: Verdict): string =>
  base === undefined ? '' : `${oneLine(base.name, 60)} (${base.commit.slice(0, 12)})`

export type ResultWords = {
  series: Series
  verdict: Verdict
  /** The parts that name the bug. */
  parts: Part[]
  archive: string | undefined
  /** What this bug was told last of this series or a version before, in a few words. */
  before: { version: number; found: string } | undefined
}

/** The only part that a bug is about; undefined: it is about the series. */
const only = ({ total }: Series, parts: Part[]): Part | undefined =>
  total > 1 && parts.length === 1 ? parts[0] : undefined

/** The comment with a verdict. */
export const resultText = ({ series, verdict, parts, archive, before }: ResultWords): string => {
  const { finding, images } = verdict
  const lines = linesOf(verdict)
  const part = only(series, parts)
  const position = finding.kind === 'does-not-apply' ? finding.position : culpritOf(verdict)?.position
  return comment('bug-result', {
    // What was found was found of the series as a whole, whichever part names the bug.
    ...headOf(series, undefined, archive),
    ...{
      finding: finding.kind,
      base: sayBase(verdict),
      c: countsOf(images),
      failures: sayFailures(images),
    },
    images: onImages(images, finding.kind === 'new-failures' ? ['new-failures'] : ['passed']),
    ...{ lines: lines.slice(0, maxLines), more: Math.max(0, lines.length - maxLines) },
    position: position === undefined || series.total === 1 ? '' : `${position}/${series.total}`,
    unbuildable: (verdict.unbuildable ?? []).length > 0,
    built: 'built' in finding && finding.built === true,
    lacking: finding.kind !== 'all-well' && (verdict.lacking ?? []).length > 0,
    before: before ?? null,
    part: part === undefined ? '' : `${part.position}/${series.total}`,
  })
}

export type LandedWords = {
  series: Series
  parts: Part[]
  /** Of each of the parts, in the same order. */
  commits: Commit[]
  branch: string
  archive: string | undefined
}

/** The comment that says that it is in the base. */
export const landedText = ({ series, parts, commits, branch, archive }: LandedWords): string => {
  const rows = parts.map((part, n) => ({
    id: (commits[n] ?? '').slice(0, 12),
    title: oneLine(part.title, 120),
  }))
  return comment('bug-landed', {
    ...headOf(series, only(series, parts), archive),
    ...{ branch: oneLine(branch, 60), commits: rows.length > 1 ? rows.slice(0, maxLines) : rows },
    more: Math.max(0, rows.length - maxLines),
  })
}
