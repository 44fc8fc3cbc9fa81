import { describe, expect, test } from 'vitest'
import {
  comeBack,
  confirm,
  isExpected,
  type KnownFailure,
  matches,
  plainMessage,
  propose,
  reject,
  reportedBy,
  retire,
  seenIn,
  settled,
  tooWide,
  withBug,
} from '../../src/model/known.ts'
import { exactly, literals, matchesName } from '../../src/model/name-glob.ts'

const bug = 'https://bugs.example.org/42'
const proposed = (more: Partial<KnownFailure> = {}): KnownFailure => ({
  ...propose(
    {
      ...{ id: 'k1', project: 'tally', step: 'all', test: 'net/dns', images: [], message: '' },
      ...{ bug: undefined, seen: undefined },
    },
    { why: 'it is flaky', rate: { failed: 4, runs: 20 }, now: 1000 },
  ),
  ...more,
})
const confirmed = (more: Partial<KnownFailure> = {}): KnownFailure =>
  proposed({ bug, state: { at: 'confirmed', by: 'olga', when: 2000 }, ...more })
const failure = { image: 'debian', step: 'all', test: 'net/dns', message: '' }

test.each<[name: string, glob: string, expected: boolean]>([
  ['net/dns', 'net/dns', true],
  ['net/dns', 'net/*', true],
  ['net/dns', '*', true],
  ['', '*', true],
  ['', '', true],
  ['x', '', false],
  ['net/dns', 'net/?ns', true],
  ['net/dns', 'net/??ns', false],
  ['net/dns/v6', 'net/*', true],
  ['net/dns', '*dn*s*', true],
  ['net/dns', '*dn*x', false],
  ['aXbXc', 'a*X*c', true],
  ['test[a-1]', 'test[a-1]', true],
  ['test[a-1]', 'test[*]', true],
  ['test{x}', 'test{x}', true],
  ['a*b', 'a\\*b', true],
  ['axb', 'a\\*b', false],
  ['a\\b', 'a\\\\b', true],
  ['NET', 'net', false],
])('%j against %j', (name, glob, expected) => {
  expect(matchesName(name, glob)).toBe(expected)
})

test('a name as a glob matches itself alone', () => {
  for (const name of ['a*b', 'x?', '\\', 'plain', '[1]']) expect(matchesName(name, exactly(name))).toBe(true)
  expect(matchesName('axb', exactly('a*b'))).toBe(false)
  expect(literals('a\\**?b')).toBe(3)
})

test.each([
  ['Expected 12, got 17', 'expected #, got #'],
  ['at 0x7ffe0012 in\n  worker', 'at # in worker'],
  ['object deadbeef12 is freed', 'object # is freed'],
  ['a facade of decade', 'a facade of decade'],
  ['took 1.5s', 'took #.#s'],
])('of %j it is compared %j', (message, expected) => {
  expect(plainMessage(message)).toBe(expected)
  expect(plainMessage(expected)).toBe(expected)
})

describe('a known failure', () => {
  test.each<
    [what: string, pattern: Partial<KnownFailure>, failed: Partial<typeof failure>, expected: boolean]
  >([
    ['the test', {}, {}, true],
    ['another test', {}, { test: 'net/tcp' }, false],
    ['another step', {}, { step: 'slow' }, false],
    ['any step', { step: undefined }, { step: 'slow' }, true],
    ['any of its images', { images: ['win*', 'debian'] }, {}, true],
    ['another image', { images: ['win*'] }, {}, false],
    [
      'its message, with other numbers',
      { message: 'Timed out after 30 s' },
      { message: 'x: TIMED out after 31 s (0x12)' },
      true,
    ],
    ['another message', { message: 'timed out' }, { message: 'segmentation fault' }, false],
    ['no message at all', { message: 'timed out' }, {}, false],
    ['the step itself', { test: '' }, { test: '' }, true],
    ['a test, where it is of the step', { test: '' }, {}, false],
  ])('and %s', (_, pattern, failed, expected) => {
    expect(matches(proposed(pattern), { ...failure, ...failed })).toBe(expected)
  })

  test('counts when a person confirmed it, and it has a bug', () => {
    expect(reportedBy([confirmed()], failure)?.bug).toBe(bug)
    expect(reportedBy([proposed({ bug })], failure)).toBeUndefined()
    expect(reportedBy([confirmed({ bug: undefined })], failure)).toBeUndefined()
    for (const state of [
      { at: 'rejected', by: 'olga', when: 1, why: '' },
      { at: 'retired', when: 1, why: '' },
    ] as const)
      expect(reportedBy([confirmed({ state })], failure)).toBeUndefined()
  })

  test('says the most of several', () => {
    const wide = confirmed({ id: 'wide', test: 'net/*' })
    const narrow = confirmed({ id: 'narrow', message: 'timed out' })
    const said = { ...failure, message: 'timed out' }
    expect(reportedBy([wide, confirmed(), narrow], said)?.id).toBe('narrow')
    expect(reportedBy([wide, confirmed(), narrow], failure)?.id).toBe('k1')
  })

  test('is compared in bounded time with hostile text', () => {
    const known = Array.from({ length: 200 }, (_, i) =>
      confirmed({ id: `k${i}`, test: '*a*a*a*a*a*b', message: 'x 1 y' }),
    )
    const hostile = { ...failure, test: 'a'.repeat(100_000), message: '0x'.repeat(500_000) }
    expect(reportedBy(known, hostile)).toBeUndefined()
    expect(reportedBy(known, { ...hostile, test: 'a'.repeat(1999), message: 'x 7 y' })).toBeUndefined()
  })

  test.each<[what: string, pattern: Partial<KnownFailure>, wide: boolean]>([
    ['one test', {}, false],
    ['every test', { test: '*' }, true],
    ['every test with a message', { test: '*', message: 'connection reset' }, false],
    ['a message of numbers', { test: '*', message: '404 0x12' }, true],
    ['a step', { test: '' }, false],
    ['any step', { test: '', step: undefined }, true],
  ])('of %s', (_, pattern, wide) => {
    expect(tooWide(proposed(pattern)) !== undefined).toBe(wide)
  })
})

