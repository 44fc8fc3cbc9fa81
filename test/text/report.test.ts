// Test reports: what each format says when all is well, and how each is caught when it is cut or contradicts itself.
import { describe, expect, test } from 'vitest'
import type { Ending } from '../../src/model/run.ts'
import { parseReport } from '../../src/text/report/report.ts'

const exit = (exitCode: number): Ending => ({ kind: 'finished', exitCode })
const timedOut: Ending = { kind: 'timed-out', afterMs: 5000 }
const brief = (report: ReturnType<typeof parseReport>): string[] =>
  report.tests.map(({ test, outcome }) => `${outcome}: ${test}`)

describe('wine', () => {
  const good = [
    'kernel32:comm start dlls/kernel32/tests/comm.c -',
    'comm.c:22: Test marked todo: later',
    'comm.c:23: Tests skipped: no modem',
    '0abc:comm: 120 tests executed (1 marked as todo, 0 failures), 1 skipped.',
    'kernel32:comm:0abc done (0) in 2s',
  ]
  const wine = (lines: string[], ending = exit(0)) => parseReport('wine', `${lines.join('\n')}\n`, ending)
  const failing = (line: number, value: number) => [
    'a:b start b.c -',
    `b.c:${line}: Test failed: expected 3, got ${value} at 0x7ffe12345678`,
    '0abc:b: 120 tests executed (0 marked as todo, 1 failure), 0 skipped.',
    'a:b:0abc done (1) in 2s',
  ]

  test('a good unit passes, and its skips and todos are no failures', () => {
    const report = wine(good)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual(['passed: kernel32:comm'])
    expect(report.tests[0]).toMatchObject({ line: 1, endLine: 5, durationMs: 2000 })
  })

  test('a failure is named without line numbers, values and addresses, and shown with them', () => {
    const [one, two] = [wine(failing(22, 5)), wine(failing(99, 6))]
    expect(brief(one)).toEqual(['failed: a:b', 'failed: a:b > b.c: Test failed: expected N, got N at ADDR'])
    expect(brief(two)).toEqual(brief(one))
    expect(one.tests[1]).toMatchObject({
      line: 2,
      message: expect.stringContaining('b.c:22: Test failed: expected 3, got 5'),
    })
  })

  test.each<[string, string[], number, string, RegExp]>([
    ['cut after its start', good.slice(0, 1), 0, 'truncated', /no "kernel32:comm done"/],
    ['cut before done', good.slice(0, 4), 0, 'truncated', /no "kernel32:comm done"/],
    ['no summary', [...good.slice(0, 3), ...good.slice(4)], 0, 'contradictory', /summary is missing/],
    ['no start', good.slice(1), 0, 'contradictory', /"kernel32:comm start" is missing/],
    [
      'done of another unit',
      [...good.slice(0, 4), 'x:y:0abc done (0) in 2s', ...good.slice(4)],
      0,
      'contradictory',
      /x:y done/,
    ],
    [
      'a failure after the end',
      [...good, 'comm.c:9: Test failed: in a process that lived on'],
      0,
      'contradictory',
      /outside of any unit, in line 6/,
    ],
    [
      'fewer todos than counted',
      good.filter(line => !line.includes('todo: ')),
      0,
      'contradictory',
      /counts 1 todos, the report shows 0/,
    ],
    [
      'more failures than counted',
      [...good.slice(0, 3), 'comm.c:1: Test failed: x', ...good.slice(3)],
      0,
      'contradictory',
      /counts 0 failures, the report shows 1/,
    ],
    [
      'done(1) without failures',
      [...good.slice(0, 4), 'kernel32:comm:0abc done (1) in 2s'],
      0,
      'contradictory',
      /exit code is 1/,
    ],
    [
      'done(0) with failures',
      [...failing(1, 1).slice(0, 3), 'a:b:0abc done (0) in 2s'],
      0,
      'contradictory',
      /counts 1 failures/,
    ],
    ['non-zero exit, nothing failed', good, 1, 'contradictory', /exit code 1/],
    ['killed by a signal', good, 139, 'truncated', /segmentation fault/],
    ['no report at all', ['hello'], 0, 'none', /no line/],
    ['empty', [], 0, 'none', /no line/],
  ])('%s', (_, lines, exitCode, state, why) => {
    const report = wine(lines, exit(exitCode))
    expect(report.state).toBe(state)
    expect(report.why).toMatch(why)
  })

  test.each([
    ['done (258) in 120s', /did not end in time/],
    ['done (-1073741819) in 1s', /crashed \(0xc0000005\)/],
    ['done (0xc0000005) in 1s', /crashed \(0xc0000005\)/],
  ])('%s is an error of the unit, in a report that is whole', (done, message) => {
    const report = wine(['a:b start b.c -', `a:b:0abc ${done}`])
    expect(report.state).toBe('whole')
    expect(report.tests).toMatchObject([
      { test: 'a:b', outcome: 'error', message: expect.stringMatching(message) },
    ])
  })

  test('failures of a child process are counted in its own summary and in its parent', () => {
    const report = wine([
      'a:b start b.c -',
      'b.c:5: Test failed: in the child',
      '0abd:b: 3 tests executed (0 marked as todo, 1 failure), 0 skipped.',
      'b.c:9: 1 failures in child process',
      '0abc:b: 10 tests executed (0 marked as todo, 1 failure), 0 skipped.',
      'a:b:0abc done (1) in 0s',
    ])
    expect(report).toMatchObject({ state: 'whole' })
    expect(brief(report)).toContain('failed: a:b > b.c: Test failed: in the child')
  })

  test('a test that mends a todo makes its unit fail, with that line as the reason', () => {
    const report = wine([
      'a:b start b.c -',
      'b.c:5: Test succeeded inside todo block: x',
      '0abc:b: 10 tests executed (0 marked as todo, 1 failure), 0 skipped.',
      'a:b:0abc done (1) in 0s',
    ])
    expect(brief(report)).toEqual([
      'failed: a:b',
      'todo-passed: a:b > b.c: Test succeeded inside todo block: x',
    ])
  })

  test('more than 32 KiB from one unit is a failure of its own', () => {
    const flood = Array.from({ length: 400 }, () => 'x'.repeat(100))
    const report = wine([...good.slice(0, 1), ...flood, ...good.slice(1)])
    expect(brief(report)).toEqual(['failed: kernel32:comm', 'failed: kernel32:comm > prints too much'])
  })

  test('a summary that follows text without a line break is found', () => {
    const lines = good.map(line => (line.startsWith('0abc:comm') ? `waiting...${line}` : line))
    expect(wine(lines).state).toBe('whole')
  })

  test('programs without the runner: each summary is a unit; one without is cut off', () => {
    const bare = [
      '0001:sum: 5 tests executed (0 marked as todo, 0 failures), 0 skipped.',
      'mul.c:3: Test failed: x',
    ]
    expect(brief(wine(bare.slice(0, 1)))).toEqual(['passed: sum'])
    const cut = wine(bare, exit(134))
    expect(cut.state).toBe('truncated')
    expect(brief(cut)).toEqual(['passed: sum', 'error: mul', 'failed: mul > mul.c: Test failed: x'])
    const fails = [...bare, '0002:mul: 2 tests executed (0 marked as todo, 1 failure), 0 skipped.']
    expect(wine(fails, exit(1)).state).toBe('whole')
    expect(wine(fails, exit(0))).toMatchObject({
      state: 'contradictory',
      why: expect.stringMatching(/exit code 0/),
    })
  })
})

