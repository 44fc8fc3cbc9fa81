// Is a branch broken without anybody's patch, and since which commit? Pure; from base lines that are over, and from what their runs said.

import { covers, isTelling, none, plus, type Sample, type Trials } from './history.ts'
import type { Commit, Outcome } from './job.ts'
import { leaves } from './test-name.ts'

/** One commit of a branch, tested without patches. `build`: what came of it last; undefined: trouble of ours, nothing is known. */
export type BaseLine = { base: Commit; build: Outcome | undefined }

/** `since`: the first commit that was seen broken · `after`: the last one before it that was seen good; undefined: none was. */
export type Since = { since: Commit; after: Commit | undefined }

/** `test` is '' for the step itself: it does not come to a good end. */
export type BrokenTest = Since & {
  image: string
  step: string
  test: string
  message: string
  /** So many runs failed, one after another. */
  failed: number
  /** Of the bases before. */
  history: Trials
}

/** Runs that would tell more: single tests of a step on an image, of the newest base; [] for the whole step. */
export type Repeat = { image: string; step: string; tests: string[] }

export type BaseHealth = {
  build: (Since & { step: string; errors: string[] }) | undefined
  tests: BrokenTest[]
  /** What failed and hardly ever did before: not told before it repeats. */
  again: Repeat[]
}

const sound: BaseHealth = { build: undefined, tests: [], again: [] }

export const isBroken = ({ build, tests }: BaseHealth): boolean => build !== undefined || tests.length > 0

/** What an incident of a branch is about. */
export const aboutBase = (project: string, branch: string): string => `${project} ${branch}`

/** The earliest commit that broke something which is broken still. `lines`: as they were given to `baseHealth`. */
export const brokenSince = ({ build, tests }: BaseHealth, lines: BaseLine[]): Since | undefined => {
  const age = ({ since }: Since) => lines.findIndex(({ base }) => base === since)
  return build ?? [...tests].sort((a, b) => age(b) - age(a))[0]
}

/** A failure of one that fails so often by itself is no surprise. */
const hardlyEver = 0.25
/** Chance that so many failures in a row are chance; less is told. */
const surprise = 0.01
/** The same for a test that failed before: there are dozens of flaky ones in a large suite, and each of them has its chance on each base. */
const seldom = 0.0005

const rateOf = ({ failed, runs }: Trials): number => (failed + 0.5) / (runs + 1)

const buildHealth = (lines: BaseLine[]): BaseHealth['build'] => {
  const known = lines.filter(({ build }) => build?.kind === 'built' || build?.kind === 'build-failed')
  const [newest] = known
  if (newest?.build?.kind !== 'build-failed') return undefined
  const good = known.findIndex(({ build }) => build?.kind === 'built')
  const since = known[(good === -1 ? known.length : good) - 1] ?? newest
  const { step, errors } = newest.build
  return { since: since.base, after: known[good]?.base, step: step.name, errors }
}

/** What one base's runs of a step on an image said. */
type Said = { base: Commit; samples: { sample: Sample; failed: Set<string> }[] }

const trialsIn = ({ samples }: Said, test: string): Trials => {
  const counted = samples.filter(({ sample }) =>
    test === '' ? sample.only === undefined : isTelling(sample) && covers(sample, test),
  )
  const bad = counted.filter(({ sample, failed }) => (test === '' ? !isTelling(sample) : failed.has(test)))
  return { failed: bad.length, runs: counted.length }
}

/** Bases on which it always failed, from the newest on, and what it did on those before. */
const streakOf = (said: Said[], test: string): (Since & { failed: number; history: Trials }) | undefined => {
  let streak: Since & { failed: number; history: Trials } = {
    since: '',
    after: undefined,
    failed: 0,
    history: none,
  }
  let isOver = false
  for (const line of said) {
    const trials = trialsIn(line, test)
    if (trials.runs === 0) continue
    isOver ||= trials.failed < trials.runs
    streak = isOver
      ? { ...streak, after: streak.after ?? line.base, history: plus(streak.history, trials) }
      : { ...streak, since: line.base, failed: streak.failed + trials.failed }
  }
  // What never passed was not broken by anybody lately.
  return streak.failed > 0 && streak.history.runs > 0 ? streak : undefined
}

const stepHealth = (said: Said[], at: { image: string; step: string }): BaseHealth => {
  const [newest] = said
  if (newest === undefined) return sound
  const messages = new Map(
    newest.samples.flatMap(({ sample }) =>
      isTelling(sample) ? sample.failed.map(({ test, message }) => [test, message] as const) : [],
    ),
  )
  const isBad = newest.samples.some(({ sample }) => !isTelling(sample))
  const lowest = leaves([...messages.keys()].map(test => ({ test }))).map(({ test }) => test)
  const tests: BrokenTest[] = []
  const again: string[] = []
  for (const test of isBad ? ['', ...lowest] : lowest) {
    const streak = streakOf(said, test)
    if (streak === undefined) continue
    const { failed, history } = streak
    if (failed > 1 && rateOf(history) ** failed <= (history.failed === 0 ? surprise : seldom))
      tests.push({ ...at, test, message: messages.get(test) ?? '', ...streak })
    else if (rateOf(history) <= hardlyEver) again.push(test)
  }
  const repeat = { ...at, tests: again.includes('') ? [] : again }
  return { build: undefined, tests, again: again.length === 0 ? [] : [repeat] }
}

/**
 * The health of a branch. `lines`: its base lines that are over, the newest commit first · `samples`: of their bases, unpatched. A test is
 * broken if it failed on the newest bases every time, at least twice, and by its history so many failures in a row have a chance below 1 %; of one that failed
 * before, below 0.05 %.
 */
export const baseHealth = (lines: BaseLine[], samples: Sample[]): BaseHealth => {
  const build = buildHealth(lines)
  if (build) return { ...sound, build }
  const unpatched = samples.filter(({ series }) => series === undefined)
  const steps = Map.groupBy(unpatched, ({ image, step }) => JSON.stringify([image, step]))
  const found = [...steps].sort(byName).map(([, own]) => {
    const byBase = Map.groupBy(own, ({ base }) => base)
    const said = lines.flatMap(({ base }): Said[] => {
      const here = byBase.get(base)
      return here === undefined
        ? []
        : [
            {
              base,
              samples: here.map(sample => ({
                sample,
                failed: new Set(sample.failed.map(({ test }) => test)),
              })),
            },
          ]
    })
    const [first] = own
    // A step or an image that the newest base does not have any more is nobody's trouble.
    if (first === undefined || said[0]?.base !== newestTested(lines, unpatched)) return sound
    return stepHealth(said, { image: first.image, step: first.step })
  })
  return {
    build: undefined,
    tests: found.flatMap(({ tests }) => tests),
    again: found.flatMap(({ again }) => again),
  }
}

const byName = ([a]: [string, Sample[]], [b]: [string, Sample[]]): number => (a < b ? -1 : 1)

const newestTested = (lines: BaseLine[], samples: Sample[]): Commit | undefined => {
  const tested = new Set(samples.map(({ base }) => base))
  return lines.find(({ base }) => tested.has(base))?.base
}
