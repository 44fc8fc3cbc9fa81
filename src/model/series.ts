// A posted version of a patch series, and the states it goes through until it can be tested.
//
//   collecting ──all parts here──▶ complete ──plan──▶ planned
//                                   │    ▲
//                             (trust)▼    │ go
//                                     held
//       │  ▲                          ▲
//       │  └── a part ──┐             │ the late part
//       └─deadline─▶ incomplete ──────┘
//   (any but planned-and-judged) ──newer version──▶ superseded
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

export type Series = {
  id: SeriesId
  project: string
  /** Nobody asks for it between assemble and reply. */
  origin: { from: 'mail' } | { from: 'forge' } | { from: 'hand' }
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
  state: SeriesState
}

/** Positions that are not there yet, ascending. */
export const missingParts = (series: Pick<Series, 'parts' | 'total'>): number[] => {
  const here = new Set(series.parts.map(part => part.position))
  return Array.from({ length: series.total }, (_, i) => i + 1).filter(position => !here.has(position))
}

/** The mail that a reply to the whole series goes under: the cover letter, else the first patch. */
export const head = (series: Series): Part | undefined => series.cover ?? series.parts[0]

/** Where the clock takes a series: a collecting one past its deadline is incomplete, all else stays as it is. */
export const expire = (series: Series, now: Instant): Series =>
  series.state.at === 'collecting' && now >= series.state.until
    ? { ...series, state: { at: 'incomplete', missing: missingParts(series) } }
    : series
