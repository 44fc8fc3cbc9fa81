// Series of the list on GitHub: what was applied stands there as a branch, with a status of the build and of each image, until a newer
// version takes its place or the change has landed.
//
//   (a build keeps its commits) ──▶ wanted ──pushed──▶ there ──newer build──▶ there
//                                                        └──superseded, landed──▶ removed
import { branchesOf } from '../config/branches.ts'
import type { ProjectConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Shown, ShownPlace } from '../model/forge.ts'
import { dayMs, type Instant, type Millis } from '../model/instant.ts'
import { type BlobId, type Commit, firstTasks, type Job } from '../model/job.ts'
import type { Series, SeriesId } from '../model/series.ts'
import type { Status } from '../ports/forge.ts'
import type { Branches, WantedChange } from '../ports/git.ts'
import { earlierMs } from '../stages/bugs/landed.ts'
import { branchOf, wantedOn } from '../stages/forge-show/wanted.ts'
import type { RunPorts } from '../stages/run/try.ts'
import { contentId } from '../text/digest.ts'
import { type ForgePorts, forgeView, isDecided } from './forge-view.ts'
import { type ForgeAway, put } from './forge-write.ts'
import { changesOf, noteLanded } from './landed.ts'
import type { Wired } from './wire.ts'

type Ports = ForgePorts & { branches: Branches } & Pick<Wired, 'inTurn'>

/** What this process has seen already; lost with it, at no harm. */
export type BranchMemory = {
  settled: Map<SeriesId, { key: string; until: Instant }>
  /** By project and branch: where it was when it was looked through, and which patches were looked for. */
  looked: Map<string, { tip: Commit; sought: Set<string>; found: Set<string> }>
  /** By project: when all were looked at, and how many there were. */
  lookedAt: Map<string, { at: Instant; count: number }>
}

export const branchMemory = (): BranchMemory => ({
  ...{ settled: new Map(), looked: new Map(), lookedAt: new Map() },
})

const againMs: Millis = 10 * 60_000
const allEveryMs: Millis = 60_000
/** A build that said that it keeps its commits, and whose run was never kept. */
const patienceMs: Millis = 2 * dayMs
const maxRemembered = 10_000

const placeOf = (repository: string, series: Pick<Series, 'id' | 'version'>): ShownPlace => ({
  ...{ repository, kind: 'branch', on: branchOf(series), name: '' },
})

/** Who wants commits of builds: projects whose series are shown as branches. For the run stage. */
export const commitsFor = ({ config, store, clock }: Pick<Wired, 'config' | 'store' | 'clock'>) => {
  const repositoryOf = (job: Job): string | undefined =>
    config.projects.find(({ name }) => name === job.project)?.github?.series
  const commits: NonNullable<RunPorts['commits']> = {
    async wanted(job) {
      if (repositoryOf(job) === undefined || job.series === undefined || !config.mail.live) return false
      const series = await store.series(job.series)
      return series !== undefined && series.origin.from !== 'forge'
    },
    // Before the run itself is kept: so none is forgotten.
    async kept(job) {
      const repository = repositoryOf(job)
      const series = job.series === undefined ? undefined : await store.series(job.series)
      if (repository === undefined || series === undefined) return
      const place = placeOf(repository, series)
      if (await store.shownAt(place)) return
      const trouble = { why: 'it is not pushed yet', tries: 0, notBefore: clock.now() }
      await store.saveShown({ ...place, series: series.id, remote: '', digest: '', at: clock.now(), trouble })
    },
  }
  return commits
}

/** The commits that the newest job's build has kept. */
const commitsOf = async ({ store }: Ports, job: Job): Promise<BlobId | undefined> => {
  const { build } = firstTasks(await store.tasksOf(job.id))
  const runs = build ? await store.runsOf(build.id) : []
  return runs.findLast(({ evidence }) => evidence.commits !== undefined)?.evidence.commits
}

const mostOf = ({ before = [], parts }: Job): number =>
  parts.length + before.reduce((sum, one) => sum + one.parts.length, 0)

