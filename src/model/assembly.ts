// Which series a patch or cover belongs to: the rules of assemble, pure. What a series replaces, replacing.ts says; what a new version
// of some parts only takes over from the one before, reroll.ts.
//
// Evidence, best first: the same run of a sending program (Message-ID family); the thread; author, version and total within a window.
// A position that is taken is never taken again: the same n/m twice makes two series. Only what was taken over from an older version,
// and what cannot be used, gives way.
import type { Instant, Millis } from './instant.ts'
import { type Address, isByHand, isBySubmitter, type Mail, type MessageId } from './mail.ts'
import { sendingRun } from './sending-run.ts'
import {
  type HandOrigin,
  joinLinks,
  type Links,
  missingParts,
  ownParts,
  type Part,
  type Series,
  type SeriesId,
  type Wish,
} from './series.ts'

/** A patch or cover as assembly sees it. `position` 0 is the cover. */
export type Piece = {
  part: Part
  origin: { from: 'mail' } | HandOrigin
  author: Address
  /** undefined: no counter, or one of one: complete in itself. */
  total: number | undefined
  version: number
  versionGiven: boolean
  ancestors: MessageId[]
  arrivedAt: Instant
  baseCommit: string | undefined
  links: Links | undefined
  /** Of one that was handed in. */
  wish?: Wish | undefined
  /** The new version that its re-roll began already, told by the thread. */
  home?: SeriesId | undefined
}

export type AssemblyRules = {
  /** How far apart, in arrival, pieces may be that neither a run nor a thread holds together. */
  windowMs: Millis
}

const originOf = (mail: Mail): Piece['origin'] => {
  if (!isByHand(mail)) return { from: 'mail' }
  return isBySubmitter(mail) ? { from: 'hand', by: 'submitter' } : { from: 'hand' }
}

/** What there is to place in a mail; undefined for a mail that is neither patch nor cover. */
export const pieceOf = (
  mail: Mail,
  { bugs = [], ...said }: Pick<Piece, 'baseCommit' | 'links'> & { bugs?: string[] },
): Piece | undefined => {
  const { parsed, tags } = mail
  if (parsed === undefined || tags === undefined || parsed.author === undefined) return undefined
  const isCover = tags.position === 0
  if (!isCover && mail.patch === undefined) return undefined
  const unusable = isCover ? undefined : mail.patch?.unusable
  return {
    part: {
      position: tags.position ?? 1,
      mail: mail.id,
      messageId: parsed.messageId,
      title: tags.title === '' ? parsed.subject : tags.title,
      ...(unusable === undefined ? {} : { unusable }),
      ...(bugs.length === 0 ? {} : { bugs }),
    },
    origin: originOf(mail),
    author: parsed.author,
    total: tags.position === undefined ? undefined : (tags.total ?? tags.position),
    version: tags.version,
    versionGiven: tags.versionGiven,
    ancestors: parsed.ancestors,
    arrivedAt: mail.arrivedAt,
    ...(mail.wish === undefined ? {} : { wish: mail.wish }),
    ...said,
  }
}

/** What was sent as this series, the cover first. */
export const members = (series: Series): Part[] =>
  series.cover === undefined ? ownParts(series) : [series.cover, ...ownParts(series)]

export const holds = (series: Series, messageIds: readonly MessageId[]): boolean =>
  members(series).some(part => part.messageId !== undefined && messageIds.includes(part.messageId))

/** By address, or by name: people write from two machines. */
export const sameAuthor = (one: Address, other: Address): boolean =>
  one.address.toLowerCase() === other.address.toLowerCase() ||
  (one.name !== '' && one.name.toLowerCase() === other.name.toLowerCase())

/** Nobody sent this position yet, or nothing that can be used. */
const isFree = (series: Series, { position, unusable }: Part): boolean =>
  position === 0
    ? series.cover === undefined
    : !ownParts(series).some(
        part => part.position === position && (part.unusable === undefined || unusable !== undefined),
      )

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

/** Could it be of this series at all? A part of the list's that was lost may be handed in; what the list brings is answered there. */
const isOpen = (series: Series, piece: Piece): boolean =>
  (series.origin.from === 'mail' || series.origin.from === piece.origin.from) &&
  isFree(series, piece.part) &&
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
  const home = open.find(series => series.id === piece.home)
  if (home !== undefined) return home
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
  origin: piece.origin,
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
  // Not even a late part brings back what a newer version replaced.
  if (series.state.at === 'superseded') return series.state
  const missing = missingParts(series)
  // An operator's go is still needed, whatever came.
  if (missing.length === 0 && series.state.at === 'held') return series.state
  if (missing.length === 0 && series.parts.length > 0) return { at: 'complete' }
  return series.state.at === 'incomplete' ? { at: 'incomplete', missing } : { at: 'collecting', until }
}

