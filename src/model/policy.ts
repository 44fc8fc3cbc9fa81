// Who hears of a verdict: the author, the list now, the list in its next digest, or nobody, and why not. Pure. Whom one may write to at
// all, the caller knows (stages/reply/reach.ts); how much has left already, the store.
//
//   cancelled ─▶ nobody · said before of this version ─▶ only what changes it · said of the version before ─▶ silence
//   else: the project's policy ─▶ minus whom we may not write to ─▶ minus what is over the caps
import { saysTheSame, untold } from './sameness.ts'
import { type Told, type Verdict, wasTold } from './verdict.ts'

type Kind = Verdict['finding']['kind']

/** What a project says in its configuration. */
export type ReplyRules = {
  author: 'always' | 'failures' | 'never'
  list: 'new-failures' | 'always' | 'never' | 'digest'
  unchanged: 'silent' | 'say'
}

/** May it be written to? */
export type Reach = { may: true } | { may: false; why: string }

/** Mails in the last 24 hours, or how many may be: in this thread, to this author, in all. */
export type MailCounts = { thread: number; author: number; total: number }

export type Circumstances = {
  verdict: Verdict
  /** The patch came in an answer: it may be meant for something else than a branch. Default: it did not. */
  inAnswer?: boolean
  /** Of this version, the oldest first; without this one. */
  earlier: Verdict[]
  /** The newest on the version before; undefined: there is none. */
  previous: { verdict: Verdict; version: number } | undefined
  rules: ReplyRules
  author: Reach
  list: Reach
  sent: MailCounts
  caps: MailCounts
}

export type Decision = {
  told: Told
  /** The one that this takes the place of: the newest of this version that somebody was told. */
  follows: Verdict | undefined
  /** Who would have heard, if a cap did not forbid it; and which. */
  over: { author: boolean; list: boolean; why: string } | undefined
}

/** What the author can or must do something about. */
const authorActs: Record<Kind, boolean> = {
  ...{ 'new-failures': true, 'build-broken': true, 'does-not-apply': true, 'already-applied': true },
  ...{ damaged: true, unsafe: true, incomplete: true, 'base-unknown': true },
  ...{ 'all-well': false, 'nothing-to-test': false, 'base-broken': false, ours: false, cancelled: false },
}

/** What readers of the list decide by. */
const listNews: Record<Kind, boolean> = {
  ...{ 'new-failures': true, 'build-broken': true, 'does-not-apply': true },
  ...{ 'already-applied': false, 'base-unknown': false, 'all-well': false, 'nothing-to-test': false },
  ...{
    damaged: false,
    unsafe: false,
    incomplete: false,
    'base-broken': false,
    ours: false,
    cancelled: false,
  },
}

/** How a mail was sent is between its author and us. */
const authorOnly: ReadonlySet<Kind> = new Set(['damaged', 'unsafe', 'incomplete'])

/** Nothing was found out about the change: after a verdict that did, this takes nothing back. */
const tellsNothing: ReadonlySet<Kind> = new Set([
  ...(['damaged', 'unsafe', 'incomplete', 'ours', 'base-broken', 'base-unknown'] as const),
])

/** What is told of every posting anew: it is about this mail, or this run, not about the change. */
const toldAnew: ReadonlySet<Kind> = new Set(['damaged', 'unsafe', 'incomplete', 'ours'])

/** What may be the doing of patches that go in first, or of some that were named and are not here, is no news about this series. */
export const isNews = ({ finding, lacking = [] }: Pick<Verdict, 'finding' | 'lacking'>): boolean =>
  listNews[finding.kind] &&
  lacking.length === 0 &&
  !(finding.kind === 'does-not-apply' && finding.before !== undefined)

const nobody = (kind: NonNullable<Told['silence']>['kind'], why: string): Decision => ({
  told: { author: false, list: false, digest: false, silence: { kind, why } },
  follows: undefined,
  over: undefined,
})