describe('tap', () => {
  const tap = (text: string, ending: Ending = exit(0)) => parseReport('tap', text, ending)

  test('outcomes, reasons and names', () => {
    const report = tap(
      [
        'TAP version 14',
        '1..6',
        'ok 1 - adds',
        'not ok 2 - subtracts (sub.c:55) in 12 ms',
        '# expected 1, got 2',
        '  ---',
        '  at: 0x1234',
        '  ...',
        'ok 3 # SKIP no disk',
        'not ok 4 - later # TODO soon',
        'ok 5 - mended # TODO soon',
        'ok 6 - adds',
      ].join('\n'),
      exit(1),
    )
    expect(report.state).toBe('whole')
    expect(brief(report)).toEqual([
      'passed: adds',
      'failed: subtracts (sub.c) in N ms',
      'skipped: test 3',
      'todo: later',
      'todo-passed: mended',
      'passed: adds #2',
    ])
    expect(report.tests[1]).toMatchObject({ line: 4, message: 'expected 1, got 2\nat: 0x1234' })
    expect(report.tests[2]?.message).toBe('no disk')
  })

  test('subtests stand below their parent', () => {
    const report = tap(
      'TAP version 14\n1..1\n# Subtest: io\n    ok 1 - read\n    not ok 2 - write\n    1..2\nnot ok 1 - io\n',
      exit(1),
    )
    expect(report.state).toBe('whole')
    expect(brief(report)).toEqual(['passed: io > read', 'failed: io > write', 'failed: io'])
    expect(report.tests.map(({ line }) => line)).toEqual([4, 5, 7])
  })

  test.each<[string, string, Ending, string, RegExp]>([
    ['fewer than planned', '1..3\nok 1\nok 2\n', exit(0), 'truncated', /promises 3 tests, 2 are there/],
    [
      'fewer than planned, one failing',
      '1..3\nok 1\nnot ok 2\n',
      exit(1),
      'truncated',
      /promises 3 tests, 2 are there/,
    ],
    ['no plan', 'ok 1\nok 2\n', exit(0), 'truncated', /plan is missing/],
    ['bail out', '1..2\nok 1\nBail out! no disk\n', exit(255), 'truncated', /Bail out! no disk/],
    ['a subtest cut', '1..1\n# Subtest: a\n    1..3\n    ok 1\n', exit(0), 'truncated', /promises/],
    [
      'more than planned',
      '1..1\nok 1\nok 2\n',
      exit(0),
      'contradictory',
      /promises 1 tests, but there are 2/,
    ],
    ['one number twice', '1..3\nok 1 a\nok 1 b\nok 3 c\n', exit(0), 'contradictory', /multiple times/],
    ['a number out of range', '1..2\nok 1\nok 7\n', exit(0), 'contradictory', /greater than plan/],
    ['two plans', '1..2\nok 1\nok 2\n1..2\n', exit(0), 'contradictory', /two plans/],
    ['two programs in one log', '1..1\nok 1\n1..1\nok 1\n', exit(0), 'contradictory', /./],
    ['non-zero exit, nothing failed', '1..1\nok 1\n', exit(3), 'contradictory', /exit code 3/],
    ['a crash after the last test', '1..1\nok 1\n', exit(139), 'truncated', /segmentation fault/],
    ['time-out', '1..1\nok 1\n', timedOut, 'truncated', /did not end within 5 seconds/],
    ['nothing', 'make: nothing to do\n', exit(0), 'none', /no line of TAP/],
    ['all skipped', '1..0 # SKIP no X server\n', exit(0), 'whole', /^$/],
    ['noise around', 'cc -o t t.c\r\n1..1\r\nok 1 - a\r\nbye\r\n', exit(0), 'whole', /^$/],
  ])('%s', (_, text, ending, state, why) => {
    const report = tap(text, ending)
    expect(report.state).toBe(state)
    expect(report.why).toMatch(why)
  })
})

