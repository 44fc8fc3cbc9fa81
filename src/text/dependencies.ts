// Which test needs which sources, from the rules that a build leaves: read by the run stage after a build, kept as JSON.
//
// A test is a target of a rule. What it needs may be targets of other rules: a program is linked of objects, and these are compiled of
// sources. Only where the whole way is known is a source told of; a gap on it makes the source one that concerns everything.
import { posix } from 'node:path'
import { z } from 'zod'
import { anyFile, type Dependencies } from '../model/concern.ts'
import { type MakeRule, makeRules } from './make-rules.ts'

const dependenciesSchema = z.record(z.string(), z.array(z.string()))

/** Throws if it is not what `testDependencies` gave. */
export const readDependencies = (json: string): Dependencies => dependenciesSchema.parse(JSON.parse(json))

export type RuleFiles = {
  /** Paths below the source folder. */
  files: { path: string; text: string }[]
  /** Paths of the sources below the source folder, as git knows them. */
  tracked: Set<string>
  /** Absolute, where the build ran. */
  folder: string
  /** Regular expression with a group `test`; undefined: each target is a test. */
  target: string | undefined
}

/** As many as 2,000 tests with 1,000 files each. */
const maxNeeds = 2_000_000

/** A longer target is no test: the pattern must stay quick. */
const maxTarget = 300

/** What it is made of is not told by itself. */
const isObject = (path: string): boolean =>
  /\.(?:o|lo|obj|a|la|lib|so|dll|dylib|rlib|rmeta|ko)(?:\.[\d.]+)?$/.test(path)

/** Paths are numbers: there are millions of them in the rules, and few thousands that differ. */
type Graph = {
  paths: string[]
  numberOf: (path: string) => number
  needs: Map<number, Set<number>>
  /** Targets of which not all is known that they need. */
  gaps: Set<number>
}

const newGraph = (): Graph => {
  const paths: string[] = []
  const numbers = new Map<string, number>()
  const numberOf = (path: string): number => {
    const known = numbers.get(path)
    if (known !== undefined) return known
    numbers.set(path, paths.length)
    return paths.push(path) - 1
  }
  return { paths, numberOf, needs: new Map(), gaps: new Set() }
}

/** Relative to the source folder where it is below it, else absolute. */
const placed = (folder: string, base: string, path: string): string => {
  const whole = posix.resolve(folder, base, path)
  return whole.startsWith(`${folder}/`) ? whole.slice(folder.length + 1) : whole
}

const foldersAbove = (path: string): string[] => {
  const folder = posix.dirname(path)
  return folder === '.' || folder === '/' ? [] : [folder, ...foldersAbove(folder)]
}

/** Where the compiler ran: the source folder, or one of those that the file is in, whose first prerequisite is there. */
const baseOf = (
  { path, rules }: { path: string; rules: MakeRule[] },
  isThere: (base: string, path: string) => boolean,
): string | undefined => {
  const first = rules.find(rule => rule.needs.length > 0)?.needs.find(need => !need.startsWith('/'))
  return first === undefined ? '' : ['', ...foldersAbove(path)].find(base => isThere(base, first))
}

/** First the rules of objects, whose sources are known; then those of what is made of these. */
const graphOf = ({ files, tracked, folder }: RuleFiles): Graph => {
  const graph = newGraph()
  const places = new Map<string, Map<string, number>>()
  const placeOf = (base: string, path: string): number => {
    const below = places.get(base) ?? new Map<string, number>()
    places.set(base, below)
    const known = below.get(path) ?? graph.numberOf(placed(folder, base, path))
    below.set(path, known)
    return known
  }
  const isThere = (base: string, path: string): boolean => {
    const at = placed(folder, base, path)
    return tracked.has(at) || graph.needs.has(graph.numberOf(at))
  }
  const add = (base: string, { targets, needs, isWhole }: MakeRule) => {
    for (const target of targets) {
      const at = placeOf(base, target)
      if (!isWhole) graph.gaps.add(at)
      if (needs.length === 0) continue
      const all = graph.needs.get(at) ?? new Set()
      graph.needs.set(at, all)
      for (const need of needs) all.add(placeOf(base, need))
    }
  }
  let open = files.map(({ path, text }) => ({ path, rules: makeRules(text) }))
  for (let last = false; open.length > 0; ) {
    const left = open.filter(file => {
      const base = baseOf(file, isThere) ?? (last ? '' : undefined)
      if (base === undefined) return true
      for (const rule of file.rules) add(base, rule)
      return false
    })
    last = left.length === open.length
    open = left
  }
  return graph
}

/** All that is needed, the targets themselves among it. */
const reach = ({ needs }: Graph, from: Iterable<number>): Set<number> => {
  const seen = new Set(from)
  for (const path of seen) for (const need of needs.get(path) ?? []) seen.add(need)
  return seen
}

/** Objects of which it is not known what they become a part of: what they need may be needed by any test. */
const loose = ({ paths, needs }: Graph, tests: Set<number>): number[] => {
  const used = new Set<number>()
  for (const all of needs.values()) for (const need of all) used.add(need)
  return [...needs.keys()].filter(
    target => !used.has(target) && !tests.has(target) && isObject(paths[target] ?? ''),
  )
}

/** Paths that stand for something that no rule tells more of. */
const gapsIn = ({ paths, needs, gaps }: Graph, { tracked, folder }: RuleFiles): Set<number> => {
  const around = `${posix.dirname(folder)}/`
  const untold = [...paths.entries()].filter(
    ([at, path]) =>
      !needs.has(at) &&
      isObject(path) &&
      !tracked.has(path) &&
      (!path.startsWith('/') || path.startsWith(around)),
  )
  return new Set([...gaps, ...untold.map(([at]) => at)])
}

const testOf = (pattern: RegExp | undefined, target: string): string | undefined => {
  if (target.length > maxTarget) return undefined
  return pattern === undefined ? target : pattern.exec(target)?.groups?.test
}

/** Targets by the test that they are. */
const testsIn = ({ paths, needs }: Graph, target: string | undefined): Map<string, number[]> => {
  const pattern = target === undefined ? undefined : new RegExp(target)
  const tests = new Map<string, number[]>()
  for (const at of needs.keys()) {
    const test = testOf(pattern, paths[at] ?? '')
    if (test) tests.set(test, [...(tests.get(test) ?? []), at])
  }
  return tests
}

/** Test → the sources that it needs, sorted; `*` among them: it may need any. System headers and what the build makes are left out.
 *  Throws if they are too many. */
export const testDependencies = (given: RuleFiles): Dependencies => {
  const graph = graphOf(given)
  const tests = testsIn(graph, given.target)
  const doubtful = reach(graph, loose(graph, new Set([...tests.values()].flat())))
  const gaps = gapsIn(graph, given)
  const sources = new Set(
    [...graph.paths.entries()].flatMap(([at, path]) =>
      given.tracked.has(path) && !doubtful.has(at) ? [at] : [],
    ),
  )
  let count = 0
  return Object.fromEntries(
    [...tests].map(([test, targets]): [string, string[]] => {
      const all = [...reach(graph, targets)]
      const own = all.filter(at => sources.has(at)).map(at => graph.paths[at] ?? '')
      count += own.length
      if (count > maxNeeds) throw new Error(`the tests need more than ${maxNeeds} files in all`)
      return [test, [...(all.some(at => gaps.has(at)) ? [anyFile] : []), ...own.sort()]]
    }),
  )
}
