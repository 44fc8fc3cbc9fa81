// Queue `assemble`: a stored mail finds its series; a complete series goes to be planned, one that was replaced is withdrawn.
import { Fault } from '../src/model/fault.ts'
import type { Store } from '../src/ports/store.ts'
import { assemble } from '../src/stages/assemble/assemble.ts'
import { withdraw } from '../src/stages/plan/withdraw.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import type { StartWorker } from '../src/wiring/queues.ts'

export const assembleWorker: StartWorker = (wired, start) =>
  start('assemble', { atOnce: 1, keys: ['project', 'mail'] }, async ({ project, mail }) => {
    const { quietMs, deadlineMs } = wired.config.assemble
    const settings = { project, quietMs, deadlineMs }
    const touched = await wired
      .inTurn(() => assemble(wired)(settings, mail))
      .catch(async error => {
        // A bug that a mail provokes must not keep it, and those behind it, coming back for ever.
        if (!(error instanceof Fault)) await setAside(wired.store, { project, mail, error })
        throw error
      })
    for (const series of touched) {
      if (series.state.at === 'complete') await wired.queue.push(pushes.plan(series.id))
      if (series.state.at !== 'superseded') continue
      const gone = await withdraw(wired)(series.id, `replaced by ${series.state.by}`)
      if (gone.length > 0) await wired.queue.wake()
    }
  })

const setAside = (store: Store, at: { project: string; mail: string; error: unknown }): Promise<void> =>
  store.setDisposition(at.project, at.mail, { kind: 'unreadable', why: `a bug of ours: ${String(at.error)}` })
