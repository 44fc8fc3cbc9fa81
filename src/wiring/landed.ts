// Series of a list that have landed: all their changes are in a branch of the project, which the pages say. Looked for in what is new in the
// branch. Where series stand on GitHub, forge-branches.ts looks for them as long as they stand there; what bugs are told, see bug-results.ts.
import type { ProjectConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import { dayMs, type Instant, type Millis } from '../model/instant.ts'
import type { Commit } from '../model/job.ts'
import type { Series, SeriesId } from '../model/series.ts'
import type { WantedChange } from '../ports/git.ts'
import { branchesOf } from './bases.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'config' | 'store' | 'clock' | 'mirror' | 'inTurn' | 'log'>

/** What this process has seen already; lost with it, at no harm. */
export type LandedSeen = { tips: Map<string, Commit>; changes: Map<SeriesId, WantedChange[]> }

export const landedSeen = (): LandedSeen => ({ tips: new Map(), changes: new Map() })

/** What is pulled was committed before it was sent. */
export const earlierMs: Millis = 60 * dayMs
/** Nobody waits for older ones, and so many are looked for. */
const patienceMs: Millis = 90 * dayMs
const most = 2_000

/** What it changes; undefined: that cannot be told of each of its patches. */
export const changesOf = async (
  { store }: Pick<Ports, 'store'>,
  { parts, project }: Series,
): Promise<WantedChange[] | undefined> => {
  const changes: WantedChange[] = []
  for (const { mail: id, messageId, title } of parts) {
    const patch = (await store.mail(id, project))?.patch
    const path = patch?.files[0]?.after ?? patch?.files[0]?.before
    if (patch?.patchId === undefined || path === undefined) return undefined
    changes.push({ patchId: patch.patchId, path, title, ...(messageId === undefined ? {} : { messageId }) })
  }
  return changes
}

/** For its page. */
export const noteLanded = (
  { store, clock, inTurn }: Pick<Ports, 'store' | 'clock' | 'inTurn'>,
  id: SeriesId,
  branch: string,
): Promise<void> =>
  inTurn(async () => {
    const series = await store.series(id)
    if (series && series.landed === undefined)
      await store.saveSeries([{ ...series, landed: { branch, at: clock.now() } }])
  })

const isWaiting = ({ origin, landed, state }: Series): boolean =>
  origin.from !== 'forge' && landed === undefined && state.at !== 'superseded' && state.at !== 'collecting'

const waiting = async (ports: Ports, seen: LandedSeen, project: string) => {
  const since = ports.clock.now() - patienceMs
  const all = (await ports.store.seriesNear({ project, since, holding: [] })).filter(isWaiting).slice(-most)
  const found: { series: Series; changes: WantedChange[] }[] = []
  const known = new Map<SeriesId, WantedChange[]>()
  for (const series of all) {
    const changes = seen.changes.get(series.id) ?? (await changesOf(ports, series)) ?? []
    known.set(series.id, changes)
    if (changes.length > 0) found.push({ series, changes })
  }
  seen.changes = known
  return found
}

type Branch = { project: ProjectConfig; branch: string; tip: Commit }

const isAll = (changes: readonly WantedChange[], found: ReadonlyMap<string, Commit>): boolean =>
  changes.every(({ patchId }) => found.has(patchId))

const lookThrough = async (
  ports: Ports,
  seen: LandedSeen,
  { project, branch, tip, after }: Branch & { after: Commit },
): Promise<void> => {
  const { mirror, log } = ports
  const { repository } = project.recipe
  const some = await waiting(ports, seen, project.name)
  if (some.length === 0) return
  const from = (all: Series[]): Instant => Math.min(...all.map(({ firstAt }) => firstAt)) - earlierMs
  const changes = [...new Map(some.flatMap(one => one.changes).map(one => [one.patchId, one])).values()]
  const since = from(some.map(({ series }) => series))
  const fresh = await mirror.landed(repository, { tip, after, since, changes })
  for (const { series, changes: own } of some) {
    if (!own.some(({ patchId }) => fresh.has(patchId))) continue
    // The rest of it may have come earlier.
    const whole = isAll(own, fresh)
      ? fresh
      : await mirror.landed(repository, { tip, since: from([series]), changes: own })
    if (!isAll(own, whole)) continue
    await noteLanded(ports, series.id, branch)
    log('info', `it landed on ${branch}`, { series: series.id })
  }
}

const commitIn = (value: unknown): Commit | undefined => (typeof value === 'string' ? value : undefined)

/** What was there when the branch is looked at first is not looked through. */
const tendBranch = async (
  ports: Ports,
  seen: LandedSeen,
  given: Branch & { complain: (what: string) => void },
): Promise<void> => {
  const { project, branch, tip, complain } = given
  const source = `landed ${project.name} ${branch}`
  if (seen.tips.get(source) === tip) return
  const after = commitIn(await ports.store.cursor(source))
  if (after !== undefined && after !== tip)
    await lookThrough(ports, seen, { ...given, after }).catch(error => {
      // So much came at once that it cannot be looked through; the next time it would be more.
      if (!(error instanceof Fault) || error.kind !== 'timeout') throw error
      complain(`${project.name}: what landed on ${branch} is not known: ${error.message}`)
    })
  if (after !== tip) await ports.store.saveMails([], { source, value: tip })
  seen.tips.set(source, tip)
}

/** One look at the branches that moved; the mirror is as the bases' look left it. Repeatable. Throws the store's Faults. */
export const tendSeriesLanded = async (
  ports: Ports,
  seen: LandedSeen,
  complain: (what: string) => void,
): Promise<void> => {
  for (const project of ports.config.projects) {
    if (project.github?.series !== undefined) continue
    for (const branch of branchesOf(project))
      try {
        const tip = await ports.mirror.resolve(project.recipe.repository, branch)
        if (tip !== undefined) await tendBranch(ports, seen, { project, branch, tip, complain })
      } catch (error) {
        // One repository that is damaged does not hold up the others.
        if (!(error instanceof Fault)) throw error
        complain(`${project.name}: it cannot be told what landed on ${branch}: ${error.message}`)
      }
  }
}
