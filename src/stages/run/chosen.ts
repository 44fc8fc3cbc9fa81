// What is tested of a series: computed when its build is there, and looked up when a test begins. The unpatched base runs everything.
import { matchesGlob } from 'node:path'
import { isTrustworthy } from '../../model/comparing.ts'
import {
  anyFile,
  type Chosen,
  type Concern,
  chooseTests,
  concernOf,
  type Dependencies,
  type KnownSteps,
  type LikelyTests,
  touchedTests,
} from '../../model/concern.ts'
import {
  type Commit,
  firstTasks,
  type Job,
  type Outcome,
  outcomeOf,
  type SkippedStep,
  type Task,
  type TestedStep,
} from '../../model/job.ts'
import { likelyOf } from '../../model/likely.ts'
import type { FileChange } from '../../model/mail.ts'
import type { Recipe, TestStep } from '../../model/recipe.ts'
import { isFailure } from '../../model/report.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'
import { cleanLine } from '../../text/clean.ts'
import { dependenciesAt } from './dependencies.ts'
import type { Journal } from './journal.ts'

export type ChosenPorts = { store: Store; blobs: Blobs; log: Log }

type Built = Extract<Outcome, { kind: 'built' }>

const builtOf = (tasks: Task[]): Built | undefined => {
  const outcome = outcomeOf(firstTasks(tasks).build)
  return outcome?.kind === 'built' ? outcome : undefined
}

const hasRules = ({ test }: Recipe): boolean =>
  (test.concerns ?? []).length > 0 || test.dependencies !== undefined

/** Files that the series' own patches change. */
const changesOf = async (store: Store, { project, parts }: Job): Promise<FileChange[]> => {
  const mails = await Promise.all(parts.map(part => store.mail(part.blob, project)))
  // Of a mail that is not to be had nobody knows what it changes.
  return mails.some(mail => mail?.patch === undefined) ? [] : mails.flatMap(mail => mail?.patch?.files ?? [])
}

/** The maps of these builds, as far as there are any. A damaged one is none. */
export const mapsOf = async (
  { blobs, log }: Pick<ChosenPorts, 'blobs' | 'log'>,
  builds: (Pick<Built, 'dependencies'> | undefined)[],
): Promise<Dependencies[]> => {
  const ids = new Set(builds.flatMap(built => built?.dependencies ?? []))
  const maps = await Promise.all(
    [...ids].map(id =>
      dependenciesAt(blobs, id).catch(error => {
        log('warn', `dependencies cannot be read: ${String(error)}`, { blob: id })
        return []
      }),
    ),
  )
  return maps.flat()
}

const baseBuild = async (store: Store, { baseline }: Job): Promise<Built | undefined> =>
  baseline === undefined ? undefined : builtOf(await store.tasksOf(baseline))

/** Base lines that are looked at for a whole report. */
const maxBases = 10

const isSameStep = (a: TestStep, b: TestStep | undefined): boolean =>
  b !== undefined && a.run === b.run && a.report === b.report && a.only === b.only

/** Newest whole reports of the base: by image, then step. */
export type BaseReports = Map<string, Map<string, TestedStep>>

/** Of the job's own base line, and where that has none (yet) of the newest others. Stops when all is found. */
export const baseReports = async (
  store: Pick<Store, 'job' | 'baselines' | 'tasksOf'>,
  of: { project: string; recipe: Recipe; baseName?: string; own?: string | undefined },
): Promise<BaseReports> => {
  const { images, steps } = of.recipe.test
  const found: BaseReports = new Map(images.map(image => [image, new Map()]))
  const own = of.own === undefined ? undefined : await store.job(of.own)
  const { project, baseName } = of
  const others = await store.baselines({
    project,
    ...(baseName === undefined ? {} : { baseName }),
    limit: maxBases,
  })
  for (const base of [...(own ? [own] : []), ...others.filter(({ id }) => id !== own?.id)]) {
    for (const { image, state } of firstTasks(await store.tasksOf(base.id)).tests) {
      const known = found.get(image)
      if (!known || state.at !== 'done' || state.outcome.kind !== 'tested') continue
      for (const step of state.outcome.steps) {
        const now = steps.find(({ name }) => name === step.name)
        const then = base.recipe.test.steps.find(({ name }) => name === step.name)
        if (now && isSameStep(now, then) && isTrustworthy(step) && !known.has(step.name))
          known.set(step.name, step)
      }
    }
    if ([...found.values()].every(known => known.size === steps.length)) break
  }
  return found
}

/** The dependencies of the newest base line that has any. */
export const newestMaps = async (
  ports: Pick<ChosenPorts, 'blobs' | 'log'> & { store: Pick<Store, 'baselines' | 'tasksOf'> },
  of: { project: string; baseName: string },
): Promise<{ base: Commit | undefined; maps: Dependencies[] }> => {
  for (const job of await ports.store.baselines({ ...of, limit: maxBases })) {
    const maps = await mapsOf(ports, [builtOf(await ports.store.tasksOf(job.id))])
    if (maps.length > 0) return { base: job.base, maps }
  }
  return { base: undefined, maps: [] }
}

const namesIn = (step: TestedStep): string[] => step.report.tests.map(({ test }) => test)

