// One thing of ours on the forge: written if it is not what stands there, remembered, and tried again later where it could not be.
import { Fault } from '../model/fault.ts'
import type { Shown, ShownPlace } from '../model/forge.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { SeriesId } from '../model/series.ts'
import type { ForgePorts } from './forge-view.ts'

/** While the forge is away nothing is tried; lost with the process, at no harm. */
export type ForgeAway = { until: Instant; times: number }

const firstMs: Millis = 30_000
const longestMs: Millis = 15 * 60_000
/** What is refused for good may be due to a right that somebody grants one day. */
const refusedMs: Millis = 6 * 3_600_000

const backoff = (tries: number): Millis => Math.min(longestMs, firstMs * 2 ** Math.min(tries, 10))

/** Of the whole forge, or of the road there; not of this one thing. */
const isAwayFault = ({ kind }: Fault): boolean => ['unreachable', 'timeout', 'exhausted'].includes(kind)

/** The forge cannot be used now: what is left waits. */
export class ForgeIsAway extends Error {}

export type Put = {
  place: ShownPlace
  series: SeriesId
  digest: string
  /** `known`: what stands there has this id. Returns the id. */
  write(known: string | undefined): Promise<string>
}

const same = ({ repository, kind, on, name }: ShownPlace): ShownPlace => ({ repository, kind, on, name })

/** What was refused for its content is no reason to wait with another. */
const isSame = ({ refused }: NonNullable<Shown['trouble']>, digest: string): boolean =>
  refused === undefined || refused === digest

/** Is it there now? Throws ForgeIsAway, and the store's Faults. */
export const put = async (
  ports: ForgePorts,
  away: ForgeAway,
  { place, series, digest, write }: Put,
): Promise<boolean> => {
  const { store, clock, log } = ports
  const was = await store.shownAt(place)
  if (was?.digest === digest && was.trouble === undefined) return true
  if (was?.trouble && clock.now() < was.trouble.notBefore && isSame(was.trouble, digest)) return false
  if (clock.now() < away.until) throw new ForgeIsAway()
  try {
    const remote = await write(was?.remote || undefined)
    await store.saveShown({ ...same(place), series, remote, digest, at: clock.now() })
    if (away.times > 0) log('info', 'GitHub takes what is shown there again')
    away.times = 0
    return true
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const before = was ?? { ...same(place), series, remote: '', digest: '', at: 0 }
    await noteTrouble(ports, { was: before, error, digest })
    if (!isAwayFault(error)) return false
    if (away.times === 0) log('warn', `${error.message}; what is to be shown on GitHub waits`)
    away.until = clock.now() + backoff(away.times)
    away.times++
    throw new ForgeIsAway()
  }
}

const noteTrouble = async (
  { store, clock, log }: ForgePorts,
  { was, error, digest }: { was: Shown; error: Fault; digest: string },
): Promise<void> => {
  const tries = (was.trouble?.tries ?? 0) + 1
  const waitMs = error.retry === 'never' ? refusedMs : backoff(tries - 1)
  const refused = error.retry === 'never' ? { refused: digest } : {}
  const trouble = { why: error.message, tries, notBefore: clock.now() + waitMs, ...refused }
  await store.saveShown({ ...was, trouble })
  if (!isAwayFault(error) && was.trouble?.why !== error.message)
    log('warn', `not shown on GitHub (${was.kind} ${was.name || was.on}): ${error.message}`, {
      series: was.series,
    })
}