test.each<[what: string, history: [number, number], seen: [number, number], expected: boolean]>([
  ['one failure at a rate of 20 %', [6, 30], [1, 1], true],
  ['six of six at a rate of 20 %', [6, 30], [6, 6], false],
  ['two of six at a rate of 20 %', [6, 30], [2, 6], true],
  ['one failure at a rate of 5 %', [5, 100], [1, 1], true],
  ['one failure at a rate of 4 %', [4, 100], [1, 1], false],
  ['one of six at a rate of 4 %', [4, 100], [1, 6], true],
  ['two of two at a rate of 20 %', [20, 100], [2, 2], false],
  ['what never failed by itself', [0, 100], [1, 1], false],
  ['what was never run', [0, 0], [1, 1], false],
  ['what fails every time', [30, 30], [6, 6], true],
])('%s is let go: %s in %s', (_, [failed, runs], [times, of], expected) => {
  const given = { history: { failed, runs }, seen: { failed: times, runs: of } }
  expect(isExpected({}, given)).toBe(expected)
  expect(isExpected({ always: true }, given)).toBe(true)
})

test('the rate of its proposal counts until history is longer', () => {
  const seen = { failed: 1, runs: 1 }
  const rate = { failed: 4, runs: 20 }
  expect(isExpected({ rate }, { history: { failed: 0, runs: 3 }, seen })).toBe(true)
  expect(isExpected({ rate }, { history: { failed: 0, runs: 30 }, seen })).toBe(false)
})

describe('what becomes of it', () => {
  const by = { by: 'olga', when: 5000 }
  const why = 'it is not so'

  test('a person confirms it, with a bug', () => {
    expect(confirm(proposed(), by)).toBeUndefined()
    expect(confirm(proposed(), { ...by, bug })).toMatchObject({
      ...{ bug, rate: { failed: 4, runs: 20 } },
      state: { at: 'confirmed', ...by },
    })
    expect(confirm(confirmed(), { ...by, bug })).toBeUndefined()
    expect(confirm(confirmed({ state: { at: 'retired', when: 1, why } }), by)?.state.at).toBe('confirmed')
  })

  test('a person rejects it for good', () => {
    const rejected = reject(confirmed(), { ...by, why })
    expect(rejected?.state).toEqual({ at: 'rejected', ...by, why })
    if (!rejected) return
    expect(reject(rejected, { ...by, why })).toBeUndefined()
    expect(retire(rejected, { when: 1, why })).toBeUndefined()
    expect(comeBack(rejected, { at: 1, run: 'r', base: 'c' })).toBeUndefined()
    expect(confirm(rejected, by)?.state.at).toBe('confirmed')
  })

  test('it is retired, and comes back when it is seen again', () => {
    const old = confirmed({ bugState: { is: 'fixed', seenAt: 1 } })
    const retired = retire(old, { when: 6000, why: 'fixed' })
    if (!retired) throw new Error('it was not retired')
    expect(retire(retired, { when: 1, why })).toBeUndefined()
    const returned = { at: 7000, run: 'r9', base: 'c'.repeat(40) }
    const back = comeBack(retired, returned)
    expect(back?.state).toEqual({ at: 'confirmed', by: 'seen again', when: 7000, returned })
    expect(back?.bugState).toBeUndefined()
    expect(back && settled(back).state).toEqual({ at: 'confirmed', by: 'seen again', when: 7000 })
    expect(comeBack(proposed(), returned)).toBeUndefined()
  })

  test('another bug is asked anew', () => {
    const old = confirmed({ bugState: { is: 'fixed', seenAt: 1 } })
    expect(withBug(old, bug)).toBe(old)
    expect(withBug(old, 'https://other.example.org/1').bugState).toBeUndefined()
  })
})

test('a run is counted once, whoever tells of it', () => {
  const first = seenIn(undefined, [
    { run: 'b', at: 20 },
    { run: 'a', at: 10 },
    { run: 'a', at: 10 },
  ])
  expect(first).toMatchObject({ at: 20, run: 'b', times: 2 })
  expect(seenIn(first, [{ run: 'a', at: 10 }])).toBe(first)
  expect(seenIn(first, [{ run: 'late', at: 5 }])).toMatchObject({ at: 20, run: 'b', times: 3 })
  expect(seenIn(undefined, [])).toBeUndefined()
})

test('a run is not counted again after many others', () => {
  const runs = Array.from({ length: 500 }, (_, i) => ({ run: `r${i}`, at: i }))
  const once = seenIn(undefined, runs)
  expect(once?.times).toBe(500)
  expect(seenIn(once, runs)?.times).toBe(500)
  expect(once?.last?.length).toBeLessThan(100)
})
