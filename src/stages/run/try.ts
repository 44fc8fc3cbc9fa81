// One try of a task: what it needs, what it works with, and what comes of it. The parts of `run` share these.
import type { Job, Outcome, RunRecord, Task, TaskState } from '../../model/job.ts'
import type { LoadMeter } from '../../model/overload.ts'
import type { RunId } from '../../model/run.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Clone, Farm } from '../../ports/farm.ts'
import type { Mirror } from '../../ports/git.ts'
import type { LiveOut } from '../../ports/live.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'
import type { Journal } from './journal.ts'

export type RunPorts = {
  store: Store
  farm: Farm
  blobs: Blobs
  mirror: Mirror
  clock: Clock
  log: Log
  /** Those who follow the log. */
  live: Pick<LiveOut, 'log'>
  /** How busy this host is; undefined: nobody looks. */
  load?: LoadMeter
  /** Who wants the patches of a series as commits. `kept`: they are kept as the run's evidence `commits`; repeatable. undefined: nobody. */
  commits?: { wanted(job: Job): Promise<boolean>; kept(job: Job): Promise<void> }
}

export type RunBy = {
  host: string
  run: RunId
  /** Aborted with an Interrupt to stop the run. */
  signal: AbortSignal
  /** Asked when the task is taken: whoever held it off just before saw it waiting. false: it is put back. */
  isWelcome?: () => Promise<boolean>
}

/** decided: the task is done · again: it waits once more · late: the task was not ours to run, or no longer is. */
export type Tried =
  | { kind: 'decided'; task: Task; outcome: Outcome }
  | { kind: 'again'; task: Task }
  | { kind: 'late' }

export type Running = Extract<TaskState, { at: 'running' }>

export type Try = {
  task: Task
  job: Job
  running: Running
  journal: Journal
  signal: AbortSignal
  /** The clone at work; one that was ruined is retired before the next is leased, as it holds a slot. */
  clone: Clone | undefined
  clones: number
  evidence: RunRecord['evidence']
}

export const sameTask = (task: Task, state: TaskState): Task => ({ ...task, state })