type Given = { row: Shown; series: Series; away: ForgeAway }

/** The commit that the branch is at; undefined: it is not there yet. */
const pushed = async (ports: Ports, { row, series, away }: Given, job: Job): Promise<Commit | undefined> => {
  const { blobs, branches, forge, store } = ports
  const commits = await commitsOf(ports, job)
  if (commits === undefined) return row.digest === '' ? undefined : row.remote
  const digest = contentId(24, job.id, commits)
  const write = async (): Promise<Commit> => {
    const to = await forge?.remote(row.repository)
    if (to === undefined) throw new Fault('refused', 'never', 'there is no GitHub App')
    const { repository } = job.recipe
    const bundle = () => blobs.stream(commits)
    return branches.push({ repository, base: job.base, bundle, most: mostOf(job), branch: row.on, to })
  }
  const done = await put(ports, away, { place: row, series: series.id, digest, write })
  if (done && row.digest !== digest) ports.log('info', `pushed as ${row.on}`, { series: series.id })
  const there = await store.shownAt(row)
  return there?.digest === '' ? undefined : there?.remote
}

const putStatuses = async (
  ports: Ports,
  { row, series, away }: Given,
  { commit, statuses }: { commit: Commit; statuses: Status[] },
): Promise<boolean> => {
  let all = true
  for (const status of statuses) {
    const place: ShownPlace = {
      ...{ repository: row.repository, kind: 'status', on: commit },
      name: status.context,
    }
    const write = async () => {
      await ports.forge?.putStatus(row.repository, commit, status)
      return ''
    }
    all = (await put(ports, away, { place, series: series.id, digest: contentId(24, status), write })) && all
  }
  return all
}

/** It goes, and with it all that is known of it. */
const remove = async (
  ports: Ports,
  { row, away }: { row: Shown; away: ForgeAway },
  why: string,
): Promise<void> => {
  const { store, forge, branches, log } = ports
  const isThere = row.digest !== '' || row.remote !== ''
  const write = async () => {
    const from = await forge?.remote(row.repository)
    if (from !== undefined) await branches.remove(row.on, from)
    return ''
  }
  if (isThere && !(await put(ports, away, { place: row, series: row.series, digest: '', write }))) return
  for (const one of await store.shown({ series: row.series, repository: row.repository }))
    await store.dropShown(one)
  if (isThere) log('info', `${row.on} is removed: ${why}`, { series: row.series })
}

const tendOne = async (ports: Ports, memory: BranchMemory, given: Given): Promise<void> => {
  const { row, series } = given
  const { clock, store } = ports
  // It is settled with a verdict on the round; another verdict comes with another round or job only.
  const key = JSON.stringify([series.state, series.round])
  const known = memory.settled.get(series.id)
  if (known?.key === key && clock.now() < known.until) return
  const view = await forgeView(ports, series)
  // Between two rounds it stays as it was.
  if (view.job === undefined) return
  const commit = await pushed(ports, given, view.job)
  if (commit === undefined) {
    if (clock.now() - row.at > patienceMs && row.trouble?.tries === 0) await store.dropShown(row)
    return
  }
  const all = await putStatuses(ports, given, { commit, statuses: wantedOn(view).statuses })
  if (!all || !isDecided(view)) return
  if (memory.settled.size >= maxRemembered) memory.settled.clear()
  memory.settled.set(series.id, { key, until: clock.now() + againMs })
}

type Standing = { row: Shown; series: Series; changes: WantedChange[] }

