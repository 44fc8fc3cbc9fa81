// assemble: a mail that receive left as `new` → a part of its series. What the rules are, src/model/assembly.ts says; here they meet the store.
import {
  add,
  begin,
  complement,
  findSeries,
  holds,
  identities,
  type Kinship,
  type Piece,
  pieceOf,
  replaces,
} from '../../model/assembly.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Disposition, Mail, MailId } from '../../model/mail.ts'
import { head, type Series, type SeriesId } from '../../model/series.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { contentId } from '../../text/digest.ts'
import { baseCommit } from '../../text/trailers.ts'

export type AssemblePorts = { store: Store; clock: Clock }

export type AssembleSettings = {
  project: string
  /** What a series of which parts are missing is given at the least, from now on. */
  quietMs: Millis
  /** What it is given in all, from the arrival of its newest part. */
  deadlineMs: Millis
}

const hour = 3_600_000
const day = 24 * hour
/** Parts that only author, version and total hold together: 99 % of postings are over in four minutes, archives in an hour. */
const windowMs = hour
/** How far back a series is looked for that this one may replace, unless the thread leads there. */
const memoryMs = 45 * day

const seriesId = (project: string, identity: string[]): SeriesId => `s${contentId(15, project, ...identity)}`

const isPlaced = ({ disposition }: Mail): boolean =>
  disposition.kind === 'patch' || disposition.kind === 'cover'

const samePatch = (one: Mail, other: Mail): boolean =>
  one.patch?.patchId === other.patch?.patchId &&
  JSON.stringify(one.patch?.files) === JSON.stringify(other.patch?.files)

const samePlace = (one: Mail, other: Mail): boolean =>
  one.tags?.version === other.tags?.version &&
  one.tags?.position === other.tags?.position &&
  one.tags?.total === other.tags?.total

/** A Message-ID alone is no identity: the same patch again is a duplicate, another one in its place a conflict, any other is its own mail. */
const twin = async (store: Store, mail: Mail): Promise<Disposition | undefined> => {
  const messageId = mail.parsed?.messageId
  if (messageId === undefined) return undefined
  const others = await store.mailsByMessageId(messageId, mail.project)
  const placed = others.filter(other => other.id !== mail.id && isPlaced(other) && samePlace(other, mail))
  const same = placed.find(other => samePatch(other, mail))
  if (same !== undefined) return { kind: 'duplicate', of: same.id }
  const first = placed[0]
  return (
    first && { kind: 'conflict', of: first.id, why: 'the same Message-ID came with another patch before' }
  )
}

const freshId = async (store: Store, project: string, piece: Piece): Promise<SeriesId> => {
  const ids = identities(piece).map(identity => seriesId(project, identity))
  for (const id of ids) if ((await store.series(id)) === undefined) return id
  return ids.at(-1) ?? ''
}

const candidates = async (store: Store, piece: Piece, settings: AssembleSettings): Promise<Series[]> => {
  const { project, deadlineMs } = settings
  const since = piece.arrivedAt - Math.min(Math.max(deadlineMs, windowMs), 3 * day)
  const near = await store.seriesNear({ project, since, holding: piece.ancestors })
  // A run's late part finds its series whatever the time.
  const [best] = identities(piece)
  const byRun = best && (await store.series(seriesId(project, best)))
  const all = byRun === undefined ? near : [...near, byRun]
  return [...new Map(all.map(series => [series.id, series])).values()]
}

/** The series with the piece in it, and those of which it took the parts over. */
const place = async (
  store: Store,
  piece: Piece,
  settings: AssembleSettings,
  now: Instant,
): Promise<{ series: Series; used: Series[] }> => {
  const around = await candidates(store, piece, settings)
  const found = findSeries(piece, around, { windowMs })
  const series = found ?? begin(await freshId(store, settings.project, piece), settings.project, piece)
  const until = Math.max(piece.arrivedAt + settings.deadlineMs, now + settings.quietMs)
  const grown = add(series, piece, until)
  const together = complement(grown, around, { windowMs })
  return together === undefined
    ? { series: grown, used: [] }
    : { series: together.whole, used: together.used }
}

