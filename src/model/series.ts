// A posted version of a patch series, and the states it goes through until it can be tested.
//
//   collecting ──all parts here──▶ complete ──plan──▶ planned
//                                   │    ▲
//                             (trust)▼    │ go
//                                     held
//       │  ▲                          ▲
//       │  └── a part ──┐             │ the late part
//       └─deadline─▶ incomplete ──────┘
//   collecting ──partialMs over, the rest is in an older version──▶ complete
//   planned ──a late part in the place of one that was taken over or cannot be used; its author says later what comes
//                   before it; what it waits for came──▶ complete
//   (any) ──newer version──▶ superseded
import type { PullOrigin } from './forge.ts'
import type { Instant } from './instant.ts'
import type { Address, MailId, MessageId, Patch } from './mail.ts'

/** Content id: the same posting gives the same id on every machine. Safe in file names and BullMQ job ids. */
export type SeriesId = string

export type SeriesState =
  | { at: 'collecting'; until: Instant }
  | { at: 'complete' }
  /** Whole, but waits for an operator's go. */
  | { at: 'held'; why: string }
  | { at: 'incomplete'; missing: number[] }
  | { at: 'planned'; job: string | undefined; why?: string }
  | { at: 'superseded'; by: SeriesId }

export type Part = {
  position: number
  mail: MailId
  messageId: MessageId | undefined
  title: string
  /** The older version that it was taken from, as this one was sent in part only. */
  filledFrom?: number
  unusable?: NonNullable<Patch['unusable']>
  /** The bugs that its trailers name, as they stand there: numbers and addresses. Untrusted. */
  bugs?: string[]
}

/** What the mails say of other series. All of it is untrusted. */
export type Links = {
  /** `Depends-on:`, `Based-on:`: these come first; by Message-ID, change-id or patch-id. */
  dependsOn: { messageIds: MessageId[]; changeIds: string[]; patchIds: string[] }
  /** `Supersedes:`. */
  supersedes: MessageId[]
  /** b4's `change-id:`: the same in every version of a series. */
  changeId: string | undefined
}

/** What a person asked for when a series is tested once more. */
export type Wish = {
  /** Branch or commit; undefined: what would be chosen anyhow. */
  against?: string
  /** Only on these; undefined: on all of the recipe's. */
  images?: string[]
}

/** `by`: at least a part of it is of somebody who is no operator. */
export type HandOrigin = { from: 'hand'; by?: 'submitter' }

export type Series = {
  id: SeriesId
  project: string
  /** Nobody asks for it between assemble and reply. */
  origin: { from: 'mail' } | { from: 'forge'; pull: PullOrigin } | HandOrigin
  title: string
  author: Address
  version: number
  /** How many patches it should have; grows if a later part says so. */
  total: number
  cover: Part | undefined
  /** Ascending by position; 1-based. */
  parts: Part[]
  firstAt: Instant
  lastAt: Instant
  /** What `base-commit:` of the cover or first patch names. */
  baseCommit: string | undefined
  links?: Links
  wish?: Wish
  /** How often it was asked to be tested again; undefined: never. Part of its jobs' ids, so that the same job is done once more. */
  round?: number
  /** It is run again after failures that were alike: by the incident's id, against a base that is built and run anew, and rather not on that host. */
  again?: { incident: string; avoid?: string }
  /** How often somebody changed it who cannot speak in turn; what was read before that is not saved over it. undefined: never. */
  touched?: number
  /** All its changes were found in that branch of the project; undefined: they were not, or nobody looks for them. */
  landed?: { branch: string; at: Instant }
  /** The mails that were in it when an operator let it go: what came later was not looked at. */
  released?: MailId[]
  state: SeriesState
}

/** As somebody changed it beside the bot's turn. `from`: as it was read. */
export const touched = (series: Series, from: Series): Series => ({
  ...series,
  touched: (from.touched ?? 0) + 1,
})

/** A held series that an operator lets go. */
export const released = (series: Series): Series => ({
  ...series,
  released: series.parts.map(part => part.mail),
  state: { at: 'complete' },
})

/** Positions that are not there yet, ascending. */
export const missingParts = (series: Pick<Series, 'parts' | 'total'>): number[] => {
  const here = new Set(series.parts.map(part => part.position))
  return Array.from({ length: series.total }, (_, i) => i + 1).filter(position => !here.has(position))
}

/** Are all parts there? A cover letter alone is nothing. */
export const isWhole = (series: Pick<Series, 'parts' | 'total'>): boolean =>
  series.parts.length > 0 && missingParts(series).length === 0

/** Parts that were sent as this version, not taken over from an older one. */
export const ownParts = ({ parts }: Pick<Series, 'parts'>): Part[] =>
  parts.filter(part => part.filledFrom === undefined)

/** The bugs that a series names, each with the parts that mend it: those that name it; of one that the cover letter names, all. */
export const bugsNamed = ({ cover, parts }: Pick<Series, 'cover' | 'parts'>): Map<string, Part[]> => {
  const named = new Map<string, Part[]>()
  for (const bug of cover?.bugs ?? []) named.set(bug, parts)
  for (const part of parts)
    for (const bug of part.bugs ?? []) {
      const others = named.get(bug) ?? []
      if (!others.includes(part)) named.set(bug, [...others, part])
    }
  return named
}

/** The mail that a reply to the whole series goes under: the cover letter, else the first patch that was sent as this version. */
export const head = (series: Series): Part | undefined =>
  series.cover ?? ownParts(series)[0] ?? series.parts[0]

/** Where the clock takes a series: a collecting one past its deadline is incomplete, all else stays as it is. */
export const expire = (series: Series, now: Instant): Series =>
  series.state.at === 'collecting' && now >= series.state.until
    ? { ...series, state: { at: 'incomplete', missing: missingParts(series) } }
    : series

/** How many links of one kind are kept; more is no series that anybody could test. */
export const linkLimits = { messageIds: 16, changeIds: 16, patchIds: 200, supersedes: 8 }

const few = <T>(values: T[], limit: number): T[] => [...new Set(values)].slice(0, limit)

/** Without repeats, and within the limits. */
export const limitLinks = ({ dependsOn, supersedes, changeId }: Links): Links => ({
  dependsOn: {
    messageIds: few(dependsOn.messageIds, linkLimits.messageIds),
    changeIds: few(dependsOn.changeIds, linkLimits.changeIds),
    patchIds: few(dependsOn.patchIds, linkLimits.patchIds),
  },
  supersedes: few(supersedes, linkLimits.supersedes),
  changeId,
})

/** Both, in this order; the first one's change id counts. */
export const joinLinks = (one: Links | undefined, other: Links | undefined): Links | undefined => {
  if (one === undefined || other === undefined) return one ?? other
  const [a, b] = [one.dependsOn, other.dependsOn]
  return limitLinks({
    dependsOn: {
      messageIds: [...a.messageIds, ...b.messageIds],
      changeIds: [...a.changeIds, ...b.changeIds],
      patchIds: [...a.patchIds, ...b.patchIds],
    },
    supersedes: [...one.supersedes, ...other.supersedes],
    changeId: one.changeId ?? other.changeId,
  })
}
