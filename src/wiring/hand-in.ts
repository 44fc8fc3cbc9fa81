// Patches that a person hands in, by the command or on a page: read once, kept, and on their way through the same flow as the list's mail.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mailFileSource } from '../adapters/mbox/single.ts'
import { mboxSource } from '../adapters/mbox/source.ts'
import type { Instant } from '../model/instant.ts'
import { type Address, handSource, type Mail } from '../model/mail.ts'
import type { Wish } from '../model/series.ts'
import type { MailSource, RawMail } from '../ports/mail-source.ts'
import { sha256 } from '../text/digest.ts'
import { parseMail } from '../text/mail.ts'
import { isSeparator } from '../text/mbox.ts'
import { readSource } from './reading.ts'
import type { Wired } from './wire.ts'

export type HandIn = {
  project: string
  source: MailSource
  /** Where and against what its series are to be tested; undefined: as those of the list. */
  wish?: Wish | undefined
}

/** `known`: mails that were there before; they are not tested again for that. */
export type HandedIn = { fresh: Mail[]; known: Mail[] }

/** Keeps the mails of a source and queues them; the bot and a worker do the rest. Throws the source's and the store's Faults. */
export const handIn = async (wired: Wired, { project, source, wish }: HandIn): Promise<HandedIn> => {
  const ids = new Set<string>()
  const only = ({ raw }: RawMail) => {
    ids.add(sha256(raw))
    return true
  }
  const fresh = new Set(await readSource(wired, { project, source, once: true, only, wish }))
  const mails = await Promise.all([...ids].map(id => wired.store.mail(id, project)))
  const all = mails.filter(mail => mail !== undefined)
  return { fresh: all.filter(({ id }) => fresh.has(id)), known: all.filter(({ id }) => !fresh.has(id)) }
}

/** Is it a patch or a cover letter, that a series is made of? */
export const isSubmission = ({ disposition, decided, patch, tags }: Mail): boolean =>
  disposition.kind === 'new' && decided === undefined && (patch !== undefined || tags?.position === 0)

/** Whose mails these are; undefined: one that names nobody, or cannot be read. At most `limit`, and one more. Nothing is kept. */
export const authorsIn = async (source: MailSource, limit: number): Promise<(Address | undefined)[]> => {
  const authors: (Address | undefined)[] = []
  for await (const { mails } of source.read(undefined))
    for (const { raw } of mails) {
      if (authors.length > limit) return authors
      const parsed = await parseMail(raw).catch(() => undefined)
      authors.push(parsed?.author)
    }
  return authors
}

/** The mails in these bytes, one or an mbox, for as long as `act` takes. `by`: who hands them in. */
export const withMailsIn = async <T>(
  bytes: Uint8Array,
  { now, by }: { now: Instant; by: 'operator' | 'submitter' },
  act: (source: MailSource) => Promise<T>,
): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'grapevine-'))
  try {
    const path = join(folder, 'mails')
    await writeFile(path, bytes, { mode: 0o600 })
    const first = Buffer.from(bytes.subarray(0, 1024)).toString('latin1').split('\n', 1)[0] ?? ''
    const given = { name: handSource(now, by), path }
    return await act(isSeparator(first.trimEnd()) ? mboxSource(given) : mailFileSource(given))
  } finally {
    await rm(folder, { recursive: true })
  }
}