const superseded = (series: Series, by: SeriesId): Series => ({ ...series, state: { at: 'superseded', by } })

/** Tags that name a branch or a tree: `5.10.y`, `stable`, `AUTOSEL`. */
const trees = (mail: Mail | undefined): string =>
  (mail?.tags?.tags ?? [])
    .filter(tag => /\d\.|stable|autosel/i.test(tag))
    .map(tag => tag.toLowerCase())
    .sort()
    .join(' ')

/** The best that mails could say: they are read only if that would make a difference. */
const closest: Kinship = { threaded: true, sameTree: true }

/** What the first mails of two series say of each other. `mailOf` reads the first mail of a series. */
const isReplaced = async (
  older: Series,
  newer: Series,
  mailOf: (series: Series) => Promise<Mail | undefined>,
): Promise<boolean> => {
  if (!replaces(newer, older, closest)) return false
  const [young, old] = await Promise.all([mailOf(newer), mailOf(older)])
  return replaces(newer, older, {
    threaded: holds(older, young?.parsed?.ancestors ?? []),
    sameTree: trees(young) === trees(old),
  })
}

/** A whole series replaces older ones, and is itself replaced by a newer one that was here before it. */
const settle = async (store: Store, series: Series, mail: Mail): Promise<Series[]> => {
  if (series.state.at !== 'complete') return [series]
  const mailOf = async (of: Series): Promise<Mail | undefined> => {
    const id = head(of)?.mail
    return id === undefined || id === mail.id ? mail : store.mail(id)
  }
  const holding = (await mailOf(series))?.parsed?.ancestors ?? []
  const { project } = series
  const related = await store.seriesNear({ project, since: series.lastAt - memoryMs, holding })
  const replaced: Series[] = []
  let own = series
  for (const other of related) {
    if (other.id === series.id || other.state.at === 'superseded') continue
    if (await isReplaced(other, series, mailOf)) replaced.push(superseded(other, series.id))
    else if (
      other.state.at !== 'collecting' &&
      other.state.at !== 'incomplete' &&
      (await isReplaced(series, other, mailOf))
    )
      own = superseded(series, other.id)
  }
  return [own, ...replaced]
}

const find = async (store: Store, project: string, id: MailId): Promise<Mail | undefined> => {
  const mail = await store.mail(id)
  if (mail === undefined || mail.project === project) return mail
  const same = await store.mailsByMessageId(mail.parsed?.messageId ?? '', project)
  return same.find(other => other.id === id)
}

/**
 * Puts one mail into its series. Repeatable: a mail that has its place stays there, and nothing is touched.
 * @returns the series that changed: the mail's own first, then those that it replaced (`superseded`).
 * Call it for one mail at a time, in order of arrival. Faults: those of the store.
 */
export const assemble =
  ({ store, clock }: AssemblePorts) =>
  async (settings: AssembleSettings, mailId: MailId): Promise<Series[]> => {
    const { project } = settings
    const mail = await find(store, project, mailId)
    if (mail === undefined || mail.disposition.kind !== 'new') return []
    const piece = pieceOf(mail, mail.patch?.baseCommit ?? baseCommit(mail.parsed?.text ?? ''))
    if (piece === undefined) {
      await store.setDisposition(project, mail.id, { kind: 'not-a-patch', why: 'it names no sender' })
      return []
    }
    const known = await twin(store, mail)
    if (known !== undefined) {
      await store.setDisposition(project, mail.id, known)
      return []
    }
    const { series, used } = await place(store, piece, settings, clock.now())
    const disposition: Disposition =
      piece.part.position === 0
        ? { kind: 'cover', series: series.id }
        : { kind: 'patch', series: series.id, position: piece.part.position }
    const [own, ...others] = await settle(store, series, mail)
    const lent = used.map(other => superseded(other, series.id))
    const touched = [
      own ?? series,
      ...others.filter(other => !used.some(({ id }) => id === other.id)),
      ...lent,
    ]
    await store.saveSeries(touched, [{ project, id: mail.id, disposition }])
    return touched
  }
