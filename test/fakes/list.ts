// A mailing list for tests: raw mails written in a line each, and what receive and assemble make of them.
import { createHash } from 'node:crypto'
import { noBlobs } from '../../src/adapters/blobs/none.ts'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Part } from '../../src/model/series.ts'
import type { RawMail } from '../../src/ports/mail-source.ts'
import type { Store } from '../../src/ports/store.ts'
import { assemble } from '../../src/stages/assemble/assemble.ts'
import { fill } from '../../src/stages/assemble/fill.ts'
import { receive } from '../../src/stages/receive/receive.ts'
import { close } from '../../src/stages/upkeep/overdue.ts'

export type Letter = {
  subject: string
  /** Left part of the Message-ID, or all of it if there is an @ in it; '': none. */
  id?: string
  from?: string
  /** The id that In-Reply-To names. */
  re?: string
  /** Minutes after the first mail of the list. */
  at?: number
  headers?: string[]
  body?: string
  /** File that the patch changes; undefined: no patch. By default there is one, but not in covers. */
  file?: string | undefined
}

export const start = Date.UTC(2026, 0, 5, 12)

export const diff = (file: string, word = 'new'): string =>
  `---\n ${file} | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\ndiff --git a/${file} b/${file}\nindex 1111111..2222222 100644\n--- a/${file}\n+++ b/${file}\n@@ -1,2 +1,2 @@\n one\n-old\n+${word}\n-- \n2.39.5\n`

const messageId = (id: string): string => (id.includes('@') ? `<${id}>` : `<${id}@example.org>`)

const isCover = (subject: string): boolean => /\b0+\/\d/.test(subject) || /^re:/i.test(subject)

export const letter = (mail: Letter): RawMail => {
  const id = mail.id ?? mail.subject.replace(/[^a-z0-9]+/gi, '-')
  const file = 'file' in mail ? mail.file : isCover(mail.subject) ? undefined : 'a.c'
  const lines = [
    `From: ${mail.from ?? 'Ann Author <ann@example.org>'}`,
    'To: list@example.org',
    `Subject: ${mail.subject}`,
    'Date: Mon, 5 Jan 2026 12:00:00 +0000',
    ...(id === '' ? [] : [`Message-ID: ${messageId(id)}`]),
    ...(mail.re === undefined
      ? []
      : [`In-Reply-To: ${messageId(mail.re)}`, `References: ${messageId(mail.re)}`]),
    ...(mail.headers ?? []),
    '',
    mail.body ?? 'Because.',
    '',
    ...(file === undefined ? [] : ['Signed-off-by: Ann Author <ann@example.org>', diff(file, mail.subject)]),
  ]
  return {
    raw: Buffer.from(lines.join('\n')),
    arrivedAt: start + (mail.at ?? 0) * 60_000,
    where: mail.subject,
  }
}

export const project = 'demo'
export const settings = { project, quietMs: 10_000, deadlineMs: 3_600_000, partialMs: 600_000 }

/** Time passes with no mail; `plan`: what is complete by then was planned. */
export type Pause = { untilMs: number; plan: boolean }
export const pause = ({ days = 0, minutes = 0, plan = false }): Pause => ({
  untilMs: start + (days * 1440 + minutes) * 60_000,
  plan,
})

const closeDue = async (store: Store, now: number): Promise<void> => {
  for (const series of await store.seriesDue(now)) {
    if ((await fill({ store })(series)).length > 0) continue
    await store.saveSeries([close(series, now, settings.deadlineMs).series])
  }
}

const planAll = async (store: Store): Promise<void> => {
  const complete = await store.seriesIn({ at: 'complete' })
  await store.saveSeries(complete.map(series => ({ ...series, state: { at: 'planned', job: undefined } })))
}

/**
 * All mails go through receive and assemble in the order given; time is their arrival, and what is due by then is closed. The caller
 * closes the store.
 */
export const play = async (letters: (Letter | RawMail | Pause)[]): Promise<Store> => {
  const store = await openStore({ folder: ':memory:' })
  let now = start
  const clock = { now: () => now, sleep: async () => undefined }
  const ports = { store, clock, blobs: noBlobs(), gitMail: gitMail() }
  const tags = { project, source: 'test', cursor: 1, listTags: ['LTP'] }
  const mails = letters.flatMap(one => ('untilMs' in one ? [] : ['raw' in one ? one : letter(one)]))
  const fresh = new Map((await receive(ports)({ ...tags, mails })).map(id => [id, true] as const))
  const raws = mails.map(({ raw }) => createHash('sha256').update(raw).digest('hex'))
  for (const one of letters) {
    if ('untilMs' in one) {
      now = Math.max(now, one.untilMs)
      await closeDue(store, now)
      if (one.plan) await planAll(store)
      continue
    }
    const id = raws.shift() ?? ''
    if (!fresh.delete(id)) continue
    now = Math.max(now, (await store.mail(id))?.arrivedAt ?? 0)
    await closeDue(store, now)
    await assemble(ports)(settings, id)
  }
  return store
}

const sayPart = ({ position, filledFrom, unusable }: Part): string =>
  `${position}${filledFrom === undefined ? '' : `<v${filledFrom}`}${unusable === undefined ? '' : '!'}`

/** `v2 complete 0 1<v1 2! of 2 | title`: one line for each series, in order of arrival; 1 is taken from v1, 2 cannot be used. */
export const shape = async (store: Store): Promise<string[]> => {
  const all = await store.seriesIn({ project })
  return all.map(({ version, state, cover, parts, total, title }) => {
    const positions = [...(cover === undefined ? [] : [0]), ...parts.map(sayPart)].join(' ')
    return `v${version} ${state.at} ${positions} of ${total} | ${title}`
  })
}
