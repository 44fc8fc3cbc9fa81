// What changed files concern: rules, dependencies, and everything where in doubt.
import { matchesGlob } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Concern, chooseTests, concernOf, type Dependencies } from '../../src/model/concern.ts'
import type { ConcernRule, TestStep } from '../../src/model/recipe.ts'

type Change = { before: string | undefined; after: string | undefined }
const modify = (path: string): Change => ({ before: path, after: path })
const add = (path: string): Change => ({ before: undefined, after: path })

const rule = (paths: string[], rest: Partial<ConcernRule> = {}): ConcernRule => ({
  paths,
  steps: [],
  tests: [],
  ...rest,
})

const concern = (
  changes: Change[],
  { rules = [], maps = [] }: { rules?: ConcernRule[]; maps?: Dependencies[] },
): Concern =>
  concernOf({
    ...{ changes, dependencies: maps, matches: matchesGlob },
    recipe: { ignore: ['docs/**'], test: { concerns: rules } },
  })

const map: Dependencies = { trim: ['src/trim.c', 'src/trim.h'], wrap: ['src/wrap.c', 'src/trim.h'] }
const rules = [
  rule(['src/net/**'], { steps: ['net'] }),
  rule(['src/roman.c'], { tests: ['roman*'] }),
  rule(['tools/**']),
]
const none = { steps: [], tests: [], globs: [], wholeFor: [], unmapped: false }

describe('concernOf', () => {
  const some: [string, Change[], Partial<Extract<Concern, { kind: 'some' }>>][] = [
    ['a rule names steps', [modify('src/net/tcp.c')], { steps: ['net'] }],
    ['a rule names tests', [modify('src/roman.c')], { globs: ['roman*'] }],
    ['a new file may bring new tests', [add('src/net/udp.c')], { steps: ['net'] }],
    ['a rule that says none at all', [modify('tools/x')], {}],
    ['the map knows a source', [modify('src/trim.c')], { tests: ['trim'], unmapped: true }],
    ['the map knows a header', [modify('src/trim.h')], { tests: ['trim', 'wrap'], unmapped: true }],
    ['words beside a source', [modify('docs/x'), modify('src/wrap.c')], { tests: ['wrap'], unmapped: true }],
    [
      'a file that is gone',
      [{ before: 'src/trim.c', after: undefined }],
      { tests: ['trim'], unmapped: true },
    ],
    [
      'both sides of a renamed file',
      [{ before: 'src/net/a.c', after: 'src/roman.c' }],
      { steps: ['net'], wholeFor: ['roman*'] },
    ],
  ]
  test.each(some)('%s', (_, changes, expected) => {
    expect(concern(changes, { rules, maps: [map] })).toMatchObject({ kind: 'some', ...none, ...expected })
  })

  const all: [Change[], string][] = [
    [[modify('src/other.c')], 'nothing tells which tests src/other.c concerns'],
    [[modify('src/trim.c'), modify('src/other.c')], 'nothing tells which tests src/other.c concerns'],
    [[add('src/trim.h')], 'src/trim.h is new, and no rule names it'],
    [[{ before: 'src/trim.c', after: 'src/new.c' }], 'src/new.c is new, and no rule names it'],
    [[modify('src/Makefile')], 'src/Makefile is for the build, and no rule names it'],
    [[], 'it is not known which files are changed'],
  ]
  test.each(all)('%j: everything', (changes, why) => {
    expect(concern(changes, { rules, maps: [{ ...map, all: ['src/Makefile'] }] })).toEqual({
      kind: 'all',
      why,
    })
  })

  test.each([
    ...[
      'Makefile',
      'GNUmakefile',
      'a/Makefile.am',
      'x.mk',
      'configure',
      'configure.ac',
      'a/CMakeLists.txt',
      'b.cmake',
    ],
    ...['meson.build', 'Kbuild', 'drivers/Kconfig', 'Cargo.toml', 'go.mod', 'pyproject.toml', 'build.rs'],
  ])('%s is read by the build', path => {
    expect(concern([modify(path)], { maps: [{ t: [path] }] }).kind).toBe('all')
    expect(concern([modify(path)], { rules: [rule([path])] }).kind).toBe('some')
  })

  test('without rules and dependencies everything is concerned', () => {
    expect(concern([modify('src/trim.c')], {}).kind).toBe('all')
  })

  test('two maps are joined', () => {
    const maps = [map, { trim: ['src/trim.c'], roman: ['src/trim.c'] }]
    expect(concern([modify('src/trim.c')], { maps })).toMatchObject({ tests: ['trim', 'roman'] })
  })
})

