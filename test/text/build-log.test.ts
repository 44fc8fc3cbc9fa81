// The few lines of a build's log that say what is wrong; logs as gcc 12, clang 16, GNU ld, lld and make print them.
import { expect, test } from 'vitest'
import { firstErrors } from '../../src/text/build-log.ts'

const parallel = `cc -c -o a.o a.c
cc -c -o b.o b.c
make: *** No rule to make target 'nothere.o', needed by 'c'.
In file included from b.c:1:
h.h: In function ‘q’:
h.h:1:22: error: ‘zz’ undeclared (first use in this function)
    1 | int q(void) { return zz; }
      |                      ^~
h.h:1:22: note: each undeclared identifier is reported only once
make: *** [<builtin>: b.o] Error 1
h.h:1:22: error: ‘zz’ undeclared (first use in this function)
    1 | int q(void) { return zz; }
      |                      ^~
a.c:2:23: warning: initialization of ‘int’ from ‘char *’ [-Wint-conversion]
a.c:3:36: error: expected ‘;’ before ‘}’ token
    3 | int g(void) { return h(; }
      |                        ^~
      |                        ;
make: *** Waiting for unfinished jobs....
cc1: all warnings being treated as errors
make: *** [<builtin>: a.o] Error 1
`

test('the errors of a parallel build, each once, without what follows from them', () => {
  expect(firstErrors(parallel)).toEqual([
    "make: *** No rule to make target 'nothere.o', needed by 'c'.",
    'h.h:1:22: error: ‘zz’ undeclared (first use in this function)\n    1 | int q(void) { return zz; }\n      |                      ^~',
    'a.c:3:36: error: expected ‘;’ before ‘}’ token\n    3 | int g(void) { return h(; }\n      |                        ^~\n      |                        ;',
  ])
})