describe('sparse', () => {
  const pass = '  TEST    add (ops/add.c)'
  const known = ['  TEST    old (old.c)', "info: XFAIL: test 'old.c' is known to fail"]
  const fail = [
    '  TEST    cast (cast.c)',
    'error: actual error text does not match expected error text.',
    'error: see cast.c.error.* for further investigation.',
    '--- cast.c.error.expected\t2026-01-01',
    '+++ cast.c.error.got\t2026-01-01',
    '@@ -1 +0,0 @@',
    '-cast.c:3:1: warning: odd cast',
    "error: FAIL: test 'cast.c' failed",
  ]
  const sparse = (lines: string[], ending: Ending = exit(0)) =>
    parseReport('sparse', `  CC      lib.o\n${lines.join('\n')}\n`, ending)

  test('known failures are todo, and the run is OK', () => {
    const report = sparse([
      pass,
      ...known,
      '  SKIP    llvm (llvm.c)',
      'OK: out of 2 tests, 1 passed, 1 failed',
      '\t1 of them are known to fail',
      '\t1 tests were disabled',
    ])
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual(['passed: ops/add.c', 'todo: old.c', 'skipped: llvm.c'])
  })

  test('a failure comes with the reason and the lines that differ', () => {
    const report = sparse(
      [pass, ...fail, 'KO: out of 2 tests, 1 passed, 1 failed', 'make: *** [Makefile:282: check] Error 1'],
      exit(2),
    )
    expect(report.state).toBe('whole')
    expect(report.tests[1]).toEqual({
      test: 'cast.c',
      outcome: 'failed',
      message: 'actual error text does not match expected error text.\n-cast.c:3:1: warning: odd cast',
      line: 3,
    })
  })

  test('the older words are understood, and a known failure that passes is no failure', () => {
    const report = sparse(
      [
        '     TEST    a b (a.c)',
        "error: test 'a.c' failed",
        '     TEST    c (c.c)',
        "error: test 'c.c' is known to fail but succeed!",
        'KO: out of 2 tests, 0 passed, 2 failed',
        '\t1 of them are known to fail',
      ],
      exit(2),
    )
    expect(brief(report)).toEqual(['failed: a.c', 'todo-passed: c.c'])
    expect(report.state).toBe('whole')
  })

  const ok = 'OK: out of 1 tests, 1 passed, 0 failed'
  test.each<[string, string[], Ending, string, RegExp]>([
    ['cut', [pass, pass], exit(0), 'truncated', /no line "OK/],
    ['cut by the clock', [pass], timedOut, 'truncated', /did not end/],
    [
      'a test missing from the log',
      [ok],
      exit(0),
      'contradictory',
      /counts 1 passed tests, the report shows 0/,
    ],
    ['OK but exit code 2', [pass, ok], exit(2), 'contradictory', /says OK, but the exit code is 2/],
    ['KO but exit code 0', [pass, 'KO: out of 1 tests, 1 passed, 0 failed'], exit(0), 'contradictory', /KO/],
    [
      'a result of another test',
      [pass, "error: FAIL: test 'x.c' failed", ok],
      exit(0),
      'contradictory',
      /x\.c/,
    ],
    ['a test after the summary', [pass, ok, pass], exit(0), 'contradictory', /after the summary/],
    ['the build failed', ['make: *** [lib.o] Error 1'], exit(2), 'none', /no line/],
  ])('%s', (_, lines, ending, state, why) => {
    const report = sparse(lines, ending)
    expect(report.state).toBe(state)
    expect(report.why).toMatch(why)
  })

  test('what ran when the log was cut is an error, never passed', () => {
    expect(brief(sparse([pass, '  TEST    hang (hang.c)'], timedOut))).toEqual([
      'passed: ops/add.c',
      'error: hang.c',
    ])
  })
})

describe('exit-code', () => {
  test('one test, named after the step, explained by the last lines', () => {
    expect(parseReport('exit-code', 'a\nb\n', exit(0), 'smoke').tests).toMatchObject([
      { test: 'smoke', outcome: 'passed' },
    ])
    expect(parseReport('exit-code', 'a\n\nb\n', exit(139), 'smoke').tests).toEqual([
      {
        test: 'smoke',
        outcome: 'failed',
        message: 'The command was ended by signal 11 (segmentation fault).\na\nb',
        line: 3,
      },
    ])
    expect(parseReport('exit-code', '', timedOut, 'smoke')).toMatchObject({ state: 'truncated', tests: [] })
  })
})

describe('hostile logs', () => {
  const formats = [
    ...(['wine', 'tap', 'ktap', 'sparse', 'junit', 'ctest', 'automake', 'go'] as const),
    ...(['pytest', 'cargo', 'meson', 'pattern', 'exit-code'] as const),
  ]
  const pattern = { passed: '^ok (?<test>.*)', failed: '^not ok (?<test>.*)' }
  const hostile: [string, string][] = [
    ['terminal sequences', '\u001b[31mnot ok 1 - \u001b]0;title\u0007red\u001b[0m\n1..1\n'],
    ['a giant line', `not ok 1 - ${'x'.repeat(3_000_000)}\n1..1\n`],
    ['unclosed sequences', `ok 1 - ${'\u001b]'.repeat(500_000)}\n`.repeat(3)],
    [
      'deep nesting',
      Array.from({ length: 2000 }, (_, i) => `${' '.repeat(4 * i)}# Subtest: ${i}`).join('\n'),
    ],
    ['colons', `${'a:'.repeat(900)}\n`.repeat(500)],
    ['numbers', `a:b done (${'9'.repeat(1800)}\n`.repeat(500)],
    ['nothing but NUL', '\0'.repeat(1_000_000)],
    ['blanks and dots', `${' .'.repeat(900)}\n 1/1 Test #1: a ${'. '.repeat(900)}\n`.repeat(100)],
    ['results without end', `PASSED ${'a - '.repeat(400)}\n1/2 a${' / b'.repeat(300)} OK\n`.repeat(200)],
    ['rules', `${'_'.repeat(900)} ${'_'.repeat(900)}\n${'!'.repeat(1800)}\n`.repeat(200)],
    ['half JSON', `{"Action":"run","Package":${'['.repeat(1800)}\n`.repeat(200)],
    ['XML in XML', `<testsuites>${'<testsuite name="x">'.repeat(50_000)}`],
    ['an attribute without end', `<testsuite name="${'x'.repeat(1_000_000)}`],
    ['half a character', 'not ok 1 - \ud800\n1..1\n'],
  ]
  test.each(formats.flatMap(format => hostile.map(([name, log]) => [format, name, log] as const)))(
    '%s: %s',
    (format, _, log) => {
      const report = parseReport(format, log, timedOut, 'step', { pattern })
      expect(report.state).not.toBe('whole')
      for (const { test, message } of report.tests) {
        expect(`${test}${message}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
        expect(test.length).toBeLessThan(500)
        expect(message.length).toBeLessThan(12_000)
      }
    },
  )
})
