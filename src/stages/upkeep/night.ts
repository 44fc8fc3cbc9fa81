// What a night brought, in one line of the project's digest: how many tests ran on its bases, what fails newly, what was mended.
import { isTelling, ratesOf, type Sample, type Trials } from '../../model/history.ts'
import { type Instant, lastDue, type Millis } from '../../model/instant.ts'
import { firstTasks, isOver, type Job, type Task } from '../../model/job.ts'
import type { DigestLine } from '../../model/reply.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { contentId } from '../../text/digest.ts'
import { nightMs } from './baselines.ts'

export type NightPorts = { store: Store; clock: Clock }

export type NightWanted = {
  project: string
  nightlyAt: number
  /** How many there are. */
  branches: number
  bases: number
}

export type Changed = { image: string; step: string; test: string }

/** One branch's night, against what was before it. */
export type Night = { newly: Changed[]; mended: Changed[]; tests: number; images: number }

const seldom = 0.1
const often = 0.5
const share = ({ failed, runs }: Trials): number => (runs === 0 ? 0 : failed / runs)

const failedIn = (samples: Sample[]): Set<string> =>
  new Set(samples.flatMap(({ failed }) => failed.map(({ test }) => test)))

const last = (samples: Sample[]): Sample | undefined =>
  samples.reduce<Sample | undefined>((a, b) => (a === undefined || b.at > a.at ? b : a), undefined)

const isWholeStep = (sample: Sample): boolean => sample.only === undefined && isTelling(sample)

/** One step on one image: what always failed tonight and hardly ever did before; what passes and failed more often than not. */
const compare = (tonight: Sample[], before: Sample[]): { newly: string[]; mended: string[] } => {
  const now = ratesOf(tonight)
  const past = ratesOf(before)
  const previous = last(before.filter(isWholeStep))
  const step = tonight[0]?.step ?? ''
  if (previous === undefined) return { newly: [], mended: [] }
  const failsNow = (test: string) => {
    const { failed, runs } = now(step, test)
    return runs > 0 && failed === runs
  }
  const failedBefore = failedIn([previous])
  const newly = [...failedIn(tonight.filter(isWholeStep))].filter(
    test => failsNow(test) && !failedBefore.has(test) && share(past(step, test)) <= seldom,
  )
  const mended = [...failedBefore].filter(
    test => now(step, test).failed === 0 && now(step, test).runs > 0 && share(past(step, test)) >= often,
  )
  return { newly, mended }
}

/** `before`: earlier samples of unpatched bases. */
export const compareNight = (tonight: Sample[], before: Sample[]): Night => {
  const key = ({ image, step }: Sample) => JSON.stringify([image, step])
  const past = Map.groupBy(before, key)
  const steps = [...Map.groupBy(tonight, key)].sort(([a], [b]) => (a < b ? -1 : 1))
  const parts = steps.map(([at, own]) => {
    const { image = '', step = '' } = own[0] ?? {}
    const { newly, mended } = compare(own, past.get(at) ?? [])
    const named = (tests: string[]): Changed[] => tests.map(test => ({ image, step, test }))
    const count = last(own.filter(({ only }) => only === undefined))?.count ?? 0
    return { newly: named(newly), mended: named(mended), count }
  })
  return {
    newly: parts.flatMap(({ newly }) => newly),
    mended: parts.flatMap(({ mended }) => mended),
    tests: parts.reduce((sum, { count }) => sum + count, 0),
    images: new Set(tonight.map(({ image }) => image)).size,
  }
}

const maxNamed = 3

const named = (what: string, tests: Changed[]): string[] => {
  if (tests.length === 0) return []
  const names = tests.slice(0, maxNamed).map(({ test, image }) => `${oneLine(test, 80)} on ${image}`)
  const more = tests.length > maxNamed ? ` and ${tests.length - maxNamed} more` : ''
  return [`${what}: ${names.join(', ')}${more}`]
}

type Told = { job: Job; night: Night | undefined; trouble: string }

const counted = (count: number, what: string): string => (count === 0 ? [] : [`${count} ${what}`]).join('')

