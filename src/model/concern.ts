// What has to be tested of a series: from the files that it changes to the tests that they concern. Pure; the run stage brings the rules,
// what builds said of dependencies, and the tests that there are.
//
// A file is told of by the rules of the recipe (a person's word: it concerns these and nothing else) and by the dependency map (a test that
// the map does not know may need it as well). Where neither tells of a file, where it is new, or where the build itself reads it, everything
// is tested.

import type { FileChange } from './mail.ts'
import { matchesName } from './name-glob.ts'
import type { Recipe, TestStep } from './recipe.ts'
import { topmost, withParents } from './test-name.ts'

/** Which test needs which files, as a build told. */
export type Dependencies = Record<string, string[]>

/** In place of a file: the test may need any. */
export const anyFile = '*'

/** Tests of one step on one image that are likely to fail: a patch touches what they need, or they failed lately. */
export type LikelyTests = StepLikely & { image: string }

/** `tests`: touched; worth several runs, as a break may show now and then. `lately`: those that only failed lately; one run shows whether they do. */
export type StepLikely = { step: string; tests: string[]; lately?: string[] }

/** What changed files concern, whatever tests there are. `why` is for people; it names files, which are untrusted. */
export type Concern =
  | { kind: 'all'; why: string }
  | {
      kind: 'some'
      /** Steps that are run whole. */
      steps: string[]
      /** Tests by name, each with what is below it. */
      tests: string[]
      /** Globs of tests' names; */
      globs: string[]
      /** and those by which the whole step is run, as a new file may bring new tests. */
      wholeFor: string[]
      /** Tests of which the dependency map does not know all that they need are concerned, too. */
      unmapped: boolean
      why: string
    }

export type ConcernInput = {
  changes: Pick<FileChange, 'before' | 'after'>[]
  recipe: { ignore: string[]; test: Pick<Recipe['test'], 'concerns'> }
  /** Of the base line's build and of the series' own. */
  dependencies: Dependencies[]
  /** Does a path match a glob? */
  matches: (path: string, glob: string) => boolean
}

/** Files that build systems read: what they change no map tells. */
const buildFiles = new RegExp(
  [
    String.raw`(?:^|/)(?:GNU)?[Mm]akefile(?:\.[\w.]+)?$`,
    String.raw`\.(?:mk|mak|m4|cmake|ninja|gradle|bzl|gyp|gypi|am|pro|pri)$`,
    String.raw`(?:^|/)(?:configure(?:\.ac|\.in)?|config\.(?:sub|guess)|CMakeLists\.txt|CMakePresets\.json)$`,
    String.raw`(?:^|/)(?:meson\.build|meson_options\.txt|meson\.options|wscript|BUILD(?:\.bazel)?|WORKSPACE|Jamfile|SCons(?:truct|cript))$`,
    String.raw`(?:^|/)(?:Kconfig[\w.-]*|Kbuild|Cargo\.(?:toml|lock)|build\.rs|go\.(?:mod|sum|work)|pom\.xml)$`,
    String.raw`(?:^|/)(?:package(?:-lock)?\.json|pyproject\.toml|setup\.(?:py|cfg)|tox\.ini|requirements[\w.-]*\.txt)$`,
  ].join('|'),
)

const isBuildFile = (path: string): boolean => buildFiles.test(path)

