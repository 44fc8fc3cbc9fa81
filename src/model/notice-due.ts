// Which notice of an incident is due now, to one audience: a first word, what has changed, and the end. Pure; from what was said before.
//
//   nothing said ──open, and it concerns them──▶ first ──news, or the promised word is due──▶ update ┐
//                                                  │   ▲─────────────────────────────────────────────┘
//                                                  └──resolved──▶ resolved (alone, if the first never left and it was long)
import type { Incident, Trouble } from './incident.ts'
import type { Instant, Millis } from './instant.ts'
import type { Notice } from './notice.ts'
import { troubleRules } from './trouble.ts'

/** Why a notice that waits is not sent: what it says is over. Something else is said then. */
export const outdated = 'it was over before this could leave'

/** Of these the administrator hears by mails of their own. */
const toldElsewhere: ReadonlySet<Trouble> = new Set([
  'mail-capped',
  'mail-refused',
  'mail-unconfirmed',
  'maintenance-overrun',
])

/** Trouble of one project's source is the business of its list only; about these all lists hear. */
const ofAll: ReadonlySet<Trouble> = new Set([
  'mail-unreachable',
  'queue-old',
  'database-unreachable',
  'redis-unreachable',
  'other',
])

/** Projects whose lists hear of it now. `waiting`: how many series of each wait for it, or are run again. */
export const hearing = (
  { trouble, affects }: Pick<Incident, 'trouble' | 'affects'>,
  { projects, waiting }: { projects: string[]; waiting: ReadonlyMap<string, number> },
): string[] => {
  const { hear } = troubleRules[trouble]
  if (hear === 'operators') return []
  if (hear === 'waiting') return projects.filter(name => (waiting.get(name) ?? 0) > 0)
  if (affects.projects.length > 0) return projects.filter(name => affects.projects.includes(name))
  return ofAll.has(trouble) ? projects : []
}

/** Do the operators hear of it by a notice? */
export const operatorsHear = ({ trouble }: Pick<Incident, 'trouble'>): boolean => !toldElsewhere.has(trouble)

/** What of an incident is worth another word to those who wait. */
export const newsOf = ({ cause, doing }: Pick<Incident, 'cause' | 'doing'>): Record<string, string> => ({
  cause: cause ?? '',
  doing: doing ?? '',
})

/** Nobody has it yet. */
const isWaiting = ({ reply: { state } }: Notice): boolean =>
  state.at === 'pending' && state.done === undefined

/** Somebody has it, or may have it. */
const isOut = (notice: Notice): boolean => notice.reply.state.at !== 'failed' && !isWaiting(notice)

/** It was given up, as something else is said now. */
export const isOutdated = ({ reply: { state } }: Notice): boolean =>
  state.at === 'failed' && state.why === outdated

const saidAt = ({ at, reply: { state } }: Notice): Instant =>
  state.at === 'sent' ? Math.max(at, state.when) : at

/** The promised word comes a little before its time, not after it. */
const earlyMs: Millis = 5 * 60_000

const isPromiseDue = ({ at, nextWord }: Notice, now: Instant): boolean =>
  nextWord !== undefined && now >= nextWord - Math.min(earlyMs, (nextWord - at) / 10)

export type Told = {
  /** To these recipients about this incident, the oldest first. */
  told: Notice[]
  /** Does it concern them now? */
  concerned: boolean
  /** What is worth another word if it differs from what the last one said. */
  news: Record<string, string>
  /** Least time between two. */
  gapMs: Millis
  now: Instant
}

/** The first that got out, or may have: later ones stand in its thread. */
export const rootOf = (told: Notice[]): Notice | undefined => told.find(isOut)

/** Was a person kept from hearing it only by trouble on the way, or did it get out? */
const isMeant = (notice: Notice): boolean =>
  !notice.held && (isOut(notice) || isWaiting(notice) || isOutdated(notice))

const endDue = (incident: Incident, { told, gapMs, now }: Told): 'resolved' | undefined => {
  if (told.some(one => one.kind === 'resolved') || !told.some(isMeant)) return undefined
  // What was short, and what nobody heard of, need not be told now.
  const lasted = (incident.resolved?.at ?? now) - incident.since
  if (!told.some(isOut)) return lasted > gapMs ? 'resolved' : undefined
  return isQuiet(told, { gapMs, now }) ? undefined : 'resolved'
}

const isQuiet = (told: Notice[], { gapMs, now }: Pick<Told, 'gapMs' | 'now'>): boolean =>
  told.some(one => isOut(one) && now < saidAt(one) + gapMs)

const isSame = (a: Record<string, string>, b: Record<string, string>): boolean =>
  Object.entries(b).every(([key, value]) => a[key] === value)

/** undefined: nothing is to be said now. What an operator dropped, or nobody can get, ends the thread. */
export const noticeDue = (incident: Incident, given: Told): 'first' | 'update' | 'resolved' | undefined => {
  const { told, concerned, news, now } = given
  const { at } = incident.state
  if (told.some(one => one.reply.state.at === 'failed' && !isOutdated(one))) return undefined
  if (at === 'resolved') return endDue(incident, given)
  const live = told.filter(one => !isOutdated(one))
  const last = live.at(-1)
  if (last === undefined) return concerned && at === 'open' ? 'first' : undefined
  if (live.some(one => one.reply.state.at === 'pending') || isQuiet(live, given)) return undefined
  const isNews = at === 'open' && !isSame(last.said, news)
  return isNews || isPromiseDue(last, now) ? 'update' : undefined
}

/** Notices that wait, and that nobody needs any more, as it is over. Is it back before it is resolved, it is told anew. */
export const needless = ({ state }: Pick<Incident, 'state'>, told: Notice[]): Notice[] =>
  told.filter(one => isWaiting(one) && isNeedless(state.at, one))

const isNeedless = (at: Incident['state']['at'], { kind, held }: Notice): boolean =>
  at === 'resolved' ? kind !== 'resolved' : at === 'monitoring' && kind === 'first' && !held
