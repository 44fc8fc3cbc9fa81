// Queue `plan`: a complete series becomes a job and its base line, or a verdict at once.
import { Fault } from '../src/model/fault.ts'
import { type Planned, plan, planned, type Survey, survey } from '../src/stages/plan/plan.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import { conclude } from '../src/wiring/conclude.ts'
import { heldForOperator } from '../src/wiring/first-time.ts'
import type { StartWorker } from '../src/wiring/queues.ts'
import { askAhead } from '../src/wiring/reachable.ts'
import type { Wired } from '../src/wiring/wire.ts'

/** Longer than mails of one sender take to come, and short enough to be waited for; what comes later has the series planned anew. */
const dependencyMs = 10 * 60_000

// Several at once: what one of them fetches must not hold up the others.
export const planWorker: StartWorker = (wired, start) =>
  start('plan', { atOnce: 3, keys: ['series'] }, async ({ series: id }) => {
    if (await wired.inTurn(() => heldForOperator(wired, id))) return
    await refresh(wired, id)
    const result = await surveyAndPlan(wired, id)
    if (result.kind !== 'job') return
    const { job, baseline } = result
    await wired.queue.push(pushes.judge(baseline.id, 'planned'), pushes.judge(job.id, 'planned'))
    await askAhead(wired, id)
  })

/** The branch as it is now, or as it was a minute ago. An upstream that cannot be reached holds nobody up: what is here is used. */
const refresh = async ({ store, mirror, log, project }: Wired, id: string): Promise<void> => {
  const series = await store.series(id)
  if (!series) return
  const { repository } = project(series.project).recipe
  await mirror.fetch(repository, { ifOlderThanMs: 60_000 }).catch(error => {
    if (!(error instanceof Fault)) throw error
    log('warn', `${error.message}; the base as it was last seen is used`, { series: id })
  })
}

/** A series that grows while its base is searched is looked at once more; the sweep comes back to one that does not stop. */
const surveyAndPlan = async (wired: Wired, id: string): Promise<Planned> => {
  const series = await wired.store.series(id)
  if (!series) return { kind: 'nothing' }
  const project = wired.project(series.project)
  const settings = { dependencyMs: Math.min(dependencyMs, wired.config.assemble.deadlineMs) }
  for (let tries = 0; tries < 3; tries++) {
    const surveyed = await survey(wired, settings)(project, id)
    const result = await wired.inTurn(() => planOne(wired, id, surveyed))
    if (result.kind !== 'moved') return result
  }
  return { kind: 'nothing' }
}

/** What follows is saved before the series is: a crash between the two plans it once more, to the same end. */
const planOne = async (wired: Wired, id: string, surveyed: Survey): Promise<Planned> => {
  const series = await wired.store.series(id)
  if (!series) return { kind: 'nothing' }
  const result = await plan(wired)(wired.project(series.project), id, surveyed)
  if (result.kind === 'verdict') await conclude(wired, result.verdict)
  if (result.kind === 'job' || result.kind === 'verdict')
    await wired.store.saveSeries([planned(series, result)])
  return result
}
