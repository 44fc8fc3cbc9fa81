// Which tests fail by themselves now and then? Read from history: what a person may want to write down as a known failure.
import { covers, isTelling, ratesOf, type Sample, type Trials } from './history.ts'
import type { Instant } from './instant.ts'
import { type KnownFailure, matches, plainMessage } from './known.ts'
import { matchesName } from './name-glob.ts'

export type Flaky = {
  step: string
  test: string
  /** Where it is flaky; there it fails as often as `rate` says. */
  images: string[]
  /** What most of its failures say, in plain words; '' where they do not agree. */
  message: string
  rate: Trials
  /** Bases that it failed on, and authors whose series it failed with. */
  bases: number
  authors: number
  /** Of unpatched bases. */
  runs: { run: string; at: Instant }[]
}

/** It failed on so many bases, and with series of so many authors, together. */
const leastOccasions = 3
/** Fewer runs tell no rate. */
const leastRuns = 10
/** What fails more seldom is nobody's trouble; what fails more often is broken, and is compared with the base. */
const rates = { least: 0.01, most: 0.75 }
/** Longer messages are cut. */
const maxMessage = 160

type Occasion = { sample: Sample; message: string }

/** Those above others are no failures of their own. */
const leaves = (failed: Sample['failed']): Sample['failed'] => {
  const parents = new Set<string>()
  for (const { test } of failed)
    for (let at = test.indexOf(' > '); at >= 0; at = test.indexOf(' > ', at + 1))
      parents.add(test.slice(0, at))
  return failed.filter(({ test }) => !parents.has(test))
}

/** What failed in a run; '' where the step itself did not end well. */
const failuresOf = (sample: Sample): { test: string; message: string }[] => {
  if (isTelling(sample)) return leaves(sample.failed)
  return sample.only === undefined && sample.state !== 'whole' ? [{ test: '', message: '' }] : []
}

const occasionsOf = (samples: Sample[]): Map<string, Occasion[]> => {
  const found = new Map<string, Occasion[]>()
  for (const sample of samples)
    for (const { test, message } of failuresOf(sample)) {
      const all = found.get(test) ?? []
      all.push({ sample, message })
      found.set(test, all)
    }
  return found
}

/** A test that a commit broke and another one mended failed once, for some time. Did it come and go? `own`: runs on one image, in order of time. */
const comesAndGoes = (own: Sample[], test: string, failing: ReadonlySet<Sample>): boolean => {
  const ran = own.filter(sample =>
    test === '' ? sample.only === undefined : isTelling(sample) && covers(sample, test),
  )
  const starts = ran.filter((sample, at) => {
    const before = ran[at - 1]
    return failing.has(sample) && (before === undefined || !failing.has(before))
  })
  const failedOn = new Set(ran.filter(sample => failing.has(sample)).map(({ base }) => base))
  return starts.length >= 2 || ran.some(sample => !failing.has(sample) && failedOn.has(sample.base))
}

/** So many tell what a test says. */
const maxMessages = 200

/** What more than half of them say. */
const commonMessage = (given: Occasion[]): string => {
  const occasions = given.slice(-maxMessages)
  const all = Map.groupBy(occasions, ({ message }) => plainMessage(message))
  const [first] = [...all].sort((a, b) => b[1].length - a[1].length)
  if (!first || first[1].length * 2 <= occasions.length) return ''
  const [message] = first
  // A word that is cut in the middle may be a number.
  return message.length > maxMessage
    ? message.slice(0, message.lastIndexOf(' ', maxMessage) + 1).trim()
    : message
}

/** Was somebody asked about it, or has he decided? Then it is not proposed once more, whatever it says now. */
const isAsked = (known: KnownFailure[], step: string, test: string): boolean =>
  known.some(
    one =>
      (one.state.at === 'proposed' || one.state.at === 'rejected') &&
      (one.step ?? step) === step &&
      matchesName(test, one.test),
  )

const isKnown = (known: KnownFailure[], { sample, message }: Occasion, test: string): boolean =>
  known.some(
    one =>
      (one.state.at === 'confirmed' || one.state.at === 'retired') &&
      matches(one, { image: sample.image, step: sample.step, test, message }),
  )

const within = ({ failed, runs }: Trials): boolean =>
  runs >= leastRuns && failed >= rates.least * runs && failed <= rates.most * runs

/** Bases of unpatched runs, authors of patched ones. */
const occasions = (all: Occasion[]): number =>
  new Set(all.map(({ sample: { series, base, author } }) => (series === undefined ? base : author))).size

/** All of one step. */
const flakyOfStep = (
  samples: Sample[],
  { step, known }: { step: string; known: KnownFailure[] },
): Flaky[] => {
  const bare = samples.filter(({ series }) => series === undefined).sort((a, b) => a.at - b.at)
  const byImage = Map.groupBy(bare, ({ image }) => image)
  const rate = new Map([...byImage].map(([image, own]) => [image, ratesOf(own)]))
  const patched = occasionsOf(samples.filter(({ series }) => series !== undefined))
  return [...occasionsOf(bare)].flatMap(([test, all]) => {
    if (isAsked(known, step, test)) return []
    const seldom = occasions(all) + occasions(patched.get(test) ?? [])
    const own = seldom < leastOccasions ? [] : all.filter(one => !isKnown(known, one, test))
    if (own.length === 0) return []
    const failing = new Set(own.map(({ sample }) => sample))
    const images = [...byImage.keys()].filter(image => {
      const trials = rate.get(image)?.(step, test)
      return (
        own.some(({ sample }) => sample.image === image) &&
        trials !== undefined &&
        within(trials) &&
        comesAndGoes(byImage.get(image) ?? [], test, failing)
      )
    })
    const there = own.filter(({ sample }) => images.includes(sample.image))
    const others = (patched.get(test) ?? []).filter(
      one => images.includes(one.sample.image) && !isKnown(known, one, test),
    )
    const [bases, authors] = [occasions(there), occasions(others)]
    if (there.length === 0 || bases + authors < leastOccasions) return []
    const runs = images.reduce((sum, image) => sum + (rate.get(image)?.(step, test).runs ?? 0), 0)
    return [
      {
        ...{ step, test, images, message: commonMessage([...there, ...others]), bases, authors },
        rate: { failed: there.length, runs },
        runs: there.map(({ sample }) => ({ run: sample.run, at: sample.at })),
      },
    ]
  })
}

/** The newest so many bases of these samples. */
const newestBases = (samples: Sample[], bases: number): ReadonlySet<string> => {
  const inOrder = samples.filter(({ series }) => series === undefined).sort((a, b) => b.at - a.at)
  return new Set([...new Set(inOrder.map(({ base }) => base))].slice(0, bases))
}

/**
 * Tests that fail now and then without any patch, on the newest so many bases, and that nobody has decided on: the most frequent failures
 * first. What failed for a time, and never before or after, is none: a commit did that.
 *
 * @param samples of one project, patched and unpatched
 */
export const flakyIn = (
  samples: Sample[],
  { known, bases }: { known: KnownFailure[]; bases: number },
): Flaky[] => {
  const last = newestBases(samples, bases)
  const current = samples.filter(({ base, series }) => series !== undefined || last.has(base))
  return [...Map.groupBy(current, ({ step }) => step)]
    .flatMap(([step, own]) => flakyOfStep(own, { step, known }))
    .sort((a, b) => b.rate.failed - a.rate.failed || a.test.localeCompare(b.test))
}
