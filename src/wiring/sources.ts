// A source's configuration, or a path that somebody named, → the adapter that reads it.
import { detectSource } from '../adapters/detect/detect.ts'
import { imapSource } from '../adapters/imap/source.ts'
import { maildirSource } from '../adapters/maildir/source.ts'
import { mailFileSource } from '../adapters/mbox/single.ts'
import { mboxSource } from '../adapters/mbox/source.ts'
import { publicInboxSource } from '../adapters/public-inbox/source.ts'
import type { SourceConfig } from '../config/config.ts'
import type { Instant } from '../model/instant.ts'
import type { MailSource } from '../ports/mail-source.ts'

/** A connection or file is opened when it is read; the same source is to be used for all reading and watching. */
export const openSource = (source: SourceConfig): MailSource => notBefore(open(source), source.since)

const open = (source: SourceConfig): MailSource => {
  if (source.kind === 'imap') return imapSource(source)
  const { kind, name, path } = source
  switch (kind) {
    case 'mbox':
      return mboxSource({ name, path })
    case 'maildir':
      return maildirSource({ name, path })
    case 'public-inbox':
      return publicInboxSource({ name, path })
  }
}

/** Mails that arrived before are passed over; the cursor moves past them. */
const notBefore = (source: MailSource, since: Instant | undefined): MailSource =>
  since === undefined
    ? source
    : {
        ...source,
        async *read(cursor, signal) {
          for await (const batch of source.read(cursor, signal))
            yield { ...batch, mails: batch.mails.filter(({ arrivedAt }) => arrivedAt >= since) }
        },
      }

/** Whatever lies at the path: a mail, an mbox, a Maildir or a public-inbox archive. Faults: unreachable, malformed. */
export const sourceAt = async (path: string, name: string): Promise<MailSource> => {
  const kind = await detectSource(path)
  return kind === 'mail' ? mailFileSource({ name, path }) : openSource({ kind, name, path, since: undefined })
}
