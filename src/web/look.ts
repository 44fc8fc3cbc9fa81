// How things stand, for the pages: from the database, or from the bot's journal when that is away. Read at most once in a few seconds.

import { Fault } from '../model/fault.ts'
import type { Incident, IncidentId } from '../model/incident.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { SeriesId } from '../model/series.ts'
import type { Clock } from '../ports/clock.ts'
import type { Journal, Standing } from '../ports/journal.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { readStanding } from '../stages/notice/standing.ts'
import { type Concerned, concernedBy, type SeriesMemory } from '../stages/notice/view.ts'

export type Look = {
  now: Instant
  /** As of `standing.at`; undefined: nothing is known. */
  standing: Standing | undefined
  /** false: what is shown is what the bot knew last. */
  isDatabaseHere: boolean
  /** When the bot last wrote down how things stood; undefined: it never did, or elsewhere. */
  botAt: Instant | undefined
  /** Series that live incidents touch, while the database is there. */
  series: Map<SeriesId, Concerned>
  /** When the next word of an incident was promised to those who wait. */
  nextWord: Map<IncidentId, Instant>
}

export type Looking = { look(): Promise<Look>; close(): Promise<void> }

export type LookPorts = {
  /** Called until it succeeds once. */
  open: () => Promise<Store>
  journal: Pick<Journal, 'standing' | 'incidents' | 'notices'>
  clock: Clock
  log: Log
  projects: string[]
  /** So long the database may think. */
  patienceMs?: Millis
  /** So long an answer is given to all who ask. */
  freshMs?: Millis
}

type Read = { standing: Standing; series: Map<SeriesId, Concerned> }

export const looking = (ports: LookPorts): Looking => {
  const { clock, freshMs = 5_000 } = ports
  const database = reader(ports)
  let last: { at: Instant; look: Promise<Look> } | undefined
  return {
    look() {
      const now = clock.now()
      if (last === undefined || now - last.at >= freshMs) last = { at: now, look: lookOnce(ports, database) }
      return last.look
    },
    close: database.close,
  }
}

const reader = ({ open, clock, projects, log, patienceMs = 5_000 }: LookPorts) => {
  const memory: SeriesMemory = new Map()
  let opening: Promise<Store> | undefined
  let isAway = false
  const openOnce = (): Promise<Store> => {
    opening ??= open().catch(error => {
      opening = undefined
      throw error
    })
    return opening
  }
  const readAll = async (): Promise<Read> => {
    const store = await openOnce()
    const standing = await readStanding(store, { projects, now: clock.now() })
    const series = new Map<SeriesId, Concerned>()
    for (const incident of standing.incidents.filter(({ resolved }) => resolved === undefined))
      for (const [id, one] of await concernedBy(store, incident, memory)) series.set(id, one)
    return { standing, series }
  }
  const late = async (signal: AbortSignal): Promise<never> => {
    await clock.sleep(patienceMs, signal)
    throw new Fault('timeout', 'soon', `no answer within ${patienceMs / 1000} s`)
  }
  return {
    /** undefined: it is away. */
    async read(): Promise<Read | undefined> {
      const over = new AbortController()
      try {
        const found = await Promise.race([readAll(), late(over.signal)])
        if (isAway) log('info', 'pages: the database is back')
        isAway = false
        return found
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        if (!isAway) log('error', `pages: the database is away, the journal is shown: ${error.message}`)
        isAway = true
        return undefined
      } finally {
        over.abort()
      }
    },
    async close() {
      await opening?.then(
        store => store.close(),
        () => {},
      )
    },
  }
}

/** The journal may be another machine's, or damaged: pages do without. */
const orNothing = async <T>(asked: Promise<T>, nothing: T): Promise<T> => {
  try {
    return await asked
  } catch (error) {
    if (error instanceof Fault) return nothing
    throw error
  }
}

const together = (kept: Incident[], own: Incident[]): Incident[] => {
  const known = new Set(kept.map(({ id }) => id))
  return [...kept, ...own.filter(({ id }) => !known.has(id))]
}

const lookOnce = async (
  { journal, clock }: LookPorts,
  database: ReturnType<typeof reader>,
): Promise<Look> => {
  const read = await database.read()
  const kept = await orNothing(journal.standing(), undefined)
  const standing = read?.standing ?? kept
  // What could not be noted in the database yet.
  const own = await orNothing(journal.incidents(), [])
  const notices = await orNothing(journal.notices(), [])
  const nextWord = new Map<IncidentId, Instant>()
  for (const { of, to, nextWord: at, held } of notices)
    if ('incident' in of && to !== 'operators' && !held && at !== undefined) nextWord.set(of.incident, at)
  return {
    now: clock.now(),
    standing: standing && { ...standing, incidents: together(standing.incidents, own) },
    isDatabaseHere: read !== undefined,
    botAt: kept?.at,
    series: read?.series ?? new Map(),
    nextWord,
  }
}
