// Series of a list that have landed: all their changes are in a branch of the project, which the pages say. Looked for in what is new in the
// branch. Those that stand on GitHub forge-branches.ts looks for as well, to remove them there; what bugs are told, see bug-results.ts.
import { branchesOf } from '../config/branches.ts'
import type { ProjectConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import { dayMs, type Millis } from '../model/instant.ts'
import type { Commit } from '../model/job.ts'
import type { Series, SeriesId } from '../model/series.ts'
import type { WantedChange } from '../ports/git.ts'
import { changeIn, earlierMs } from '../stages/bugs/landed.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'config' | 'store' | 'clock' | 'mirror' | 'inTurn' | 'log'>

/** What this process has seen already; lost with it, at no harm. */
export type LandedSeen = {
  tips: Map<string, Commit>
  /** By project. */
  changes: Map<string, Map<SeriesId, WantedChange[]>>
  /** By project and branch: which were looked for. */
  looked: Map<string, ReadonlySet<SeriesId>>
}

export const landedSeen = (): LandedSeen => ({ tips: new Map(), changes: new Map(), looked: new Map() })

/** Nobody waits for older ones, and so many are looked for. */
const patienceMs: Millis = 90 * dayMs
const most = 2_000
/** A mail may come after the push of its commits: so long after it was written it is looked for in what was there before, too. */
const lateMs: Millis = 7 * dayMs

/** What it changes; undefined: that cannot be told of each of its patches. */
export const changesOf = async (
  { store }: Pick<Ports, 'store'>,
  { parts, project }: Series,
): Promise<WantedChange[] | undefined> => {
  const changes: WantedChange[] = []
  for (const part of parts) {
    const change = changeIn(await store.mail(part.mail, project), part)
    if (change === undefined) return undefined
    changes.push(change)
  }
  return changes
}

/** Looks at every branch of every project. One repository that is damaged does not hold up the others. */
export const eachBranch = async (
  { config }: Pick<Ports, 'config'>,
  complain: (what: string) => void,
  look: (project: ProjectConfig, branch: string) => Promise<void>,
): Promise<void> => {
  for (const project of config.projects)
    for (const branch of branchesOf(project))
      await look(project, branch).catch(error => {
        if (!(error instanceof Fault)) throw error
        complain(`${project.name}: it cannot be told what landed on ${branch}: ${error.message}`)
      })
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
  const found: Waiting[] = []
  const known = new Map<SeriesId, WantedChange[]>()
  for (const series of all) {
    const changes = seen.changes.get(project)?.get(series.id) ?? (await changesOf(ports, series)) ?? []
    known.set(series.id, changes)
    if (changes.length > 0) found.push({ series, changes })
  }
  seen.changes.set(project, known)
  return found
}

type Waiting = { series: Series; changes: WantedChange[] }

type Branch = { project: ProjectConfig; branch: string; tip: Commit }

const isAll = (changes: readonly WantedChange[], found: ReadonlyMap<string, Commit>): boolean =>
  changes.every(({ patchId }) => found.has(patchId))

const sourceOf = ({ project, branch }: Pick<Branch, 'project' | 'branch'>): string =>
  `landed ${project.name} ${branch}`

const look = async (
  { mirror }: Ports,
  some: readonly Waiting[],
  { project, tip, after }: Branch & { after?: Commit },
): Promise<Map<string, Commit>> => {
  if (some.length === 0) return new Map()
  const changes = [...new Map(some.flatMap(one => one.changes).map(one => [one.patchId, one])).values()]
  const since = Math.min(...some.map(({ series }) => series.firstAt)) - earlierMs
  const wanted = { tip, since, changes, ...(after === undefined ? {} : { after }) }
  return mirror.landed(project.recipe.repository, wanted)
}

const lookThrough = async (
  ports: Ports,
  seen: LandedSeen,
  given: Branch & { after: Commit },
): Promise<void> => {
  const { project, branch, tip } = given
  const note = async ({ series }: Waiting) => {
    await noteLanded(ports, series.id, branch)
    ports.log('info', `it landed on ${branch}`, { series: series.id })
  }
  const some = await waiting(ports, seen, project.name)
  const fresh = await look(ports, some, given)
  const left: Waiting[] = []
  for (const one of some) {
    const isPart = one.changes.some(({ patchId }) => fresh.has(patchId))
    // The rest of it may have come earlier.
    const whole =
      isPart && !isAll(one.changes, fresh) ? await look(ports, [one], { project, branch, tip }) : fresh
    if (isAll(one.changes, whole)) await note(one)
    else if (!isPart) left.push(one)
  }
  const before = seen.looked.get(sourceOf(given))
  seen.looked.set(sourceOf(given), new Set(some.map(({ series }) => series.id)))
  const lateSince = ports.clock.now() - lateMs
  const late = left.filter(({ series }) => before?.has(series.id) !== true && series.lastAt > lateSince)
  const all = await look(ports, late, { project, branch, tip })
  for (const one of late) if (isAll(one.changes, all)) await note(one)
}

const commitIn = (value: unknown): Commit | undefined => (typeof value === 'string' ? value : undefined)

/** What was there when the branch is looked at first is not looked through. */
const tendBranch = async (
  ports: Ports,
  seen: LandedSeen,
  given: Branch & { complain: (what: string) => void },
): Promise<void> => {
  const { project, branch, tip, complain } = given
  const source = sourceOf(given)
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
  await eachBranch(ports, complain, async (project, branch) => {
    const tip = await ports.mirror.resolve(project.recipe.repository, branch)
    if (tip !== undefined) await tendBranch(ports, seen, { project, branch, tip, complain })
  })
}
