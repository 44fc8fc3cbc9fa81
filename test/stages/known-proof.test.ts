// A known failure and proof: what its bug explains is let go, what it does not explain is proven, and stays what was proven.
import { describe, expect, test } from 'vitest'
import type { Seen } from '../../src/model/comparing.ts'
import type { Trials } from '../../src/model/history.ts'
import type { Outcome, Probe, Task, TestedStep } from '../../src/model/job.ts'
import { confirm, type KnownFailure, propose } from '../../src/model/known.ts'
import type { Ruled } from '../../src/model/ruled.ts'
import type { Case } from '../../src/stages/judge/case.ts'
import { letGo, withBug } from '../../src/stages/judge/known.ts'
import { task } from '../contract/samples.ts'

const bug = 'https://bugs.example.org/1'
const known = (more: Partial<KnownFailure> = {}): KnownFailure => {
  const pattern = { step: 'all', test: 'net/dns', images: [], message: '', ...more }
  const proposed = propose(
    { ...pattern, id: 'k1', project: 'tally', bug, seen: undefined },
    { why: '', rate: { failed: 0, runs: 0 }, now: 0 },
  )
  const done = confirm(proposed, { by: 'olga', when: 0 })
  if (!done) throw new Error('it was not confirmed')
  return { ...done, ...more }
}

const step = (isFailing: boolean): TestedStep => ({
  ...{ name: 'all', ending: { kind: 'finished', exitCode: 0 }, tail: [], lines: [1, 9], format: 'tap' },
  report: {
    ...{ state: 'whole', why: '' },
    tests: [{ test: 'net/dns', outcome: isFailing ? 'failed' : 'passed', message: '', line: 1 }],
  },
})

const tested = (isFailing: boolean): Task['state'] => {
  const outcome: Outcome = { kind: 'tested', steps: [step(isFailing)] }
  return { at: 'done', attempts: 1, outcome }
}

const likely: Omit<Probe, 'turn'> = { why: 'likely', side: 'with', build: 'b', step: 'all', round: 1 }

/** `word`: what runs with the patches did, the first one first; F, and it failed. */
const given = (history: Trials, word: string, more: Partial<Case> = {}): Case =>
  ({
    tasks: [
      task('b', 'j', { kind: 'build' }),
      ...[...word].map((letter, at) =>
        task(`t${at}`, 'j', {
          state: tested(letter === 'F'),
          ...(at > 0 ? { probe: { ...likely, tests: ['net/dns'], turn: at } } : {}),
        }),
      ),
      // Of another test, and one that was lost to us.
      task('o', 'j', { state: tested(true), probe: { ...likely, tests: ['net/tcp'], turn: 90 } }),
      task('l', 'j', {
        state: { at: 'done', attempts: 3, outcome: { kind: 'ours', what: 'timeout', detail: '' } },
        probe: { ...likely, tests: ['net/dns'], turn: 91 },
      }),
    ],
    history: () => history,
    known: [known()],
    ...more,
  }) as Case

const { image } = task('t', 'j')
const seen: Seen = {
  ...{ step: 'all', test: 'net/dns', message: 'timed out', before: 'well' },
  failure: { ending: { kind: 'finished', exitCode: 1 }, why: '', tail: [] },
}

test.each<[what: string, history: Trials, word: string, isLetGo: boolean]>([
  ['once, at 20 %', { failed: 6, runs: 30 }, 'F', true],
  ['twice of six, at 20 %', { failed: 6, runs: 30 }, 'F...F.', true],
  ['six times of six, at 20 %', { failed: 6, runs: 30 }, 'FFFFFF', false],
  ['once, at 1 %', { failed: 1, runs: 100 }, 'F', false],
  ['once, and never by itself', { failed: 0, runs: 100 }, 'F', false],
  ['always, as it does by itself', { failed: 30, runs: 30 }, 'FFFFFF', true],
])('what fails %s is known without proof, or has to be proven', (_, history, word, isLetGo) => {
  const found = letGo(given(history, word), image, seen)
  expect(found?.bug).toBe(isLetGo ? bug : undefined)
})

test('what fails on every image at once is not rare on each', () => {
  const on = (name: string) => task(name, 'j', { image: name, state: tested(true) })
  const rate = { failed: 6, runs: 30 }
  const tasks = (...names: string[]) => [task('b', 'j', { kind: 'build' }), ...names.map(on)]
  const found = (...names: string[]) => letGo(given(rate, '', { tasks: tasks(...names) }), 'win11', seen)?.bug
  expect(found('win11')).toBe(bug)
  expect(found('win11', 'win10', 'debian')).toBeUndefined()
})

test('what is marked to fail always is let go in any case', () => {
  const all = [known({ always: true })]
  expect(letGo(given({ failed: 0, runs: 100 }, 'FFF', { known: all }), image, seen)?.bug).toBe(bug)
})

test('a step as a whole is never let go without proof: its tests were not seen', () => {
  const all = [known({ test: '', always: true })]
  const broken = { ...seen, test: '' }
  expect(letGo(given({ failed: 9, runs: 30 }, 'F', { known: all }), image, broken)).toBeUndefined()
})

describe('after proof', () => {
  const ruled = (ruling: Ruled['ruling'], trials: [number, number]): Ruled => ({
    ...{ image, step: 'all', test: 'net/dns', message: 'timed out', ruling, failure: seen.failure },
    proof: { with: { failed: trials[0], runs: trials[1] }, without: { failed: 1, runs: 6 } },
  })
  const rate = { failed: 6, runs: 30 }

  test.each<[ruling: Ruled['ruling'], trials: [number, number], after: Ruled['ruling']]>([
    ['flaky', [2, 6], 'reported'],
    ['failing', [6, 6], 'reported'],
    ['unclear', [2, 6], 'reported'],
    ['unclear', [5, 6], 'unclear'],
    ['worse', [6, 6], 'worse'],
    ['new', [6, 6], 'new'],
    ['mended', [0, 6], 'mended'],
  ])('%s, %j with the patches, is told as %s', (ruling, trials, after) => {
    const said = withBug(given(rate, 'F'), ruled(ruling, trials))
    expect(said.ruling).toBe(after)
    expect(said.bug).toBe(after === 'reported' ? bug : undefined)
    expect(said.proof.with.runs).toBe(6)
  })

  test('what no bug tells of stays as it is', () => {
    const before = ruled('flaky', [2, 6])
    expect(withBug(given(rate, 'F', { known: [] }), before)).toBe(before)
  })
})
