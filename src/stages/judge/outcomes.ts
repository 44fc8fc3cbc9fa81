// How tasks ended, as far as a verdict is concerned.
import { isTrustworthy, stepOf } from '../../model/comparing.ts'
import { firstTasks, type Outcome, type Task, type TestedStep } from '../../model/job.ts'
import { sayTrouble } from '../../text/ending.ts'
import type { Case } from './case.ts'

/** A build task and the test tasks that follow it. */
export type Tasks = { build: Task | undefined; tests: Task[] }

/** undefined: it will still get one. A task that was cancelled, or never was, has no result, and that is not the author's doing. */
export const final = (task: Task | undefined): Outcome | undefined => {
  if (!task) return { kind: 'ours', what: 'it was never planned', detail: '' }
  const { state } = task
  if (state.at === 'done') {
    const { outcome } = state
    return outcome.kind === 'ours' ? { ...outcome, what: sayTrouble(outcome.what) } : outcome
  }
  return state.at === 'cancelled'
    ? { kind: 'ours', what: `it was cancelled: ${state.why}`, detail: '' }
    : undefined
}

/** Where the base did not build, its tests never run: nobody waits for them, nor for images that the series is not tested on. */
export const baselineTests = ({ build, tests }: Tasks, own: Task[]): Task[] => {
  const built = final(build)
  if (build && built === undefined) return [build]
  if (built?.kind !== 'built') return []
  return tests.filter(test => own.some(({ image }) => image === test.image))
}

/** What the base line says of an image. undefined: nothing will. */
export const baseOutcome = (baseline: Tasks | undefined, image: string): Outcome | undefined => {
  const built = baseline && final(baseline.build)
  if (built && built.kind !== 'built') return built
  const same = baseline?.tests.find(test => test.image === image)
  return same && final(same)
}

/** What the base line of a case says of an image. */
export const baseOf = ({ baseline }: Case, image: string): Outcome | undefined =>
  baseOutcome(baseline && firstTasks(baseline.tasks), image)

/** What a probe's run says of its step. undefined: it is not over, or was lost to us. */
export const probedStep = (task: Task): TestedStep | undefined =>
  task.probe && task.state.at === 'done' ? stepOf(task.state.outcome, task.probe.step) : undefined

/** Runs of a whole step with all patches, besides the first one, that came to a good end. */
export const wholeRuns = ({ tasks }: Case, image: string, step: string): TestedStep[] =>
  tasks.flatMap(task => {
    const { probe } = task
    if (task.image !== image || probe?.side !== 'with' || probe.tests || probe.step !== step) return []
    const seen = probedStep(task)
    return seen && isTrustworthy(seen) ? [seen] : []
  })
