// What tests did so far, with and without patches: from this, how often each of them fails by itself. `flaky` is a number here, never a flag.
import type { Instant } from './instant.ts'
import type { Commit, JobId } from './job.ts'
import type { ReportState } from './report.ts'
import type { RunId } from './run.ts'
import type { SeriesId } from './series.ts'
import { topmost, withParents } from './test-name.ts'

/** How often it failed, of so many runs. */
export type Trials = { failed: number; runs: number }

/** One step of one run, as history keeps it: what failed, and of how many. */
export type Sample = {
  /** Unique: run and step. */
  id: string
  project: string
  image: string
  step: string
  job: JobId
  run: RunId
  base: Commit
  /** What people call the base: its branch, or a tag. undefined: kept by an older Grapevine. */
  baseName?: string
  /** undefined: the unpatched base. */
  series: SeriesId | undefined
  /** Lower-case address of the series' author; undefined: of the base. */
  author: string | undefined
  host: string
  at: Instant
  /** Of its report; `broken`: the step did not end by itself. Only of a whole one it is known what passed. */
  state: ReportState | 'broken'
  /** undefined: all tests of the step ran; else only these. */
  only: string[] | undefined
  /** How many tests there were in the report. */
  count: number
  /** At most `maxFailed`. */
  failed: { test: string; message: string }[]
}

/** A run with more failures than these says nothing of single tests. */
export const maxFailed = 2000

export const none: Trials = { failed: 0, runs: 0 }

export const plus = (a: Trials, b: Trials): Trials => ({ failed: a.failed + b.failed, runs: a.runs + b.runs })

/** Does it tell of single tests: what passed, and all that failed? */
export const isTelling = ({ state, failed }: Pick<Sample, 'state' | 'failed'>): boolean =>
  state === 'whole' && failed.length < maxFailed

type Tally = {
  /** Runs of the whole step, whatever came of them, and those that did not end well. */
  step: Trials
  /** Telling runs of the whole step. */
  whole: number
  /** Further telling runs of single tests, by test. */
  single: Map<string, number>
  failed: Map<string, number>
}

const add = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

const tallyOf = (samples: Sample[]): Tally => {
  const tally: Tally = { step: none, whole: 0, single: new Map(), failed: new Map() }
  for (const sample of samples) {
    const { only, state, failed } = sample
    if (only === undefined) tally.step = plus(tally.step, { failed: state === 'whole' ? 0 : 1, runs: 1 })
    if (!isTelling(sample)) continue
    if (only === undefined) tally.whole++
    // No more than one of these is above a test, so that each run counts once.
    const named = only && new Set(topmost([...new Set(only)]))
    for (const test of named ?? []) add(tally.single, test)
    // What else came along in a run of single tests, or is above them, was not counted as run either.
    const isCounted = (test: string) => named === undefined || withParents(test).some(one => named.has(one))
    for (const test of new Set(failed.map(one => one.test))) if (isCounted(test)) add(tally.failed, test)
  }
  return tally
}

/**
 * How often each test failed, and in how many runs it took part. All samples of one image, or of what is to be one. A whole report counts
 * all tests of its step as run; a report that is not whole says nothing of single tests, only of the step itself, which is the test ''.
 */
export const ratesOf = (samples: Sample[]): ((step: string, test: string) => Trials) => {
  const steps = new Map(
    [...Map.groupBy(samples, ({ step }) => step)].map(([step, own]) => [step, tallyOf(own)]),
  )
  return (step, test) => {
    const tally = steps.get(step)
    if (tally === undefined) return none
    if (test === '') return tally.step
    const single = withParents(test).reduce((sum, name) => sum + (tally.single.get(name) ?? 0), 0)
    return { failed: tally.failed.get(test) ?? 0, runs: tally.whole + single }
  }
}

/**
 * History of the unpatched bases, by image: the one that failures are compared with. `but`: a job whose own runs are counted elsewhere.
 * Samples of patched runs are left out.
 */
export const historyOf = (
  samples: Sample[],
  { but }: { but?: JobId } = {},
): ((image: string, step: string, test: string) => Trials) => {
  const own = samples.filter(({ series, job }) => series === undefined && job !== but)
  const images = new Map(
    [...Map.groupBy(own, ({ image }) => image)].map(([image, of]) => [image, ratesOf(of)]),
  )
  return (image, step, test) => images.get(image)?.(step, test) ?? none
}

/** Those of the newest so many bases; samples come the newest first. */
export const ofLastBases = (samples: Sample[], bases: number): Sample[] => {
  const last = new Set([...new Set(samples.map(({ base }) => base))].slice(0, bases))
  return samples.filter(({ base }) => last.has(base))
}

/** A branch of which so many bases are known has a history of its own. */
const enoughBases = 5

/** Those of the same branch; while these are few, all: what is flaky on one branch is on others, too. */
export const ofBranch = (samples: Sample[], name: string): Sample[] => {
  const own = samples.filter(({ baseName = name }) => baseName === name)
  return new Set(own.map(({ base }) => base)).size < enoughBases ? samples : own
}

/** What failed at least once, and how often; test '' is the step itself. */
export type Rate = Trials & {
  image: string
  step: string
  test: string
  /** When it failed last, on which base, and what it said. */
  last: { at: Instant; base: Commit; message: string }
}

type Failing = { sample: Sample; test: string; message: string }

const failingIn = (sample: Sample): Failing[] => {
  if (sample.state === 'whole') return sample.failed.map(one => ({ sample, ...one }))
  return sample.only === undefined ? [{ sample, test: '', message: sample.state }] : []
}

const byName = (a: Rate, b: Rate): number =>
  a.test < b.test ? -1 : a.test > b.test ? 1 : a.image < b.image ? -1 : 1

/** Every test that ever failed in these samples, the most frequent failures first. */
export const failureRates = (samples: Sample[]): Rate[] => {
  const byImage = Map.groupBy(samples, ({ image }) => image)
  const found = [...byImage].flatMap(([image, own]) => {
    const rates = ratesOf(own)
    const newestLast = [...own].sort((a, b) => a.at - b.at).flatMap(failingIn)
    const lasts = new Map(newestLast.map(one => [JSON.stringify([one.sample.step, one.test]), one]))
    return [...lasts.values()].map(({ sample: { step, at, base }, test, message }): Rate => {
      return { image, step, test, ...rates(step, test), last: { at, base, message } }
    })
  })
  const share = ({ failed, runs }: Trials) => failed / Math.max(1, runs)
  return found
    .filter(({ failed }) => failed > 0)
    .sort((a, b) => share(b) - share(a) || b.failed - a.failed || byName(a, b))
}

/** Could the test have failed in it? */
export const covers = ({ only }: Pick<Sample, 'only'>, test: string): boolean =>
  only === undefined || only.some(name => test === name || test.startsWith(`${name} > `))
