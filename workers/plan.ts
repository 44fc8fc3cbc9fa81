// Queue `plan`: a complete series becomes a job and its base line, or a verdict at once.
import { plan, planned } from '../src/stages/plan/plan.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import { conclude } from '../src/wiring/conclude.ts'
import type { StartWorker } from '../src/wiring/queues.ts'

export const planWorker: StartWorker = (wired, start) =>
  start('plan', { atOnce: 1, keys: ['series'] }, async ({ series: id }) => {
    const series = await wired.store.series(id)
    if (!series) return
    const result = await plan(wired)(wired.project(series.project), id)
    if (result.kind === 'nothing') return
    if (result.kind === 'verdict') await conclude(wired, result.verdict)
    await wired.store.saveSeries([planned(series, result)])
    if (result.kind !== 'job') return
    const { job, baseline } = result
    await wired.queue.push(pushes.judge(baseline.id, 'planned'), pushes.judge(job.id, 'planned'))
  })
