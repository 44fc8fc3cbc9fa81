import { describe, expect, test } from 'vitest'
import { flakyIn } from '../../src/model/flaky.ts'
import type { Sample } from '../../src/model/history.ts'
import { type KnownFailure, propose } from '../../src/model/known.ts'

const sample = (
  at: number,
  failed: string[] | { test: string; message: string }[],
  more: Partial<Sample> = {},
): Sample => ({
  ...{ id: `s${at}`, project: 'tally', image: 'debian', step: 'all', job: `j${at}`, run: `r${at}` },
  ...{ base: `base${at}`, series: undefined, author: undefined, host: 'here', at, state: 'whole' },
  ...{ only: undefined, count: 9 },
  failed: failed.map(one => (typeof one === 'string' ? { test: one, message: 'timed out after 3 s' } : one)),
  ...more,
})

/** One letter for each base, the oldest first: F, and it failed there. */
const bases = (word: string, more: Partial<Sample> = {}): Sample[] =>
  [...word].map((letter, at) => sample(at, letter === 'F' ? ['net/dns'] : [], more))

const known = (state: KnownFailure['state'], more: Partial<KnownFailure> = {}): KnownFailure => ({
  ...propose(
    {
      ...{ id: 'k1', project: 'tally', step: 'all', test: 'net/dns', images: [], message: '' },
      ...{ bug: 'https://bugs.example.org/1', seen: undefined },
    },
    { why: '', rate: { failed: 0, runs: 0 }, now: 0 },
  ),
  state,
  ...more,
})

const found = (samples: Sample[], all: KnownFailure[] = []) => flakyIn(samples, { known: all, bases: 30 })

test('a test that comes and goes is flaky, with its numbers', () => {
  expect(found(bases('....F..F....F...'))).toEqual([
    {
      ...{ step: 'all', test: 'net/dns', images: ['debian'], message: 'timed out after # s' },
      ...{ rate: { failed: 3, runs: 16 }, bases: 3, authors: 0 },
      runs: [
        { run: 'r4', at: 4 },
        { run: 'r7', at: 7 },
        { run: 'r12', at: 12 },
      ],
    },
  ])
})

test.each([
  ['too seldom', '....F..F........', false],
  ['for a time', '....FFFFF.......', false],
  ['since a commit', '.......FFFFFFFFF', false],
  ['always', 'FFFFFFFFFFFFFFFF', false],
  ['nearly always', 'FFFFF.FFFFF.FFFF', false],
  ['in a short history', '.F.F.F', false],
  ['half the time', 'F.F.F.F.F.F.F.F.', true],
])('of failing %s: %s', (_, word, flaky) => {
  expect(found(bases(word))).toHaveLength(flaky ? 1 : 0)
})

test('only the newest bases count', () => {
  const samples = bases(`F.F.F${'.'.repeat(40)}`)
  expect(found(samples)).toEqual([])
  expect(flakyIn(samples, { known: [], bases: 100 })).toHaveLength(1)
})

test('series of different authors are occasions, too; those of one are one', () => {
  const own = bases('....F..F........')
  const series = (author: string, at: number) =>
    sample(at, ['net/dns'], { id: `p${at}`, series: `s${at}`, author })
  expect(found([...own, series('ann', 20), series('ann', 21)])).toMatchObject([{ bases: 2, authors: 1 }])
  expect(found([...bases('................'), ...[20, 21, 22, 23].map(at => series(`a${at}`, at))])).toEqual(
    [],
  )
})

test('a base that both passed and failed tells as much', () => {
  const again = (at: number, failed: string[]) =>
    sample(at, failed, { base: 'base4', only: ['net/dns'], count: 1 })
  const samples = [...bases('....FFF.........'), again(40, []), again(41, [])]
  expect(found(samples)).toMatchObject([{ rate: { failed: 3, runs: 18 } }])
})

test('images are told apart', () => {
  const win = bases('................', { image: 'win11' })
  expect(found([...bases('....F..F....F...'), ...win])).toMatchObject([
    { images: ['debian'], rate: { failed: 3, runs: 16 } },
  ])
})

test('the message is the one that most failures have', () => {
  const says = ['a 1', 'a 2', 'b', 'a 3']
  const samples = [...'F..F..F..F......'].map((letter, at) =>
    sample(at, letter === 'F' ? [{ test: 'net/dns', message: says[at / 3] ?? '' }] : []),
  )
  expect(found(samples)[0]?.message).toBe('a #')
  const apart = samples.map((one, at) => ({
    ...one,
    failed: one.failed.map(of => ({ ...of, message: `x${'yz'.repeat(at)}` })),
  }))
  expect(found(apart)[0]?.message).toBe('')
  const long = samples.map(one => ({
    ...one,
    failed: one.failed.map(of => ({ ...of, message: 'word '.repeat(99) })),
  }))
  expect(found(long)[0]?.message).toMatch(/^(word ){31}word$/)
})

test('a step that does not end well is flaky as a whole', () => {
  const samples = bases('................').map((one, at) =>
    at % 5 === 1 ? { ...one, state: 'broken' as const } : one,
  )
  expect(found(samples)).toMatchObject([{ test: '', rate: { failed: 3, runs: 16 } }])
})

test('the test below is named, not the one above', () => {
  const samples = [...'F..F..F.........'].map((letter, at) =>
    sample(at, letter === 'F' ? ['net', 'net > dns'] : []),
  )
  expect(found(samples).map(one => one.test)).toEqual(['net > dns'])
})

describe('what is known', () => {
  const samples = bases('....F..F....F...')
  const decided = { by: 'olga', when: 1 }

  test('or was proposed or rejected is not proposed again', () => {
    expect(found(samples, [known({ at: 'confirmed', ...decided })])).toEqual([])
    expect(found(samples, [known({ at: 'retired', when: 1, why: '' })])).toEqual([])
    for (const state of [
      { at: 'rejected', ...decided, why: '' },
      { at: 'proposed', why: '', rate: { failed: 1, runs: 9 } },
    ] as const)
      expect(found(samples, [known(state, { message: 'something else' })])).toEqual([])
  })

  test('with another message is another failure', () => {
    const other = known({ at: 'confirmed', ...decided }, { message: 'segmentation fault' })
    expect(found(samples, [other])).toHaveLength(1)
    const same = known({ at: 'confirmed', ...decided }, { message: 'timed out' })
    expect(found(samples, [same])).toEqual([])
  })
})
