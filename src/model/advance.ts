// What a job needs next, from the saved states of its tasks alone: a restarted process just asks again.
import { firstTasks, isBuilt, type Task } from './job.ts'

export type JobDuty =
  | { do: 'run'; tasks: Task[] }
  /** The build did not give anything to test: these will never run. */
  | { do: 'cancel'; tasks: Task[]; why: string }
  | { do: 'wait' }
  | { do: 'judge' }

const ended = (task: Task) => task.state.at === 'done' || task.state.at === 'cancelled'

/** What a task that waits may do: builds need nothing, and a probe needs the build that it is to test. One of another job was there before it. */
const prospect = (task: Task, tasks: Task[], build: Task): 'due' | 'later' | 'never' => {
  // That it does not build is known: since which patch, the author need not wait for a second time.
  if (task.each && !isBuilt(build) && task.state.at === 'queued' && task.state.attempt > 1) return 'never'
  if (task.kind === 'build') return 'due'
  const needed = task.probe ? tasks.find(({ id }) => id === task.probe?.build) : build
  if (!needed || isBuilt(needed)) return 'due'
  return ended(needed) ? 'never' : 'later'
}

/** A job's duty: build first, then all tests at once and what else was added, then judge. */
export const jobDuty = (tasks: Task[]): JobDuty => {
  const { build } = firstTasks(tasks)
  if (!build) return { do: 'judge' }
  if (build.state.at === 'queued') return { do: 'run', tasks: [build] }
  if (build.state.at === 'running') return { do: 'wait' }
  const queued = tasks.filter(task => task.state.at === 'queued')
  const those = (what: string) => queued.filter(task => prospect(task, tasks, build) === what)
  const never = those('never')
  if (never.length > 0) return { do: 'cancel', tasks: never, why: 'there is no build to test' }
  const due = those('due')
  if (due.length > 0) return { do: 'run', tasks: due }
  return tasks.every(ended) ? { do: 'judge' } : { do: 'wait' }
}

/** Did an operator end the job? Then there is nothing to judge: its build was cancelled, or every test. */
export const cancelledBy = (tasks: Task[]): { why: string; by: string } | undefined => {
  const byHand = ({ state }: Task) =>
    state.at === 'cancelled' && state.by !== undefined ? { why: state.why, by: state.by } : undefined
  const { build, tests } = firstTasks(tasks)
  const all = tests.length > 0 && tests.every(task => byHand(task) !== undefined)
  return (build && byHand(build)) ?? (all && tests[0] ? byHand(tests[0]) : undefined)
}