/** What was looked for before is looked for only in what is new in the branch. */
const lookFor = async (
  { mirror }: Ports,
  { looked }: BranchMemory,
  given: { key: string; repository: string; tip: Commit; since: Instant; changes: WantedChange[] },
): Promise<Set<string>> => {
  const { key, repository, tip, since, changes } = given
  const before = looked.get(key)
  const found = new Set(before?.found)
  const look = async (some: WantedChange[], after?: Commit) => {
    if (some.length === 0 || after === tip) return
    const wanted = { tip, since, changes: some, ...(after === undefined ? {} : { after }) }
    for (const id of (await mirror.landed(repository, wanted)).keys()) found.add(id)
  }
  const isOld = ({ patchId }: WantedChange) => before?.sought.has(patchId) === true
  await look(changes.filter(isOld), before?.tip)
  await look(changes.filter(one => !isOld(one)))
  looked.set(key, { tip, sought: new Set(changes.map(({ patchId }) => patchId)), found })
  return found
}

/** Series all of whose changes are in a branch of the project. */
const landed = async (
  ports: Ports,
  memory: BranchMemory,
  { project, standing }: { project: ProjectConfig; standing: Standing[] },
): Promise<Map<SeriesId, string>> => {
  const { repository } = project.recipe
  const over = new Map<SeriesId, string>()
  const changes = [...new Map(standing.flatMap(one => one.changes).map(one => [one.patchId, one])).values()]
  if (changes.length === 0) return over
  const since = Math.min(...standing.map(({ series }) => series.firstAt)) - earlierMs
  for (const branch of branchesOf(project)) {
    const tip = await ports.mirror.resolve(repository, branch)
    if (tip === undefined) continue
    const key = `${project.name} ${branch}`
    const found = await lookFor(ports, memory, { key, repository, tip, since, changes })
    for (const { series, changes: own } of standing)
      if (own.every(({ patchId }) => found.has(patchId))) over.set(series.id, branch)
  }
  return over
}

/** Removes what landed; the mirror is as the bases' look left it. */
const tendLanded = async (
  ports: Ports,
  memory: BranchMemory,
  given: { project: ProjectConfig; rows: { row: Shown; series: Series }[]; away: ForgeAway },
): Promise<void> => {
  const { project, rows, away } = given
  const standing: Standing[] = []
  for (const one of rows) {
    const changes = one.row.digest === '' ? undefined : await changesOf(ports, one.series)
    if (changes !== undefined) standing.push({ ...one, changes })
  }
  const over = await landed(ports, memory, { project, standing }).catch(error => {
    // A repository that is damaged holds up nothing else.
    if (!(error instanceof Fault)) throw error
    ports.log('warn', `${project.name}: it cannot be told what landed: ${error.message}`)
    return new Map<SeriesId, string>()
  })
  for (const { row, series } of standing) {
    const branch = over.get(series.id)
    if (branch === undefined) continue
    await noteLanded(ports, series.id, branch)
    await remove(ports, { row, away }, `it landed on ${branch}`)
  }
}

/** Brings the branches and statuses of one project to what is stored. Throws ForgeIsAway, and the store's Faults. */
export const tendBranchesShown = async (
  ports: Ports,
  memory: BranchMemory,
  { project, away }: { project: ProjectConfig; away: ForgeAway },
): Promise<void> => {
  const { store, clock } = ports
  const repository = project.github?.series
  if (repository === undefined) return
  const there = await store.shown({ repository, kind: 'branch' })
  const last = memory.lookedAt.get(project.name)
  const isAll = last?.count !== there.length || clock.now() - last.at >= allEveryMs
  const rows: { row: Shown; series: Series }[] = []
  for (const row of there) {
    // Thousands may stand there for years: between two looks only what is on its way is read.
    if (!isAll && memory.settled.has(row.series)) continue
    const series = await store.series(row.series)
    // Two projects may share a repository.
    if (series !== undefined && series.project !== project.name) continue
    if (series === undefined || series.state.at === 'superseded')
      await remove(ports, { row, away }, 'a newer version took its place')
    else rows.push({ row, series })
  }
  if (isAll) await tendLanded(ports, memory, { project, rows, away })
  if (isAll) memory.lookedAt.set(project.name, { at: clock.now(), count: there.length })
  for (const one of rows) if (await store.shownAt(one.row)) await tendOne(ports, memory, { ...one, away })
}
