// What stands on GitHub of pull requests, as a projection of what is stored: compared, and the difference written. Beside the flow: no
// verdict waits for it, and whatever an outage kept back follows by itself.
import type { Pull, PullRef, Repository, Shown, ShownPlace } from '../model/forge.ts'
import { dayMs, type Instant, type Millis } from '../model/instant.ts'
import type { Series, SeriesId } from '../model/series.ts'
import type { Check } from '../ports/forge.ts'
import {
  abandoned,
  commentMark,
  type Wanted,
  wantedOfUnusable,
  wantedOn,
} from '../stages/forge-show/wanted.ts'
import { contentId } from '../text/digest.ts'
import { type BranchMemory, branchMemory, tendBranchesShown } from './forge-branches.ts'
import { type ForgePorts, forgeView, isDecided } from './forge-view.ts'
import { type ForgeAway, ForgeIsAway, put } from './forge-write.ts'
import type { Wired } from './wire.ts'

/** What this process has seen already; lost with it, at no harm. */
export type ForgeShownMemory = {
  away: ForgeAway
  /** By series: what it was when all of it stood there, and when that is looked at again, whatever it is. */
  settled: Map<SeriesId, { key: string; until: Instant }>
  /** By project: series with checks that are not completed. undefined: not looked yet. */
  begun: Map<string, Set<SeriesId>>
  branches: BranchMemory
  /** When what stands at pull requests that are over is forgotten next. */
  tidyAt: Instant
}

export const forgeShownMemory = (): ForgeShownMemory => ({
  ...{ away: { until: 0, times: 0 }, settled: new Map(), begun: new Map() },
  ...{ branches: branchMemory(), tidyAt: 0 },
})

/** What was settled is looked at again after this: a thing that could not be read, or a bug, heals. */
const againMs: Millis = 10 * 60_000
/** What is under way, too; sooner. */
const lookMs: Millis = 60_000
const maxRemembered = 10_000
/** So long it is remembered what stands at a pull request that is over; after that it is found there by its marks, if it is opened again. */
const keptMs: Millis = 30 * dayMs

/** `completed-…`: it stays as it is, whatever comes. */
const digestOf = (check: Check): string => `${check.status}-${contentId(24, check)}`
const isCompleted = ({ digest }: Pick<Shown, 'digest'>): boolean => digest.startsWith('completed-')

/** Each round has checks of its own, as GitHub keeps what was completed. */
const placeOf = (repository: Repository, { name, head, externalId }: Check): ShownPlace => ({
  ...{ repository, kind: 'check', on: head, name: `${name} ${externalId}` },
})

type Given = { ref: PullRef; series: SeriesId; wanted: Wanted; comment: 'words' | 'never' }

const putChecks = async (
  ports: ForgePorts,
  away: ForgeAway,
  { ref: { repository }, series, wanted }: Given,
): Promise<boolean> => {
  let all = true
  for (const check of wanted.checks) {
    const write = async (known: string | undefined) =>
      (await ports.forge?.putCheck(repository, check, known)) ?? ''
    const one = { place: placeOf(repository, check), series, digest: digestOf(check), write }
    all = (await put(ports, away, one)) && all
  }
  return all
}

const putComment = async (
  ports: ForgePorts,
  away: ForgeAway,
  { ref, series, wanted, comment }: Given,
): Promise<boolean> => {
  const { repository, number } = ref
  if (wanted.comment === undefined || comment === 'never') return true
  const { text, needed } = wanted.comment
  const place: ShownPlace = { repository, kind: 'comment', on: `#${number}`, name: 'result' }
  if (!needed && !(await ports.store.shownAt(place))?.digest) return true
  const write = async (known: string | undefined) =>
    (await ports.forge?.putComment(ref, { mark: commentMark, text }, known)) ?? ''
  return put(ports, away, { place, series, digest: contentId(24, text), write })
}

