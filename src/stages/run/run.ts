// run: a queued task → one try in a clone → its outcome, saved. Everything that a try needs follows from the saved task, so that another
// worker can repeat it; a try that lost its task meanwhile (taken over, cancelled) changes nothing.
//
//   queued ──take──▶ running ──decided──▶ done
//                      ├──ours, or once is no proof──▶ queued (next attempt)
//                      └──stopped, or the host had no room──▶ queued (the same attempt)
import type { Readable } from 'node:stream'
import { type AfterTry, afterTry, refusedFor } from '../../model/attempts.ts'
import { Fault } from '../../model/fault.ts'
import type { Instant } from '../../model/instant.ts'
import { costsNoTry, Interrupt, interrupted } from '../../model/interrupt.ts'
import type { Avoid, Job, Outcome, RunRecord, Task, TaskState } from '../../model/job.ts'
import { avoidMs, isFirstBuild } from '../../model/job.ts'
import { type LoadMeter, withoutOverload } from '../../model/overload.ts'
import type { RunId } from '../../model/run.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Clone, Farm } from '../../ports/farm.ts'
import { PrepareFailed } from '../../ports/farm.ts'
import type { Mirror } from '../../ports/git.ts'
import type { LiveOut } from '../../ports/live.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'
import { boundedLog, linesOf } from '../../text/bounded-log.ts'
import { isPlainComplaint } from '../../text/build-doubt.ts'
import { firstErrors } from '../../text/build-log.ts'
import { sayDuration } from '../../text/ending.ts'
import { build, buildTemplate } from './build.ts'
import { chosenFor, isNothing, skippedOf, withConcern } from './chosen.ts'
import { taskDeadlineMs } from './guest.ts'
import type { Journal } from './journal.ts'
import { journal as newJournal } from './journal.ts'
import { withLoad } from './load.ts'
import { logAbout } from './log-about.ts'
import { probedJob } from './probe.ts'
import { keepSamples } from './sample.ts'
import { test, testTemplate } from './test.ts'
import { walk } from './walk.ts'

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

/** decided: the task is done · again: it waits once more · late: the task was not ours to run, or no longer is. */
export type Tried =
  | { kind: 'decided'; task: Task; outcome: Outcome }
  | { kind: 'again'; task: Task }
  | { kind: 'late' }

type Running = Extract<TaskState, { at: 'running' }>