const step = (name: string, only?: string): TestStep => ({
  ...{ name, run: `./${name}`, timeoutMs: 1000, report: 'tap' },
  ...(only === undefined ? {} : { only }),
})
const strings = {
  step: step('strings', './strings {tests}'),
  tests: ['trim', 'trim > tabs', 'wrap', 'pad', 'join'],
}
const numbers = { step: step('numbers'), tests: ['roman > I', 'roman > V'] }
const steps = [strings, numbers]
const choose = (
  given: Partial<Extract<Concern, { kind: 'some' }>>,
  isMapped = (_: string) => true,
  known = steps as Parameters<typeof chooseTests>[0]['steps'],
) => chooseTests({ concern: { kind: 'some', ...none, why: '', ...given }, steps: known, isMapped })

describe('chooseTests', () => {
  test('single tests of a step that can run them, with all below', () => {
    expect(choose({ tests: ['trim'] })).toMatchObject([
      { step: 'strings', run: 'some', tests: ['trim'], leftOut: 3 },
      { step: 'numbers', run: 'none', leftOut: 2 },
    ])
  })
  test('a step that can only be run whole is', () => {
    expect(choose({ tests: ['roman'] }).map(({ run }) => run)).toEqual(['none', 'all'])
  })
  test('a pattern, a step', () => {
    expect(choose({ globs: ['w*'] })).toMatchObject([{ run: 'some', tests: ['wrap'] }, { run: 'none' }])
    expect(choose({ steps: ['strings'] }).map(({ run }) => run)).toEqual(['all', 'none'])
    expect(choose({ globs: ['roman'] }).map(({ run }) => run)).toEqual(['none', 'all'])
  })
  test('for a new file the step is run whole', () => {
    expect(choose({ wholeFor: ['w*'] }).map(({ run }) => run)).toEqual(['all', 'none'])
  })
  test('most of its tests are all', () => {
    expect(choose({ globs: ['*'] }).map(({ run }) => run)).toEqual(['all', 'all'])
  })
  test('tests that the map does not know are concerned by what only the map tells of', () => {
    const isMapped = (test: string) => ['trim', 'wrap', 'pad', 'join'].includes(test)
    expect(choose({ tests: ['pad'], unmapped: true }, isMapped)).toMatchObject([
      { run: 'some', tests: ['pad'] },
      { run: 'all' },
    ])
  })
  test('a step that the map knows by its name', () => {
    const isMapped = (test: string) => test === 'strings' || test === 'numbers'
    expect(choose({ tests: ['numbers'], unmapped: true }, isMapped).map(({ run }) => run)).toEqual([
      'none',
      'all',
    ])
  })
  test('nothing at all', () => {
    expect(choose({}).map(({ run }) => run)).toEqual(['none', 'none'])
  })
  test('a test that the base does not have: everything', () => {
    expect(choose({ tests: ['brand-new'] })).toMatchObject([
      { run: 'all', why: 'brand-new is concerned, and the base has no such test' },
      { run: 'all' },
    ])
  })
  test('a step whose tests are not known is run whole for any of them', () => {
    const known = [{ ...strings, tests: undefined }, numbers]
    expect(choose({ tests: ['trim'] }, () => true, known).map(({ run }) => run)).toEqual(['all', 'none'])
    expect(choose({ steps: ['numbers'] }, () => true, known).map(({ run }) => run)).toEqual(['none', 'all'])
  })
})

test('thousands of files and tests are no trouble', () => {
  const files = Array.from({ length: 5000 }, (_, i) => `src/part${i % 100}/file${i}.c`)
  const names = Array.from({ length: 2000 }, (_, i) => `test${i}`)
  const map = Object.fromEntries(names.map((name, i) => [name, files.filter((_, f) => (f + i) % 20 === 0)]))
  const many = Array.from({ length: 100 }, (_, i) =>
    rule([`src/part${i}/**`, `**/part${i}.h`], { tests: [`test${i}`] }),
  )
  let looks = 0
  const found = concernOf({
    changes: files.map(modify),
    recipe: { ignore: ['docs/**'], test: { concerns: many } },
    dependencies: [map, map],
    matches: (path, glob) => {
      looks++
      return matchesGlob(path, glob)
    },
  })
  expect(found).toMatchObject({ kind: 'some', unmapped: false })
  // A glob is only compared with paths that begin and end as it does.
  expect(looks).toBe(5000)
})
