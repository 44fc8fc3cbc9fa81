// What a notice of an incident is made of: the incident in words and times for people, and the series that wait for it.
import type { Incident, Trouble } from '../../model/incident.ts'
import { endedByHand, overSince } from '../../model/incident-machine.ts'
import { dayMs, type Instant } from '../../model/instant.ts'
import type { Series, SeriesId } from '../../model/series.ts'
import { capital } from '../../model/words.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { sayDuration } from '../../text/ending.ts'
import { sayTime } from '../../text/span.ts'

/** A series as people know it. */
export type Concerned = { project: string; words: string; at: Series['state']['at'] }

/** What was read of them; titles and authors do not change. */
export type SeriesMemory = Map<SeriesId, Concerned>

const maxKnown = 5_000

const wordsFor = ({ title, version, author }: Series): string => {
  const by = oneLine(author.name, 60)
  return `${oneLine(title, 90)}${version > 1 ? ` (v${version})` : ''}${by === '' ? '' : `, ${by}`}`
}

/** Those that an incident touches, by id. Throws the store's Faults. */
export const concernedBy = async (
  store: Pick<Store, 'series'>,
  { affects }: Incident,
  memory: SeriesMemory,
): Promise<Map<SeriesId, Concerned>> => {
  const found = new Map<SeriesId, Concerned>()
  for (const id of affects.series) {
    const known = memory.get(id) ?? (await look(store, id, memory))
    if (known) found.set(id, known)
  }
  return found
}

const look = async (
  store: Pick<Store, 'series'>,
  id: SeriesId,
  memory: SeriesMemory,
): Promise<Concerned | undefined> => {
  const series = await store.series(id)
  if (!series) return undefined
  const known = { project: series.project, words: wordsFor(series), at: series.state.at }
  if (memory.size >= maxKnown) memory.clear()
  memory.set(id, known)
  return known
}

/** Which of them wait for a result (`ids`), and how many have theirs; a version that a newer one took the place of counts nowhere. */
export type Progress = { waiting: string[]; ids: SeriesId[]; done: number }

type ProgressStore = Pick<Store, 'series' | 'verdict' | 'jobsWithoutVerdict'>

/** Throws the store's Faults. */
export const progressOf = async (
  store: ProgressStore,
  incident: Incident,
  project: string,
): Promise<Progress> => {
  const open = new Set((await store.jobsWithoutVerdict()).map(({ series }) => series))
  const [waiting, ids]: [string[], SeriesId[]] = [[], []]
  let done = 0
  for (const id of incident.affects.series) {
    const series = await store.series(id)
    if (!series || series.project !== project || series.state.at === 'superseded') continue
    const isDone = series.state.at === 'planned' && !open.has(id) && (await store.verdict(id)) !== undefined
    if (isDone) {
      done += 1
      continue
    }
    waiting.push(wordsFor(series))
    ids.push(id)
  }
  return { waiting, ids, done }
}

const maxShown = 15

/** An operator's own words end it better than a detector's. */
const howFor = (incident: Incident): string => {
  const { resolved, trouble } = incident
  if (!resolved || resolved.real) return ''
  return endedByHand(incident) || trouble === 'other' ? oneLine(resolved.how, 300) : ''
}

/** Without a full stop, as one may follow. */
const plain = (text: string, max: number): string => oneLine(text, max).replace(/[.\s]+$/, '')

const sayLong = (ms: number): string => (ms < 2 * dayMs ? sayDuration(ms) : `${Math.round(ms / dayMs)} days`)

const machineFor = (host: string | undefined): { machine: string; Machine: string } => {
  const name = oneLine(host ?? '', 60)
  const machine = name === '' ? 'a test machine' : `the test machine ${name}`
  return { machine, Machine: capital(machine) }
}

/** What was said while they lasted may be wrong, or is held back: it concerns also who has a result. */
export const doubtful: ReadonlySet<Trouble> = new Set(['alike-failures', 'host-fails-more', 'guests-failing'])

const headingFor = ({ trouble, resolved }: Incident, over: boolean): string => {
  if (resolved?.real) return 'They belong to these series:'
  if (over) return 'These series are tested now, or once more; their results come by themselves:'
  if (trouble === 'alike-failures') return 'The results of these series wait:'
  return doubtful.has(trouble) ? 'These series are run again, or wait:' : 'These series wait for it:'
}

export type Said = {
  kind: 'first' | 'update' | 'resolved'
  alone: boolean
  news: boolean
  next: Instant | undefined
}

/** `into`: subject of the incident that it is a part of; '' if it stands by itself. `page`: address of the status page. */
export const incidentView = (
  incident: Incident,
  { kind, alone, news, next }: Said,
  { progress, into, page, now }: { progress: Progress; into: string; page: string; now: Instant },
) => {
  const { trouble, host, about, detail, since, severity, cause, doing, resolved } = incident
  const end = overSince(incident)
  const over = kind === 'resolved'
  const monitoring = incident.state.at === 'monitoring'
  const past = over || monitoring
  const { waiting, done } = progress
  return {
    ...{ kind, trouble, severity, alone, news, over, into, page, done, id: incident.id },
    host: oneLine(host ?? '', 60),
    about: oneLine(about, 200),
    detail: capital(plain(detail, 300)),
    plain: plain(detail, 300),
    since: sayTime(since),
    when: past ? `from ${sayTime(since)} until ${sayTime(end ?? now)}` : `since ${sayTime(since)}`,
    until: sayTime(end ?? now),
    quiet: sayTime(end ?? now),
    lasted: sayLong(Math.max(0, (end ?? now) - since)),
    ...{ monitoring, past },
    cause: oneLine(cause ?? '', 600),
    doing: oneLine(doing ?? '', 600),
    how: howFor(incident),
    real: resolved?.real === true,
    ...machineFor(host),
    doubt: doubtful.has(trouble),
    heading: headingFor(incident, over),
    series: waiting.slice(0, maxShown),
    more: Math.max(0, waiting.length - maxShown),
    count: incident.affects.series.length,
    next: next === undefined ? '' : sayTime(next),
  }
}
