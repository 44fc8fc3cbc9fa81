// What a job needs next, from the saved states of its tasks alone: a restarted process just asks again.
import type { Task } from './job.ts'

export type JobDuty =
  | { do: 'run'; tasks: Task[] }
  /** The build did not give anything to test: these will never run. */
  | { do: 'cancel'; tasks: Task[]; why: string }
  | { do: 'wait' }
  | { do: 'judge' }

const ended = (task: Task) => task.state.at === 'done' || task.state.at === 'cancelled'

/** A job's duty: build first, then all tests at once, then judge. */
export const jobDuty = (tasks: Task[]): JobDuty => {
  const build = tasks.find(task => task.kind === 'build')
  const tests = tasks.filter(task => task.kind === 'test')
  if (!build) return { do: 'judge' }
  if (build.state.at === 'queued') return { do: 'run', tasks: [build] }
  if (build.state.at === 'running') return { do: 'wait' }
  const built = build.state.at === 'done' && build.state.outcome.kind === 'built'
  const queued = tests.filter(task => task.state.at === 'queued')
  if (queued.length > 0) {
    return built
      ? { do: 'run', tasks: queued }
      : { do: 'cancel', tasks: queued, why: 'there is no build to test' }
  }
  return tests.every(ended) ? { do: 'judge' } : { do: 'wait' }
}

/** Did an operator end the job? Then there is nothing to judge: its build was cancelled, or every test. */
export const cancelledBy = (tasks: Task[]): { why: string; by: string } | undefined => {
  const byHand = ({ state }: Task) =>
    state.at === 'cancelled' && state.by !== undefined ? { why: state.why, by: state.by } : undefined
  const build = tasks.find(task => task.kind === 'build')
  const tests = tasks.filter(task => task.kind === 'test')
  const all = tests.length > 0 && tests.every(task => byHand(task) !== undefined)
  return (build && byHand(build)) ?? (all && tests[0] ? byHand(tests[0]) : undefined)
}
