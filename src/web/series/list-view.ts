// What somebody searches for, from and to the address of the page.
import type { SeriesFilter } from '../../ports/reads.ts'
import { oneLine } from '../../text/clean.ts'
import { stateWords, verdictWords } from './said.ts'

/** As it stands in the form; '' for what is not asked. */
export type Asked = Record<'text' | 'author' | 'project' | 'verdict' | 'state', string>

export const rowsAtOnce = 50

const maxAsked = 200

const oneOf = (value: string, known: readonly string[]): string => (known.includes(value) ? value : '')

/** What cannot be chosen is not asked. */
export const askedOf = (query: Record<string, string>, projects: readonly string[]): Asked => {
  const text = (name: string): string => oneLine((query[name] ?? '').slice(0, maxAsked), maxAsked)
  return {
    text: text('text'),
    author: text('author'),
    project: oneOf(text('project'), projects),
    verdict: oneOf(text('verdict'), [...Object.keys(verdictWords), 'none']),
    state: oneOf(text('state'), Object.keys(stateWords)),
  }
}

export const isAnything = (asked: Asked): boolean => Object.values(asked).some(value => value !== '')

const isVerdict = (name: string): name is NonNullable<SeriesFilter['verdict']> =>
  name === 'none' || name in verdictWords
const isState = (name: string): name is NonNullable<SeriesFilter['at']> => name in stateWords

export const filterOf = ({ text, author, project, verdict, state }: Asked): SeriesFilter => ({
  limit: rowsAtOnce,
  ...(text === '' ? {} : { text }),
  ...(author === '' ? {} : { author }),
  ...(project === '' ? {} : { project }),
  ...(isVerdict(verdict) ? { verdict } : {}),
  ...(isState(state) ? { at: state } : {}),
})

/** `/series?text=…`: the same search, from that place on. */
export const listPath = (asked: Asked, after?: string): string => {
  const given = Object.entries(asked).filter(([, value]) => value !== '')
  const query = new URLSearchParams(given)
  if (after !== undefined) query.set('after', after)
  return given.length === 0 && after === undefined ? '/series' : `/series?${query}`
}
