// The hosts' part: a task is tried in a clone on this host. What comes of it is looked at by `judge`.
import type { TaskId } from '../src/model/job.ts'
import type { LoadMeter } from '../src/model/overload.ts'
import type { Farm } from '../src/ports/farm.ts'
import { run } from '../src/stages/run/run.ts'
import type { RunBy } from '../src/stages/run/try.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import { commitsFor } from '../src/wiring/forge-branches.ts'
import { type HostParts, runHost } from '../src/wiring/host-loop.ts'
import type { Closable } from '../src/wiring/queues.ts'
import { tracedRun } from '../src/wiring/traced.ts'
import type { Wired } from '../src/wiring/wire.ts'

export type RunTask = (task: TaskId, by: RunBy) => Promise<void>

/** Tries a task once and passes on what came of it. Throws Faults of the store, and of the queue when all is saved. */
export const runTask =
  (wired: Wired, farm: Farm, load?: LoadMeter): RunTask =>
  async (task, by) => {
    const commits = commitsFor(wired)
    const tried = await tracedRun(wired, { task, ...by }, () =>
      run({ ...wired, farm, commits, ...(load ? { load } : {}) })(task, by),
    )
    if (tried.kind === 'again') await wired.queue.wake()
    if (tried.kind === 'decided') await wired.queue.push(pushes.judge(tried.task.job, tried.task.id))
  }

/** Takes tasks and runs them until it is closed, which interrupts what runs: it goes back into the queue at no cost. */
export const hostWorker = (wired: Wired, farm: Farm, parts: HostParts = {}): Promise<Closable> =>
  runHost(wired, runTask(wired, farm, parts.load), parts)
