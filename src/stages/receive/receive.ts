// receive: raw mails from a source → stored, understood, each with a disposition. The first stage; assemble takes what is `new`.
import { botProject, type Mail, type MailId } from '../../model/mail.ts'
import type { Wish } from '../../model/series.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { GitMail } from '../../ports/git.ts'
import type { Cursor, RawMail } from '../../ports/mail-source.ts'
import type { Store } from '../../ports/store.ts'
import { forLater } from './later.ts'
import type { Route } from './route.ts'
import { type Understood, understand } from './understand.ts'

export type ReceivePorts = { store: Store; blobs: Blobs; gitMail: GitMail }

export type Received = Route & {
  /** Name of the source, and where it goes on when these mails are kept. */
  source: string
  cursor: Cursor
  mails: readonly RawMail[]
  /** Of mails that a person hands in. */
  wish?: Wish | undefined
  /** Of a mailbox of several projects: whose each mail is. */
  route?: (raw: Buffer) => Route
}

const isOwn = async (store: Store, mail: Mail): Promise<boolean> => {
  const messageId = mail.parsed?.messageId
  return messageId !== undefined && (await store.isOurs(messageId))
}

const ofNoList = { kind: 'not-a-patch', why: "of no project's list" } as const

/** Mail for the bot itself is never a patch, whatever it carries; what it says to the bot is still to be noted. */
const forBot = (mail: Mail): Mail => {
  const isUndecided = mail.disposition.kind === 'new' && mail.decided === undefined
  return { ...mail, patch: undefined, ...(isUndecided ? { decided: ofNoList } : {}) }
}

/** What the mails say, in their order; bracket words are those of each mail's own list. */
const understandRouted = async (gitMail: GitMail, raws: readonly Buffer[], routes: readonly Route[]) => {
  const said = new Map<number, Understood>()
  for (const project of new Set(routes.map(route => route.project))) {
    const at = routes.flatMap((route, n) => (route.project === project ? [n] : []))
    const listTags = routes[at[0] ?? 0]?.listTags ?? []
    const understood = await understand({ gitMail })(
      at.map(n => raws[n] ?? Buffer.alloc(0)),
      listTags,
    )
    for (const [i, one] of understood.entries()) said.set(at[i] ?? 0, one)
  }
  return [...said].sort(([a], [b]) => a - b)
}

/**
 * Keeps the bytes, then reads them, then keeps what they say and the cursor together: a crash anywhere means the same mails again.
 * @returns the ids of mails that were not there before, in order of arrival.
 * Faults: those of the store, the blobs and git.
 */
export const receive =
  ({ store, blobs, gitMail }: ReceivePorts) =>
  async ({ project, source, cursor, listTags, mails, route, wish }: Received): Promise<MailId[]> => {
    const raws = mails.map(({ raw }) => raw)
    const routes = raws.map(raw => route?.(raw) ?? { project, listTags })
    // The disk is waited for while git reads: nothing is kept before both are done.
    const [ids, understood] = await Promise.all([
      Promise.all(raws.map(raw => blobs.put(raw))),
      understandRouted(gitMail, raws, routes),
    ])
    const kept: Mail[] = []
    for (const [n, said] of understood) {
      const { raw, arrivedAt } = mails[n] ?? { raw: Buffer.alloc(0), arrivedAt: 0 }
      const of = routes[n]?.project ?? project
      const kind = { project: of, source, ...(wish === undefined ? {} : { wish }) }
      const mail: Mail = { ...said, ...kind, id: ids[n] ?? '', arrivedAt, size: raw.length }
      if (await isOwn(store, mail)) kept.push({ ...mail, patch: undefined, disposition: { kind: 'own' } })
      else kept.push(forLater(of === botProject ? forBot(mail) : mail))
    }
    return store.saveMails(kept, { source, value: cursor })
  }
