// Queue `reply`: one step of a reply's delivery. The machine in model/reply.ts says what comes next.
import { deliver } from '../src/stages/reply/deliver.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import type { StartWorker } from '../src/wiring/queues.ts'

export const replyWorker: StartWorker = (wired, start) =>
  start('reply', { atOnce: 4, keys: ['reply'] }, async ({ reply: id }) => {
    const state = await deliver(wired)(id)
    const about = { reply: id }
    if (state?.at === 'failed') wired.log('error', `a reply will not be sent: ${state.why}`, about)
    if (state?.at === 'unconfirmed') {
      wired.log(
        'error',
        'a reply may have been sent or not; it is not sent again: look for it on the list',
        about,
      )
    }
    if (state?.at === 'pending' && state.tries > 0) {
      wired.log('warn', `a reply could not be sent yet (try ${state.tries})`, about)
    }
    if (state?.at !== 'pending') return
    await wired.queue.push(pushes.reply(id, state.tries, Math.max(0, state.notBefore - wired.clock.now())))
  })
