// What was found of the whole change, as Markdown: in the check of its build, and in the comment where words are needed.

import { countsOf } from '../../model/counting.ts'
import { culpritOf, type Verdict } from '../../model/verdict.ts'
import { listed, plural } from '../../model/words.ts'
import { sayEnding } from '../../text/ending.ts'
import { block, code } from '../../text/markdown.ts'
import { failureLines } from './failures.ts'
import { type ShowView, thingOf } from './view.ts'

const baseOf = ({ base }: Verdict): string =>
  base === undefined ? 'the base' : `${code(base.name, 60)} at ${code(base.commit.slice(0, 12))}`

const maxConflicts = 8

const patchOf = (view: ShowView, position: number, title: string): string =>
  view.series.total > 1 ? `patch ${position}/${view.series.total} (${code(title, 100)})` : 'it'

const culpritLine = (view: ShowView, verdict: Verdict): string[] => {
  const culprit = culpritOf(verdict)
  if (culprit === undefined || view.series.total < 2) return []
  const part = culprit.only === undefined ? '' : ' for a part of it'
  return [
    `It begins${part} with patch ${culprit.position}/${view.series.total}: ${code(culprit.title, 100)}.`,
    '',
  ]
}

const unbuildableLines = ({ series }: ShowView, { unbuildable = [] }: Verdict): string[] =>
  unbuildable.length === 0
    ? []
    : [
        `It does not build after each of its patches. It does not after:`,
        '',
        ...unbuildable
          .slice(0, 10)
          .map(({ position, title }) => `- patch ${position}/${series.total}: ${code(title, 100)}`),
        ...(unbuildable.length > 10 ? [`- … and ${unbuildable.length - 10} more`] : []),
        '',
      ]

const warningLines = ({ warnings = [] }: Verdict): string[] =>
  warnings.length === 0
    ? []
    : [
        `The compiler warns of ${plural(warnings.length, 'thing')} that ${warnings.length === 1 ? 'is' : 'are'} new:`,
        '',
        block([
          ...warnings.slice(0, 10),
          ...(warnings.length > 10 ? [`… and ${warnings.length - 10} more`] : []),
        ]),
        '',
      ]

const errorLines = (errors: string[], words: string): string[] =>
  errors.length === 0
    ? []
    : [
        words,
        '',
        block(
          errors
            .slice(0, 5)
            .flatMap(error => error.split('\n'))
            .slice(0, 40),
        ),
        '',
      ]

/** In a line, without a full stop. */
export const headline = (view: ShowView, verdict: Verdict): string => {
  const { finding } = verdict
  const thing = thingOf(view.series)
  switch (finding.kind) {
    case 'all-well': {
      const { unclear, vanished } = countsOf(verdict.images)
      if (unclear > 0)
        return `It applies and builds, and I found nothing that it breaks; of ${plural(unclear, 'test')} I could not tell`
      return vanished > 0
        ? `It breaks nothing, but ${plural(vanished, 'test')} ${vanished === 1 ? 'does' : 'do'} not run any more`
        : 'All is well'
    }
    case 'new-failures':
      return `It applies and builds, but breaks something: ${view.short}`
    case 'does-not-apply':
      return finding.before ? `What this ${thing} needs does not apply` : 'It does not apply'
    case 'damaged':
      return 'It came damaged'
    case 'unsafe':
      return 'It changes files that no patch may change'
    case 'already-applied':
      return 'It is in the base already'
    case 'build-broken':
      return 'It does not build'
    case 'nothing-to-test':
      return finding.built ? 'It builds, and no test is concerned' : 'There is nothing to test'
    case 'base-unknown':
      return 'I do not know what to apply it to'
    case 'base-broken':
      return 'Not tested: the base itself fails'
    case 'incomplete':
      return `Not tested: ${plural(finding.missing.length, 'part')} of it ${finding.missing.length === 1 ? 'is' : 'are'} missing`
    case 'ours':
      return 'Not tested: trouble on my side'
    case 'cancelled':
      return 'Cancelled'
  }
}

const applyLines = (view: ShowView, verdict: Verdict): string[] => {
  const { finding } = verdict
  if (finding.kind !== 'does-not-apply') return []
  const conflicts = finding.conflicts.slice(0, maxConflicts)
  const where = finding.before
    ? `I could not apply patch ${finding.position} of ${code(finding.before.title, 100)}, which this needs. Nothing was found out about this ${thingOf(view.series)} itself.`
    : `On ${baseOf(verdict)}, ${patchOf(view, finding.position, finding.title)} does not apply:`
  return [
    where,
    '',
    ...conflicts.map(({ file, line, why }) => {
      const place = file === '' ? '' : `${code(line === undefined ? file : `${file}:${line}`)}: `
      return `- ${place}${code(why, 200)}`
    }),
    ...(finding.conflicts.length > maxConflicts
      ? [`- … and ${finding.conflicts.length - maxConflicts} more`]
      : []),
    '',
  ]
}

/** What stands behind the headline, as paragraphs. `rows`: tests of one kind on one image. */
export const details = (view: ShowView, verdict: Verdict, rows = 10): string[] => {
  const { finding } = verdict
  const thing = thingOf(view.series)
  switch (finding.kind) {
    case 'all-well':
    case 'nothing-to-test':
      return [...unbuildableLines(view, verdict), ...warningLines(verdict)]
    case 'new-failures':
      return [
        ...verdict.images
          .filter(({ kind }) => kind === 'new-failures')
          .slice(0, 8)
          .flatMap(image => [`#### ${code(image.image, 40)}`, '', ...failureLines(image, thing, rows)]),
        ...culpritLine(view, verdict),
        ...unbuildableLines(view, verdict),
        ...warningLines(verdict),
      ]
    case 'does-not-apply':
      return applyLines(view, verdict)
    case 'damaged':
    case 'unsafe':
      return [
        `What is wrong with ${patchOf(view, finding.position, finding.title)}: ${code(finding.why, 300)}`,
        '',
      ]
    case 'build-broken':
      return [
        `Step ${code(finding.step, 60)} ${sayEnding(finding.ending)}. Without this ${thing} it goes well on ${baseOf(verdict)}.`,
        '',
        ...culpritLine(view, verdict),
        ...errorLines(finding.errors, 'The errors begin with:'),
      ]
    case 'base-broken':
      return [
        `Step ${code(finding.step, 60)} fails on ${baseOf(verdict)} itself. That is no fault of this ${thing}${finding.waits ? '; it is tested by itself when the base is good again' : ''}.`,
        '',
        ...errorLines(finding.errors, 'The errors begin with:'),
      ]
    case 'base-unknown':
      return [`I could not find ${code(finding.wanted, 100)} in the repository.`, '']
    case 'ours':
      return [
        `${code(finding.what, 300)}. That is no fault of this ${thing}; \`/grapevine retest\` tries again.`,
        '',
      ]
    case 'already-applied':
      return [`Its changes are in ${baseOf(verdict)}.`, '']
    case 'incomplete':
      return [`Missing: ${listed(finding.missing.slice(0, 12).map(String))}.`, '']
    case 'cancelled':
      return [`By ${code(finding.by, 60)}: ${code(finding.why, 200)}`, '']
  }
}

/** Is there more to say than the marks at the checks? */
export const needsWords = (verdict: Verdict): boolean => {
  switch (verdict.finding.kind) {
    case 'all-well': {
      const { unclear, vanished } = countsOf(verdict.images)
      return unclear > 0 || vanished > 0 || (verdict.unbuildable ?? []).length > 0
    }
    case 'nothing-to-test':
    case 'cancelled':
      return false
    default:
      return true
  }
}
