// Rules of make as compilers write them: escapes, continued lines, phony targets; and what a real gcc and a real linker leave.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readDependencies, testDependencies } from '../../src/text/dependencies.ts'
import { makeRules } from '../../src/text/make-rules.ts'

const cases: [name: string, text: string, targets: string[], needs: string[]][] = [
  ['a plain rule', 'a.o: a.c a.h\n', ['a.o'], ['a.c', 'a.h']],
  ['continued lines', 'a.o: a.c \\\n a.h \\\n  b.h\n', ['a.o'], ['a.c', 'a.h', 'b.h']],
  ['line ends of DOS', 'a.o: a.c \\\r\n a.h\r\n', ['a.o'], ['a.c', 'a.h']],
  ['no line end at the end', 'a.o: a.c', ['a.o'], ['a.c']],
  ['a blank in a name', String.raw`a.o: my\ file.c b.h`, ['a.o'], ['my file.c', 'b.h']],
  ['a dollar and a hash', String.raw`a.o: a$$b.c c\#d.h`, ['a.o'], ['a$b.c', 'c#d.h']],
  [
    'backslashes that are none',
    String.raw`a.o: a\b.c c:\d.h`,
    ['a.o'],
    [String.raw`a\b.c`, String.raw`c:\d.h`],
  ],
  ['two backslashes before a blank', String.raw`a.o: a\\ b.c`, ['a.o'], ['a\\', 'b.c']],
  ['three of them', String.raw`a.o: a\\\ b.c`, ['a.o'], ['a\\ b.c']],
  ['several targets', 'a.o a.lo: a.c', ['a.o', 'a.lo'], ['a.c']],
  ['a phony target', 'a.h:', ['a.h'], []],
  ['a double colon', 'a.o:: a.c', ['a.o'], ['a.c']],
  ['a drive', 'C:/a.o: a.c', ['C:/a.o'], ['a.c']],
  ['an escaped colon', String.raw`a\:b.o: a.c`, ['a:b.o'], ['a.c']],
  ['what need not be newer', 'a.o: a.c | out', ['a.o'], ['a.c', 'out']],
  ['a comment behind it', 'a.o: a.c # see: b', ['a.o'], ['a.c']],
]
test.each(cases)('%s', (_, text, targets, needs) => {
  expect(makeRules(text)).toEqual([{ targets, needs, isWhole: true }])
})

test.each([
  '',
  '# dummy\n',
  '\tgcc -c a.c: b\n',
  'CC := gcc\n',
  'cmd_a.o := gcc -MD: a.c\n',
  'a.o: CFLAGS += -g\n',
  '%.o: %.c\n',
  'no colon at all\n',
  ': b.c\n',
  '.PHONY: all\n',
])('%j holds no rule', text => {
  expect(makeRules(text)).toEqual([])
})

test('a prerequisite in a variable leaves a gap', () => {
  expect(makeRules('a.o: a.c $(HEADERS)')).toMatchObject([{ isWhole: false }])
})

test('a long hostile text costs no more than its length', () => {
  const text = `a.o: ${'\\'.repeat(300_000)}\n${'x:'.repeat(200_000)}\n${'$('.repeat(200_000)}: y`
  expect(makeRules(text).length).toBeLessThan(4)
})

const folder = '/grapevine/source'
const dependencies = (files: Record<string, string>, tracked: string[], target?: string) =>
  testDependencies({
    files: Object.entries(files).map(([path, text]) => ({ path, text })),
    ...{ tracked: new Set(tracked), folder, target },
  })

const link = String.raw`^tests/(?<test>[\w-]+)$`

