// Queue `reply`: one turn of a reply's delivery. The machine in model/reply.ts says what comes next.
import { replyDue } from '../src/model/reply.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import { turnReply } from '../src/wiring/mail-out.ts'
import type { StartWorker } from '../src/wiring/queues.ts'

export const replyWorker: StartWorker = (wired, start) =>
  start('reply', { atOnce: 4, keys: ['reply'] }, async ({ reply: id }) => {
    const state = (await turnReply(wired)(id))?.state
    const due = state && replyDue(state)
    if (state === undefined || due === undefined) return
    const turn =
      state.at === 'sending' ? (`look${state.look?.times ?? 0}` as const) : 'tries' in state ? state.tries : 0
    await wired.queue.push(pushes.reply(id, turn, Math.max(0, due - wired.clock.now())))
  })
