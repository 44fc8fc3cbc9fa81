// A project that was never written: thousands of tests on several images, some of which fail by chance, bases that move and break, hosts
// that have bad days, and authors some of whose patches break something. It knows the truth, so that judges can be measured by it.
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

export type Random = () => number

export const randomFrom = (seed: number): Random => {
  const generator = xoroshiro128plus(seed)
  return () => uniformFloat64(generator)
}

export type Size = { tests: number; series: number; images: string[]; hosts: string[] }

export const size: Size = {
  tests: 2000,
  series: 1000,
  images: ['debian', 'fedora', 'windows', 'busybox'],
  hosts: ['h1', 'h2', 'h3'],
}

/** Shares of what happens; times in ms of a clone's life. */
export const habits = {
  flaky: 0.03,
  /** Rates of tests that fail by chance: spread evenly over their logarithm. */
  rates: [0.005, 0.6] as const,
  faults: 0.02,
  breaking: 0.15,
  /** Of the breaking ones: how many break tests only so often. */
  seldom: 1 / 3,
  seldomRate: 0.3,
  /** Of the breaking ones: on one image only. */
  onOneImage: 0.3,
  /** How often the map of dependencies names the test that a patch breaks. */
  foreseen: 0.95,
  /** So many series come before the base moves. */
  perBase: 10,
  baseBreaks: 0.05,
  seriesPerIncident: 125,
  incidentSeries: 12,
  testMs: 500,
  // A fork takes 0.1 s, and bringing 50 MB of what was built 0.4 s (`npm run bench -- farm`).
  cloneMs: 700,
  buildMs: 60_000,
}

export type Break = { test: number; images: string[]; rate: number }

export type Author = string

export type SeriesTruth = {
  id: string
  at: number
  base: number
  author: Author
  breaks: Break[]
  /** Tests that the map says its files concern. */
  concerned: number[]
}

/** Trouble that hits many runs alike. image: there, with and without patches · host: there, at random · builder: whatever is built while it lasts. */
export type Incident = {
  kind: 'image' | 'host' | 'builder'
  where: string
  from: number
  to: number
  tests: number[]
  rate: number
}

export type World = {
  size: Size
  /** ms that each takes. */
  testMs: number[]
  /** By image and test; 0 for most. */
  flaky: Map<string, Map<number, number>>
  series: SeriesTruth[]
  incidents: Incident[]
  /** Tests that are broken in each base. */
  baseBroken: Set<number>[]
}

const pick = <T>(random: Random, from: T[]): T => from[Math.floor(random() * from.length)] as T

const someOf = (random: Random, count: number, below: number): number[] => [
  ...new Set(Array.from({ length: count }, () => Math.floor(random() * below))),
]

const flakyTests = (random: Random, { tests, images }: Size): World['flaky'] => {
  const [low, high] = habits.rates
  const chosen = new Set<number>()
  while (chosen.size < Math.round(tests * habits.flaky)) chosen.add(Math.floor(random() * tests))
  const rates = [...chosen].map((test): [number, number] => [test, low * (high / low) ** random()])
  return new Map(images.map(image => [image, new Map(rates)]))
}

const breaksOf = (random: Random, concerned: number[], { tests, images }: Size): Break[] => {
  const seldom = random() < habits.seldom
  const rate = seldom ? habits.seldomRate : 1
  const where = random() < habits.onOneImage ? [pick(random, images)] : images
  const count = seldom ? 1 : 1 + Math.floor(random() * 4)
  const foreseen = random() < habits.foreseen
  return Array.from({ length: count }, () => ({
    test: foreseen ? pick(random, concerned) : Math.floor(random() * tests),
    images: where,
    rate,
  }))
}

const incidentsOf = (random: Random, { series, tests, images, hosts }: Size): Incident[] =>
  Array.from({ length: Math.ceil(series / habits.seriesPerIncident) }, (_, i) => {
    const from = Math.floor(random() * (series - habits.incidentSeries))
    const kind = (['image', 'host', 'builder', 'image'] as const)[i % 4] ?? 'image'
    return {
      ...{ kind, from, to: from + habits.incidentSeries },
      where: kind === 'host' ? pick(random, hosts) : kind === 'image' ? pick(random, images) : '',
      tests: someOf(random, kind === 'host' ? 40 : 3, tests),
      rate: kind === 'host' ? 0.5 : kind === 'image' ? 0.9 : 1,
    }
  })

