// Where a try's outcome takes its task: it is decided, tried again, or put back as if it had not been tried.
import { afterTry, refusedFor } from '../../model/attempts.ts'
import type { Instant } from '../../model/instant.ts'
import { costsNoTry } from '../../model/interrupt.ts'
import type { Avoid, Outcome, RunRecord, Task, TaskState } from '../../model/job.ts'
import { avoidMs } from '../../model/job.ts'
import { type Running, type RunPorts, sameTask, type Tried } from './try.ts'

type Ports = Pick<RunPorts, 'store' | 'clock' | 'log'>

/** A full disk or a host that is away takes minutes to mend, all else seconds. */
const waitMs = (what: string, attempt: number): number =>
  (['exhausted', 'unreachable', 'out-of-space'].includes(what) ? 60_000 : 2_000) * 4 ** (attempt - 2)

/** Another host should have its say: what ails this one may ail the next try as well. */
const elsewhere = ({ host }: Running, from: Instant): Avoid => ({ host, until: from + avoidMs })

/** What becomes of the task. `why` is for the log. */
export type Turn =
  | { kind: 'put-back'; notBefore?: Instant; why?: string }
  | { kind: 'decided'; outcome: Outcome }
  | { kind: 'again'; notBefore?: Instant; why: string }

/** `earlier`: the ended tries of this task. */
export const turnAfter = (
  outcome: Outcome,
  { task, attempt, earlier, now }: { task: Task; attempt: number; earlier: RunRecord[]; now: Instant },
): Turn => {
  if (costsNoTry(outcome)) return { kind: 'put-back' }
  const refusedMs = refusedFor(outcome, earlier)
  if (refusedMs !== undefined) {
    const isOverloaded = outcome.kind === 'ours' && outcome.what === 'overloaded'
    const why = isOverloaded ? outcome.detail : 'this host has no room'
    return {
      kind: 'put-back',
      notBefore: now + refusedMs,
      why: `${why}; the task waits, and no try is counted`,
    }
  }
  // Each probe is one run among many, whatever came of it: another try of it would only hide what happens now and then.
  if (task.probe !== undefined && outcome.kind === 'tested') return { kind: 'decided', outcome }
  const after = afterTry(outcome, earlier, attempt)
  if (after.decided) return { kind: 'decided', outcome: after.outcome }
  const wait = outcome.kind === 'ours' ? { notBefore: now + waitMs(outcome.what, attempt + 1) } : {}
  return { kind: 'again', why: after.why, ...wait }
}

/** Stopped from outside: if nobody took the task away (a cancelled one is in another state by then) it waits again, at no cost. */
export const putBack = async (
  { store }: Pick<Ports, 'store'>,
  task: Task,
  notBefore?: Instant,
): Promise<Tried> => {
  const running = task.state as Running
  const later = notBefore === undefined ? {} : { notBefore, avoid: elsewhere(running, notBefore) }
  const queued: TaskState = { at: 'queued', attempt: running.attempt, ...later }
  if (!(await store.moveTask(task.id, task.state, queued))) return { kind: 'late' }
  return { kind: 'again', task: sameTask(task, queued) }
}

const decide = async ({ store }: Ports, task: Task, outcome: Outcome): Promise<Tried> => {
  const running = task.state as Running
  const done: TaskState = { at: 'done', attempts: running.attempt, outcome }
  if (!(await store.moveTask(task.id, running, done))) return { kind: 'late' }
  return { kind: 'decided', task: sameTask(task, done), outcome }
}

const tryAgain = async (
  { store, clock, log }: Ports,
  task: Task,
  { why, notBefore }: Extract<Turn, { kind: 'again' }>,
): Promise<Tried> => {
  const running = task.state as Running
  const attempt = running.attempt + 1
  const wait = notBefore === undefined ? {} : { notBefore }
  const avoid = elsewhere(running, notBefore ?? clock.now())
  const queued: TaskState = { at: 'queued', attempt, ...wait, avoid }
  if (!(await store.moveTask(task.id, running, queued))) return { kind: 'late' }
  log('info', `another try: ${why}`, { task: task.id, attempt })
  return { kind: 'again', task: sameTask(task, queued) }
}

/** Saves where the task goes; `task` is running. Throws the store's Faults. */
export const settle = async (
  ports: Ports,
  task: Task,
  outcome: Outcome,
  earlier: RunRecord[],
): Promise<Tried> => {
  const { attempt } = task.state as Running
  const turn = turnAfter(outcome, { task, attempt, earlier, now: ports.clock.now() })
  if (turn.kind === 'decided') return decide(ports, task, turn.outcome)
  if (turn.kind === 'again') return tryAgain(ports, task, turn)
  if (turn.why !== undefined) ports.log('info', turn.why, { task: task.id })
  return putBack(ports, task, turn.notBefore)
}
