// Reports of the tools that projects use: whole, cut off, at odds with themselves, and not there. The fixtures are as the tools print them:
// KUnit and kselftest, ctest 3.25, automake 1.16, go 1.19 and 1.24, pytest 9, cargo 1.95, meson 1.0, GoogleTest 1.12, Surefire.
import { describe, expect, test } from 'vitest'
import type { ReportFormat } from '../../src/model/recipe.ts'
import type { Ending } from '../../src/model/run.ts'
import type { ReportFile } from '../../src/text/report/file.ts'
import { parseReport } from '../../src/text/report/report.ts'

const exit = (exitCode: number): Ending => ({ kind: 'finished', exitCode })
const timedOut: Ending = { kind: 'timed-out', afterMs: 5000 }

const parse = (format: ReportFormat, text: string, code: number | Ending = 0, files?: ReportFile[]) =>
  parseReport(format, text, typeof code === 'number' ? exit(code) : code, 'step', { files })
const brief = (report: ReturnType<typeof parseReport>): string[] =>
  report.tests.map(({ test, outcome }) => `${outcome}: ${test}`)

/** Each: what it is, the text, how the command ended, the state, and why. */
type Doubt = [string, string, number | Ending, string, RegExp]
const doubted = (format: ReportFormat, doubts: Doubt[]) =>
  test.each(doubts)('%s', (_, text, code, state, why) => {
    const report = parse(format, text, code)
    expect(report.why).toMatch(why)
    expect(report.state).toBe(state)
  })

const without = (text: string, part: RegExp) =>
  text
    .split('\n')
    .filter(line => !part.test(line))
    .join('\n')

describe('ktap', () => {
  const kunit = `[    0.100000] Linux version 6.1
[    0.510000] KTAP version 1
[    0.510001] 1..2
[    0.510002]     KTAP version 1
[    0.510003]     # Subtest: list
[    0.510004]     # module: list_test
[    0.510005]     1..3
[    0.510006]     ok 1 list_add
[    0.510007]     # list_del: EXPECTATION FAILED at lib/list-test.c:12
[    0.510008]     Expected a == b, but
[    0.510009]         a == 1 (0x1)
[    0.510010]     not ok 2 list_del
[    0.510011]         KTAP version 1
[    0.510012]         # Subtest: list_param
[    0.510013]         ok 1 small
[    0.510014]         ok 2 big # SKIP no memory
[    0.510015]     # list_param: pass:1 fail:0 skip:1 total:2
[    0.510016]     ok 3 list_param
[    0.510017] # list: pass:2 fail:1 skip:0 total:3
[    0.510018] # Totals: pass:2 fail:1 skip:1 total:4
[    0.510019] not ok 1 list
[    0.510020] usb 1-1: new device
[    0.510021]     KTAP version 1
[    0.510022]     # Subtest: hash
[    0.510023]     1..1
[    0.510024]     ok 1 hash_add
[    0.510025] ok 2 hash
`
  test('KUnit in the log of the kernel: subtests below their suite, with what was said before the result', () => {
    const report = parse('ktap', kunit)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      'passed: list > list_add',
      'failed: list > list_del',
      'passed: list > list_param > small',
      'skipped: list > list_param > big',
      'passed: list > list_param',
      'failed: list',
      'passed: hash > hash_add',
      'passed: hash',
    ])
    expect(report.tests[1]).toMatchObject({
      line: 9,
      endLine: 12,
      message: 'list_del: EXPECTATION FAILED at lib/list-test.c:12\nExpected a == b, but\na == 1 (0x1)',
    })
  })

  test('kselftest nests by comment marks, and has words of its own', () => {
    const report = parse(
      'ktap',
      `TAP version 13
1..4
# timeout set to 45
# selftests: net: reuse
# TAP version 13
# 1..3
# ok 1 tcp
# # udp failed here
# not ok 2 udp
# ok 3 sctp # XFAIL no module
# # Totals: pass:1 fail:1 xfail:1 xpass:0 skip:0 error:0
not ok 1 selftests: net: reuse # exit=1
# just words
ok 2 selftests: net: tls
not ok 3 selftests: net: slow # TIMEOUT 45 seconds
ok 4 selftests: net: v6 # SKIP
`,
    )
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      'passed: selftests: net: reuse > tcp',
      'failed: selftests: net: reuse > udp',
      'todo: selftests: net: reuse > sctp',
      'failed: selftests: net: reuse',
      'passed: selftests: net: tls',
      'error: selftests: net: slow',
      'skipped: selftests: net: v6',
    ])
    expect(report.tests[5]?.message).toBe('45 seconds')
  })

  test('totals of a nested program count, too; what broke is told apart from what failed', () => {
    const totals = (said: string) => `TAP version 13
1..1
# TAP version 13
# 1..2
# ok 1 tcp
# not ok 2 # error no socket
# # Totals: ${said}
not ok 1 selftests: net: reuse # exit=1
`
    expect(parse('ktap', totals('pass:1 fail:0 xfail:0 xpass:0 skip:0 error:1'), 1)).toMatchObject({
      state: 'whole',
      why: '',
    })
    expect(parse('ktap', totals('pass:2 fail:0 xfail:0 xpass:0 skip:0 error:1'), 1)).toMatchObject({
      state: 'contradictory',
      why: expect.stringMatching(/counts 2 passed tests, the report shows 1/),
    })
  })

  const head = (lines: number) => kunit.split('\n').slice(0, lines).join('\n')
  doubted('ktap', [
    ['the kernel died in a suite', head(10), timedOut, 'truncated', /did not end/],
    ['the log ends in a suite', head(10), 0, 'truncated', /result of "list" is missing/],
    ['the log ends between suites', head(21), 0, 'truncated', /promises 2 tests, 1 are there/],
    ['a plan is missing', 'KTAP version 1\nok 1 a\n', 0, 'truncated', /no plan/],
    ['more than planned', '1..1\nok 1 a\nok 2 b\n', 0, 'contradictory', /promises 1 tests, but there are 2/],
    ['a number is missing', '1..2\nok 1 a\nok 3 b\n', 0, 'contradictory', /test 3 stands in place 2/],
    [
      'counts that disagree',
      kunit.replace('fail:1 skip:0 total:3', 'fail:0 skip:0 total:3'),
      0,
      'contradictory',
      /counts 0 failures/,
    ],
    [
      'ok above a failure',
      kunit.replace('not ok 1 list', 'ok 1 list'),
      0,
      'contradictory',
      /"list" is ok, but/,
    ],
    ['non-zero exit, nothing failed', '1..1\nok 1 a\n', 3, 'contradictory', /exit code 3/],
    ['it gave up', '1..2\nok 1 a\nBail out! no disk\n', 1, 'truncated', /no disk/],
    [
      'two documents, one after the other',
      'KTAP version 1\n1..1\nok 1 a\nKTAP version 1\n1..1\nok 1 b\n',
      0,
      'whole',
      /^$/,
    ],
    ['none', 'Linux version 6.1\n', 0, 'none', /no line of KTAP/],
  ])
})

