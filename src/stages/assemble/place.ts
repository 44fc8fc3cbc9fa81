// Where a patch or a cover belongs: its series with it in it, as far as the store knows. The rules are in src/model/assembly.ts.
import { add, begin, complement, findSeries, identities, type Piece } from '../../model/assembly.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import { isPartial, withReroll } from '../../model/reroll.ts'
import type { Series, SeriesId } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { contentId } from '../../text/digest.ts'

export type AssembleSettings = {
  project: string
  /** What a series of which parts are missing is given at the least, from now on. */
  quietMs: Millis
  /** What it is given in all, from the arrival of its newest part. */
  deadlineMs: Millis
  /** What a new version of some parts only is given, from the arrival of its newest part, before it is filled from the one before. */
  partialMs: Millis
  /** Names of the trailers that name bugs; undefined: none does. */
  bugTrailers?: readonly string[]
}

const hour = 3_600_000
const day = 24 * hour
/** Parts that only author, version and total hold together: 99 % of postings are over in four minutes, archives in an hour. */
const windowMs = hour

const seriesId = (project: string, identity: string[]): SeriesId => `s${contentId(15, project, ...identity)}`

const freshId = async (store: Store, project: string, piece: Piece): Promise<SeriesId> => {
  const ids = identities(piece).map(identity => seriesId(project, identity))
  for (const id of ids) if ((await store.series(id)) === undefined) return id
  return ids.at(-1) ?? ''
}

/** How often a series is followed to the one that replaced it. */
const mostHeirs = 8

/** Those that took the place of older ones in the thread, and of these in turn. */
const heirs = async (store: Store, near: Series[]): Promise<Series[]> => {
  const found = new Map(near.map(series => [series.id, series]))
  let last = near
  for (let step = 0; step < mostHeirs && last.length > 0; step++) {
    const ids = last.flatMap(({ state }) => (state.at === 'superseded' ? [state.by] : []))
    const fresh = [...new Set(ids)].filter(id => !found.has(id))
    const read = await Promise.all(fresh.map(id => store.series(id)))
    last = read.filter(series => series !== undefined)
    for (const series of last) found.set(series.id, series)
  }
  return [...found.values()]
}

const candidates = async (store: Store, piece: Piece, settings: AssembleSettings): Promise<Series[]> => {
  const { project, deadlineMs } = settings
  const since = piece.arrivedAt - Math.min(Math.max(deadlineMs, windowMs), 3 * day)
  const near = await store.seriesNear({ project, since, holding: piece.ancestors, by: piece.author })
  // A run's late part finds its series whatever the time.
  const [best] = identities(piece)
  const byRun = best && (await store.series(seriesId(project, best)))
  const thread = piece.ancestors.length > 0 ? await heirs(store, near) : near
  const all = [...thread, ...(byRun === undefined ? [] : [byRun])]
  return [...new Map(all.map(series => [series.id, series])).values()]
}

/** How long it waits as it is; a new version of some parts only is looked at earlier. */
export const waitUntil = (series: Series, now: Instant, settings: AssembleSettings): Instant => {
  const { quietMs, deadlineMs, partialMs } = settings
  // Of a first version, nearly always a part is late; of a later one, often no more was sent.
  const isReroll = series.version > 1 && isPartial(series)
  const wait = isReroll ? Math.min(partialMs, deadlineMs) : deadlineMs
  return Math.max(series.lastAt + wait, now + quietMs)
}

export type Placed = {
  /** The piece with the position that it was given. */
  piece: Piece
  /** The series with the piece in it. */
  series: Series
  /** Those of which it took the parts over. */
  used: Series[]
}

/** Finds or begins the series of a piece. Changes nothing. Faults: those of the store. */
export const place = async (
  store: Store,
  said: Piece,
  settings: AssembleSettings,
  now: Instant,
): Promise<Placed> => {
  const around = await candidates(store, said, settings)
  const piece = withReroll(said, around)
  const found = findSeries(piece, around, { windowMs })
  const series = found ?? begin(await freshId(store, settings.project, piece), settings.project, piece)
  const grown = add(series, piece, now)
  const waiting: Series =
    grown.state.at === 'collecting'
      ? { ...grown, state: { at: 'collecting', until: waitUntil(grown, now, settings) } }
      : grown
  const together = complement(waiting, around, { windowMs })
  return together === undefined
    ? { piece, series: waiting, used: [] }
    : { piece, series: together.whole, used: together.used }
}
