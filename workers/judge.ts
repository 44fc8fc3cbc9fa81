// Queue `judge`: something happened to a job. Either tasks are due now, or everything is there and the verdict is given.
import { advance } from '../src/stages/judge/advance.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import { conclude } from '../src/wiring/conclude.ts'
import type { StartWorker } from '../src/wiring/queues.ts'

export const judgeWorker: StartWorker = (wired, start) =>
  start('judge', { atOnce: 1, keys: ['job'] }, async ({ job }) => {
    const next = await advance(wired)(job)
    switch (next.do) {
      case 'run':
        await wired.queue.push(...next.tasks.map(pushes.run))
        return wired.queue.wake()
      case 'look':
        return wired.queue.push(...next.jobs.map(other => pushes.judge(other, `base-${job}`)))
      case 'conclude':
        return conclude(wired, next.verdict)
      case 'wait':
        return
    }
  })
