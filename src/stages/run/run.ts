// run: a queued task → one try in a clone → its outcome, saved. Everything that a try needs follows from the saved task, so that another
// worker can repeat it; a try that lost its task meanwhile (taken over, cancelled) changes nothing.
//
//   queued ──take──▶ running ──decided──▶ done
//                      ├──ours, or once is no proof──▶ queued (next attempt)
//                      └──stopped, or the host had no room──▶ queued (the same attempt)
import type { Job, Outcome, RunRecord, Task } from '../../model/job.ts'
import { type StepLoad, withoutOverload } from '../../model/overload.ts'
import { tryOnce } from './attempt.ts'
import { deadline, releaseSoon } from './deadline.ts'
import { keep, retire } from './evidence.ts'
import { taskDeadlineMs } from './guest.ts'
import { journal as newJournal } from './journal.ts'
import { withLoad } from './load.ts'
import { logAbout } from './log-about.ts'
import { patiently } from './patiently.ts'
import { probedJob } from './probe.ts'
import { keepSamples } from './sample.ts'
import { putBack, settle } from './settle.ts'
import { type RunBy, type Running, type RunPorts, sameTask, type Tried, type Try } from './try.ts'

type Taken = { task: Task; job: Job; running: Running }

/** From here on the task is ours, until somebody else moves it. undefined: it is not to be had. */
const take = async ({ store, clock }: RunPorts, taskId: string, by: RunBy): Promise<Taken | undefined> => {
  const task = await store.task(taskId)
  const planned = task && (await store.job(task.job))
  if (!task || !planned || task.state.at !== 'queued') return undefined
  const job = task.probe ? probedJob(planned, task.probe) : planned
  const { build, test } = job.recipe
  const steps = task.kind === 'build' ? [...build.prepare, ...build.steps] : test.steps
  const { attempt } = task.state
  const since = clock.now()
  const until = since + taskDeadlineMs(task, steps, job.parts.length)
  const running: Running = { at: 'running', attempt, run: by.run, host: by.host, since, until }
  return (await store.moveTask(task.id, task.state, running)) ? { task, job, running } : undefined
}

const recordOf = ({ task, running }: Taken): RunRecord => ({
  id: running.run,
  task: task.id,
  attempt: running.attempt,
  host: running.host,
  startedAt: running.since,
  endedAt: undefined,
  outcome: undefined,
  evidence: {},
})

/** All of the try, up to its end. Never throws for what happened in it. */
const through = async (
  ports: RunPorts,
  one: Try,
  loads: StepLoad[],
): Promise<Pick<RunRecord, 'endedAt' | 'evidence' | 'load'> & { outcome: Outcome }> => {
  const outcome = withoutOverload(await tryOnce(ports, one), loads)
  await retire(ports, one)
  await keep(ports, one, 'log', async () => Buffer.from(one.journal.text()))
  const load = loads.length === 0 ? {} : { load: loads }
  return { endedAt: ports.clock.now(), outcome, evidence: one.evidence, ...load }
}

/** One try of a task that is ours: from its first step to its outcome, saved. */
const tryTaken = async (ports: RunPorts, taken: Taken, by: RunBy): Promise<Tried> => {
  const { store } = ports
  const { task, job, running } = taken
  const earlier = await store.runsOf(task.id)
  const record = recordOf(taken)
  await store.saveRun(record)
  const limit = deadline(ports, running)
  const signal = AbortSignal.any([by.signal, limit.signal])
  const live = ports.live.log(by.run)
  const { journal, loads } = withLoad(newJournal(live), ports.load)
  const { attempt, host } = running
  journal.note(
    `${task.kind} of ${job.project} on ${task.image}: task ${task.id}, try ${attempt}, host ${host}`,
  )
  const one: Try = { ...taken, journal, signal, clone: undefined, clones: 0, evidence: {} }
  const letGo = () => void releaseSoon(ports, one)
  signal.addEventListener('abort', letGo, { once: true })
  try {
    const end = await through(ports, one, loads)
    const ended = { ...record, ...end }
    return await patiently(ports, by.signal, async () => {
      // Before the run's own outcome: no crash leaves a run that is told of and not counted.
      await keepSamples(store, { job, task, run: ended })
      await store.saveRun(ended)
      return await settle(ports, sameTask(task, running), end.outcome, earlier)
    })
  } finally {
    signal.removeEventListener('abort', letGo)
    limit.over()
    live.end()
    await one.clone?.release()
  }
}

/** Tries a task once. Repeatable at any point. Throws the store's Faults only; all others become outcomes. */
export const run =
  (given: RunPorts) =>
  async (taskId: string, by: RunBy): Promise<Tried> => {
    const taken = await take(given, taskId, by)
    if (!taken) return { kind: 'late' }
    const { task, job, running } = taken
    const about = { series: job.series, task: task.id, run: by.run }
    const ports = { ...given, log: logAbout(given.log, about) }
    if (by.isWelcome && !(await by.isWelcome())) return putBack(ports, sameTask(task, running))
    return tryTaken(ports, taken, by)
  }
