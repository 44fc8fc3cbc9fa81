// Queue `assemble`: a stored mail finds its series; a complete series goes to be planned, one that was replaced is withdrawn.
import { Fault } from '../src/model/fault.ts'
import type { Store } from '../src/ports/store.ts'
import { assemble } from '../src/stages/assemble/assemble.ts'
import { afterAssembly } from '../src/wiring/assembled.ts'
import { handleMail } from '../src/wiring/mail-in.ts'
import type { StartWorker } from '../src/wiring/queues.ts'

export const assembleWorker: StartWorker = (wired, start) =>
  start('assemble', { atOnce: 1, keys: ['project', 'mail'] }, async ({ project, mail }) => {
    // A mail to the bot alone belongs to none.
    const named = wired.config.projects.find(({ name }) => name === project)
    const bugTrailers = named?.bugs?.trailers ?? []
    const settings = { project, ...wired.config.assemble, bugTrailers }
    const work = async () => {
      const followUps = await handleMail(wired, project, mail)
      return { followUps, touched: await wired.inTurn(() => assemble(wired)(settings, mail)) }
    }
    const { followUps, touched } = await work().catch(async error => {
      // A bug that a mail provokes must not keep it, and those behind it, coming back for ever.
      if (!(error instanceof Fault)) await setAside(wired.store, { project, mail, error })
      throw error
    })
    await afterAssembly(wired, touched)
    await wired.queue.push(...followUps)
  })

const setAside = (store: Store, at: { project: string; mail: string; error: unknown }): Promise<void> =>
  store.setDisposition(at.project, at.mail, { kind: 'unreadable', why: `a bug of ours: ${String(at.error)}` })
