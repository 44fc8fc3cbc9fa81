// Queue `run`: a task is tried in a clone on this host. What comes of it is looked at by `judge`.
import { randomUUID } from 'node:crypto'
import type { Farm } from '../src/ports/farm.ts'
import { run } from '../src/stages/run/run.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import type { StartWorker } from '../src/wiring/queues.ts'

/** `stop` interrupts what runs; it goes back into the queue at no cost. */
export const runWorker =
  (farm: Farm, stop: AbortSignal): StartWorker =>
  (wired, start) =>
    start('run', { atOnce: wired.config.farm.slots, keys: ['task'] }, async ({ task }, cancel) => {
      const by = { host: wired.config.host, run: randomUUID(), signal: AbortSignal.any([stop, cancel]) }
      const tried = await run({ ...wired, farm })(task, by)
      if (tried.kind === 'again') await wired.queue.push(pushes.run(tried.task, tried.delayMs))
      if (tried.kind === 'decided') await wired.queue.push(pushes.judge(tried.task.job, tried.task.id))
    })
