// Warnings of a build by names that survive an edit elsewhere; logs as gcc 12, clang 14, cl 19, cargo 1.95 and GNU ld print them.
import { expect, test } from 'vitest'
import { allWarnings, changedLines, newWarnings, warningsOf } from '../../src/text/build-warnings.ts'

test.each<[string, string, string[]]>([
  [
    'gcc and clang, each once',
    "w.c: In function ‘f’:\nw.c:3:20: warning: unused variable ‘u’ [-Wunused-variable]\n    3 | int u;\n      | ^\nw.c:9:2: warning: unused variable ‘u’ [-Wunused-variable]\nMakefile:12: warning: overriding recipe for target 'x'\n3 warnings generated.\n",
    ["Makefile: overriding recipe for target 'x'", 'w.c: unused variable ‘u’ [-Wunused-variable]'],
  ],
  [
    'cl, through MSBuild and without it',
    'src\\a.c(12): warning C4996: old\n  1>src\\a.c(14,3): warning C4996: old [C:\\x\\a.vcxproj]\nLINK : warning LNK4098: defaultlib conflicts\n',
    ['LINK: LNK4098: defaultlib conflicts', 'src\\a.c: C4996: old'],
  ],
  [
    'rustc',
    'warning: unused variable: `y`\n --> src/lib.rs:2:25\n  |\nwarning: `foo` (lib) generated 1 warning\n',
    ['src/lib.rs: unused variable: `y`'],
  ],
  [
    'the linker, whose temporary files have other names each time',
    "/usr/bin/ld: /tmp/ccI9U2Ms.o: warning: relocation against `gg'\n/usr/bin/ld: warning: creating DT_TEXTREL in a PIE\n",
    ['ld: creating DT_TEXTREL in a PIE', "ld: relocation against `gg'"],
  ],
  ['none', 'a.c:1:1: error: x\ncc -Wno-warning a.c\n', []],
])('%s', (_, log, warnings) => {
  expect(warningsOf(log)).toEqual(warnings)
})

test('new is what the base does not have; without a base, nothing is', () => {
  expect(newWarnings(['a', 'b'], ['b', 'c'])).toEqual(['a'])
  expect(newWarnings(['a'], undefined)).toEqual([])
})

test('a flood is cut, and what the cut list of the base cannot tell of is not called new', () => {
  const flood = Array.from({ length: 400 }, (_, i) => `f${String(i).padStart(3, '0')}.c: unused`)
  const base = warningsOf(flood.map(line => line.replace(':', ':1:1: warning:')).join('\n'))
  expect(base).toHaveLength(300)
  expect(newWarnings([...flood, 'a.c: unused'], base)).toEqual(['a.c: unused'])
  expect(allWarnings([flood, flood])).toHaveLength(300)
})

test('of a series only what is about its own lines, wherever the compiler was called', () => {
  const changed = changedLines(`diff --git a/lib/x.c b/lib/x.c
--- a/lib/x.c
+++ b/lib/x.c
@@ -3 +3,2 @@ int f(void)
-old
+new
+newer
@@ -20,2 +21,0 @@
-gone
diff --git a/gone.c b/gone.c
--- a/gone.c
+++ /dev/null
@@ -1 +0,0 @@
-x
`)
  expect([...changed]).toEqual([
    [
      'lib/x.c',
      [
        [3, 4],
        [21, 20],
      ],
    ],
  ])
  const log = ['x.c:2', '../lib/x.c:3', '/grapevine/source/lib/x.c:4', 'x.c:5', 'x.c:21', 'y.c:3']
    .map((place, i) => `${place}:1: warning: number ${i}`)
    .join('\n')
  expect(warningsOf(`${log}\nld: warning: odd\n`, changed)).toEqual([
    '../lib/x.c: number 1',
    '/grapevine/source/lib/x.c: number 2',
  ])
})
