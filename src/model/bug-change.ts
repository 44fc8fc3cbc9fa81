// What rules of the configuration change in a bug, and what a verdict means to one. Pure.
import type { BugChange } from './bug.ts'
import type { Verdict } from './verdict.ts'

/** What happened to a series that names a bug. */
export type Happened = 'passed' | 'failed' | 'landed'

/** One rule; `from`: only in these states, an empty list: in any. */
export type Rule = {
  on: Happened
  from: string[]
  status: string | undefined
  resolution: string | undefined
  addKeywords: string[]
  removeKeywords: string[]
  whiteboard: string | undefined
  /** `{mail}` stands for the link to the mail. */
  seeAlso: string[]
}

type Kind = Verdict['finding']['kind']

/** none: it is told, and no rule is for it · silent: nothing was found out about the change, so there is nothing that a bug's readers could use. */
const meanings: Record<Kind, 'passed' | 'failed' | 'none' | 'silent'> = {
  ...{ 'all-well': 'passed', 'new-failures': 'failed', 'build-broken': 'failed', 'does-not-apply': 'failed' },
  ...{ 'nothing-to-test': 'none', 'already-applied': 'none' },
  ...{ damaged: 'silent', unsafe: 'silent', incomplete: 'silent', ours: 'silent', cancelled: 'silent' },
  ...{ 'base-broken': 'silent', 'base-unknown': 'silent' },
}

/** What a bug hears of a verdict. What may be another series' doing, or due to what is not here, is no word about this one. */
export const meaningOf = ({ finding, lacking = [] }: Pick<Verdict, 'finding' | 'lacking'>) => {
  if ('before' in finding && finding.before) return 'silent'
  return meanings[finding.kind] === 'failed' && lacking.length > 0 ? 'none' : meanings[finding.kind]
}

/** States in which a bug waits for its mend, as trackers call them: Bugzilla's defaults, and GitHub's. */
const openStates = [
  ...['UNCONFIRMED', 'NEW', 'CONFIRMED', 'ASSIGNED', 'IN_PROGRESS', 'REOPENED', 'NEEDINFO', 'open'],
]

/** `resolve` in the configuration. */
export const fixed: Rule = {
  ...{ on: 'landed', from: openStates, status: 'RESOLVED', resolution: 'FIXED', whiteboard: undefined },
  ...{ addKeywords: [], removeKeywords: [], seeAlso: [] },
}

const changeOf = (rule: Rule): BugChange => ({
  ...(rule.from.length > 0 ? { from: rule.from } : {}),
  ...(rule.status === undefined ? {} : { status: rule.status }),
  ...(rule.resolution === undefined ? {} : { resolution: rule.resolution }),
  ...(rule.addKeywords.length > 0 ? { addKeywords: rule.addKeywords } : {}),
  ...(rule.removeKeywords.length > 0 ? { removeKeywords: rule.removeKeywords } : {}),
  ...(rule.whiteboard === undefined ? {} : { whiteboard: rule.whiteboard }),
})

const seeAlsoOf = ({ from, seeAlso }: Rule, mail: string | undefined): BugChange | undefined => {
  const addresses = seeAlso.flatMap(one =>
    one.includes('{mail}') ? (mail === undefined ? [] : [one.replaceAll('{mail}', mail)]) : [one],
  )
  return addresses.length === 0
    ? undefined
    : { ...(from.length > 0 ? { from } : {}), addSeeAlso: [...new Set(addresses)] }
}

const saysAnything = ({ from, ...change }: BugChange): boolean => Object.keys(change).length > 0

/**
 * What the rules change, in the order in which it is to be written: what goes before the comment, what goes with it, and what comes after.
 * Addresses of see_also go first and alone, as many trackers refuse some of them, and the comment with them.
 */
export const changesFor = (
  rules: readonly Rule[],
  { on, mail }: { on: Happened; mail: string | undefined },
): { before: BugChange[]; change: BugChange | undefined; after: BugChange[] } => {
  const own = rules.filter(rule => rule.on === on)
  const before = own.map(rule => seeAlsoOf(rule, mail)).filter(change => change !== undefined)
  const [change, ...after] = own.map(changeOf).filter(saysAnything)
  return { before, change, after }
}