describe('from rules to tests', () => {
  test('a program needs what its objects are made of, system headers left out', () => {
    const files = {
      'src/trim.d': 'src/trim.o: src/trim.c src/trim.h /usr/include/stdio.h',
      'tests/t.d': `tests/t.o: ${folder}/tests/t.c tests/../src/trim.h`,
      'tests/t.link.d': 'tests/t: /usr/lib/crt1.o tests/t.o src/trim.o',
    }
    const sources = ['src/trim.c', 'src/trim.h', 'tests/t.c']
    expect(dependencies(files, sources, link)).toEqual({ t: sources })
  })

  test('rules of a compiler that ran in a folder of its own are understood', () => {
    const files = { 'lib/.deps/a.Po': 'a.o: a.c ../include/a.h', 'lib/t.d': 't: a.o' }
    expect(dependencies(files, ['lib/a.c', 'include/a.h'], '^lib/(?<test>t)$')).toEqual({
      t: ['include/a.h', 'lib/a.c'],
    })
  })

  test('a library of which nothing is told may need any file', () => {
    const files = { 't.d': 't.o: t.c', 't.link.d': 'tests/t: t.o libx.a' }
    expect(dependencies(files, ['t.c'], link)).toEqual({ t: ['*', 't.c'] })
  })

  test('what an object needs that nobody knows the place of, is told of no test', () => {
    const files = { 'wrap.d': 'wrap.o: wrap.c trim.h', 't.d': 'tests/t.o: t.c trim.h' }
    expect(dependencies(files, ['wrap.c', 'trim.h', 't.c'], String.raw`^tests/(?<test>\w+)\.o$`)).toEqual({
      t: ['t.c'],
    })
  })

  test('without a pattern each target is a test', () => {
    expect(dependencies({ 'x.d': 'unit: a.c\nother: b.c' }, ['a.c', 'b.c'])).toEqual({
      unit: ['a.c'],
      other: ['b.c'],
    })
  })

  test('odd names are names', () => {
    const map = dependencies({ 'x.d': 'constructor: a.c' }, ['a.c'])
    expect(readDependencies(JSON.stringify(map))).toEqual(map)
    expect(Object.entries(map)).toEqual([['constructor', ['a.c']]])
  })
})

describe('a real compiler and linker', () => {
  let root: string
  const gcc = (...args: string[]) => execFileSync('gcc', args, { cwd: root })
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'grapevine-rules-'))
    write('src/tr im$#.h', 'int trim(void);\n')
    write('src/trim.c', '#include "tr im$#.h"\n#include <stdio.h>\nint trim(void) { return 0; }\n')
    write('src/roman.h', 'int roman(void);\n')
    write('src/roman.c', '#include "roman.h"\nint roman(void) { return 0; }\n')
    write('tests/strings.c', '#include "../src/tr im$#.h"\nint main(void) { return trim(); }\n')
    write('tests/numbers.c', '#include "../src/roman.h"\nint main(void) { return roman(); }\n')
    gcc('-MD', '-MP', '-c', '-o', 'src/trim.o', 'src/trim.c')
    gcc('-MMD', '-c', '-o', 'src/roman.o', join(root, 'src/roman.c'))
    for (const [name, object] of [
      ['strings', 'src/trim.o'],
      ['numbers', 'src/roman.o'],
    ] as const) {
      gcc('-MD', '-MP', '-c', '-o', `tests/${name}.o`, `tests/${name}.c`)
      gcc(`-Wl,--dependency-file=tests/${name}.link.d`, '-o', `tests/${name}`, `tests/${name}.o`, object)
    }
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  test('their files give the map', () => {
    const names = [
      'src/trim',
      'src/roman',
      'tests/strings',
      'tests/strings.link',
      'tests/numbers',
      'tests/numbers.link',
    ]
    const files = names.map(name => ({
      path: `${name}.d`,
      text: readFileSync(join(root, `${name}.d`), 'utf8'),
    }))
    const tracked = new Set([
      ...['src/tr im$#.h', 'src/trim.c', 'src/roman.h', 'src/roman.c', 'tests/strings.c', 'tests/numbers.c'],
    ])
    expect(testDependencies({ files, tracked, folder: root, target: link })).toEqual({
      strings: ['src/tr im$#.h', 'src/trim.c', 'tests/strings.c'],
      numbers: ['src/roman.c', 'src/roman.h', 'tests/numbers.c'],
    })
  })
})
