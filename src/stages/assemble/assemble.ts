// assemble: a mail that receive left as `new` → a part of its series; any other in the thread of a series → a comment on it.
// What the rules are, src/model/assembly.ts, replacing.ts and reroll.ts say; here they meet the store.
import { type Piece, pieceOf } from '../../model/assembly.ts'
import { type Disposition, isByHand, type Mail, type MailId } from '../../model/mail.ts'
import { joinLinks, type Series } from '../../model/series.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { readBugs } from '../../text/bug-trailers.ts'
import { baseCommit, readLinks } from '../../text/trailers.ts'
import { groundOfAnswer } from './answered.ts'
import { placeComment } from './comment.ts'
import { type AssembleSettings, place } from './place.ts'
import { settle, superseded, woken } from './settle.ts'

export type { AssembleSettings }
export type AssemblePorts = { store: Store; clock: Clock }

const isPlaced = ({ disposition }: Mail): boolean =>
  disposition.kind === 'patch' ||
  disposition.kind === 'cover' ||
  ((disposition.kind === 'damaged' || disposition.kind === 'unsafe') && disposition.series !== undefined)

const samePatch = (one: Mail, other: Mail): boolean =>
  one.patch?.patchId === other.patch?.patchId &&
  JSON.stringify(one.patch?.files) === JSON.stringify(other.patch?.files)

const samePlace = (one: Mail, other: Mail): boolean =>
  one.tags?.version === other.tags?.version &&
  one.tags?.position === other.tags?.position &&
  one.tags?.total === other.tags?.total

const isUnusable = ({ patch }: Mail): boolean => patch?.unusable !== undefined

/**
 * A Message-ID alone is no identity: the same patch again is a duplicate, another one in its place a conflict, any other is its own mail.
 * So is what the list brings though it was handed in before, as its answer goes there; and what came damaged before by another way.
 */
const twin = async (store: Store, mail: Mail): Promise<Disposition | undefined> => {
  const messageId = mail.parsed?.messageId
  if (messageId === undefined) return undefined
  const others = await store.mailsByMessageId(messageId, mail.project)
  const placed = others.filter(
    other =>
      other.id !== mail.id &&
      isPlaced(other) &&
      samePlace(other, mail) &&
      (isByHand(mail) || !isByHand(other)) &&
      (isUnusable(mail) || !isUnusable(other)),
  )
  const same = placed.find(other => samePatch(other, mail))
  if (same !== undefined) return { kind: 'duplicate', of: same.id }
  const first = placed[0]
  return (
    first && { kind: 'conflict', of: first.id, why: 'the same Message-ID came with another patch before' }
  )
}

const dispositionOf = ({ part }: Piece, { id }: Series): Disposition => {
  const { position, unusable } = part
  if (position === 0) return { kind: 'cover', series: id }
  return unusable === undefined
    ? { kind: 'patch', series: id, position }
    : { ...unusable, series: id, position }
}

/** The series that the mail is a part of, with all that follows from it. */
const placePiece = async (
  { store, clock }: AssemblePorts,
  settings: AssembleSettings,
  { mail, piece: said }: { mail: Mail; piece: Piece },
): Promise<Series[]> => {
  const { project } = settings
  const { piece, series, used } = await place(store, said, settings, clock.now())
  const [own, ...replaced] = await settle(store, series, [mail])
  const lent = used.map(other => superseded(other, series.id))
  // The series itself has the last word where one is in two lists.
  const rest = [...(await woken(store, own)), ...replaced, ...lent]
  const once = new Map(rest.map(other => [other.id, other]))
  once.delete(own.id)
  const touched = [own, ...once.values()]
  await store.saveSeries(touched, [{ project, id: mail.id, disposition: dispositionOf(piece, series) }])
  return touched
}

/**
 * Puts one mail into its series. Repeatable: a mail that has its place stays there, and nothing is touched.
 * @returns the series that changed: the mail's own first, then those that it replaced (`superseded`) and those that waited for it
 * (`complete` again).
 * Call it for one mail at a time, in order of arrival. Faults: those of the store.
 */
export const assemble =
  (ports: AssemblePorts) =>
  async (settings: AssembleSettings, mailId: MailId): Promise<Series[]> => {
    const { store } = ports
    const { project } = settings
    const mail = await store.mail(mailId, project)
    const kind = mail?.disposition.kind
    if (mail === undefined || (kind !== 'new' && kind !== 'not-a-patch')) return []
    const text = mail.parsed?.text ?? ''
    const said = { baseCommit: mail.patch?.baseCommit ?? baseCommit(text), links: readLinks(text) }
    // What receive decided already is no submission, though it may be in the thread of one.
    const isOpen = kind === 'new' && mail.decided === undefined
    const isSubmitted = isOpen && (mail.patch !== undefined || mail.tags?.position === 0)
    if (!isSubmitted) return placeComment(store, mail, said)
    const links = joinLinks(said.links, await groundOfAnswer(store, mail))
    const bugs = readBugs(text, settings.bugTrailers ?? [])
    const piece = pieceOf(mail, { ...said, links, bugs })
    if (piece === undefined) {
      await store.setDisposition(project, mail.id, { kind: 'not-a-patch', why: 'it names no sender' })
      return []
    }
    const known = await twin(store, mail)
    if (known === undefined) return placePiece(ports, settings, { mail, piece })
    await store.setDisposition(project, mail.id, known)
    return []
  }
