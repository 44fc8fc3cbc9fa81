// Which series a patch or cover belongs to, and which older series it replaces: the rules of assemble, pure.
//
// Evidence, best first: the same run of a sending program (Message-ID family); the thread; author, version and total within a window.
// A position that is taken is never taken again: the same n/m twice makes two series.
import type { Instant, Millis } from './instant.ts'
import type { Address, Mail, MessageId } from './mail.ts'
import { sendingRun } from './sending-run.ts'
import { missingParts, type Part, type Series, type SeriesId } from './series.ts'

/** A patch or cover as assembly sees it. `position` 0 is the cover. */
export type Piece = {
  part: Part
  author: Address
  /** undefined: no counter, or one of one: complete in itself. */
  total: number | undefined
  version: number
  versionGiven: boolean
  ancestors: MessageId[]
  arrivedAt: Instant
  baseCommit: string | undefined
}

export type AssemblyRules = {
  /** How far apart, in arrival, pieces may be that neither a run nor a thread holds together. */
  windowMs: Millis
}

/** What there is to place in a mail; undefined for a mail that is neither patch nor cover. */
export const pieceOf = (mail: Mail, baseCommit: string | undefined): Piece | undefined => {
  const { parsed, tags } = mail
  if (parsed === undefined || tags === undefined || parsed.author === undefined) return undefined
  const isCover = tags.position === 0
  if (!isCover && mail.patch === undefined) return undefined
  return {
    part: {
      position: tags.position ?? 1,
      mail: mail.id,
      messageId: parsed.messageId,
      title: tags.title === '' ? parsed.subject : tags.title,
    },
    author: parsed.author,
    total: tags.position === undefined ? undefined : (tags.total ?? tags.position),
    version: tags.version,
    versionGiven: tags.versionGiven,
    ancestors: parsed.ancestors,
    arrivedAt: mail.arrivedAt,
    baseCommit,
  }
}

const members = (series: Series): Part[] =>
  series.cover === undefined ? series.parts : [series.cover, ...series.parts]

export const holds = (series: Series, messageIds: readonly MessageId[]): boolean =>
  members(series).some(part => part.messageId !== undefined && messageIds.includes(part.messageId))

/** By address, or by name: people write from two machines. */
const sameAuthor = (one: Address, other: Address): boolean =>
  one.address.toLowerCase() === other.address.toLowerCase() ||
  (one.name !== '' && one.name.toLowerCase() === other.name.toLowerCase())

const isFree = (series: Series, position: number): boolean =>
  position === 0 ? series.cover === undefined : !series.parts.some(part => part.position === position)

const sameRun = (series: Series, { part }: Piece): boolean => {
  const key = sendingRun(part.messageId)?.key
  return key !== undefined && members(series).some(member => sendingRun(member.messageId)?.key === key)
}

/** `12/11` and then `13/11` are additions: the first of them made the total 12. */
const totalsAgree = (series: Series, { total, part }: Piece): boolean =>
  series.total === total ||
  (total !== undefined && part.position > total && series.total === part.position - 1)

const near = (series: Series, piece: Piece, { windowMs }: AssemblyRules): boolean =>
  Math.abs(piece.arrivedAt - series.lastAt) <= windowMs ||
  Math.abs(piece.arrivedAt - series.firstAt) <= windowMs

/** Could it be of this series at all? */
const isOpen = (series: Series, piece: Piece): boolean =>
  series.origin.from !== 'forge' &&
  isFree(series, piece.part.position) &&
  sameAuthor(series.author, piece.author)

const isExact = (series: Series, piece: Piece): boolean =>
  series.version === piece.version && totalsAgree(series, piece)

const isUnder = (series: Series, piece: Piece): boolean => holds(series, piece.ancestors)

