// What commands do to a series: test it again, leave it alone, let it go, say how it stands. Call these in turn: they read and write series.

import { type Command, maxRequests, type Request } from '../model/command.ts'
import { Fault } from '../model/fault.ts'
import { dayMs } from '../model/instant.ts'
import type { Task } from '../model/job.ts'
import { missingParts, released, type Series, type Wish } from '../model/series.ts'
import type { Stop } from '../model/stop.ts'
import { listed } from '../model/words.ts'
import { cancel } from '../stages/plan/cancel.ts'
import { sayFinding } from '../stages/reply/finding.ts'
import { readyTasks } from '../stages/run/ready.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { withheldJobs } from '../stages/upkeep/withheld.ts'
import { oneLine } from '../text/clean.ts'
import { sayInstant } from '../text/span.ts'
import { sayStops } from '../text/stop.ts'
import { headProof } from './first-time.ts'
import { stopsOfTasks, stopsOn } from './stopped.ts'
import type { Wired } from './wire.ts'

/** What came of a command: how it ends, what is said, and what is saved with it. */
export type Act = {
  how: 'done' | 'refused' | 'unknown'
  /** For operators, in a line. */
  what: string
  template: string
  variables: object
  /** Saved together with the command. */
  save?: Series
  /** When all that is saved; repeatable, and the sweep does the same. */
  after?: () => Promise<void>
  /** Nothing is said. */
  silent?: boolean
  /** What operators hold back of it. */
  stops?: Stop[]
}

export const deny = (why: string, list: string[] = []): Act => ({
  how: 'refused',
  what: why,
  template: 'answer-refused',
  variables: { why, list },
})

export const done = (what: string, did: Record<string, unknown> & { kind: string }): Act => ({
  how: 'done',
  what,
  template: 'answer-done',
  variables: {
    did: {
      ...{ title: '', version: 1, images: '', against: '', name: '', tasks: 0, missing: '', stopped: '' },
      ...did,
    },
  },
})

export const noSeries = deny(
  'I know no series in this thread. Reply to a patch that I have seen, or to one of my mails about it.',
)

const titleOf = (series: Series) => ({ title: oneLine(series.title, 100), version: series.version })

const replaced = async ({ store }: Wired, series: Series): Promise<Act> => {
  const by = series.state.at === 'superseded' ? await store.series(series.state.by) : undefined
  const newer = by && by.version > series.version ? `v${by.version}` : 'a newer posting'
  return deny(`This version was replaced by ${newer}. Reply to that one, please.`)
}

/** Why the images or the base that were named cannot be used. */
const badNames = (
  wired: Wired,
  { images, noSuchBase }: { images: string[]; noSuchBase: string | undefined },
  project: string,
): Act | undefined => {
  const { recipe } = wired.project(project)
  const known = [...new Set([...recipe.test.images, ...wired.config.farm.images.map(image => image.name)])]
  const missing = images.filter(image => !known.some(name => name.toLowerCase() === image))
  if (missing.length > 0)
    return deny(`I have no image "${oneLine(missing[0] ?? '', 40)}". These I have:`, known)
  return noSuchBase === undefined
    ? undefined
    : deny(`There is no branch, tag or commit "${oneLine(noSuchBase, 60)}" that I can find.`)
}

/** As far as can be told: an upstream that cannot be reached keeps nobody from asking. May fetch, which takes its time: never call it in turn. */
const isThere = async ({ mirror }: Wired, repository: string, name: string): Promise<boolean> => {
  if (await mirror.resolve(repository, name)) return true
  try {
    await mirror.fetch(repository, { ifOlderThanMs: 30_000 })
    return (await mirror.resolve(repository, name)) !== undefined
  } catch (error) {
    if (error instanceof Fault) return true
    throw error
  }
}

/** The base that a command names, if it is nowhere. Never call it in turn. Throws the store's Faults. */
export const missingBase = async (
  wired: Wired,
  request: Request,
  project: string | undefined,
): Promise<string | undefined> => {
  if (request.do !== 'test' || request.against === undefined || project === undefined) return undefined
  const { repository } = wired.project(project).recipe
  return (await isThere(wired, repository, request.against)) ? undefined : request.against
}

