// Queue `reply`: one step of a reply's delivery. The machine in model/reply.ts says what comes next.
import { deliver } from '../src/stages/reply/deliver.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import type { StartWorker } from '../src/wiring/queues.ts'

export const replyWorker: StartWorker = (wired, start) =>
  start('reply', { atOnce: 4, keys: ['reply'] }, async ({ reply: id }) => {
    const state = await deliver(wired)(id)
    if (state?.at !== 'pending') return
    await wired.queue.push(pushes.reply(id, state.tries, Math.max(0, state.notBefore - wired.clock.now())))
  })
