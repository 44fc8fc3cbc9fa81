// Reports that something happened to: cut at any place, at either end, a line lost, a count changed, another report run into. Whatever the
// format, only what is whole may say that nothing failed.
import { describe, expect, test } from 'vitest'
import type { ReportFormat, ReportPattern } from '../../src/model/recipe.ts'
import { isFailure } from '../../src/model/report.ts'
import { boundedLog } from '../../src/text/bounded-log.ts'
import { parseReport } from '../../src/text/report/report.ts'

const event = (Action: string, rest: object = {}) =>
  JSON.stringify({ Time: '2026-01-01T00:00:00Z', Action, Package: 'm/a', ...rest })

const pattern: ReportPattern = {
  passed: '^GOOD (?<test>\\S+)$',
  failed: '^BAD (?<test>\\S+)$',
  end: '^finished$',
}

/** Good reports, each of one program or package: where there are several, nothing says how many. */
const good: [ReportFormat, string][] = [
  [
    'wine',
    `a:sum start dlls/a/tests/sum.c -
sum.c:22: Test marked todo: later
sum.c:23: Tests skipped: no modem
sum.c:24: Test marked flaky: network
0abc:sum: 120 tests executed (1 marked as todo, 1 as flaky, 0 failures), 1 skipped.
a:sum:0abc done (0) in 2s
`,
  ],
  [
    'tap',
    'TAP version 14\n1..3\n# Subtest: io\n    ok 1 - read\n    ok 2 - write\n    1..2\nok 1 - io\nok 2 - adds\nok 3 - subtracts # SKIP no\n',
  ],
  ['tap', 'ok 1 - adds\nok 2 - b\nok 3 - c # TODO later\n1..3\n'],
  [
    'ktap',
    `KTAP version 1
1..2
    KTAP version 1
    # Subtest: list
    1..2
    ok 1 list_add
        KTAP version 1
        # Subtest: list_param
        ok 1 small
        ok 2 big # SKIP no memory
    # list_param: pass:1 fail:0 skip:1 total:2
    ok 2 list_param
# list: pass:2 fail:0 skip:0 total:2
# Totals: pass:2 fail:0 skip:1 total:3
ok 1 list
    KTAP version 1
    # Subtest: hash
    1..1
    ok 1 hash_add
ok 2 hash
`,
  ],
  [
    'ktap',
    'TAP version 13\n1..2\n# selftests: net: reuse\n# TAP version 13\n# 1..2\n# ok 1 tcp\n# ok 2 udp # XFAIL no\n# # Totals: pass:1 fail:0 xfail:1 xpass:0 skip:0 error:0\nok 1 selftests: net: reuse\nok 2 selftests: net: tls\n',
  ],
  [
    'sparse',
    `     TEST    add (ops/add.c)
     TEST    old (old.c)
info: XFAIL: test 'old.c' is known to fail
     SKIP    llvm (llvm.c)
     TEST    sub (ops/sub.c)
OK: out of 3 tests, 2 passed, 1 failed
	1 of them are known to fail
	1 tests were disabled
`,
  ],
  [
    'junit',
    `<?xml version="1.0"?>
<testsuites tests="4" failures="0">
<testsuite name="one" tests="2" failures="0" errors="0">
<testcase name="a" classname="K" time="0.01"/>
<testcase name="b" classname="K"><skipped message="no"/></testcase>
</testsuite>
<testsuite name="two" tests="2" failures="0" errors="0">
<testcase name="c" classname="K"></testcase>
<testcase name="d" classname="K"><system-out>said</system-out></testcase>
</testsuite>
</testsuites>
`,
  ],
  [
    'ctest',
    `Test project /b
      Start  1: adds
 1/3 Test  #1: adds .............................   Passed    0.02 sec
      Start  2: skip
 2/3 Test  #2: skip .............................***Skipped   0.00 sec
      Start  3: muls
 3/3 Test  #3: muls .............................   Passed    0.02 sec

100% tests passed, 0 tests failed out of 3

Total Test time (real) =   1.01 sec
`,
  ],
  [
    'automake',
    `Making check in t
make[1]: Entering directory '/x/pkg/t'
Making check in sub
make[2]: Entering directory '/x/pkg/t/sub'
PASS: good.sh
SKIP: better.sh
============================================================================
Testsuite summary for pkg 1.0
============================================================================
# TOTAL: 2
# PASS:  1
# SKIP:  1
# XFAIL: 0
# FAIL:  0
# XPASS: 0
# ERROR: 0
============================================================================
make[2]: Leaving directory '/x/pkg/t/sub'
PASS: a.tap 1 - adds
XFAIL: a.tap 2 - later # TODO x
============================================================================
Testsuite summary for pkg 1.0
============================================================================
# TOTAL: 2
# PASS:  1
# SKIP:  0
# XFAIL: 1
# FAIL:  0
# XPASS: 0
# ERROR: 0
============================================================================
make[1]: Leaving directory '/x/pkg/t'
`,
  ],
  ['automake', 'PASS: a\nPASS: b\n==================\nAll 2 tests passed\n==================\n'],
  [
    'automake',
    'PASS: a\nPASS: b\nXFAIL: c\n==================\nAll 3 tests behaved as expected (1 expected failure)\n==================\n',
  ],
  [
    'go',
    `${[
      event('start'),
      event('run', { Test: 'TestOk' }),
      event('output', { Test: 'TestOk', Output: '=== RUN   TestOk\n' }),
      event('pass', { Test: 'TestOk', Elapsed: 0.12 }),
      event('run', { Test: 'TestSub' }),
      event('run', { Test: 'TestSub/x' }),
      event('pass', { Test: 'TestSub/x', Elapsed: 0 }),
      event('pass', { Test: 'TestSub', Elapsed: 0 }),
      event('run', { Test: 'TestSkip' }),
      event('skip', { Test: 'TestSkip', Elapsed: 0 }),
      event('output', { Output: 'PASS\n' }),
      event('pass', { Elapsed: 0.5 }),
    ].join('\n')}\n`,
  ],
  [
    'pytest',
    `============================= test session starts ==============================
collected 5 items

test_a.py ..sx.                                                          [100%]

=========================== short test summary info ============================
PASSED test_a.py::test_ok
PASSED test_a.py::test_p[a - b]
SKIPPED [1] test_a.py:7: no disk
XFAIL test_a.py::test_x - bug 1
PASSED test_b.py::test_z
=================== 3 passed, 1 skipped, 1 xfailed in 1.15s ====================
`,
  ],
  [
    'pytest',
    `============================= test session starts ==============================
collected 3 items

test_a.py::test_ok PASSED                                                [ 33%]
test_a.py::test_two PASSED                                               [ 66%]
test_a.py::test_three PASSED                                             [100%]

============================== 3 passed in 0.01s ===============================
`,
  ],
  [
    'cargo',
    `   Compiling foo v0.1.0 (/x/foo)
     Running unittests src/lib.rs (target/debug/deps/foo-28a01a7770d7ff1d)

running 3 tests
test tests::ign ... ignored, slow
test tests::ok ... ok
test tests::sp - should panic ... ok

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.09s

`,
  ],
  [
    'meson',
    `ninja: Entering directory \`/x/b'
1/4 proj:unit / ok             OK              0.03s
2/4 proj / skip                SKIP            0.05s   exit status 77
3/4 proj / xf                  EXPECTEDFAIL    0.03s   exit status 1
4/4 proj / muls                OK              0.03s

Ok:                 2
Expected Fail:      1
Fail:               0
Unexpected Pass:    0
Skipped:            1
Timeout:            0

Full log written to /x/b/meson-logs/testlog.txt
`,
  ],
  ['pattern', 'hello\nGOOD a\nGOOD b\nfinished\n'],
]

