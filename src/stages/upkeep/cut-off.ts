// A run whose worker did not live to end it: its task waits again at no cost, but not for ever.

import type { Alarm } from '../../model/incident.ts'
import { type CutOff, wasCutOff } from '../../model/interrupt.ts'
import { maxCutOffs, type Outcome, type RunRecord, type Task, type TaskState } from '../../model/job.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'

/** `alarm`: of no single host. */
export type CutOffPorts = { store: Store; clock: Clock; alarm: Alarm }

/** Notes how a run ended that nobody else will note; what is noted already stays. */
export const closeRun = async (
  { store, clock }: Pick<CutOffPorts, 'store' | 'clock'>,
  record: RunRecord | undefined,
  outcome: Outcome,
): Promise<void> => {
  if (record && record.outcome === undefined)
    await store.saveRun({ ...record, endedAt: clock.now(), outcome })
}

/** Takes a running task away from who ran it. A task that took its worker down `maxCutOffs` times ends as trouble of ours, with an
 *  incident. Returns its new state; undefined: it came too late. Repeatable. */
export const cutOff =
  ({ store, clock, alarm }: CutOffPorts) =>
  async (task: Task, how: CutOff): Promise<TaskState | undefined> => {
    if (task.state.at !== 'running') return undefined
    const { attempt, run, host } = task.state
    const runs = await store.runsOf(task.id)
    const times = runs.filter(one => wasCutOff(one.outcome)).length + 1
    const detail = `its worker on ${host} ended under it`
    const given: TaskState =
      times < maxCutOffs
        ? { at: 'queued', attempt }
        : {
            at: 'done',
            attempts: attempt,
            outcome: { kind: 'ours', what: `it took its worker down ${times} times`, detail, hopeless: true },
          }
    if (!(await store.moveTask(task.id, task.state, given))) return undefined
    const record = runs.find(one => one.id === run)
    await closeRun({ store, clock }, record, { kind: 'ours', what: how, detail })
    if (given.at === 'done') {
      const remedy = 'look at the console of its runs, then: grapevine incident resolve'
      await alarm.raise(
        'task-kills-workers',
        task.id,
        `${task.kind} on ${task.image} took its worker down ${times} times, last on ${host}; ${remedy}`,
      )
    }
    return given
  }