test.each<[string, string, string[]]>([
  [
    'a linker that misses a symbol, many times over',
    "/usr/bin/ld: /tmp/x.o: in function `main':\nc.c:(.text+0xa): undefined reference to `nope'\n/usr/bin/ld: c.c:(.text+0x11): undefined reference to `nope'\n/usr/bin/ld: c.c:(.text+0x18): undefined reference to `more'\ncollect2: error: ld returned 1 exit status\nmake: *** [Makefile:3: c] Error 1\n",
    [
      "c.c:(.text+0xa): undefined reference to `nope'",
      "/usr/bin/ld: c.c:(.text+0x18): undefined reference to `more'",
    ],
  ],
  [
    'a symbol twice',
    "m2.c:(.text+0x0): multiple definition of `main'; /tmp/cc.o:m1.c:(.text+0x0): first defined here\ncollect2: error: ld returned 1 exit status",
    ["m2.c:(.text+0x0): multiple definition of `main'; /tmp/cc.o:m1.c:(.text+0x0): first defined here"],
  ],
  [
    'a missing library',
    '/usr/bin/ld: cannot find -lfoo: No such file or directory\n',
    ['/usr/bin/ld: cannot find -lfoo: No such file or directory'],
  ],
  [
    'lld',
    'ld.lld: error: undefined symbol: nope\n>>> referenced by c.c\nclang: error: linker command failed with exit code 1 (use -v)\n',
    ['ld.lld: error: undefined symbol: nope\n>>> referenced by c.c'],
  ],
  [
    'a missing header',
    'd.c:1:10: fatal error: missing.h: No such file or directory\n    1 | #include "missing.h"\n      |          ^~~~~~~~~~~\ncompilation terminated.\n',
    [
      'd.c:1:10: fatal error: missing.h: No such file or directory\n    1 | #include "missing.h"\n      |          ^~~~~~~~~~~',
    ],
  ],
  [
    'clang without a gutter',
    "a.c:2:9: error: use of undeclared identifier 'y'\n  return y;\n         ^\n1 error generated.\n",
    ["a.c:2:9: error: use of undeclared identifier 'y'\n  return y;\n         ^"],
  ],
  [
    'the assembler',
    "z.s: Assembler messages:\nz.s:1: Error: no such instruction: `x'\n",
    ["z.s:1: Error: no such instruction: `x'"],
  ],
  [
    'a warning that counts',
    'e.c:1:17: error: unused variable ‘u’ [-Werror=unused-variable]\ncc1: all warnings being treated as errors\n',
    ['e.c:1:17: error: unused variable ‘u’ [-Werror=unused-variable]'],
  ],
  [
    'a missing tool',
    '/bin/sh: 1: flex: not found\nmake: *** [Makefile:9: lex.c] Error 127\n',
    ['/bin/sh: 1: flex: not found'],
  ],
  [
    'nothing that is known',
    'step one\n\nit went wrong\nmake: *** [Makefile:2: all] Error 1\n',
    ['step one', 'it went wrong'],
  ],
  [
    'gold, lld by its version, and the same symbol in two programs',
    "/tmp/ccRRQb8j.o:m.c:function main: error: undefined reference to 'nope'\ncollect2: error: ld returned 1 exit status\nld.lld-14: error: unable to find library -lx\nld.lld-14: error: undefined symbol: gg\n>>> referenced by m.c\n>>>               m.o:(main)\n\nld.lld-14: error: undefined symbol: gg\n",
    [
      "/tmp/ccRRQb8j.o:m.c:function main: error: undefined reference to 'nope'",
      'ld.lld-14: error: unable to find library -lx',
      'ld.lld-14: error: undefined symbol: gg\n>>> referenced by m.c',
    ],
  ],
  [
    'cl and link, told once more by MSBuild at the end',
    "src\\a.c(12): error C2065: 'x': undeclared identifier\n  1>src\\a.c(12): error C2065: 'x': undeclared identifier [C:\\x\\a.vcxproj]\nb.c(1,10): fatal error C1083: Cannot open include file: 'no.h': No such file or directory\nm.obj : error LNK2019: unresolved external symbol nope referenced in function main\nn.obj : error LNK2001: unresolved external symbol nope\nLINK : fatal error LNK1104: cannot open file 'z.lib'\na.exe : fatal error LNK1120: 1 unresolved externals\nNMAKE : fatal error U1077: 'cl' : return code '0x2'\nStop.\n",
    [
      "src\\a.c(12): error C2065: 'x': undeclared identifier",
      "b.c(1,10): fatal error C1083: Cannot open include file: 'no.h': No such file or directory",
      'm.obj : error LNK2019: unresolved external symbol nope referenced in function main',
      "LINK : fatal error LNK1104: cannot open file 'z.lib'",
    ],
  ],
  [
    'a warning that cl takes for an error',
    'a.c(3): error C2220: the following warning is treated as an error\na.c(3): warning C4101: unreferenced\n',
    [
      'a.c(3): error C2220: the following warning is treated as an error\na.c(3): warning C4101: unreferenced',
    ],
  ],
  [
    'rustc, with its place',
    'error[E0425]: cannot find function `f` in this scope\n --> src/lib.rs:3:21\n  |\n3 | pub fn z() -> i32 { f() }\n  |                     ^ not found in this scope\n\nerror: could not compile `foo` (lib) due to 1 previous error\n',
    [
      'error[E0425]: cannot find function `f` in this scope\n --> src/lib.rs:3:21\n3 | pub fn z() -> i32 { f() }\n  |                     ^ not found in this scope',
    ],
  ],
  [
    'go',
    '# example.com/m/d\nd/d.go:2:23: undefined: y\n./e.go:1:2: syntax error: unexpected x\n',
    ['d/d.go:2:23: undefined: y', './e.go:1:2: syntax error: unexpected x'],
  ],
  [
    'ninja: what the failed command said, not what others print meanwhile',
    '[1/3] CC a.o\na.c:1:1: error: this one is only printed by a check that may fail\n[2/3] CC bad.o\nFAILED: bad.o \ncc -c bad.c\nbad.c:1:8: error: expected ‘;’\n    1 | int x\n      |      ^\n[3/3] CC w.o\nw.c:2:1: warning: unused\nninja: build stopped: subcommand failed.\n',
    ['bad.c:1:8: error: expected ‘;’\n    1 | int x\n      |      ^'],
  ],
  [
    'ninja: a command that says nothing that is known',
    '[1/2] GEN x\nFAILED: x \n./gen > x\nit went wrong\n[2/2] CC w.o\nw.c:2:1: warning: unused\nninja: build stopped: subcommand failed.\n',
    ['FAILED: x ', './gen > x', 'it went wrong'],
  ],
  [
    'make -j: what stood before the first job that failed, not what the others still say',
    './gen x\nit went wrong\nmake: *** [Makefile:4: x] Error 1\nmake: *** Waiting for unfinished jobs....\nCC a.o\nCC b.o\nCC c.o\nCC d.o\nCC e.o\n',
    ['./gen x', 'it went wrong'],
  ],
  ['only make', 'make: *** [Makefile:2: all] Error 1\n', ['make: *** [Makefile:2: all] Error 1']],
  ['nothing', '', []],
])('%s', (_, log, errors) => {
  expect(firstErrors(log)).toEqual(errors)
})

test('never more than asked for, and no endless lines', () => {
  const log = Array.from(
    { length: 5000 },
    (_, i) => `x.c:${i}:1: error: number ${i}${'!'.repeat(5000)}`,
  ).join('\n')
  const errors = firstErrors(log, 3)
  expect(errors).toHaveLength(3)
  expect(Math.max(...errors.map(error => error.length))).toBeLessThan(300)
})

test('the excerpt is left out where it is too long to read', () => {
  expect(firstErrors(`x.c:1:1: error: a\n    1 | ${'x'.repeat(500)}\n      | ^\n`)).toEqual([
    'x.c:1:1: error: a',
  ])
})