/** Nothing in these tells of tests before the first line that is left, or between two. */
const unnumbered: ReportFormat[] = ['go', 'pattern']

const read = (format: ReportFormat, text: string) => {
  const report = parseReport(format, text, { kind: 'finished', exitCode: 0 }, 'step', { pattern })
  const isGood = report.state === 'whole' && !report.tests.some(({ outcome }) => isFailure(outcome))
  return { isGood, tests: report.tests.length }
}

/** What is left of it, by what happened. */
const damaged = (format: ReportFormat, text: string): [string, string][] => {
  const lines = text.split(/(?<=\n)/)
  const numbers = [...text.matchAll(/\d+/g)].map(({ 0: number, index }) => ({ number, index }))
  const lost = lines.flatMap((line, at): [string, string][] => [
    [`from line ${at + 1} on`, lines.slice(at).join('')],
    [`without line ${at + 1}, ${line}`, lines.toSpliced(at, 1).join('')],
  ])
  return [
    ...Array.from(text, (_, at): [string, string] => [`the first ${at} characters`, text.slice(0, at)]),
    ...(unnumbered.includes(format) ? [] : lost),
    ...lines.map((line, at): [string, string] => [
      `line ${at + 1} twice, ${line}`,
      lines.toSpliced(at, 0, line).join(''),
    ]),
    ...numbers.flatMap(({ number, index }) =>
      [Number(number) + 1, Math.max(0, Number(number) - 1)].map((other): [string, string] => [
        `${number} at ${index} is ${other}`,
        `${text.slice(0, index)}${other}${text.slice(index + number.length)}`,
      ]),
    ),
    ...lines.map((_, at): [string, string] => [
      `it begins again after line ${at}`,
      `${lines.slice(0, at).join('')}${text}`,
    ]),
  ]
}