/** 0: no; higher is better evidence that the piece is of this series. */
const evidence = (series: Series, piece: Piece, rules: AssemblyRules): number => {
  const exact = isExact(series, piece)
  if (sameRun(series, piece))
    return exact ? 6 : series.version === piece.version || near(series, piece, rules) ? 5 : 0
  if (!runsAllow(series, piece)) return 0
  if (exact) return isUnder(series, piece) ? 4 : near(series, piece, rules) ? 2 : 0
  // `[PATCH v13 0/2]` with a bare `[PATCH 2/2]` under it is one posting; `v2` under `v1` never is.
  const bare = !piece.versionGiven && totalsAgree(series, piece) && near(series, piece, rules)
  return bare && holds(series, piece.ancestors.slice(0, 1)) ? 3 : 0
}

/**
 * Two runs are two series: `complement` puts them together when neither is whole without the other. But some people start the
 * program anew for each mail.
 */
const runsAllow = (series: Series, { part }: Piece): boolean => {
  if (sendingRun(part.messageId) === undefined) return true
  const keys = members(series).flatMap(member => sendingRun(member.messageId)?.key ?? [])
  return new Set(keys).size === keys.length
}

/** The series that the piece joins; undefined: it starts one. Of equal evidence, the series heard of last. */
export const findSeries = (
  piece: Piece,
  candidates: readonly Series[],
  rules: AssemblyRules,
): Series | undefined => {
  if (piece.total === undefined) return undefined
  const open = candidates.filter(series => isOpen(series, piece))
  // A mail that stands under one series belongs to no other one that merely looks like it.
  const under = open.filter(series => isExact(series, piece) && isUnder(series, piece))
  const weighed = (
    under.length > 0 ? open.filter(series => under.includes(series) || sameRun(series, piece)) : open
  )
    .map(series => ({ series, weight: evidence(series, piece, rules) }))
    .filter(({ weight }) => weight > 0)
  return weighed.sort(
    (a, b) => b.weight - a.weight || b.series.lastAt - a.series.lastAt || b.series.firstAt - a.series.firstAt,
  )[0]?.series
}

/** What the id of a new series can be made from, best first: the sending run, so that any part gives the same id; the mail's own id. */
export const identities = (piece: Piece): string[][] => {
  const { messageId, mail } = piece.part
  const run = piece.total === undefined ? undefined : sendingRun(messageId)
  return [
    ...(run === undefined ? [] : [['run', run.key]]),
    ...(messageId === undefined ? [] : [['mail', messageId]]),
    ['bytes', mail],
  ]
}

/** An empty series that the piece is then added to. */
export const begin = (id: SeriesId, project: string, piece: Piece): Series => ({
  id,
  project,
  origin: { from: 'mail' },
  title: piece.part.title,
  author: piece.author,
  version: piece.version,
  total: piece.total ?? 1,
  cover: undefined,
  parts: [],
  firstAt: piece.arrivedAt,
  lastAt: piece.arrivedAt,
  baseCommit: undefined,
  state: { at: 'collecting', until: piece.arrivedAt },
})

/** The parts know better than the cover how many they are (some covers count themselves). */
const totalWith = (series: Series, piece: Piece): number => {
  const said = piece.total ?? 1
  if (piece.part.position === 0) return series.parts.length === 0 ? said : series.total
  const before = series.parts.length === 0 ? 0 : series.total
  return Math.max(before, said, piece.part.position)
}

const nextState = (series: Series, until: Instant): Series['state'] => {
  if (series.state.at === 'superseded') return series.state
  const missing = missingParts(series)
  if (missing.length === 0 && series.parts.length > 0) return { at: 'complete' }
  return series.state.at === 'incomplete' ? { at: 'incomplete', missing } : { at: 'collecting', until }
}

