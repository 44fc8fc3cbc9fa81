// Queue `judge`: something happened to a job. Either tasks are due now, or everything is there and the verdict is given.

import type { Verdict } from '../src/model/verdict.ts'
import { advance } from '../src/stages/judge/advance.ts'
import { withWait } from '../src/stages/upkeep/base-good.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import { conclude } from '../src/wiring/conclude.ts'
import type { StartWorker } from '../src/wiring/queues.ts'
import type { Wired } from '../src/wiring/wire.ts'

const saysWait = async ({ store }: Wired, verdict: Verdict): Promise<Verdict> => {
  const job = verdict.job === undefined ? undefined : await store.job(verdict.job)
  return job ? withWait(verdict, job) : verdict
}

export const judgeWorker: StartWorker = (wired, start) =>
  start('judge', { atOnce: 1, keys: ['job'] }, async ({ job }) => {
    const next = await advance(wired)(job)
    switch (next.do) {
      case 'run':
        await wired.queue.push(...next.tasks.map(pushes.run))
        await wired.queue.push(...(next.look ?? []).map(other => pushes.judge(other, `base-${job}-built`)))
        return wired.queue.wake()
      case 'look':
        return wired.queue.push(...next.jobs.map(other => pushes.judge(other, `base-${job}`)))
      case 'conclude':
        return conclude(wired, await saysWait(wired, next.verdict))
      case 'wait':
        return
    }
  })