describe('only the whole report is good', () => {
  test.each(good)('%s', (format, text) => {
    const whole = read(format, text)
    expect(whole.isGood).toBe(true)
    const believed = damaged(format, text).filter(([, left]) => {
      const { isGood, tests } = read(format, left)
      return isGood && tests < whole.tests
    })
    expect(believed.map(([what]) => what)).toEqual([])
  })
})

/** The same reports with one failure, as the tool tells it: what of it is changed, line by line. */
const failing: [ReportFormat, [string | RegExp, string][]][] = [
  [
    'wine',
    [
      ['a:sum start dlls/a/tests/sum.c -\n', 'a:sum start dlls/a/tests/sum.c -\nsum.c:9: Test failed: x\n'],
      ['0 failures', '1 failure'],
      ['done (0)', 'done (1)'],
    ],
  ],
  ['tap', [['ok 2 - adds', 'not ok 2 - adds']]],
  [
    'ktap',
    [
      ['ok 1 list_add', 'not ok 1 list_add'],
      ['list: pass:2 fail:0', 'list: pass:1 fail:1'],
      ['ok 1 list\n', 'not ok 1 list\n'],
    ],
  ],
  [
    'sparse',
    [
      ['     SKIP', "error: FAIL: test 'old.c' failed\n     SKIP"],
      ["info: XFAIL: test 'old.c' is known to fail\n", ''],
      ['OK: out', 'KO: out'],
      ['\t1 of them are known to fail\n', ''],
    ],
  ],
  [
    'junit',
    [
      ['<skipped message="no"/>', '<failure message="no"/>'],
      [/failures="0"/, 'failures="1"'],
      ['"one" tests="2" failures="0"', '"one" tests="2" failures="1"'],
    ],
  ],
  [
    'ctest',
    [
      ['***Skipped', '***Failed '],
      ['100% tests passed, 0 tests', '67% tests passed, 1 tests'],
    ],
  ],
  [
    'automake',
    [
      ['SKIP: better', 'FAIL: better'],
      ['# SKIP:  1', '# SKIP:  0'],
      ['# FAIL:  0', '# FAIL:  1'],
    ],
  ],
  [
    'go',
    [
      ['"Action":"skip"', '"Action":"fail"'],
      ['"Action":"pass","Package":"m/a","Elapsed":0.5', '"Action":"fail","Package":"m/a","Elapsed":0.5'],
    ],
  ],
  [
    'pytest',
    [
      ['PASSED test_b.py::test_z', 'FAILED test_b.py::test_z'],
      ['= 3 passed,', '= 1 failed, 2 passed,'],
    ],
  ],
  [
    'cargo',
    [
      ['tests::ok ... ok', 'tests::ok ... FAILED'],
      ['result: ok. 2 passed; 0 failed', 'result: FAILED. 1 passed; 1 failed'],
    ],
  ],
  [
    'meson',
    [
      ['4/4 proj / muls                OK  ', '4/4 proj / muls                FAIL'],
      ['Ok:                 2', 'Ok:                 1'],
      ['Fail:               0', 'Fail:               1'],
    ],
  ],
]

describe('no part of a report with a failure is good', () => {
  test.each(failing)('%s', (format, changes) => {
    const [, text = ''] = good.find(([one]) => one === format) ?? []
    const bad = changes.reduce((now, [from, to]) => now.replace(from, to), text)
    const report = parseReport(format, bad, { kind: 'finished', exitCode: 1 })
    expect(report.tests.some(({ outcome }) => isFailure(outcome))).toBe(true)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    const believed = damaged(format, bad).filter(([, left]) => read(format, left).isGood)
    expect(believed.map(([what]) => what)).toEqual([])
  })
})

describe('a flood of output', () => {
  const said = 'x'.repeat(99)
  const flooded = (text: string) => {
    const log = boundedLog(2000)
    const [first = '', ...rest] = text.split(/(?<=\n)/)
    for (const part of [first, `${said}\n`.repeat(100), rest.join('')]) log.add(Buffer.from(part))
    return log.text()
  }
  test.each(good.filter(([format]) => ['wine', 'automake', 'go', 'cargo', 'pattern'].includes(format)))(
    '%s: what nobody counts may be missing',
    (format, text) => {
      const report = parseReport(format, flooded(text), { kind: 'finished', exitCode: 0 }, 'step', {
        pattern,
      })
      expect(report.state).not.toBe('whole')
    },
  )

  test('where the report is in files, what was printed beside it does not matter', () => {
    const [, text = ''] = good.find(([format]) => format === 'go') ?? []
    const files = [{ path: 'out.json', text }]
    const report = parseReport('go', flooded('a\nb\n'), { kind: 'finished', exitCode: 0 }, 'step', { files })
    expect(report).toMatchObject({ state: 'whole', why: '' })
  })
})