const isRunning = async ({ store }: Wired, { id, state }: Series): Promise<boolean> =>
  state.at === 'planned' && state.job !== undefined && (await store.verdict(id))?.job !== state.job

const withWish = (series: Series, wish: Wish | undefined): Series => {
  const { wish: _, ...rest } = series
  return wish === undefined ? rest : { ...rest, wish }
}

const wishOf = (
  wired: Wired,
  project: string,
  request: Extract<Request, { do: 'test' }>,
): Wish | undefined => {
  const { recipe } = wired.project(project)
  const names = [...recipe.test.images, ...wired.config.farm.images.map(image => image.name)]
  const images = request.images.map(image => names.find(name => name.toLowerCase() === image) ?? image)
  const { against } = request
  if (images.length === 0 && against === undefined) return undefined
  return { ...(images.length === 0 ? {} : { images }), ...(against === undefined ? {} : { against }) }
}

/** The first test of what was not tested yet: what is wished, or why it cannot be. `noSuchBase`: of missingBase. */
export const firstWish = (
  wired: Wired,
  project: string,
  { request, noSuchBase }: { request: Request; noSuchBase: string | undefined },
): { wish: Wish | undefined } | { refused: Act } => {
  if (request.do !== 'test') return { wish: undefined }
  const bad = badNames(wired, { ...request, noSuchBase }, project)
  return bad ? { refused: bad } : { wish: wishOf(wired, project, request) }
}

const requestsToday = async ({ store, clock }: Wired, series: Series): Promise<number> =>
  (await store.commands({ series: series.id, since: clock.now() - dayMs })).filter(
    ({ request, state }) => (request.do === 'test' || request.do === 'retest') && state.at === 'done',
  ).length

type TestAgain = {
  request: Extract<Request, { do: 'test' | 'retest' }>
  noSuchBase: string | undefined
  /** Who asks: operators read who holds what back. */
  isOperator?: boolean
}

const alreadyRuns = async (wired: Wired, series: Series, sayFor: (stops: Stop[]) => string): Promise<Act> => {
  const job = series.state.at === 'planned' ? series.state.job : undefined
  const stops = await stopsOfTasks(wired, job === undefined ? [] : await wired.store.tasksOf(job))
  const did = { kind: 'running', ...titleOf(series), stopped: sayFor(stops) }
  return { ...done('it is being tested already', did), stops }
}

/** test, retest: the series is planned once more, as a new round. `noSuchBase`: of missingBase. */
export const testAgain = async (
  wired: Wired,
  series: Series,
  { request, noSuchBase, isOperator = false }: TestAgain,
): Promise<Act> => {
  const sayFor = (stops: Stop[]) => sayStops(stops, { isOperator, where: 'mail' })
  const { state } = series
  if (state.at === 'superseded') return replaced(wired, series)
  if (state.at === 'held') return deny('This series waits for an operator to let it go first.')
  const bad = request.do === 'test' ? badNames(wired, { ...request, noSuchBase }, series.project) : undefined
  if (bad) return bad
  if (request.do === 'retest' && (await isRunning(wired, series))) return alreadyRuns(wired, series, sayFor)
  if ((await requestsToday(wired, series)) >= maxRequests)
    return deny(`This series was tested ${maxRequests} times on demand in the last 24 hours. Try tomorrow.`)
  const wish = request.do === 'test' ? wishOf(wired, series.project, request) : series.wish
  const wished = withWish(series, wish)
  const did = { ...titleOf(series), images: listed(wish?.images ?? []), against: wish?.against ?? '' }
  if (state.at === 'collecting' || state.at === 'incomplete') {
    const missing = listed(missingParts(series).map(String))
    return { ...done('when it is complete', { kind: 'later', ...did, missing }), save: wished }
  }
  const { build, test } = wired.project(series.project).recipe
  const stops = await stopsOn(wired, [build.image, ...(wish?.images ?? test.images)])
  const save: Series = { ...wished, round: (series.round ?? 0) + 1, state: { at: 'complete' } }
  const after = () => wired.queue.push(pushes.plan(series.id))
  return { ...done('is tested again', { kind: 'test', ...did, stopped: sayFor(stops) }), save, after, stops }
}

