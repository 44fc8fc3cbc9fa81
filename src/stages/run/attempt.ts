// The work of one try: a clone of the right template, the build or the tests in it, and whatever happens as an outcome.
import type { Readable } from 'node:stream'
import { Fault } from '../../model/fault.ts'
import { interrupted } from '../../model/interrupt.ts'
import { isFirstBuild, type Outcome } from '../../model/job.ts'
import { type Clone, PrepareFailed, type TemplateSpec } from '../../ports/farm.ts'
import { boundedLog, linesOf } from '../../text/bounded-log.ts'
import { isPlainComplaint } from '../../text/build-doubt.ts'
import { firstErrors } from '../../text/build-log.ts'
import { build, buildTemplate } from './build.ts'
import { chosenFor, isNothing, skippedOf, withConcern } from './chosen.ts'
import { retire } from './evidence.ts'
import { test, testTemplate } from './test.ts'
import type { RunPorts, Try } from './try.ts'
import { walk } from './walk.ts'

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

/** A fresh clone; the one before is given back first. */
const leaser =
  (ports: RunPorts, attempt: Try, template: string): (() => Promise<Clone>) =>
  async () => {
    const { running, signal } = attempt
    await retire(ports, attempt)
    attempt.clones++
    const run = attempt.clones === 1 ? running.run : `${running.run}-${attempt.clones}`
    attempt.clone = await ports.farm.lease({ run, template, signal })
    return attempt.clone
  }

const templateOf = ({ farm, log }: RunPorts, { task, signal }: Try, spec: TemplateSpec) =>
  farm.template(spec, line => log('info', line, { task: task.id }), signal)

const attemptBuild = async (ports: RunPorts, attempt: Try): Promise<Outcome> => {
  const { blobs, mirror, clock } = ports
  const { task, job, running, journal, signal } = attempt
  const template = await templateOf(ports, attempt, buildTemplate(job, mirror))
  const leftMs = () => running.until - clock.now()
  const keepCommits = await commitKeeper(ports, attempt)
  const clone = await leaser(ports, attempt, template)()
  const input = { job, upTo: task.upTo, clone, blobs, journal, signal, leftMs, ...keepCommits }
  if (task.each) return walk(input)
  const outcome = await build(input)
  return task.upTo === undefined ? withConcern(ports, job, outcome) : outcome
}

const attemptTest = async (ports: RunPorts, attempt: Try): Promise<Outcome> => {
  const { blobs, store } = ports
  const { task, job, journal, signal } = attempt
  const chosen = await chosenFor(ports, { job, task, journal })
  // For nothing no machine is needed.
  if (chosen && isNothing(chosen)) return { kind: 'tested', steps: [], skipped: skippedOf(chosen) }
  const template = await templateOf(ports, attempt, testTemplate(task.image))
  const built = await store.outcome(task.probe?.build ?? `${job.id}-build`)
  // A probe without its build would count as failures what was never there.
  if (task.probe && built?.kind !== 'built')
    return { kind: 'ours', what: 'there is no build to test', detail: task.probe.build, hopeless: true }
  const artifact = built?.kind === 'built' ? built.artifact : undefined
  return test({ job, artifact, chosen, lease: leaser(ports, attempt, template), blobs, journal, signal })
}

/** Throws PrepareFailed, Faults, and bugs. */
const attemptOnce = (ports: RunPorts, attempt: Try): Promise<Outcome> =>
  attempt.task.kind === 'build' ? attemptBuild(ports, attempt) : attemptTest(ports, attempt)

/** What was thrown in a try. Of a bug the log has all, the outcome the first line. */
const failedBy = (error: unknown, { log }: RunPorts, { task }: Try): Outcome => {
  if (error instanceof PrepareFailed) return prepareOutcome(error)
  const fault = error instanceof Fault
  const message = fault ? error.message : ((error as Error)?.stack ?? String(error))
  log(fault ? 'warn' : 'error', fault ? message : `a bug in a run: ${message}`, { task: task.id })
  const detail = message.split('\n', 1)[0] ?? ''
  const hopeless = fault && error.retry === 'never'
  return { kind: 'ours', what: fault ? error.kind : 'bug', detail, hopeless }
}

/** Never throws: what goes wrong is an outcome too. */
export const tryOnce = async (ports: RunPorts, attempt: Try): Promise<Outcome> => {
  const { signal } = attempt
  try {
    const outcome = await attemptOnce(ports, attempt)
    // What was finished before it was told to stop is a result.
    return outcome.kind === 'ours' && signal.aborted ? interrupted(signal.reason) : outcome
  } catch (error) {
    return signal.aborted ? interrupted(signal.reason) : failedBy(error, ports, attempt)
  }
}
