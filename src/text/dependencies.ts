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

/** A longer target is no test: the pattern must stay quick. */
const maxTarget = 300

/** What it is made of is not told by itself. */
const isObject = (path: string): boolean =>
  /\.(?:o|lo|obj|a|la|lib|so|dll|dylib|rlib|rmeta|ko)(?:\.[\d.]+)?$/.test(path)

type Graph = { needs: Map<string, Set<string>>; gaps: Set<string> }

/** Relative to the source folder where it is below it, else absolute. */
const placed = (folder: string, base: string, path: string): string => {
  const whole = posix.resolve(folder, base, path)
  return whole.startsWith(`${folder}/`) ? whole.slice(folder.length + 1) : whole
}

const foldersAbove = (path: string): string[] => {
  const folder = posix.dirname(path)
  return folder === '.' || folder === '/' ? [] : [folder, ...foldersAbove(folder)]
}

type Placing = { folder: string; isKnown: (path: string) => boolean }

/** Where the compiler ran: the source folder, or one of those that the file is in, whose first prerequisite is there. */
const baseOf = (path: string, rules: MakeRule[], { folder, isKnown }: Placing): string | undefined => {
  const first = rules.find(rule => rule.needs.length > 0)?.needs.find(need => !need.startsWith('/'))
  if (first === undefined) return ''
  return ['', ...foldersAbove(path)].find(base => isKnown(placed(folder, base, first)))
}

/** First the rules of objects, whose sources are known; then those of what is made of these. */
const graphOf = ({ files, tracked, folder }: RuleFiles): Graph => {
  const graph: Graph = { needs: new Map(), gaps: new Set() }
  const isKnown = (path: string) => tracked.has(path) || graph.needs.has(path)
  const add = (base: string, { targets, needs, isWhole }: MakeRule) => {
    for (const target of targets) {
      const at = placed(folder, base, target)
      if (!isWhole) graph.gaps.add(at)
      if (needs.length === 0) continue
      const all = graph.needs.get(at) ?? new Set()
      graph.needs.set(at, all)
      for (const need of needs) all.add(placed(folder, base, need))
    }
  }
  let open = files.map(({ path, text }) => ({ path, rules: makeRules(text) }))
  for (let last = false; open.length > 0; ) {
    const left = open.filter(({ path, rules }) => {
      const base = baseOf(path, rules, { folder, isKnown }) ?? (last ? '' : undefined)
      if (base === undefined) return true
      for (const rule of rules) add(base, rule)
      return false
    })
    last = left.length === open.length
    open = left
  }
  return graph
}

/** All that is needed, the targets themselves among it. */
const reach = ({ needs }: Graph, from: string[]): Set<string> => {
  const seen = new Set(from)
  for (const path of seen) for (const need of needs.get(path) ?? []) seen.add(need)
  return seen
}

/** Objects of which it is not known what they become a part of: what they need may be needed by any test. */
const loose = (graph: Graph, tests: Set<string>): string[] => {
  const used = new Set([...graph.needs.values()].flatMap(needs => [...needs]))
  return [...graph.needs.keys()].filter(target => isObject(target) && !used.has(target) && !tests.has(target))
}

/** It stands for something that no rule tells more of. */
const isGap = ({ needs, gaps }: Graph, { tracked, folder }: RuleFiles, path: string): boolean =>
  gaps.has(path) ||
  (isObject(path) &&
    !needs.has(path) &&
    !tracked.has(path) &&
    (!path.startsWith('/') || path.startsWith(`${posix.dirname(folder)}/`)))

const testOf = (pattern: RegExp | undefined, target: string): string | undefined => {
  if (target.length > maxTarget) return undefined
  return pattern === undefined ? target : pattern.exec(target)?.groups?.test
}

/** Test → the sources that it needs, sorted; `*` among them: it may need any. System headers and what the build makes are left out. */
export const testDependencies = (given: RuleFiles): Dependencies => {
  const graph = graphOf(given)
  const pattern = given.target === undefined ? undefined : new RegExp(given.target)
  const targets = new Map<string, string[]>()
  for (const target of graph.needs.keys()) {
    const test = testOf(pattern, target)
    if (test) targets.set(test, [...(targets.get(test) ?? []), target])
  }
  const doubtful = reach(graph, loose(graph, new Set([...targets.values()].flat())))
  return Object.fromEntries(
    [...targets].map(([test, own]): [string, string[]] => {
      const all = [...reach(graph, own)]
      const sources = all.filter(path => given.tracked.has(path) && !doubtful.has(path))
      const isOpen = all.some(path => isGap(graph, given, path))
      return [test, [...(isOpen ? [anyFile] : []), ...sources.sort()]]
    }),
  )
}