export const knownSteps = (recipe: Recipe, reports: BaseReports, image: string): KnownSteps =>
  recipe.test.steps.map(step => {
    const report = reports.get(image)?.get(step.name)
    return { step, tests: report && namesIn(report) }
  })

/** What is run on one image. */
export const chooseOn = (given: {
  recipe: Recipe
  image: string
  concern: Concern
  reports: BaseReports
  maps: Dependencies[]
}): Chosen[] => {
  const { recipe, image, concern, reports, maps } = given
  const others = [...reports.values()].flatMap(steps => [...steps.values()].flatMap(namesIn))
  const mapped = new Set(
    maps.flatMap(map =>
      Object.entries(map).flatMap(([test, files]) => (files.includes(anyFile) ? [] : [test])),
    ),
  )
  return chooseTests({
    concern,
    steps: knownSteps(recipe, reports, image),
    elsewhere: others,
    isMapped: test => mapped.has(test),
  })
}

/** What files concern, by the recipe and what builds said. */
export const concernIn = (
  recipe: Recipe,
  changes: Pick<FileChange, 'before' | 'after'>[],
  maps: Dependencies[],
): Concern => concernOf({ changes, recipe, dependencies: maps, matches: matchesGlob })

/** Samples of one image that are looked at for what failed lately, and how far back. */
const lately = { samples: 300, ms: 3 * 24 * 3_600_000 }

/** Tests that are likely to fail with this series, on each image. Throws the store's Faults. */
const likelyIn = async (
  store: Store,
  { job, concern, reports }: { job: Job; concern: Concern | undefined; reports: BaseReports },
): Promise<LikelyTests[]> => {
  const { project, recipe } = job
  const found: LikelyTests[] = []
  for (const image of recipe.test.images) {
    const since = job.createdAt - lately.ms
    const samples = await store.samples({ project, image, patched: true, since, limit: lately.samples })
    const steps = knownSteps(recipe, reports, image)
    const failing = [...(reports.get(image)?.values() ?? [])].map(({ name, report }) => ({
      step: name,
      tests: report.tests.filter(({ outcome }) => isFailure(outcome)).map(({ test }) => test),
    }))
    const touched = concern ? touchedTests(concern, steps) : []
    const likely = likelyOf({ touched, steps, failing, samples, series: job.series })
    found.push(...likely.map(one => ({ image, ...one })))
  }
  return found
}

/** Adds to the outcome of a series' build which tests its files concern. Never throws: in doubt everything is tested. */
export const withConcern = async (ports: ChosenPorts, job: Job, built: Outcome): Promise<Outcome> => {
  if (built.kind !== 'built' || job.series === undefined) return built
  const { store, log } = ports
  try {
    const { project, recipe, baseName, baseline: own } = job
    const maps = hasRules(recipe) ? await mapsOf(ports, [built, await baseBuild(store, job)]) : []
    const concern = hasRules(recipe) ? concernIn(recipe, await changesOf(store, job), maps) : undefined
    const reports = await baseReports(store, { project, recipe, baseName, own })
    const likely = await likelyIn(store, { job, concern, reports })
    return { ...built, ...(concern ? { concern } : {}), ...(likely.length > 0 ? { likely } : {}) }
  } catch (error) {
    log('error', `it is not known what a series concerns: ${String(error)}`, {
      job: job.id,
      series: job.series,
    })
    return built
  }
}

/** What the first test of a series runs on an image; undefined: everything. Never throws. */
export const chosenFor = async (
  ports: ChosenPorts,
  { job, task, journal }: { job: Job; task: Task; journal: Pick<Journal, 'note'> },
): Promise<Chosen[] | undefined> => {
  if (job.series === undefined || task.probe) return undefined
  const { store, log } = ports
  const { project, recipe, baseName, baseline: own } = job
  try {
    const built = builtOf(await store.tasksOf(job.id))
    const concern = built?.concern
    if (concern === undefined) return undefined
    if (concern.kind === 'all')
      return void journal.note(`everything is tested: ${cleanLine(concern.why, 300)}`)
    const maps = concern.unmapped ? await mapsOf(ports, [built, await baseBuild(store, job)]) : []
    const reports = await baseReports(store, { project, recipe, baseName, own })
    const chosen = chooseOn({ recipe, image: task.image, concern, reports, maps })
    for (const one of chosen) journal.note(sayChosen(one))
    return chosen
  } catch (error) {
    log('error', `it is not known what to test: ${String(error)}`, { task: task.id, series: job.series })
    return undefined
  }
}

const whatIsRun = (one: Chosen): string => {
  if (one.run === 'some') return `only ${one.tests.length} tests`
  return one.run === 'none' ? 'left out' : 'whole'
}

const sayChosen = (one: Chosen): string =>
  `step "${one.step}": ${whatIsRun(one)}, as ${cleanLine(one.why, 300)}`

export const isNothing = (chosen: Chosen[]): boolean => chosen.every(({ run }) => run === 'none')

export const skippedOf = (chosen: Chosen[]): SkippedStep[] =>
  chosen
    .filter(({ run }) => run === 'none')
    .map(({ step, leftOut, why }) => ({ step, ...(leftOut > 0 ? { tests: leftOut } : {}), why }))