/** Ends what was begun of a series and is wanted no more. */
const abandon = async (
  ports: ForgePorts,
  away: ForgeAway,
  { series, wanted, why }: { series: SeriesId; wanted: Check[]; why: string },
): Promise<boolean> => {
  const places = new Set(wanted.map(check => placeOf('', check).name))
  let all = true
  for (const one of await ports.store.shown({ series, kind: 'check' })) {
    if (isCompleted(one) || places.has(one.name)) continue
    // Never written: nobody saw it.
    if (one.digest === '' && one.remote === '') {
      await ports.store.dropShown(one)
      continue
    }
    const [name = '', externalId = ''] = one.name.split(' ')
    const check = abandoned({ name, externalId, head: one.on, why })
    const write = async (known: string | undefined) =>
      (await ports.forge?.putCheck(one.repository, check, known)) ?? ''
    all = (await put(ports, away, { place: one, series, digest: digestOf(check), write })) && all
  }
  return all
}

const isSettled = (
  { clock }: ForgePorts,
  { settled }: ForgeShownMemory,
  { id, key }: { id: SeriesId; key: string },
): boolean => {
  const known = settled.get(id)
  return known?.key === key && clock.now() < known.until
}

const settle = (
  { clock }: ForgePorts,
  { settled }: ForgeShownMemory,
  { id, key, forMs = againMs }: { id: SeriesId; key: string; forMs?: Millis },
): void => {
  if (settled.size >= maxRemembered) settled.clear()
  settled.set(id, { key, until: clock.now() + forMs })
}

/** What it shows follows from these alone. `mark`: of the store. */
const keyOf = ({ mark, pull }: { mark: string; pull: Pull }): string =>
  JSON.stringify([mark, pull.state, pull.head])

type Tended = { series: Series; pull: Pull; comment: Given['comment']; key: string }

const tendSeries = async (
  ports: ForgePorts,
  memory: ForgeShownMemory,
  { series, pull, comment, key }: Tended,
): Promise<void> => {
  const view = await forgeView(ports, series)
  const isOver = pull.state !== 'open' && view.verdict === undefined
  const wanted = isOver ? { ...wantedOn(view), checks: [], comment: undefined } : wantedOn(view)
  const given: Given = { ref: pull, series: series.id, wanted, comment }
  begin(memory, series)
  const why =
    series.state.at === 'superseded'
      ? 'A newer version took its place'
      : pull.state === 'open'
        ? 'It is tested anew'
        : `The pull request was ${pull.state}`
  const all = [
    await putChecks(ports, memory.away, given),
    await abandon(ports, memory.away, { series: series.id, wanted: wanted.checks, why }),
    await putComment(ports, memory.away, given),
  ].every(Boolean)
  if (!all) return
  const isFinal = wanted.checks.every(({ status }) => status === 'completed')
  if (isFinal) memory.begun.get(series.project)?.delete(series.id)
  const isStill = isDecided(view) || isOver || series.state.at === 'superseded'
  settle(ports, memory, { id: series.id, key, forMs: isStill ? againMs : lookMs })
}

const begin = ({ begun }: ForgeShownMemory, { project, id }: Series): void => {
  begun.set(project, (begun.get(project) ?? new Set()).add(id))
}

/** Its head cannot be tested: that is said instead. */
const tendUnusable = async (
  ports: ForgePorts,
  memory: ForgeShownMemory,
  { pull, why, comment }: { pull: Pull; why: string; comment: Given['comment'] },
): Promise<void> => {
  const id = `${pull.repository}#${pull.number}`
  const key = `${pull.head} ${why}`
  if (isSettled(ports, memory, { id, key })) return
  const given = { ref: pull, series: id, wanted: wantedOfUnusable({ head: pull.head, why }), comment }
  const checks = await putChecks(ports, memory.away, given)
  if ((await putComment(ports, memory.away, given)) && checks) settle(ports, memory, { id, key })
}

