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
    ['ld.lld: error: undefined symbol: nope'],
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
