// How a task went, in one line: for progress, lists and logs.

import type { Outcome, Side, Task } from '../model/job.ts'
import { isFailure, type TestOutcome } from '../model/report.ts'
import { leaves } from '../model/test-name.ts'
import { sayEnding } from './ending.ts'

/** Without an end mark. */
export const sayOutcome = (outcome: Outcome): string => {
  switch (outcome.kind) {
    case 'built':
      return 'built'
    case 'walked':
      return outcome.broken.length === 0
        ? sayWalked(outcome.looked)
        : `does not build after ${outcome.broken.length} of the patches`
    case 'does-not-apply':
      return `patch ${outcome.position}${outcome.before ? ' of another series, which it needs,' : ''} does not apply`
    case 'already-applied':
      return 'already applied'
    case 'build-failed':
      return `step "${outcome.step.name}" ${sayEnding(outcome.step.ending)}`
    case 'ours':
      return `trouble of ours: ${outcome.what}, ${outcome.detail}`
    case 'tested': {
      const skipped = outcome.skipped ?? []
      if (outcome.steps.length === 0 && skipped.length > 0) return 'nothing to test: no step is concerned'
      const tests = outcome.steps.flatMap(step => step.report.tests)
      const failed = outcome.steps
        .map(step => leaves(step.report.tests.filter(test => isFailure(test.outcome))).length)
        .reduce((sum, one) => sum + one, 0)
      const count = (is: (outcome: TestOutcome) => boolean) => tests.filter(test => is(test.outcome)).length
      const counts: [number, string][] = [
        [count(outcome => outcome === 'passed' || outcome === 'todo-passed'), 'passed'],
        // A test that stands above others that fail is not counted, as in replies.
        [failed, 'failed'],
        [count(outcome => outcome === 'todo'), 'known to fail'],
        [count(outcome => outcome === 'skipped'), 'skipped'],
      ]
      const said = counts.filter(([n], i) => n > 0 || i < 2).map(([n, word]) => `${n} ${word}`)
      const odd = outcome.steps.filter(step => step.ending.kind !== 'finished')
      const ends = odd.map(step => `; ${step.name} ${sayEnding(step.ending)}`).join('')
      const left = skipped.length > 0 ? `; left out: ${skipped.map(({ step }) => step).join(', ')}` : ''
      return `tests: ${said.join(', ')}${left}${ends}`
    }
  }
}

const sayWalked = (looked: number | undefined): string => {
  if (looked === undefined) return 'every patch builds'
  return looked === 0
    ? 'too long to be looked at'
    : `the first ${looked} patches build; there was no time for more`
}

/** What a task is for: `build`, `test`, `build up to patch 2`, `test again with the patches (proof, round 1, step "strings": 2 tests)`. */
export const sayTask = ({
  kind,
  upTo,
  each,
  probe,
}: Pick<Task, 'kind' | 'upTo' | 'each' | 'probe'>): string => {
  if (kind === 'build') return sayBuild(upTo, each)
  if (probe === undefined) return 'test'
  const { why, side, step, tests, round } = probe
  const which = tests === undefined ? 'whole' : tests.length === 1 ? '1 test' : `${tests.length} tests`
  return `test again ${saySide(side)} (${why}, round ${round}, step "${step}": ${which})`
}

const sayBuild = (upTo: number | undefined, each: true | undefined): string => {
  if (each) return 'build after each patch'
  if (upTo === undefined) return 'build'
  return upTo === 0 ? 'build without the patches' : `build up to patch ${upTo}`
}

const saySide = (side: Side): string => {
  if (side === 'with') return 'with the patches'
  if (side === 'without') return 'without them'
  return `with the first ${side === 1 ? 'patch' : `${side} patches`}`
}