describe('junit', () => {
  const file = (text: string, path = 'out/TEST-a.xml'): ReportFile => ({ path, text })
  const surefire = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="org.tally.SumTest" time="1,234.5" tests="4" errors="1" skipped="1" failures="1">
  <properties><property name="java.home" value="/x"/></properties>
  <testcase name="adds" classname="org.tally.SumTest" time="0.012"/>
  <testcase name="subtracts" classname="org.tally.SumTest" time="0.1">
    <failure message="expected: &lt;1&gt; but was: &lt;2&gt;" type="AssertionError"><![CDATA[at SumTest.java:12]]></failure>
    <system-out>noise</system-out>
  </testcase>
  <testcase name="divides" classname="org.tally.SumTest"><error type="NPE">NullPointer
at Sum.java:3</error></testcase>
  <testcase name="later" classname="org.tally.SumTest"><skipped message="no disk"/></testcase>
</testsuite>`

  test('Surefire: names, suites, times and words', () => {
    const report = parse('junit', 'Running\nsubtracts FAILED\n', 1, [file(surefire)])
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(report.tests).toEqual([
      {
        test: 'org.tally.SumTest.adds',
        outcome: 'passed',
        message: '',
        line: 1,
        suite: 'org.tally.SumTest',
        durationMs: 12,
      },
      {
        ...{ test: 'org.tally.SumTest.subtracts', outcome: 'failed', message: 'expected: <1> but was: <2>' },
        ...{ line: 2, suite: 'org.tally.SumTest', durationMs: 100 },
      },
      {
        ...{ test: 'org.tally.SumTest.divides', outcome: 'error', message: 'NullPointer\nat Sum.java:3' },
        ...{ line: 1, suite: 'org.tally.SumTest' },
      },
      {
        test: 'org.tally.SumTest.later',
        outcome: 'skipped',
        message: 'no disk',
        line: 1,
        suite: 'org.tally.SumTest',
      },
    ])
  })

  test('GoogleTest, pytest, CTest and Meson say it in their own ways', () => {
    const gtest = `<testsuites tests="3" failures="1" disabled="1" errors="0" name="AllTests"><testsuite name="S" tests="3" failures="1" disabled="1" errors="0">
<testcase name="Bad" status="run" result="completed" classname="S"><failure message="a&#x0A;b"/><failure message="c"/></testcase>
<testcase name="DISABLED_Off" status="notrun" result="suppressed" classname="S" />
<testcase name="Skip" status="run" result="skipped" classname="S"><skipped message="no"/></testcase></testsuite></testsuites>`
    const pytest = `<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="2"><testcase classname="t" name="td"><failure message="assert 0">td = None\n\nE   assert 0</failure></testcase><testcase classname="t" name="td"><error message="failed on teardown"/></testcase><testcase classname="t" name="x"><skipped type="pytest.xfail" message="bug 1"/></testcase></testsuite></testsuites>`
    const ctest = `<testsuite name="(empty)" tests="3" failures="1" disabled="1" skipped="1"><testcase name="gone" classname="gone" status="notrun"><skipped message="Unable to find executable"/></testcase><testcase name="segv" classname="segv" status="fail"><failure message=""/><system-out>hello</system-out></testcase><testcase name="dis" classname="dis" status="disabled"/></testsuite>`
    const meson = `<testsuites tests="2" errors="0" failures="0"><testsuite name="proj" tests="1" errors="0" failures="0"><testcase name="proj:unit / ok" classname="proj" time="0.03404831886291504" /></testsuite></testsuites>`
    const report = parse(
      'junit',
      '',
      1,
      [gtest, pytest, ctest, meson].map(text => file(text)),
    )
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      ...['failed: S.Bad', 'skipped: S.DISABLED_Off', 'skipped: S.Skip'],
      ...['failed: t.td', 'error: t.td #2', 'todo: t.x'],
      ...['error: gone', 'failed: segv', 'skipped: dis'],
      'passed: proj:unit / ok',
    ])
    expect(report.tests.map(({ message }) => message)).toEqual([
      ...[
        'a\nb',
        '',
        'no',
        'assert 0',
        'failed on teardown',
        'bug 1',
        'Unable to find executable',
        'hello',
        '',
        '',
      ],
    ])
  })

  test('a flaky test that Surefire ran again has passed, and says so', () => {
    const report = parse('junit', '', 0, [
      file(
        '<testsuite name="s" tests="1" failures="0"><testcase name="a"><flakyFailure message="x"/></testcase></testsuite>',
      ),
    ])
    expect(report.tests).toMatchObject([{ outcome: 'passed', message: expect.stringMatching(/passed when/) }])
  })

  test('XML among what is printed is found, and its lines are those of the log', () => {
    const report = parse('junit', `building\n${surefire}\nbye\n`, 1)
    expect(report.state).toBe('whole')
    expect(report.tests.map(({ line }) => line)).toEqual([5, 6, 10, 12])
  })

  const bomb = `<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>
<testsuite name="x" tests="1"><testcase name="&b;"/></testsuite>`
  const external = `<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite name="x"><testcase name="t">&a;</testcase></testsuite>`
  test.each<[string, ReportFile[], number | Ending, string, RegExp]>([
    ['no file', [], 0, 'none', /no JUnit report file/],
    ['other XML', [file('<html><body/></html>')], 0, 'none', /no JUnit report file/],
    ['no test in it', [file('<testsuites/>')], 0, 'none', /holds no test/],
    ['cut off', [file(surefire.slice(0, 700))], 0, 'truncated', /no whole XML/],
    [
      'cut off after a test',
      [file(surefire.slice(0, surefire.indexOf('</testsuite>')))],
      1,
      'truncated',
      /no whole XML/,
    ],
    ['empty', [file(''), file(surefire)], 1, 'truncated', /no whole XML: it is empty/],
    ['time-out', [file(surefire)], timedOut, 'truncated', /did not end/],
    [
      'fewer tests than counted',
      [file(surefire.replace('tests="4"', 'tests="5"'))],
      1,
      'contradictory',
      /counts 5 tests, the report shows 4/,
    ],
    [
      'more tests than counted',
      [file(surefire.replace('tests="4"', 'tests="3"'))],
      1,
      'contradictory',
      /counts 3 tests/,
    ],
    [
      'failures, none counted',
      [file(surefire.replace('errors="1"', 'errors="0"').replace('failures="1"', 'failures="0"'))],
      1,
      'contradictory',
      /counts no failure/,
    ],
    [
      'non-zero exit, nothing failed',
      [file('<testsuite tests="1"><testcase name="a"/></testsuite>')],
      2,
      'contradictory',
      /exit code 2/,
    ],
    [
      'a suite whose tests are missing',
      [
        file(
          '<testsuites><testsuite name="a" tests="1"><testcase name="x"/></testsuite><testsuite name="b" tests="5"/></testsuites>',
        ),
      ],
      0,
      'contradictory',
      /suite "b" counts 5 tests, the report shows none/,
    ],
    [
      'failures that stand nowhere',
      [
        file(
          '<testsuites failures="2"><testsuite name="a" tests="1"><testcase name="x"/></testsuite></testsuites>',
        ),
      ],
      0,
      'contradictory',
      /it counts 2 failures, the report shows none/,
    ],
    ['an entity bomb', [file(bomb)], 0, 'truncated', /entity/],
    ['an entity from outside', [file(external)], 0, 'truncated', /entity/],
    ['nested too deep', [file('<testsuite>'.repeat(5000))], 0, 'truncated', /too deep/],
  ])('%s', (_, files, code, state, why) => {
    const report = parse('junit', '', code, files)
    expect(report.why).toMatch(why)
    expect(report.state).toBe(state)
    expect(JSON.stringify(report)).not.toMatch(/root:|aaaaaaaaaaa/)
  })
})

describe('ctest', () => {
  const good = `Test project /b
      Start 11: with blank
      Start  1: adds
 1/6 Test #11: with blank .......................***Failed    0.10 sec
said
 bad

      Start  3: segv
 2/6 Test  #1: adds .............................   Passed    0.02 sec
      Start  4: slow
 3/6 Test  #3: segv .............................***Exception: SegFault  0.00 sec
      Start  5: skip
 4/6 Test  #5: skip .............................***Skipped   0.00 sec
      Start  6: off
 5/6 Test  #6: off ..............................***Not Run (Disabled)   0.00 sec
 6/6 Test  #4: slow .............................***Timeout   1.00 sec

20% tests passed, 3 tests failed out of 5

Total Test time (real) =   1.01 sec
`
  test('outcomes, times and what was printed', () => {
    const report = parse('ctest', good, 8)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      ...[
        'failed: with blank',
        'passed: adds',
        'error: segv',
        'skipped: skip',
        'skipped: off',
        'error: slow',
      ],
    ])
    expect(report.tests[0]).toMatchObject({
      durationMs: 100,
      message: 'Failed\nsaid\n bad',
      line: 4,
      endLine: 6,
    })
    expect(report.tests[2]?.message).toBe('Exception: SegFault')
  })

  test('with --repeat the last result of a test counts; with -V each line says whose it is', () => {
    const report = parse(
      'ctest',
      `    Start 1: a
1: Test command: /a
    Start 2: b
2: b says
1: a says
1/2 Test #1: a ....***Failed    0.00 sec
    Start 1: a
    Test #1: a ....   Passed    0.00 sec
2/2 Test #2: b ....***Failed    0.00 sec
50% tests passed, 1 tests failed out of 2
`,
      8,
    )
    expect(report.state).toBe('whole')
    expect(report.tests).toMatchObject([
      { test: 'a', outcome: 'passed' },
      { test: 'b', outcome: 'failed', message: 'Failed\nb says' },
    ])
  })

  doubted('ctest', [
    ['no summary', without(good, /tests passed/), 8, 'truncated', /no line "% tests passed"/],
    ['a test without a result', without(good, /Test {2}#4/), timedOut, 'truncated', /did not end/],
    [
      'fewer failures than counted',
      good.replace('***Exception: SegFault', '   Passed  '),
      8,
      'contradictory',
      /counts 3 failures, the report shows 2/,
    ],
    ['fewer tests than counted', good.replace('out of 5', 'out of 9'), 8, 'contradictory', /counts 9 tests/],
    ['failures, but exit code 0', good, 0, 'contradictory', /exit code 0/],
    ['none', 'No tests were found!!!\n', 0, 'none', /no line/],
  ])
})

describe('automake', () => {
  const good = `Making check in t
make[1]: Entering directory '/x/pkg/t'
Making check in sub
make[2]: Entering directory '/x/pkg/t/sub'
PASS: good.sh
============================================================================
Testsuite summary for pkg 1.0
============================================================================
# TOTAL: 1
# PASS:  1
# SKIP:  0
# XFAIL: 0
# FAIL:  0
# XPASS: 0
# ERROR: 0
============================================================================
make[2]: Leaving directory '/x/pkg/t/sub'
PASS: good.sh
FAIL: bad.sh
XPASS: xp.sh
SKIP: a.tap 3 # SKIP no disk
XFAIL: a.tap 4 - later # TODO x
ERROR: a.tap - too few tests run (expected 5, got 4)
===============================
   pkg 1.0: t/test-suite.log
===============================

# TOTAL: 6

FAIL: bad
=========

said
FAIL bad.sh (exit status: 1)

============================================================================
Testsuite summary for pkg 1.0
============================================================================
# TOTAL: 6
# PASS:  1
# SKIP:  1
# XFAIL: 1
# FAIL:  1
# XPASS: 1
# ERROR: 1
============================================================================
make[1]: Leaving directory '/x/pkg/t'
make: *** [Makefile:321: check-recursive] Error 1
`
  test('names begin with their folder, numbers of TAP are left out, and VERBOSE=1 tells why', () => {
    const report = parse('automake', good, 2)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      ...['passed: t/sub/good.sh', 'passed: t/good.sh', 'failed: t/bad.sh', 'todo-passed: t/xp.sh'],
      ...['skipped: t/a.tap > test 3', 'todo: t/a.tap > later', 'error: t/a.tap'],
    ])
    expect(report.tests[2]?.message).toBe('said\nFAIL bad.sh (exit status: 1)')
    expect(report.tests[6]?.message).toMatch(/too few/)
  })

  test('the serial harness', () => {
    const serial = 'PASS: a\nFAIL: b\n==================\n1 of 2 tests failed\n==================\n'
    expect(parse('automake', serial, 1)).toMatchObject({ state: 'whole' })
    expect(parse('automake', serial.replace('1 of 2', '2 of 2'), 1)).toMatchObject({ state: 'contradictory' })
  })

  const trs = (path: string, word: string): ReportFile => ({
    path,
    text: `:test-result: ${word}\n:global-test-result: ${word}\n:recheck: no\n`,
  })
  test('.trs files, with the log beside them', () => {
    const files = [trs('t/a.trs', 'PASS'), trs('t/b.trs', 'FAIL'), { path: 't/b.log', text: 'x\nno disk\n' }]
    const report = parse('automake', 'make: nothing\n# TOTAL: 9\n', 2, files)
    expect(report.state).toBe('truncated')
    const summed = parse('automake', 'Testsuite summary for p\n# TOTAL: 2\n', 2, files)
    expect(summed).toMatchObject({ state: 'whole' })
    expect(summed.tests).toMatchObject([
      { test: 't/a', outcome: 'passed' },
      { test: 't/b', outcome: 'failed', message: 'x\nno disk' },
    ])
    expect(parse('automake', 'Testsuite summary for p\n# TOTAL: 3\n', 2, files).state).toBe('contradictory')
    const empty = parse('automake', '', 0, [trs('t/a.trs', 'PASS'), { path: 't/c.trs', text: '' }])
    expect(empty).toMatchObject({ state: 'truncated', why: 't/c.trs holds no result' })
    expect(parse('automake', '', 0, [])).toMatchObject({ state: 'none' })
  })

  doubted('automake', [
    [
      'cut in the second folder',
      good.slice(0, good.indexOf('SKIP: a.tap')),
      2,
      'truncated',
      /summary is missing/,
    ],
    ['time-out', good, timedOut, 'truncated', /did not end/],
    [
      'counts that disagree',
      without(good, /^PASS: good/),
      2,
      'contradictory',
      /counts 7 tests, the report shows 5/,
    ],
    ['failures, but exit code 0', good, 0, 'contradictory', /exit code 0/],
    ['the build failed', 'make: *** [a.o] Error 1\n', 2, 'none', /no line/],
  ])
})

describe('go', () => {
  const line = (Action: string, rest: object = {}) =>
    JSON.stringify({ Time: '2026-01-01T00:00:00Z', Action, Package: 'example.com/m/a', ...rest })
  const good = [
    line('start'),
    line('run', { Test: 'TestOk' }),
    line('output', { Test: 'TestOk', Output: '=== RUN   TestOk\n' }),
    line('pass', { Test: 'TestOk', Elapsed: 0.12 }),
    line('run', { Test: 'TestSub' }),
    line('run', { Test: 'TestSub/x_y' }),
    line('output', { Test: 'TestSub/x_y', Output: '    a_test.go:4: bad 3\n' }),
    line('output', { Test: 'TestSub/x_y', Output: '    --- FAIL: TestSub/x_y (0.00s)\n' }),
    line('fail', { Test: 'TestSub/x_y', Elapsed: 0 }),
    line('fail', { Test: 'TestSub', Elapsed: 0 }),
    line('skip', { Test: 'TestSkip', Elapsed: 0 }),
    line('output', { Output: 'FAIL\n' }),
    line('fail', { Elapsed: 0.5 }),
    line('output', { Package: 'example.com/m/c', Output: '?   \texample.com/m/c\t[no test files]\n' }),
    line('skip', { Package: 'example.com/m/c', Elapsed: 0 }),
  ]
  const text = (lines: string[]) => `${lines.join('\n')}\n`

  test('tests stand below their package, subtests below their test', () => {
    const report = parse('go', text(good), 1)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      'failed: example.com/m/a',
      'passed: example.com/m/a > TestOk',
      'failed: example.com/m/a > TestSub',
      'failed: example.com/m/a > TestSub > x_y',
      'skipped: example.com/m/a > TestSkip',
    ])
    expect(report.tests[1]).toMatchObject({ durationMs: 120, suite: 'example.com/m/a', line: 2, endLine: 4 })
    expect(report.tests[3]?.message).toBe('a_test.go:4: bad 3')
  })

  test('a package that does not build fails with what the compiler says, old and new', () => {
    const old =
      '# example.com/m/d [example.com/m/d.test]\nd/d.go:2:23: undefined: y\nFAIL\texample.com/m/d [build failed]\n'
    const now = [
      JSON.stringify({
        ImportPath: 'example.com/m/d [example.com/m/d.test]',
        Action: 'build-output',
        Output: '# example.com/m/d\n',
      }),
      JSON.stringify({
        ImportPath: 'example.com/m/d [example.com/m/d.test]',
        Action: 'build-output',
        Output: 'd/d.go:2:23: undefined: y\n',
      }),
      JSON.stringify({ ImportPath: 'example.com/m/d [example.com/m/d.test]', Action: 'build-fail' }),
      line('fail', { Package: 'example.com/m/d', Elapsed: 0, FailedBuild: 'x' }),
    ]
    for (const log of [old, text(now)])
      expect(parse('go', log, 2)).toMatchObject({
        state: 'whole',
        tests: [{ test: 'example.com/m/d', outcome: 'failed', message: 'd/d.go:2:23: undefined: y' }],
      })
  })

  test('a test that was running when its package died is an error', () => {
    const report = parse('go', text([line('run', { Test: 'TestA' }), line('fail', { Elapsed: 1 })]), 1)
    expect(brief(report)).toEqual(['failed: example.com/m/a', 'error: example.com/m/a > TestA'])
  })

  doubted('go', [
    ['cut in a package', text(good.slice(0, 8)), 1, 'truncated', /package example.com\/m\/a has no result/],
    ['time-out', text(good), timedOut, 'truncated', /did not end/],
    [
      'half an event',
      text([...good, '{"Time":"2026-01-01T00:00:00Z","Action":"fa']),
      1,
      'contradictory',
      /no whole event/,
    ],
    ['failures, but exit code 0', text(good), 0, 'contradictory', /exit code 0/],
    [
      'exit code 1, nothing failed',
      text([line('run', { Test: 'T' }), line('pass', { Test: 'T' }), line('pass')]),
      1,
      'contradictory',
      /no test failed/,
    ],
    ['none', 'ok  \texample.com/m/a\t0.003s\n', 0, 'none', /no event/],
  ])
})

describe('pytest', () => {
  const good = `============================= test session starts ==============================
collected 8 items

test_a.py .F.sxXE                                                        [100%]

==================================== ERRORS ====================================
_________________________ ERROR at teardown of test_td _________________________

>       raise RuntimeError("teardown")
E       RuntimeError: teardown

=================================== FAILURES ===================================
________________________________ TestC.test_bad ________________________________

>   def test_bad(self): assert 1 == 2, "oh no"
E   AssertionError: oh no
E   assert 1 == 2

test_a.py:4: AssertionError
___________________________________ test_td ____________________________________
E   assert 0
============================== slowest durations ===============================
0.25s call     test_a.py::test_ok
0.01s setup    test_a.py::test_ok
=========================== short test summary info ============================
PASSED test_a.py::test_ok
PASSED test_a.py::test_p[a - b]
SKIPPED [2] test_a.py:7: no disk
XFAIL test_a.py::test_x - bug 1
XPASS test_a.py::test_xp
ERROR test_a.py::test_td - RuntimeError: teardown
FAILED test_a.py::TestC::test_bad - AssertionError: oh no
FAILED test_a.py::test_q[c - d] - assert 'a b' == 1
FAILED test_a.py::test_td - assert 0
=== 3 failed, 2 passed, 2 skipped, 1 xfailed, 1 xpassed, 1 error in 1.15s ====
`
  test('-rA names all; why and where come from the failures above, times from --durations', () => {
    const report = parse('pytest', good, 1)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      'passed: test_a.py::test_ok',
      'passed: test_a.py::test_p[a - b]',
      'skipped: test_a.py: no disk',
      'todo: test_a.py::test_x',
      'todo-passed: test_a.py::test_xp',
      'failed: test_a.py::test_td',
      'failed: test_a.py::TestC::test_bad',
      'failed: test_a.py::test_q[c - d]',
    ])
    expect(report.tests[0]).toMatchObject({ durationMs: 260, suite: 'test_a.py' })
    expect(report.tests[5]?.message).toBe('assert 0')
    expect(report.tests[6]).toMatchObject({
      line: 13,
      endLine: 19,
      message: 'AssertionError: oh no\nassert 1 == 2',
    })
    expect(report.tests[7]?.message).toBe("assert 'a b' == 1")
  })

  test('-v, and several workers', () => {
    const report = parse(
      'pytest',
      `test_a.py::test_ok PASSED                                        [ 33%]
test_a.py::test_s SKIPPED (no disk)                              [ 66%]
[gw0] [100%] FAILED test_a.py::test_p[a b]
=========================== short test summary info ============================
SKIPPED [1] test_a.py:7: no disk
FAILED test_a.py::test_p[a b] - assert 0
1 failed, 1 passed, 1 skipped in 0.70s
`,
      1,
    )
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      ...['passed: test_a.py::test_ok', 'skipped: test_a.py::test_s', 'failed: test_a.py::test_p[a b]'],
    ])
  })

  doubted('pytest', [
    ['no last line', without(good, / in 1\.15s/), 1, 'truncated', /last line/],
    ['killed', without(good, / in 1\.15s/), 137, 'truncated', /killed/],
    ['only started', good.split('\n').slice(0, 4).join('\n'), 0, 'truncated', /last line/],
    [
      'stopped at the first failure',
      good.replace(/^=== 3/m, '!!!!!! stopping after 3 failures !!!!!!\n=== 3'),
      1,
      'truncated',
      /stopping after 3/,
    ],
    [
      'not named',
      without(good, /^PASSED|^FAILED|^ERROR|^X|^SKIPPED/),
      1,
      'contradictory',
      /counts 2 times PASSED.*-rA/,
    ],
    [
      'one not named',
      without(good, /^PASSED test_a.py::test_ok/),
      1,
      'contradictory',
      /counts 2 times PASSED, the report shows 1/,
    ],
    ['failures, but exit code 0', good, 0, 'contradictory', /exit code 0/],
    ['none', 'python: no module\n', 1, 'none', /no line/],
  ])
})

describe('cargo', () => {
  const good = `   Compiling foo v0.1.0 (/x/foo)
     Running unittests src/lib.rs (target/debug/deps/foo-28a01a7770d7ff1d)

running 4 tests
test tests::ign ... ignored, slow
test tests::ok ... ok
test tests::bad ... FAILED
test tests::sp - should panic ... ok

failures:

---- tests::bad stdout ----
said

thread 'tests::bad' panicked at src/lib.rs:9:42:
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/src/std/src/panicking.rs:689:5

failures:
    tests::bad

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.09s

error: test failed, to rerun pass \`--lib\`
     Running tests/it.rs (target/debug/deps/it-ec7d2b4e0cd425c4)

running 2 tests
error: test failed, to rerun pass \`--test it\`

Caused by:
  process didn't exit successfully: \`/x/target/debug/deps/it-ec7d2b4e0cd425c4\` (signal: 6, SIGABRT: process abort signal)
   Doc-tests foo

running 1 test
test src/lib.rs - doc (line 2) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: 2 targets failed:
`
  test('each program by crate and file; one that dies is an error of its own', () => {
    const report = parse('cargo', good, 101)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      'skipped: foo src/lib.rs > tests::ign',
      'passed: foo src/lib.rs > tests::ok',
      'failed: foo src/lib.rs > tests::bad',
      'passed: foo src/lib.rs > tests::sp',
      'error: it tests/it.rs',
      'passed: Doc-tests foo > src/lib.rs - doc',
    ])
    expect(report.tests[2]?.message).toBe("said\nthread 'tests::bad' panicked at src/lib.rs:9:42:")
    expect(report.tests[4]?.message).toMatch(/SIGABRT/)
    expect(JSON.stringify(report.tests)).not.toMatch(/ec7d2b4e/)
  })

  test('a single program, one thread, with what it prints in between', () => {
    const alone = `running 2 tests
test a ... hello
there ok
test b ... and then
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`
    const report = parse('cargo', alone, 101)
    expect(report.state).toBe('contradictory')
    expect(brief(report)).toEqual(['passed: a', 'error: b'])
    expect(parse('cargo', alone.replace('and then', 'and then\nok'))).toMatchObject({ state: 'whole' })
  })

  doubted('cargo', [
    [
      'no result of a program',
      without(good, /^test result: FAILED/),
      101,
      'truncated',
      /foo src\/lib.rs has no line/,
    ],
    ['time-out', good, timedOut, 'truncated', /did not end/],
    [
      'counts that disagree',
      good.replace('FAILED. 2 passed', 'FAILED. 3 passed'),
      101,
      'contradictory',
      /counts 3 passed tests/,
    ],
    [
      'fewer than announced',
      good.replace('running 4 tests', 'running 5 tests'),
      101,
      'contradictory',
      /counts 5 tests/,
    ],
    ['failures, but exit code 0', good, 0, 'contradictory', /exit code 0/],
    ['it does not build', 'error: could not compile `foo`\n', 101, 'none', /no line/],
  ])
})

