// Reading stored mails again: which ones, in what order, and what is queued because of it. For `grapevine mail reparse`.
import { botProject, type Mail } from '../model/mail.ts'
import { type Reparsed, reparse } from '../stages/receive/reparse.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import type { Wired } from './wire.ts'

/** Read and told together; small, so that a crash costs little. */
const batchSize = 50

export type ReparseOptions = {
  mails: readonly { project: string; id: string }[]
  /** May a mail that was no patch become one now? It will be tested, and its author answered. */
  mayStart: (mail: Mail) => boolean
  onBatch: (done: Reparsed[]) => void
  signal: AbortSignal
}

const inBatches = function* <T>(all: readonly T[]): Generator<T[]> {
  for (let at = 0; at < all.length; at += batchSize) yield all.slice(at, at + batchSize)
}

/** Reads them again, project by project. Whatever became a patch is queued; if a crash loses that, the sweep finds it. */
export const reparseMails = async (wired: Wired, options: ReparseOptions): Promise<void> => {
  const { mails, mayStart, onBatch, signal } = options
  for (const project of new Set(mails.map(mail => mail.project))) {
    const known = wired.config.projects.find(({ name }) => name === project)
    if (known === undefined && project !== botProject) continue
    for (const batch of inBatches(mails.filter(mail => mail.project === project))) {
      signal.throwIfAborted()
      const stored = await Promise.all(batch.map(({ id }) => wired.store.mail(id, project)))
      const found = stored.flatMap(mail => (mail === undefined ? [] : [mail]))
      const done = await reparse(wired)(found, { listTags: known?.listTags ?? [], mayStart })
      const fresh = done.filter(({ isNew, isChanged, before }) => isNew && isChanged && mayStart(before))
      await wired.queue.push(...fresh.map(({ after }) => pushes.assemble(project, after.id)))
      onBatch(done)
    }
  }
}