/** What stands before the first special character of a glob, and after the last one: most paths are told by these. */
const endsOf = (glob: string): { start: string; end: string } => {
  const special = /[*?[\]{}()!+@|\\]/
  if (/\/\/|(?:^|\/)\.{1,2}\//.test(glob)) return { start: '', end: '' }
  const first = glob.search(special)
  const start = first < 0 ? glob : glob.slice(0, first)
  return { start, end: /[^*?[\]{}()!+@|\\]*$/.exec(glob)?.[0] ?? '' }
}

type Matcher = (path: string) => boolean

const matcherOf = (globs: string[], matches: ConcernInput['matches']): Matcher => {
  const all = globs.map(glob => ({ glob, ...endsOf(glob) }))
  return path =>
    all.some(({ glob, start, end }) => path.startsWith(start) && path.endsWith(end) && matches(path, glob))
}

const unique = <T>(values: Iterable<T>): T[] => [...new Set(values)]

/** More names are not kept: then everything is run. */
const maxNames = 2_000

/** Changed path → the tests that need it, of all maps. Looks at each entry of the maps once. */
const neededBy = (paths: Set<string>, maps: Dependencies[]): Map<string, Set<string>> => {
  const tests = new Map<string, Set<string>>()
  for (const map of maps)
    for (const [test, files] of Object.entries(map))
      for (const file of files) {
        if (!paths.has(file)) continue
        const known = tests.get(file)
        if (known) known.add(test)
        else tests.set(file, new Set([test]))
      }
  return tests
}

/** Paths on both sides of each change; those that the patches make. */
const pathsOf = (changes: ConcernInput['changes']): { paths: Set<string>; fresh: Set<string> } => {
  const paths = new Set<string>()
  const fresh = new Set<string>()
  for (const { before, after } of changes) {
    if (before !== undefined) paths.add(before)
    if (after !== undefined) paths.add(after)
    if (after !== undefined && after !== before) fresh.add(after)
  }
  return { paths, fresh }
}

/** What the changed files concern. Files that match `ignore` concern nothing, unless a rule names them. */
export const concernOf = ({ changes, recipe, dependencies, matches }: ConcernInput): Concern => {
  const rules = (recipe.test.concerns ?? []).map(rule => ({ rule, isFor: matcherOf(rule.paths, matches) }))
  if (rules.length === 0 && dependencies.length === 0)
    return { kind: 'all', why: 'nothing tells which files concern which tests' }
  const isIgnored = matcherOf(recipe.ignore, matches)
  const { paths, fresh } = pathsOf(changes)
  if (paths.size === 0) return { kind: 'all', why: 'it is not known which files are changed' }
  const needed = neededBy(paths, dependencies)
  const found = {
    steps: new Set<string>(),
    tests: new Set<string>(),
    globs: new Set<string>(),
    wholeFor: new Set<string>(),
  }
  let unmapped = false
  let told = 0
  for (const path of paths) {
    const ruled = rules.filter(({ isFor }) => isFor(path))
    if (ruled.length === 0 && isIgnored(path)) continue
    told++
    for (const { rule } of ruled) {
      for (const step of rule.steps) found.steps.add(step)
      for (const glob of rule.tests) found[fresh.has(path) ? 'wholeFor' : 'globs'].add(glob)
    }
    const tests = needed.get(path)
    if (ruled.length === 0) {
      if (fresh.has(path)) return { kind: 'all', why: `${path} is new, and no rule names it` }
      if (isBuildFile(path)) return { kind: 'all', why: `${path} is for the build, and no rule names it` }
      if (!tests) return { kind: 'all', why: `nothing tells which tests ${path} concerns` }
      unmapped = true
    }
    for (const test of tests ?? []) found.tests.add(test)
  }
  if (found.tests.size > maxNames)
    return { kind: 'all', why: `more than ${maxNames} tests need the changed files` }
  return {
    kind: 'some',
    steps: [...found.steps],
    tests: [...found.tests],
    globs: [...found.globs],
    wholeFor: [...found.wholeFor],
    unmapped,
    why:
      told === 0 ? 'the changed files concern nothing' : 'by the rules and dependencies of the changed files',
  }
}

/** Steps with the names of their tests, from a whole report of the base; undefined: not known. */
export type KnownSteps = { step: TestStep; tests: string[] | undefined }[]

/** What is run of one step. `leftOut`: so many of its known tests are not. */
export type Chosen = { step: string; leftOut: number; why: string } & (
  | { run: 'all' | 'none' }
  | { run: 'some'; tests: string[] }
)

export type ChooseInput = {
  concern: Concern
  steps: KnownSteps
  /** Tests that there are elsewhere, on other images. */
  elsewhere?: Iterable<string>
  /** Does the dependency map know all that it needs? */
  isMapped: (test: string) => boolean
}

/** A share of a step's tests from which on it is run whole. */
const nearlyAll = 0.8

/** The names of the tests go on a command line; a kernel takes 128 KiB in one word of it. */
const maxCommand = 60_000

const whole = (steps: KnownSteps, why: string): Chosen[] =>
  steps.map(({ step }) => ({ step: step.name, run: 'all', leftOut: 0, why }))

/** A name or pattern that no test has: it may be of a new test, or be misspelled. */
const strange = ({ concern, steps, elsewhere = [] }: ChooseInput): string | undefined => {
  if (concern.kind === 'all' || steps.some(({ tests }) => tests === undefined)) return undefined
  const names = unique([...steps.flatMap(({ tests }) => tests ?? []), ...elsewhere].flatMap(withParents))
  const there = new Set([...names, ...steps.map(({ step }) => step.name)])
  const test = concern.tests.find(one => !there.has(one))
  const isThere = (glob: string) => there.has(glob) || names.some(name => matchesName(name, glob))
  return test ?? [...concern.globs, ...concern.wholeFor].find(glob => !isThere(glob))
}

/** What to run of each step, in the recipe's order. Steps whose tests are not known are run whole if any single test is concerned. */
export const chooseTests = (input: ChooseInput): Chosen[] => {
  const { concern, steps } = input
  if (concern.kind === 'all') return whole(steps, concern.why)
  const odd = strange(input)
  if (odd !== undefined) return whole(steps, `${odd} is concerned, and the base has no such test`)
  return steps.map(known => chooseOf(known, concern, input.isMapped))
}

type Some = Extract<Concern, { kind: 'some' }>

/** By name or glob, itself or what it is below. */
const isIn = (globs: string[]) => {
  const exact = new Set(globs)
  return (test: string): boolean =>
    withParents(test).some(one => exact.has(one) || globs.some(glob => matchesName(one, glob)))
}

const namedBy = (tests: string[], globs: string[]) => {
  const [named, isLike] = [new Set(tests), isIn(globs)]
  return (test: string): boolean => withParents(test).some(one => named.has(one)) || isLike(test)
}

const chooseOf = (
  { step, tests }: KnownSteps[number],
  concern: Some,
  isMapped: ChooseInput['isMapped'],
): Chosen => {
  const { name } = step
  const all = (why: string): Chosen => ({ step: name, run: 'all', leftOut: 0, why })
  if (concern.steps.includes(name) || concern.tests.includes(name)) return all('the changed files concern it')
  const single = concern.tests.length + concern.globs.length + concern.wholeFor.length > 0 || concern.unmapped
  if (tests === undefined)
    return single
      ? all('there is no whole report of the base that says which tests it has')
      : { step: name, run: 'none', leftOut: 0, why: unconcerned }
  if (tests.some(isIn(concern.wholeFor))) return all('a new file may bring new tests')
  const isNamed = namedBy(concern.tests, concern.globs)
  const isOpen = (test: string) => concern.unmapped && !isMapped(name) && !withParents(test).some(isMapped)
  const mine = tests.filter(test => isNamed(test) || isOpen(test))
  if (mine.length === 0) return { step: name, run: 'none', leftOut: tests.length, why: unconcerned }
  if (step.only === undefined) return all('the changed files concern it, and it can only be run whole')
  const chosen = topmost(mine)
  const isMost = mine.length > nearlyAll * tests.length
  if (isMost || chosen.join(' ').length > maxCommand)
    return all('the changed files concern most of its tests')
  return { step: name, run: 'some', tests: chosen, leftOut: tests.length - mine.length, why: unconcerned }
}

const unconcerned = 'the changed files do not concern them'

/** Steps with those of their tests that rules and dependencies name; not those that are only run because nobody knows. */
export const touchedTests = (concern: Concern, steps: KnownSteps): { step: string; tests: string[] }[] => {
  if (concern.kind === 'all') return []
  const isNamed = namedBy(concern.tests, [...concern.globs, ...concern.wholeFor])
  return steps.flatMap(({ step: { name }, tests = [] }) => {
    const isWhole = concern.steps.includes(name) || concern.tests.includes(name)
    const touched = isWhole ? tests : tests.filter(isNamed)
    return touched.length > 0 ? [{ step: name, tests: topmost(touched) }] : []
  })
}
