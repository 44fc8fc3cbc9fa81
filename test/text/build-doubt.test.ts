// Is it plainly the code? Logs as gcc, clang, GNU ld, lld, MSVC, rustc, go and make print them, and as machines in trouble do.
import { describe, expect, it } from 'vitest'
import { isPlainComplaint } from '../../src/text/build-doubt.ts'

const bad = 'src/a.c:3:5: error: expected ‘;’ before ‘}’ token'
const made = 'make: *** [Makefile:3: a.o] Error 1'

describe('plainly the code', () => {
  it.each([
    ['gcc', `cc -c a.c\n${bad}\n    3 | x\n${made}`],
    ['clang in colours', '\u001b[1msrc/a.c:3:5: \u001b[0m\u001b[0;1;31merror: \u001b[0muse of undeclared x'],
    ['a missing header', 'a.c:1:10: fatal error: none.h: No such file or directory\ncompilation terminated.'],
    ['a file named from the root', '/grapevine/source/a.c:3:5: error: no'],
    ['the linker', "/usr/bin/ld: a.o: in function `main':\na.c:(.text+0x5): undefined reference to `gone'"],
    ['lld', 'ld.lld: error: undefined symbol: gone\n>>> referenced by a.c'],
    ['MSVC', "src\\a.c(3): error C2143: syntax error: missing ';' before '}'"],
    ['its linker', 'a.obj : error LNK2019: unresolved external symbol gone referenced in function main'],
    ['rustc', 'error[E0425]: cannot find value `x` in this scope\n --> src/main.rs:2:5'],
    ['go', './main.go:3:5: undefined: gone'],
  ])('%s', (_, log) => {
    expect(isPlainComplaint(log, 2)).toBe(true)
  })
})

describe('it may be the machine', () => {
  it.each([
    ['nothing but the end of make', made],
    ['a compiler that was killed', `${bad}\ncc: fatal error: Killed signal terminated program cc1`],
    ['no room', `${bad}\na.s: fatal error: write failed: No space left on device`],
    ['a compiler that broke', 'a.c:3:5: internal compiler error: Segmentation fault'],
    ['one that ran out of memory', `${bad}\nvirtual memory exhausted: Cannot allocate memory`],
    ['no more processes', `${bad}\nmake: fork: Resource temporarily unavailable`],
    ['a tool that is not there', `${bad}\n/bin/sh: 1: flex: not found`],
    ['half of a makefile', 'Makefile:7: *** missing separator.  Stop.'],
    ['half of a script', 'build.sh: 3: Syntax error: Unterminated quoted string'],
    ['bytes that are gone', "a.c:9:1: error: stray '\\0' in program"],
    ['half of an object', `${bad}\na.o: file not recognized: file format not recognized`],
    ['a disk that went away', `${bad}\ncat: a.c: Read-only file system`],
    [
      'a clock that went wrong',
      `${bad}\nmake: warning:  Clock skew detected.  Your build may be incomplete.`,
    ],
    ['a header of the system', '/usr/include/stdio.h:3:5: error: unknown type name x'],
  ])('%s', (_, log) => {
    expect(isPlainComplaint(log, 2)).toBe(false)
  })

  it('an exit code that is not the program’s own', () => {
    expect(isPlainComplaint(bad, 2)).toBe(true)
    for (const code of [0, 126, 127, 137, 139]) expect(isPlainComplaint(bad, code)).toBe(false)
  })
})

it('a log made to be slow is read through', () => {
  const slow = `${'a:'.repeat(300)}1:\n`.repeat(30_000)
  const log = `${slow}${'('.repeat(1_900_000)}\n${bad}`
  expect(isPlainComplaint(log, 2)).toBe(true)
})