const basesOf = (random: Random, { series, tests }: Size): Set<number>[] => {
  const bases: Set<number>[] = []
  const open: { test: number; until: number }[] = []
  for (let base = 0; base <= series / habits.perBase; base++) {
    if (random() < habits.baseBreaks)
      for (const test of someOf(random, 2, tests)) open.push({ test, until: base + 3 })
    bases.push(new Set(open.filter(one => one.until > base).map(({ test }) => test)))
  }
  return bases
}

/** The same seed makes the same world. */
export const makeWorld = (seed: number, of: Size = size): World => {
  const random = randomFrom(seed)
  const series = Array.from({ length: of.series }, (_, at): SeriesTruth => {
    const concerned = someOf(random, 5 + Math.floor(random() * 15), of.tests)
    return {
      ...{ id: `s${at}`, at, base: Math.floor(at / habits.perBase), concerned },
      author: `author${Math.floor(random() * 60)}@example.org`,
      breaks: random() < habits.breaking ? breaksOf(random, concerned, of) : [],
    }
  })
  return {
    size: of,
    testMs: Array.from({ length: of.tests }, () => habits.testMs * (0.2 + 1.6 * random())),
    flaky: flakyTests(random, of),
    series,
    incidents: incidentsOf(random, of),
    baseBroken: basesOf(random, of),
  }
}

/** What is run: one image's tests, all or some, of a series or of its base without it. */
export type RunOf = {
  series: SeriesTruth
  /** Are its patches in? */
  patched: boolean
  image: string
  host: string
  /** undefined: all of them. */
  only?: number[]
  /** When the artifact that is tested was built: something went wrong there, if at all. */
  builtAt: number
}

/** ours: the machine gave up, and said so. */
export type RunResult = { ours: boolean; failed: Set<number>; ms: number }

const rateHere = (world: World, run: RunOf, test: number): number => {
  const { series, image, host, patched, builtAt } = run
  if (world.baseBroken[series.base]?.has(test)) return 1
  const rates = [world.flaky.get(image)?.get(test) ?? 0]
  if (patched)
    for (const one of series.breaks) if (one.test === test && one.images.includes(image)) rates.push(one.rate)
  for (const { kind, where, from, to, tests, rate } of world.incidents) {
    const at = kind === 'builder' ? builtAt : series.at
    const isHere = kind === 'builder' || where === (kind === 'host' ? host : image)
    if (isHere && at >= from && at < to && tests.includes(test)) rates.push(rate)
  }
  return 1 - rates.reduce((well, rate) => well * (1 - rate), 1)
}

/** Tests that can fail in such a run at all; the others are not thrown dice for. */
const doubtful = (world: World, { series, image }: RunOf): Set<number> =>
  new Set([
    ...(world.flaky.get(image)?.keys() ?? []),
    ...series.breaks.map(({ test }) => test),
    ...(world.baseBroken[series.base] ?? []),
    ...world.incidents.flatMap(({ tests }) => tests),
  ])

export const perform = (world: World, run: RunOf, random: Random): RunResult => {
  const tests = run.only ?? []
  const own = run.only
    ? tests.reduce((sum, test) => sum + (world.testMs[test] ?? 0), 0)
    : world.testMs.reduce((sum, one) => sum + one, 0)
  const failed = new Set<number>()
  const only = run.only && new Set(run.only)
  for (const test of doubtful(world, run))
    if ((!only || only.has(test)) && random() < rateHere(world, run, test)) failed.add(test)
  const trouble = random() < habits.faults
  // Half of them are noticed; the others leave tests that fail for no reason.
  if (trouble && random() < 0.5) return { ours: true, failed: new Set(), ms: habits.cloneMs + own * random() }
  if (trouble) {
    const wrong = only ? tests : someOf(random, 40, world.size.tests)
    for (const test of wrong) if (random() < 0.5) failed.add(test)
  }
  return { ours: false, failed, ms: habits.cloneMs + own }
}
