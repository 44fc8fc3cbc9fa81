// New versions of some parts only: `[PATCH v2 2/3]`, or `[PATCH v2]` in reply to part 2/3; also `[RESEND PATCH v2 2/3]`. Which older
// version (or older posting of it) the rest is taken from. Pure.
import { holds, members, type Piece, sameAuthor } from './assembly.ts'
import type { MessageId } from './mail.ts'
import { plainTitle } from './replacing.ts'
import { joinLinks, missingParts, ownParts, type Part, type Series, type SeriesId } from './series.ts'

/** A part in reply to a part (or to what was said about it) of an older version by the same author. */
type Reroll = { elder: Series; position: number }

const heldBy = (series: Series, id: MessageId): Part | undefined =>
  members(series).find(part => part.messageId === id)

/** Which older part a patch without a counter replaces: the one of its title, else the one that it answers. */
const positionIn = (elder: Series, piece: Piece, answered: Part): number | undefined => {
  const title = plainTitle(piece.part.title)
  const sameTitle = elder.parts.find(part => plainTitle(part.title) === title)
  const position = sameTitle?.position ?? answered.position
  return position === 0 ? undefined : position
}

/** The nearest ancestor that is of an older version decides; `around` are the series of the thread. */
const rerollOf = (piece: Piece, around: readonly Series[]): Reroll | undefined => {
  const isCounted = piece.total !== undefined
  if (piece.part.position === 0 || (!isCounted && !piece.versionGiven)) return undefined
  // A part that is numbered may also be sent once more as it was.
  const isBefore = ({ version }: Series): boolean =>
    isCounted ? version <= piece.version : version < piece.version
  const older = around
    .filter(series => isBefore(series) && series.total > 1 && sameAuthor(series.author, piece.author))
    .sort((a, b) => b.version - a.version || b.firstAt - a.firstAt)
  for (const id of piece.ancestors) {
    for (const elder of older) {
      const answered = heldBy(elder, id)
      if (answered === undefined) continue
      if (isCounted) return piece.total === elder.total ? { elder, position: piece.part.position } : undefined
      const position = missingParts(elder).length === 0 ? positionIn(elder, piece, answered) : undefined
      return position === undefined ? undefined : { elder, position }
    }
  }
  return undefined
}

/** The version of the piece that took the elder's place already; further parts of it belong there. */
const heirOf = (elder: Series, piece: Piece, around: readonly Series[]): Series | undefined => {
  const seen = new Set<Series>()
  let last: Series | undefined = elder
  while (last?.state.at === 'superseded' && !seen.has(last)) {
    seen.add(last)
    const by: SeriesId = last.state.by
    last = around.find(series => series.id === by)
  }
  const isHeir = last !== elder && last?.version === piece.version && last.total === elder.total
  return isHeir && last?.cover === undefined ? last : undefined
}

/** The piece with its place in a new version of an older series, if it is a re-roll of a part; else as it is. */
export const withReroll = (piece: Piece, around: readonly Series[]): Piece => {
  const reroll = rerollOf(piece, around)
  if (reroll === undefined) return piece
  const { elder, position } = reroll
  const part = { ...piece.part, position }
  return { ...piece, part, total: elder.total, home: heirOf(elder, piece, around)?.id }
}

/** May it be that only these parts were sent (again)? A cover letter says that all of them were, and they are waited for. */
export const isPartial = (series: Series): boolean =>
  series.cover === undefined && series.parts.length > 0 && missingParts(series).length > 0

/** What only the mails tell: what the parts answer, and whether both aim at the same branch. */
export type FillKinship = { ancestors: readonly MessageId[]; sameTree: boolean }

const sameTitles = (series: Series, elder: Series): boolean =>
  ownParts(series).every(part =>
    elder.parts.some(
      older => older.position === part.position && plainTitle(older.title) === plainTitle(part.title),
    ),
  )

const sameChange = (series: Series, elder: Series): boolean =>
  series.links?.changeId !== undefined && series.links.changeId === elder.links?.changeId

/** Is it of an older version, or an older posting of the same one? */
const isOlder = (elder: Series, series: Series): boolean =>
  elder.version < series.version || (elder.version === series.version && elder.lastAt <= series.firstAt)

/** Can the missing parts be taken from there? An older version by the same author, as long, with all of them. */
export const fits = (series: Series, elder: Series, { ancestors, sameTree }: FillKinship): boolean =>
  elder.id !== series.id &&
  elder.origin.from === 'mail' &&
  isOlder(elder, series) &&
  elder.total === series.total &&
  sameTree &&
  sameAuthor(elder.author, series.author) &&
  missingParts(series).every(position =>
    elder.parts.some(part => part.position === position && part.unusable === undefined),
  ) &&
  (holds(elder, ancestors) || sameChange(series, elder) || sameTitles(series, elder))

/** The newest version first; of one version, the one heard of last. */
export const newestFirst = (elders: readonly Series[]): Series[] =>
  [...elders].sort((a, b) => b.version - a.version || b.lastAt - a.lastAt)

/** The series with its missing parts from the elder, each with the version that it was sent as. */
export const fillFrom = (series: Series, elder: Series): Series => {
  const missing = new Set(missingParts(series))
  const taken = elder.parts
    .filter(({ position }) => missing.has(position))
    .map(part => ({ ...part, filledFrom: part.filledFrom ?? elder.version }))
  const links = joinLinks(series.links, elder.links)
  return {
    ...series,
    parts: [...series.parts, ...taken].sort((a, b) => a.position - b.position),
    baseCommit: series.baseCommit ?? elder.baseCommit,
    ...(links === undefined ? {} : { links: { ...links, supersedes: series.links?.supersedes ?? [] } }),
    state: { at: 'complete' },
  }
}