describe('meson', () => {
  const good = `ninja: Entering directory \`/x/b'
 1/7 proj:unit / ok             OK              0.03s
 2/7 proj:unit+x / bad one      FAIL            0.01s   exit status 1
>>> MALLOC_PERTURB_=153 /usr/bin/sh -c 'echo said; exit 1'
――――――――――――――――――――――――――――――――――――― ✀  ―――――――――――――――――――――――――――――――――――――
said
――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――――

 3/7 proj / skip                SKIP            0.05s   exit status 77
 4/7 proj / xf                  EXPECTEDFAIL    0.03s   exit status 1
 5/7 proj / xp                  UNEXPECTEDPASS  0.02s
▶ 6/7 - b                       FAIL
 6/7 proj / tap                 FAIL            0.01s   2/3 subtests passed
 7/7 proj / slow                TIMEOUT         1.01s   killed by signal 15 SIGTERM

Summary of Failures:

 2/7 proj:unit+x / bad one      FAIL            0.01s   exit status 1

Ok:                 1
Expected Fail:      1
Fail:               2
Unexpected Pass:    1
Skipped:            1
Timeout:            1
`
  test('names as meson takes them, suites, times and errors', () => {
    const report = parse('meson', good, 4)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(brief(report)).toEqual([
      ...[
        'passed: proj:ok',
        'failed: proj:bad one',
        'skipped: proj:skip',
        'todo: proj:xf',
        'todo-passed: proj:xp',
      ],
      ...['failed: proj:tap', 'failed: proj:tap > b', 'error: proj:slow'],
    ])
    expect(report.tests[1]).toMatchObject({
      ...{ suite: 'proj:unit+x', durationMs: 10, line: 3, endLine: 6, message: 'exit status 1\nsaid' },
    })
    expect(report.tests[7]?.message).toMatch(/^timed out/)
  })

  doubted('meson', [
    ['no counts', good.slice(0, good.indexOf('Ok:')), 4, 'truncated', /counts at the end are missing/],
    ['time-out', good, timedOut, 'truncated', /did not end/],
    [
      'a test missing',
      without(good, /proj \/ xf/),
      4,
      'contradictory',
      /counts 1 expected failures, the report shows 0/,
    ],
    ['counts that disagree', good.replace(/^Fail: .*$/m, 'Fail: 3'), 4, 'contradictory', /counts 4 failures/],
    ['failures, but exit code 0', good, 0, 'contradictory', /exit code 0/],
    ['none', 'No tests defined.\n', 0, 'none', /no line/],
    ['counts of nothing', 'Ok:                 0\nFail:               0\n', 0, 'none', /no line/],
  ])
})

