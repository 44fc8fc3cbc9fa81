// receive: raw mails from a source → stored, understood, each with a disposition. The first stage; assemble takes what is `new`.
import type { Mail, MailId } from '../../model/mail.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { GitMail } from '../../ports/git.ts'
import type { Cursor, RawMail } from '../../ports/mail-source.ts'
import type { Store } from '../../ports/store.ts'
import { understand } from './understand.ts'

export type ReceivePorts = { store: Store; blobs: Blobs; gitMail: GitMail }

export type Received = {
  project: string
  /** Name of the source, and where it goes on when these mails are kept. */
  source: string
  cursor: Cursor
  listTags: readonly string[]
  mails: readonly RawMail[]
}

const isOwn = async (store: Store, mail: Mail): Promise<boolean> => {
  const messageId = mail.parsed?.messageId
  return messageId !== undefined && (await store.isOurs(messageId))
}

/**
 * Keeps the bytes, then reads them, then keeps what they say and the cursor together: a crash anywhere means the same mails again.
 * @returns the ids of mails that were not there before, in order of arrival.
 * Faults: those of the store, the blobs and git.
 */
export const receive =
  ({ store, blobs, gitMail }: ReceivePorts) =>
  async ({ project, source, cursor, listTags, mails }: Received): Promise<MailId[]> => {
    const ids = await Promise.all(mails.map(({ raw }) => blobs.put(raw)))
    const raws = mails.map(({ raw }) => raw)
    const understood = await understand({ gitMail })(raws, listTags)
    const kept: Mail[] = []
    for (const [n, said] of understood.entries()) {
      const { raw, arrivedAt } = mails[n] ?? { raw: Buffer.alloc(0), arrivedAt: 0 }
      const mail: Mail = { ...said, id: ids[n] ?? '', project, source, arrivedAt, size: raw.length }
      kept.push(
        (await isOwn(store, mail)) ? { ...mail, patch: undefined, disposition: { kind: 'own' } } : mail,
      )
    }
    return store.saveMails(kept, { source, value: cursor })
  }
