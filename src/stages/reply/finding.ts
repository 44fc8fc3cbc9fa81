// A finding in a few words: for a reply that takes back an earlier one, and for the lines of a digest.

import { countsOf } from '../../model/counting.ts'
import type { Series } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import { listed, plural } from '../../model/words.ts'
import { oneLine } from '../../text/clean.ts'
import { sayEnding } from '../../text/ending.ts'

const word = (text: string): string => oneLine(text, 60)

/** `patch 2/3`, `patches 1/3 and 3/3`. */
export const sayPatches = (positions: number[], total: number): string =>
  positions.length > 12
    ? `${positions.length} of the ${total} patches`
    : `patch${positions.length === 1 ? '' : 'es'} ${listed(positions.map(position => `${position}/${total}`))}`

/** What was found, as the end of a sentence that begins `then, `. */
export const sayFinding = (verdict: Verdict, series: Pick<Series, 'total'>): string => {
  const { finding } = verdict
  const thing = series.total > 1 ? 'series' : 'patch'
  const it = (position: number): string =>
    series.total > 1 ? `patch ${position}/${series.total}` : 'your patch'
  switch (finding.kind) {
    case 'all-well': {
      const { unclear } = countsOf(verdict.images)
      return unclear > 0
        ? `nothing failed newly, but of ${plural(unclear, 'test')} I could not tell`
        : 'all was well'
    }
    case 'new-failures': {
      const { fresh, worse, steps } = countsOf(verdict.images)
      const said = [
        ...(fresh > 0
          ? [`${plural(fresh, 'test')} failed that ${fresh === 1 ? 'passes' : 'pass'} without your ${thing}`]
          : []),
        ...(worse > 0 ? [`${plural(worse, 'test')} failed more often`] : []),
        ...(steps > 0 ? [`${plural(steps, 'test step')} did not come to a good end`] : []),
      ]
      return said.length > 0 ? listed(said) : 'something failed'
    }
    case 'does-not-apply':
      return finding.before
        ? `I could not apply what your ${thing} needs`
        : `I could not apply ${it(finding.position)}`
    case 'damaged':
      return `${it(finding.position)} came damaged`
    case 'unsafe':
      return `${it(finding.position)} was one that I do not apply`
    case 'already-applied':
      return `your ${thing} was in the tree already`
    case 'build-broken':
      return `build step "${word(finding.step)}" ${sayEnding(finding.ending)}`
    case 'nothing-to-test':
      return 'there was nothing to test'
    case 'base-unknown':
      return 'I did not know what to apply it to'
    case 'base-broken':
      return `the tree failed without your ${thing}, too`
    case 'incomplete':
      return `${sayPatches(finding.missing, series.total)} had not reached me`
    case 'ours':
      return 'I could not test it'
    case 'cancelled':
      return 'it was cancelled'
  }
}

/** In a table: `2 new failures`. */
export const shortFinding = (verdict: Verdict, series: Pick<Series, 'total'>): string => {
  const { finding } = verdict
  switch (finding.kind) {
    case 'all-well': {
      const { unclear } = countsOf(verdict.images)
      return unclear > 0 ? `nothing new, ${unclear} unclear` : 'all well'
    }
    case 'new-failures': {
      const { fresh, worse, steps } = countsOf(verdict.images)
      const said = [
        ...(fresh > 0 ? [plural(fresh, 'new failure')] : []),
        ...(worse > 0 ? [`${worse} worse`] : []),
        ...(steps > 0 ? [`${plural(steps, 'step')} broken off`] : []),
      ]
      return said.join(', ') || 'failures'
    }
    case 'does-not-apply':
      return finding.before ? 'what it needs does not apply' : 'does not apply'
    case 'damaged':
      return 'damaged'
    case 'unsafe':
      return 'not applied, unsafe'
    case 'already-applied':
      return 'in the tree already'
    case 'build-broken':
      return 'does not build'
    case 'nothing-to-test':
      return 'nothing to test'
    case 'base-unknown':
      return 'base unknown'
    case 'base-broken':
    case 'ours':
      return 'not tested'
    case 'incomplete':
      return `${finding.missing.length} of ${series.total} patches missing`
    case 'cancelled':
      return 'cancelled'
  }
}
