// How a task went, in one line: for progress, lists and logs.
import type { Outcome } from '../model/job.ts'
import { isFailure, type TestOutcome } from '../model/report.ts'
import { sayEnding } from './ending.ts'

/** Without an end mark. */
export const sayOutcome = (outcome: Outcome): string => {
  switch (outcome.kind) {
    case 'built':
      return 'built'
    case 'walked':
      return outcome.broken.length === 0
        ? 'every patch builds'
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
      const tests = outcome.steps.flatMap(step => step.report.tests)
      const count = (is: (outcome: TestOutcome) => boolean) => tests.filter(test => is(test.outcome)).length
      const counts: [number, string][] = [
        [count(outcome => outcome === 'passed' || outcome === 'todo-passed'), 'passed'],
        [count(isFailure), 'failed'],
        [count(outcome => outcome === 'todo'), 'known to fail'],
        [count(outcome => outcome === 'skipped'), 'skipped'],
      ]
      const said = counts.filter(([n], i) => n > 0 || i < 2).map(([n, word]) => `${n} ${word}`)
      const odd = outcome.steps.filter(step => step.ending.kind !== 'finished')
      const ends = odd.map(step => `; ${step.name} ${sayEnding(step.ending)}`).join('')
      return `tests: ${said.join(', ')}${ends}`
    }
  }
}