describe('pattern', () => {
  const pattern = {
    passed: '^GOOD (?<test>\\S+)',
    failed: '^BAD (?<test>\\S+): (?<message>.*)',
    skipped: '^LEFT (?<test>\\S+)',
    end: '^finished',
  }
  const own = (
    text: string,
    code: number | Ending = 0,
    own: Partial<typeof pattern> & { failed: string } = pattern,
  ) => parseReport('pattern', text, typeof code === 'number' ? exit(code) : code, 'step', { pattern: own })

  test('lines that match are tests; the others are none', () => {
    const report = own('hello\nGOOD a\nBAD b: no disk\nLEFT c\nGOOD a\nfinished\n', 1)
    expect(report).toMatchObject({ state: 'whole', why: '' })
    expect(report.tests).toEqual([
      { test: 'a', outcome: 'passed', message: '', line: 2 },
      { test: 'b', outcome: 'failed', message: 'no disk', line: 3 },
      { test: 'c', outcome: 'skipped', message: '', line: 4 },
      { test: 'a #2', outcome: 'passed', message: '', line: 5 },
    ])
  })

  test('one that names failures only: the exit code says that there are none', () => {
    const failures = { failed: '^BAD (?<test>\\S+)' }
    expect(own('hello\n', 0, failures)).toMatchObject({
      state: 'whole',
      tests: [{ test: 'step', outcome: 'passed' }],
    })
    expect(own('hello\n', 1, failures)).toMatchObject({
      state: 'whole',
      tests: [{ test: 'step', outcome: 'failed' }],
    })
    expect(brief(own('BAD x\n', 1, failures))).toEqual(['failed: x'])
  })

  test.each<[string, string, number | Ending, string, RegExp]>([
    ['no end', 'GOOD a\n', 0, 'truncated', /pattern of its end/],
    ['time-out', 'GOOD a\nfinished\n', timedOut, 'truncated', /did not end/],
    ['non-zero exit, nothing failed', 'GOOD a\nfinished\n', 1, 'contradictory', /exit code 1/],
    ['none', 'hello\n', 0, 'none', /no line of it matches/],
  ])('%s', (_, text, code, state, why) => {
    const report = own(text, code)
    expect(report.why).toMatch(why)
    expect(report.state).toBe(state)
  })

  test('a pattern that would need ages is stopped', () => {
    const report = own(`${'a'.repeat(60)}!\n`, 0, { failed: '^(?<test>(a+)+)$' })
    expect(report).toMatchObject({
      state: 'none',
      why: expect.stringMatching(/more than 1 second/),
      tests: [],
    })
  })
})

describe('all formats', () => {
  test('a flood of tests is cut, and said so', () => {
    const flood = Array.from({ length: 100_001 }, (_, i) => `PASS: t${i}`).join('\n')
    const report = parse('automake', flood, 0)
    expect(report).toMatchObject({ state: 'truncated', why: expect.stringMatching(/100001 tests/) })
    expect(report.tests).toHaveLength(100_000)
  })
})