const branchLines = ({ job, night, trouble }: Told): string[] => {
  const at = `${job.baseName} at ${job.base.slice(0, 12)}`
  if (night === undefined) return [`${at}: ${trouble}`]
  const { newly, mended, tests, images } = night
  const ran = `${tests} ${tests === 1 ? 'test' : 'tests'} on ${images} ${images === 1 ? 'image' : 'images'}`
  const news = [counted(newly.length, 'newly failing'), counted(mended.length, 'mended')].filter(
    word => word !== '',
  )
  return [`${at}: ${[ran, ...news].join(', ')}`, ...named('fails newly', newly), ...named('mended', mended)]
}

/** Broken is news, whoever broke it. */
const findingOf = (told: Told[]): { news: boolean; finding: string } => {
  if (told.some(({ trouble }) => trouble === unbuilt)) return { news: true, finding: 'night: does not build' }
  const newly = told.reduce((sum, { night }) => sum + (night?.newly.length ?? 0), 0)
  if (newly > 0) return { news: true, finding: `night: ${newly} newly failing` }
  return {
    news: false,
    finding: told.some(({ night }) => night) ? 'night: nothing new' : 'night: not tested',
  }
}

const unbuilt = 'does not build'

const lineOf = (project: string, day: string, { told, now }: { told: Told[]; now: Instant }): DigestLine => {
  const [title = '', ...details] = told.flatMap(branchLines)
  return {
    id: `n${contentId(23, 'night', project, day)}`,
    ...{ project, at: now, ...findingOf(told), title, details, who: '', messageId: undefined, links: [] },
  }
}

/** What was not over by then is told to nobody. */
const longestMs: Millis = 4 * 86_400_000

const troubleOf = (tasks: Task[]): string => {
  const state = firstTasks(tasks).build?.state
  if (state?.at === 'cancelled') return `was not tested: ${oneLine(state.why, 60)}`
  if (state?.at === 'done' && state.outcome.kind === 'build-failed') return unbuilt
  return 'was not tested: trouble of ours'
}

const tellOf = async (store: Store, job: Job, { bases }: NightWanted): Promise<Told> => {
  const earlier = (
    await store.baselines({ project: job.project, baseName: job.baseName, limit: 2 * bases })
  ).filter(({ createdAt }) => createdAt < job.createdAt)
  const since = Math.min(job.createdAt, ...earlier.map(({ createdAt }) => createdAt)) - 1
  const samples = await store.samples({ project: job.project, patched: false, since, limit: 20_000 })
  const commits = new Set(earlier.map(({ base }) => base))
  const tonight = samples.filter(sample => sample.job === job.id)
  const before = samples.filter(sample => commits.has(sample.base) && sample.at < job.createdAt)
  const trouble = troubleOf(await store.tasksOf(job.id))
  return { job, trouble, night: tonight.length === 0 ? undefined : compareNight(tonight, before) }
}

/** Adds the line of each night that is over, once. `told`: nights that are done with. Repeatable. Throws the store's Faults. */
export const tellNights =
  ({ store, clock }: NightPorts, told: Set<string>) =>
  async (wanted: NightWanted): Promise<void> => {
    const { project, nightlyAt, branches } = wanted
    const now = clock.now()
    const jobs = await store.baselines({ project, limit: 6 * branches + 20 })
    const nights = Map.groupBy(jobs, ({ night }) => night)
    for (const [day, own] of nights) {
      const key = `${project} ${day}`
      if (day === undefined || told.has(key) || now - Date.parse(day) > longestMs) continue
      const mayGrow = day === lastDue(now, nightlyAt).day && own.length < branches
      if (mayGrow && now < lastDue(now, nightlyAt).at + nightMs) continue
      const tasks = await store.tasksOfJobs(own.map(({ id }) => id))
      if (!tasks.every(isOver)) continue
      const all = await Promise.all(own.toReversed().map(job => tellOf(store, job, wanted)))
      await store.addDigestLine(lineOf(project, day, { told: all, now }))
      told.add(key)
    }
  }