/** The series with the piece in it. A cover that comes after all parts changes nothing but the words of a reply, and what it says to go before. */
export const add = (series: Series, piece: Piece, until: Instant): Series => {
  const { part } = piece
  const isCover = part.position === 0
  const others = series.parts.filter(({ position }) => position !== part.position)
  const parts = isCover ? series.parts : [...others, part].sort((a, b) => a.position - b.position)
  const cover = isCover ? part : series.cover
  const grown: Series = {
    ...series,
    cover,
    parts,
    title: (cover ?? ownParts({ parts })[0])?.title ?? series.title,
    version: Math.max(series.version, piece.version),
    total: totalWith(series, piece),
    firstAt: Math.min(series.firstAt, piece.arrivedAt),
    lastAt: Math.max(series.lastAt, piece.arrivedAt),
    baseCommit: isCover ? (piece.baseCommit ?? series.baseCommit) : (series.baseCommit ?? piece.baseCommit),
    ...linksWith(series, piece),
    ...wishWith(series, piece),
    origin: originWith(series, piece),
  }
  const isLateCover =
    isCover && saysNothingNew(series, grown) && ['planned', 'complete', 'held'].includes(series.state.at)
  return { ...grown, state: isLateCover ? series.state : nextState(grown, until) }
}

/** What an operator handed in is not theirs alone any more when somebody else adds to it. */
const originWith = ({ origin }: Series, piece: Piece): Series['origin'] =>
  origin.from === 'hand' && piece.origin.from === 'hand' && piece.origin.by ? piece.origin : origin

/** What the list brought is tested as the list's, whoever hands in a part that was lost. */
const wishWith = ({ origin, wish }: Series, piece: Piece): { wish?: Wish } =>
  origin.from === 'hand' && wish === undefined && piece.wish !== undefined ? { wish: piece.wish } : {}

/** The cover speaks first. */
const linksWith = (series: Series, { part, links }: Piece): { links?: Links } => {
  const both = part.position === 0 ? joinLinks(links, series.links) : joinLinks(series.links, links)
  return both === undefined ? {} : { links: both }
}

/** Would it be tested just as before? */
export const saysNothingNew = (before: Series, after: Series): boolean =>
  before.baseCommit === after.baseCommit &&
  JSON.stringify(before.links?.dependsOn) === JSON.stringify(after.links?.dependsOn)

const isWaiting = ({ state }: Series): boolean => state.at === 'collecting' || state.at === 'incomplete'

/**
 * One version sent in two or more runs, `0/7 … 4/7` and `5/7 … 7/7`: the last one with the parts of the others in it, and those
 * others; undefined if that makes nothing whole. A part that a whole series holds is not lent.
 */
export const complement = (
  series: Series,
  candidates: readonly Series[],
  rules: AssemblyRules,
): { whole: Series; used: Series[] } | undefined => {
  if (!isWaiting(series) || series.parts.length === 0) return undefined
  const others = candidates.filter(
    other =>
      other.id !== series.id &&
      other.origin.from === series.origin.from &&
      isWaiting(other) &&
      sameAuthor(other.author, series.author) &&
      other.version === series.version &&
      other.total === series.total &&
      Math.abs(other.lastAt - series.lastAt) <= rules.windowMs &&
      other.parts.every(part => isFree(series, part)),
  )
  const parts = [...series.parts]
  const used = others.filter(other => {
    const isNew = other.parts.every(part => !parts.some(known => known.position === part.position))
    if (isNew) parts.push(...other.parts)
    return isNew
  })
  const cover = series.cover ?? used.find(other => other.cover !== undefined)?.cover
  parts.sort((a, b) => a.position - b.position)
  const title = (cover ?? parts[0])?.title ?? series.title
  const whole = { ...series, cover, parts, title }
  return used.length === 0 || missingParts(whole).length > 0
    ? undefined
    : { whole: { ...whole, ...saidBy(series, used), state: { at: 'complete' } }, used }
}

/** What else a series has of those whose parts it took over. */
const saidBy = (
  series: Series,
  used: readonly Series[],
): Pick<Series, 'firstAt' | 'baseCommit' | 'links'> => {
  const links = [series, ...used].map(one => one.links).reduce(joinLinks)
  return {
    firstAt: Math.min(series.firstAt, ...used.map(other => other.firstAt)),
    baseCommit: series.baseCommit ?? used.find(other => other.baseCommit !== undefined)?.baseCommit,
    ...(links === undefined ? {} : { links }),
  }
}
