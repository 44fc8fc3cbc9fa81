// How lists say in a few words what became of a series.
import { html } from 'hono/html'
import type { SeriesRow } from '../../ports/reads.ts'
import { oneLine } from '../../text/clean.ts'
import type { Html } from '../layout.ts'

type VerdictKind = NonNullable<SeriesRow['verdict']>['kind']

/** ok, not-ok: classes, and what the author should do something about; rest: neither. */
export type Tone = 'ok' | 'not-ok' | 'rest'

export type Said = { tone: Tone; words: string }

const not = (words: string): Said => ({ tone: 'not-ok', words })
const rest = (words: string): Said => ({ tone: 'rest', words })

/** In the order in which they are offered to choose from. */
export const verdictWords: Record<VerdictKind, Said> = {
  'all-well': { tone: 'ok', words: 'all well' },
  'new-failures': not('new failures'),
  'build-broken': not('does not build'),
  'does-not-apply': not('does not apply'),
  damaged: not('damaged in the mail'),
  unsafe: not('not applied: unsafe'),
  incomplete: not('patches missing'),
  'already-applied': rest('in the tree already'),
  'nothing-to-test': rest('nothing to test'),
  'base-unknown': rest('base unknown'),
  'base-broken': rest('not tested: the base is broken'),
  ours: rest('not tested: trouble of ours'),
  cancelled: rest('cancelled'),
}

export const stateWords: Record<SeriesRow['at'], string> = {
  collecting: 'waits for more parts',
  complete: 'about to be planned',
  held: 'waits for an operator',
  incomplete: 'incomplete',
  planned: 'planned',
  superseded: 'replaced by a newer version',
}

/** The verdict; while there is none, what it waits for. */
export const saidOf = ({ verdict, at }: Pick<SeriesRow, 'verdict' | 'at'>): Said => {
  if (verdict !== undefined) return verdictWords[verdict.kind]
  return rest(at === 'planned' ? 'being tested' : stateWords[at])
}

const signs: Record<Tone, string> = { ok: '✓', 'not-ok': '✗', rest: '–' }

export const said = ({ tone, words }: Said): Html =>
  html`<span class="${tone}"><span class="sign" aria-hidden="true">${signs[tone]}</span> ${words}</span>`

/** The name; for who has none what their address begins with: collectors of addresses read these pages, too. */
export const authorName = ({ name, address }: SeriesRow['author']): string => {
  const said = name.trim() === '' ? address : name
  return oneLine(said.includes('@') ? said.slice(0, said.indexOf('@')) : said, 60) || 'unknown'
}

/** Never empty: it is what is clicked. */
export const titleOf = ({ title }: Pick<SeriesRow, 'title'>): string => oneLine(title) || '(no title)'