/** The series with the piece in it. A cover that comes after all parts changes nothing but the words of a reply. */
export const add = (series: Series, piece: Piece, until: Instant): Series => {
  const { part } = piece
  const isCover = part.position === 0
  const parts = isCover ? series.parts : [...series.parts, part].sort((a, b) => a.position - b.position)
  const cover = isCover ? part : series.cover
  const grown: Series = {
    ...series,
    cover,
    parts,
    title: cover?.title ?? parts[0]?.title ?? series.title,
    version: Math.max(series.version, piece.version),
    total: totalWith(series, piece),
    firstAt: Math.min(series.firstAt, piece.arrivedAt),
    lastAt: Math.max(series.lastAt, piece.arrivedAt),
    baseCommit: isCover ? (piece.baseCommit ?? series.baseCommit) : (series.baseCommit ?? piece.baseCommit),
  }
  const isLateCover = isCover && (series.state.at === 'planned' || series.state.at === 'complete')
  return { ...grown, state: isLateCover ? series.state : nextState(grown, until) }
}

/**
 * One version sent in two or more runs, `0/7 … 4/7` and `5/7 … 7/7`: the last one with the parts of the others in it, and those
 * others; undefined if that makes nothing whole. A part that a whole series holds is not lent.
 */
export const complement = (
  series: Series,
  candidates: readonly Series[],
  rules: AssemblyRules,
): { whole: Series; used: Series[] } | undefined => {
  if (series.state.at === 'complete' || series.parts.length === 0) return undefined
  const others = candidates.filter(
    other =>
      other.id !== series.id &&
      (other.state.at === 'collecting' || other.state.at === 'incomplete') &&
      sameAuthor(other.author, series.author) &&
      other.version === series.version &&
      other.total === series.total &&
      Math.abs(other.lastAt - series.lastAt) <= rules.windowMs &&
      other.parts.every(part => isFree(series, part.position)),
  )
  const parts = [...series.parts]
  const used = others.filter(other => {
    const isNew = other.parts.every(part => !parts.some(known => known.position === part.position))
    if (isNew) parts.push(...other.parts)
    return isNew
  })
  const cover = series.cover ?? used.find(other => other.cover !== undefined)?.cover
  const whole = { ...series, cover, parts: parts.sort((a, b) => a.position - b.position) }
  if (used.length === 0 || missingParts(whole).length > 0) return undefined
  const title = cover?.title ?? parts[0]?.title ?? series.title
  const firstAt = Math.min(series.firstAt, ...used.map(other => other.firstAt))
  const baseCommit = series.baseCommit ?? used.find(other => other.baseCommit !== undefined)?.baseCommit
  return { whole: { ...whole, title, firstAt, baseCommit, state: { at: 'complete' } }, used }
}

const plainTitle = (title: string): string =>
  title
    .toLowerCase()
    .replace(/\(v\d+\)\s*$/, '')
    .replace(/[\s.]+/g, ' ')
    .trim()

/** The same change by its words: the same head, or most of the older one's patches again. A single patch stands for no series. */
const sameWords = (newer: Series, older: Series): boolean => {
  if (plainTitle(newer.title) === plainTitle(older.title)) return newer.total > 1 || older.total === 1
  const again = new Set(newer.parts.map(part => plainTitle(part.title)))
  return older.parts.filter(part => again.has(plainTitle(part.title))).length * 2 > older.parts.length
}

/** What only the mails tell of two series. */
export type Kinship = {
  /** The newer one's first mail is in the thread of the older one. */
  threaded: boolean
  /** They aim at the same branch, as far as their subjects name one. */
  sameTree: boolean
}

/**
 * Does the newer series take the place of the older one? By the same author: a higher version in the same thread or with the same
 * words; or the same version with the same words once more.
 */
export const replaces = (newer: Series, older: Series, { threaded, sameTree }: Kinship): boolean => {
  if (newer.id === older.id || newer.project !== older.project || older.origin.from === 'forge') return false
  if (!sameTree || !sameAuthor(newer.author, older.author)) return false
  const alike = sameWords(newer, older)
  if (newer.version > older.version) return alike || (threaded && (newer.total > 1 || older.total === 1))
  return (
    newer.version === older.version && newer.total === older.total && newer.firstAt > older.lastAt && alike
  )
}