/** Why there is nothing new in it. */
const nothingNew = ({ verdict, previous, rules }: Circumstances, said: Verdict | undefined) => {
  const { kind } = verdict.finding
  if (said) {
    if (saysTheSame(said, verdict)) return nobody('said', 'the same was said of this version already')
    if (tellsNothing.has(kind) && !tellsNothing.has(said.finding.kind))
      return nobody('said', 'nothing could be found out this time: what was said of this version stands')
    return undefined
  }
  if (!previous || rules.unchanged === 'say' || toldAnew.has(kind)) return undefined
  const heard = wasTold(previous.verdict) || previous.verdict.told?.silence?.kind === 'unchanged'
  return heard && saysTheSame(previous.verdict, verdict)
    ? nobody('unchanged', `nothing has changed since v${previous.version}`)
    : undefined
}

type Wish = { author: boolean; list: boolean; digest: boolean }

/** By the rules alone. Who heard what was wrong hears that it is so no more. */
const wishes = (given: Circumstances, said: Verdict | undefined): Wish => {
  const { verdict, rules, inAnswer, earlier, previous } = given
  const { kind } = verdict.finding
  const before = [...earlier, ...(previous ? [previous.verdict] : [])]
  const acts = authorActs[kind] || untold(verdict, before).length > 0
  const isAside = inAnswer === true && kind === 'does-not-apply'
  const forList = !authorOnly.has(kind) && !isAside && rules.list !== 'never'
  const heard = said?.told ?? { author: said !== undefined, list: said !== undefined && isNews(said) }
  return {
    author: rules.author === 'always' || (rules.author === 'failures' && (acts || heard.author)),
    list: forList && rules.list !== 'digest' && (rules.list === 'always' || isNews(verdict) || heard.list),
    digest: forList && rules.list === 'digest',
  }
}

const policyWhy = (wish: Wish, rules: ReplyRules): string =>
  [
    ...(wish.author
      ? []
      : [rules.author === 'never' ? 'the author hears nothing' : 'the author hears of failures only']),
    ...(wish.list || wish.digest
      ? []
      : [rules.list === 'never' ? 'the list hears nothing' : 'the list need not hear of it']),
  ].join('; ')

const overCap = ({ sent, caps }: Circumstances): string | undefined => {
  if (sent.total >= caps.total) return `${sent.total} mails have left in 24 hours, which is the cap`
  if (sent.thread >= caps.thread)
    return `${sent.thread} mails have gone into this thread in 24 hours, which is the cap`
  return undefined
}

/** Takes from a wish whom one may not write to, and says why. */
const reachable = ({ author, list }: Circumstances, wish: Wish): { wish: Wish; whys: string[] } => ({
  wish: {
    author: wish.author && author.may,
    list: wish.list && list.may,
    digest: wish.digest && list.may,
  },
  whys: [
    ...(wish.author && !author.may ? [`not to the author: ${author.why}`] : []),
    ...((wish.list || wish.digest) && !list.may ? [`not to the list: ${list.why}`] : []),
  ],
})

const capped = (given: Circumstances, wish: Wish): { wish: Wish; over: Decision['over'] } => {
  const { sent, caps } = given
  const { author, list } = wish
  const why = author || list ? overCap(given) : undefined
  if (why !== undefined) return { wish: { ...wish, author: false, list: false }, over: { author, list, why } }
  if (!author || sent.author < caps.author) return { wish, over: undefined }
  const toAuthor = `${sent.author} mails have gone to the author in 24 hours, which is the cap`
  return { wish: { ...wish, author: false }, over: { author, list: false, why: toAuthor } }
}

/** Decides; the same circumstances give the same decision. */
export const decide = (given: Circumstances): Decision => {
  const { verdict, earlier, rules } = given
  if (verdict.finding.kind === 'cancelled') return nobody('policy', 'it was cancelled')
  const said = earlier.filter(wasTold).at(-1)
  const old = nothingNew(given, said)
  if (old) return { ...old, follows: said }
  const wanted = wishes(given, said)
  const { wish, whys } = reachable(given, wanted)
  const { wish: told, over } = capped(given, wish)
  const why = [...(over ? [over.why] : []), ...whys]
  if (why.length === 0 && !told.author && !told.list && !told.digest) {
    return { ...nobody('policy', policyWhy(wanted, rules)), follows: said }
  }
  const silence =
    why.length === 0
      ? {}
      : { silence: { kind: over ? ('caps' as const) : ('forbidden' as const), why: why.join('; ') } }
  return { told: { ...told, ...silence }, follows: said, over }
}