type Try = {
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

/** A base that cannot be prepared: told as a failed build of the base, by the step that failed. */
const prepareOutcome = (failed: PrepareFailed): Outcome => {
  const log = boundedLog(1024 * 1024)
  log.add(failed.output)
  const lines = linesOf(log.text())
  const step = {
    name: failed.step,
    ending: failed.ending,
    tail: lines.slice(-12),
    lines: [1, 1] as [number, number],
  }
  const { ending } = failed
  const plain = ending.kind === 'finished' && isPlainComplaint(log.text(), ending.exitCode)
  return {
    ...{ kind: 'build-failed', step, errors: firstErrors(log.text()), unpatched: true },
    ...(plain ? { plain } : {}),
  }
}

/** Of the build of the whole series alone. */
const commitKeeper = async (
  ports: RunPorts,
  { task, job, evidence }: Try,
): Promise<{ keepCommits?: (bundle: Readable) => Promise<void> }> => {
  const { commits, blobs } = ports
  if (!isFirstBuild(task) || job.series === undefined || !(await commits?.wanted(job))) return {}
  return {
    async keepCommits(bundle) {
      evidence.commits = await blobs.put(bundle)
      await commits?.kept(job)
    },
  }
}

const attemptOnce = async (ports: RunPorts, attempt: Try): Promise<Outcome> => {
  const { farm, blobs, mirror, store, log } = ports
  const { task, job, running, journal, signal } = attempt
  const chosen = task.kind === 'test' ? await chosenFor(ports, { job, task, journal }) : undefined
  // For nothing no machine is needed.
  if (chosen && isNothing(chosen)) return { kind: 'tested', steps: [], skipped: skippedOf(chosen) }
  const spec = task.kind === 'build' ? buildTemplate(job, mirror) : testTemplate(task.image)
  const template = await farm.template(spec, line => log('info', line, { task: task.id }), signal)
  const lease = async () => {
    await retire(ports, attempt)
    attempt.clones++
    const run = attempt.clones === 1 ? running.run : `${running.run}-${attempt.clones}`
    attempt.clone = await farm.lease({ run, template, signal })
    return attempt.clone
  }
  if (task.kind === 'build') {
    const leftMs = () => running.until - ports.clock.now()
    const keepCommits = await commitKeeper(ports, attempt)
    const clone = await lease()
    const input = { job, upTo: task.upTo, clone, blobs, journal, signal, leftMs, ...keepCommits }
    if (task.each) return walk(input)
    const outcome = await build(input)
    return task.upTo === undefined ? withConcern(ports, job, outcome) : outcome
  }
  const built = await store.outcome(task.probe?.build ?? `${job.id}-build`)
  // A probe without its build would count as failures what was never there.
  if (task.probe && built?.kind !== 'built')
    return { kind: 'ours', what: 'there is no build to test', detail: task.probe.build, hopeless: true }
  const artifact = built?.kind === 'built' ? built.artifact : undefined
  return test({ job, artifact, chosen, lease, blobs, journal, signal })
}

const tryOnce = async (ports: RunPorts, attempt: Try): Promise<Outcome> => {
  const { signal } = attempt
  try {
    const outcome = await attemptOnce(ports, attempt)
    // What was finished before it was told to stop is a result.
    return outcome.kind === 'ours' && signal.aborted ? interrupted(signal.reason) : outcome
  } catch (error) {
    if (signal.aborted) return interrupted(signal.reason)
    if (error instanceof PrepareFailed) return prepareOutcome(error)
    const fault = error instanceof Fault
    const message = fault ? error.message : ((error as Error)?.stack ?? String(error))
    ports.log(fault ? 'warn' : 'error', fault ? message : `a bug in a run: ${message}`, {
      task: attempt.task.id,
    })
    const detail = message.split('\n', 1)[0] ?? ''
    const hopeless = fault && error.retry === 'never'
    return { kind: 'ours', what: fault ? error.kind : 'bug', detail, hopeless }
  }
}

/** Evidence must not cost the outcome: on a full disk it is missed, and the run goes on. */
const keep = async (
  ports: RunPorts,
  attempt: Try,
  name: string,
  bytes: () => Promise<Uint8Array>,
): Promise<void> => {
  try {
    attempt.evidence[name] = await ports.blobs.put(await bytes())
  } catch (error) {
    ports.log('error', `${name} of a run could not be kept: ${String(error)}`, { task: attempt.task.id })
  }
}

/** Keeps what the clone at work can show, and gives it back. */
const retire = async (ports: RunPorts, attempt: Try): Promise<void> => {
  const { clone, clones } = attempt
  if (!clone) return
  attempt.clone = undefined
  try {
    for (const [name, bytes] of Object.entries(await clone.evidence())) {
      await keep(ports, attempt, clones === 1 ? name : `${name}-${clones}`, async () => bytes)
    }
  } finally {
    await clone.release()
  }
}

const sameTask = (task: Task, state: TaskState): Task => ({ ...task, state })

/** Cancel and stop take effect within two seconds, the one that a host may need to hear of them included. */
const stopGraceMs = 800

export type RunBy = {
  host: string
  run: RunId
  /** Aborted with an Interrupt to stop the run. */
  signal: AbortSignal
  /** Asked when the task is taken: whoever held it off just before saw it waiting. false: it is put back. */
  isWelcome?: () => Promise<boolean>
}

/** A command ends by itself when it is told to; what brings bytes in or out does not hear of it, and ends with its clone. */
const releaseSoon = async ({ clock, log }: RunPorts, attempt: Try): Promise<void> => {
  const { clone } = attempt
  await clock.sleep(stopGraceMs)
  if (clone && attempt.clone === clone)
    await clone.release().catch(error => log('error', `a clone could not be released: ${String(error)}`))
}

/** Tells a run to stop when its time is up. */
const deadline = (ports: RunPorts, running: Running): { signal: AbortSignal; over(): void } => {
  const stop = new AbortController()
  const over = new AbortController()
  const { since, until } = running
  const tell = () =>
    stop.abort(new Interrupt('timeout', `it was not over after ${sayDuration(until - since)}`))
  ports.clock.sleep(until - ports.clock.now(), over.signal).then(tell, () => {})
  return { signal: stop.signal, over: () => over.abort() }
}

/** Tries a task once. Repeatable at any point. Throws the store's Faults only; all others become outcomes. */
export const run =
  (given: RunPorts) =>
  async (taskId: string, by: RunBy): Promise<Tried> => {
    const { store, clock } = given
    const task = await store.task(taskId)
    const planned = task && (await store.job(task.job))
    if (!task || !planned || task.state.at !== 'queued') return { kind: 'late' }
    const about = { series: planned.series, task: task.id, run: by.run }
    const ports = { ...given, log: logAbout(given.log, about) }
    const job = task.probe ? probedJob(planned, task.probe) : planned
    const steps =
      task.kind === 'build' ? [...job.recipe.build.prepare, ...job.recipe.build.steps] : job.recipe.test.steps
    const { attempt } = task.state
    const since = clock.now()
    const until = since + taskDeadlineMs(task, steps, job.parts.length)
    const running: Running = { at: 'running', attempt, run: by.run, host: by.host, since, until }
    if (!(await store.moveTask(task.id, task.state, running))) return { kind: 'late' }
    if (by.isWelcome && !(await by.isWelcome())) return putBack(ports, sameTask(task, running))

    const earlier = await store.runsOf(task.id)
    const record: RunRecord = {
      id: by.run,
      task: task.id,
      attempt,
      host: by.host,
      startedAt: since,
      endedAt: undefined,
      outcome: undefined,
      evidence: {},
    }
    await store.saveRun(record)
    const limit = deadline(ports, running)
    const signal = AbortSignal.any([by.signal, limit.signal])
    const live = ports.live.log(by.run)
    const { journal, loads } = withLoad(newJournal(live), ports.load)
    journal.note(
      `${task.kind} of ${job.project} on ${task.image}: task ${task.id}, try ${attempt}, host ${by.host}`,
    )
    const one: Try = {
      task,
      job,
      running,
      journal,
      signal,
      clone: undefined,
      clones: 0,
      evidence: {},
    }
    const letGo = () => void releaseSoon(ports, one)
    signal.addEventListener('abort', letGo, { once: true })
    try {
      const outcome = withoutOverload(await tryOnce(ports, one), loads)
      await retire(ports, one)
      await keep(ports, one, 'log', async () => Buffer.from(one.journal.text()))
      const load = loads.length === 0 ? {} : { load: loads }
      const ended = { ...record, endedAt: clock.now(), outcome, evidence: one.evidence, ...load }
      return await patiently(ports, by.signal, async () => {
        // Before the run's own outcome: no crash leaves a run that is told of and not counted.
        await keepSamples(store, { job, task, run: ended })
        await store.saveRun(ended)
        return await settle(ports, sameTask(task, running), outcome, earlier)
      })
    } finally {
      signal.removeEventListener('abort', letGo)
      limit.over()
      live.end()
      await one.clone?.release()
    }
  }

/** An outcome may be worth an hour: it is saved when the database is back. A worker that ends waits only for a moment. */
const patience = { allMs: 600_000, endingMs: 10_000, againMs: 2_000 }

/** Repeats what may be repeated until the store answers, or patience ends: then it throws the store's Fault. */
const patiently = async <T>(
  { clock, log }: RunPorts,
  signal: AbortSignal,
  act: () => Promise<T>,
): Promise<T> => {
  const since = clock.now()
  for (let told = false; ; told = true) {
    try {
      return await act()
    } catch (error) {
      const allMs = signal.aborted ? patience.endingMs : patience.allMs
      if (!(error instanceof Fault) || error.retry === 'never' || clock.now() - since >= allMs) throw error
      if (!told) log('warn', `an outcome cannot be saved yet: ${error.message}`)
      await clock.sleep(patience.againMs)
    }
  }
}

/** A full disk or a host that is away takes minutes to mend, all else seconds. */
const waitMs = (what: string, attempt: number): number =>
  (['exhausted', 'unreachable', 'out-of-space'].includes(what) ? 60_000 : 2_000) * 4 ** (attempt - 2)

/** Another host should have its say: what ails this one may ail the next try as well. */
const elsewhere = ({ host }: Running, from: Instant): Avoid => ({ host, until: from + avoidMs })

const settle = async (
  ports: RunPorts,
  task: Task,
  outcome: Outcome,
  earlier: RunRecord[],
): Promise<Tried> => {
  const running = task.state as Running
  if (costsNoTry(outcome)) return putBack(ports, task)
  const refusedMs = refusedFor(outcome, earlier)
  if (refusedMs !== undefined) {
    const why =
      outcome.kind === 'ours' && outcome.what === 'overloaded' ? outcome.detail : 'this host has no room'
    ports.log('info', `${why}; the task waits, and no try is counted`, { task: task.id })
    return putBack(ports, task, ports.clock.now() + refusedMs)
  }
  // Each probe is one run among many, whatever came of it: another try of it would only hide what happens now and then.
  const isCounted = task.probe !== undefined && outcome.kind === 'tested'
  const after: AfterTry = isCounted ? { decided: true, outcome } : afterTry(outcome, earlier, running.attempt)
  if (after.decided) {
    const done: TaskState = { at: 'done', attempts: running.attempt, outcome: after.outcome }
    if (!(await ports.store.moveTask(task.id, running, done))) return { kind: 'late' }
    return { kind: 'decided', task: sameTask(task, done), outcome: after.outcome }
  }
  const attempt = running.attempt + 1
  const wait: { notBefore?: Instant } =
    outcome.kind === 'ours' ? { notBefore: ports.clock.now() + waitMs(outcome.what, attempt) } : {}
  const avoid = elsewhere(running, wait.notBefore ?? ports.clock.now())
  const queued: TaskState = { at: 'queued', attempt, ...wait, avoid }
  if (!(await ports.store.moveTask(task.id, running, queued))) return { kind: 'late' }
  ports.log('info', `another try: ${after.why}`, { task: task.id, attempt })
  return { kind: 'again', task: sameTask(task, queued) }
}

/** Stopped from outside: if nobody took the task away (a cancelled one is in another state by then) it waits again, at no cost. */
const putBack = async (ports: RunPorts, task: Task, notBefore?: Instant): Promise<Tried> => {
  const running = task.state as Running
  const later = notBefore === undefined ? {} : { notBefore, avoid: elsewhere(running, notBefore) }
  const queued: TaskState = { at: 'queued', attempt: running.attempt, ...later }
  if (!(await ports.store.moveTask(task.id, task.state, queued))) return { kind: 'late' }
  return { kind: 'again', task: sameTask(task, queued) }
}