const tendPulls = async (
  ports: ForgePorts,
  memory: ForgeShownMemory,
  { name, comment }: { name: string; comment: Given['comment'] },
): Promise<void> => {
  const { store } = ports
  const begun = memory.begun.get(name) ?? new Set(await begunIn(ports, name))
  memory.begun.set(name, begun)
  const open = await store.pulls({ project: name, state: 'open' })
  // Asked for before anything is read: what changes meanwhile is seen by the next round.
  const marks = await store.seriesMarks([...open.flatMap(({ series }) => series ?? []), ...begun])
  const current = new Set<SeriesId>()
  for (const pull of open) {
    const mark = pull.series === undefined ? undefined : marks.get(pull.series)
    if (pull.series !== undefined && mark !== undefined) {
      current.add(pull.series)
      await tendIfChanged(ports, memory, { id: pull.series, mark, pull, comment })
    } else if (pull.unusable !== undefined)
      await tendUnusable(ports, memory, { pull, why: pull.unusable, comment })
  }
  for (const id of [...begun].filter(id => !current.has(id))) {
    const mark = marks.get(id)
    const series = mark === undefined ? undefined : await store.series(id)
    const pull = series?.origin.from === 'forge' ? await store.pull(series.origin.pull) : undefined
    if (mark === undefined || pull === undefined) begun.delete(id)
    // Of an older head the comment is not: the newer one's stands there.
    else await tendIfChanged(ports, memory, { id, mark, pull, comment: own(pull, id, comment) })
  }
}

type Marked = Pick<Tended, 'pull' | 'comment'> & { id: SeriesId; mark: string }

/** What all stands of is not read again until something in it changes, or for a while. */
const tendIfChanged = async (
  ports: ForgePorts,
  memory: ForgeShownMemory,
  { id, mark, pull, comment }: Marked,
): Promise<void> => {
  const key = keyOf({ mark, pull })
  if (isSettled(ports, memory, { id, key })) return
  const series = await ports.store.series(id)
  if (series) await tendSeries(ports, memory, { series, pull, comment, key })
}

const own = (pull: Pull, id: SeriesId, comment: Given['comment']): Given['comment'] =>
  pull.series === id ? comment : 'never'

const begunIn = async ({ store }: ForgePorts, project: string): Promise<SeriesId[]> => {
  const rows = (await store.shown({ kind: 'check' })).filter(one => !isCompleted(one))
  const series = await Promise.all([...new Set(rows.map(one => one.series))].map(id => store.series(id)))
  return series.flatMap(one => (one?.project === project ? one.id : []))
}

/** Forgets what nobody changes any more: of pull requests that are over, and of older heads. */
const tidy = async ({ store, clock }: ForgePorts, memory: ForgeShownMemory): Promise<void> => {
  if (clock.now() < memory.tidyAt) return
  const pulls = await store.pulls({ state: 'open' })
  const open = new Set(
    pulls.flatMap(({ repository, number, series = '' }) => [`${repository}#${number}`, series]),
  )
  for (const kind of ['check', 'comment'] as const)
    for (const row of await store.shown({ kind })) {
      const of = kind === 'comment' ? `${row.repository}${row.on}` : row.series
      const usedAt = Math.max(row.at, row.trouble?.notBefore ?? 0)
      if (usedAt < clock.now() - keptMs && !open.has(of)) await store.dropShown(row)
    }
  memory.tidyAt = clock.now() + dayMs
}

/**
 * Brings GitHub to what is stored. One at a time may run. Cheap when nothing changed; while GitHub is away it comes back later. While the
 * bot is not live, nothing is shown. Throws the store's Faults.
 */
export const tendForgeShown = async (wired: Wired, memory: ForgeShownMemory): Promise<void> => {
  const { config, clock, forge } = wired
  if (forge === undefined || !config.mail.live || clock.now() < memory.away.until) return
  try {
    for (const { name, github } of config.projects)
      if (github?.pulls !== undefined) await tendPulls(wired, memory, { name, comment: github.comment })
    for (const project of config.projects)
      if (project.github?.series !== undefined)
        await tendBranchesShown(wired, memory.branches, { project, away: memory.away })
    await tidy(wired, memory)
  } catch (error) {
    if (!(error instanceof ForgeIsAway)) throw error
  }
}