/** cancel: nothing more is run, and nothing said. */
export const leaveAlone = async (
  wired: Wired,
  series: Series,
  { by, why = 'asked for by mail' }: { by: string; why?: string },
): Promise<Act> => {
  if (series.state.at === 'superseded') return replaced(wired, series)
  try {
    const cancelled = await cancel(wired)(series.id, { why, by })
    const tasks = cancelled?.tasks.length ?? 0
    const after = () => wired.queue.wake()
    return { ...done('is cancelled', { kind: 'cancel', ...titleOf(series), tasks }), after }
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'refused') throw error
    return deny('There is nothing to cancel: this series has its verdict already.')
  }
}

/** release: a held series goes on, and its author is known from now on. */
export const letGo = async (wired: Wired, series: Series): Promise<Act> => {
  if (series.state.at !== 'held') return deny('This series is not held.')
  const signed = (await headProof(wired, series)).aligned === true
  const { address } = series.author
  await wired.store.addAuthor(series.project, { address, at: wired.clock.now(), signed })
  const after = () => wired.queue.push(pushes.plan(series.id))
  return { ...done('is released', { kind: 'release', ...titleOf(series) }), save: released(series), after }
}

const taskLine = ({ kind, image, state }: Task): string => {
  const what = `${kind} on ${image}`
  if (state.at === 'running') return `${what}: runs on ${state.host}`
  return `${what}: ${{ queued: 'waits', done: 'done', cancelled: 'cancelled' }[state.at]}`
}

/** How many tasks of others go before it; undefined: none of its own waits to be run. */
const ahead = async (wired: Wired, job: string): Promise<number | undefined> => {
  const ready = await readyTasks(wired)()
  const at = ready.findIndex(task => task.job === job)
  return at < 0 ? undefined : at
}

/** Is all of it run, and its result kept back until an incident is over? */
const isWithheld = async ({ store, clock }: Wired, id: string): Promise<boolean> => {
  const job = await store.job(id)
  return job !== undefined && (await withheldJobs(store, clock, [job])).has(id)
}

/** status: where it is, what runs, and what was found so far. */
export const standing = async (
  wired: Wired,
  series: Series,
  { sender, isOperator = false }: Pick<Command, 'sender'> & { isOperator?: boolean },
): Promise<Act> => {
  const { store } = wired
  const { state } = series
  const isOwn = series.author.address.toLowerCase() === sender
  const job = state.at === 'planned' ? state.job : undefined
  const tasks = job === undefined ? [] : await store.tasksOf(job)
  const verdict = await store.verdict(series.id)
  const said = verdict === undefined ? '' : sayFinding(verdict, series)
  const isCurrent = verdict !== undefined && (job === undefined || verdict.job === job)
  const before = job === undefined || isCurrent ? undefined : await ahead(wired, job)
  const withheld = job !== undefined && !isCurrent && (await isWithheld(wired, job))
  const stops = isCurrent || withheld ? [] : await stopsOfTasks(wired, tasks)
  const by = state.at === 'superseded' ? await store.series(state.by) : undefined
  return {
    how: 'done',
    what: `told that it is ${state.at}`,
    template: 'answer-status',
    variables: {
      title: oneLine(series.title, 100),
      version: series.version,
      whose: `${isOwn ? 'your' : 'this'} ${series.total > 1 ? 'series' : 'patch'}`,
      state: { at: state.at, missing: listed(missingParts(series).map(String)), by: by?.version ?? 0 },
      running: job !== undefined && !isCurrent,
      waiting: tasks.length > 0 && tasks.every(task => task.state.at === 'queued'),
      stopped: sayStops(stops, { isOperator, where: 'mail' }),
      withheld,
      tasks: isCurrent || withheld ? [] : tasks.slice(0, 12).map(task => oneLine(taskLine(task), 120)),
      ahead: before ?? -1,
      found: oneLine(isOwn ? said : said.replace(/\byour (patch|series|change)/g, 'this $1'), 200),
      foundAt: verdict === undefined ? '' : sayInstant(verdict.decidedAt),
      isCurrent,
    },
  }
}

/** The series that a command is about: the one that it names, else the one of its thread. */
export const aboutOf = async (
  { store }: Wired,
  { request }: Command,
  inThread: Series | undefined,
): Promise<Series | undefined> =>
  request.do === 'release' && request.series !== undefined ? store.series(request.series) : inThread
