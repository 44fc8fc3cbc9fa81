// A source's configuration, or a path that somebody named, → the adapter that reads it.
import { detectSource } from '../adapters/detect/detect.ts'
import { maildirSource } from '../adapters/maildir/source.ts'
import { mailFileSource } from '../adapters/mbox/single.ts'
import { mboxSource } from '../adapters/mbox/source.ts'
import { publicInboxSource } from '../adapters/public-inbox/source.ts'
import type { SourceConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { MailSource } from '../ports/mail-source.ts'

export const openSource = (source: SourceConfig): MailSource => {
  if (source.kind === 'imap') throw new Fault('malformed', 'never', 'IMAP cannot be read yet')
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

/** Whatever lies at the path: a mail, an mbox, a Maildir or a public-inbox archive. Faults: unreachable, malformed. */
export const sourceAt = async (path: string, name: string): Promise<MailSource> => {
  const kind = await detectSource(path)
  return kind === 'mail' ? mailFileSource({ name, path }) : openSource({ kind, name, path, since: undefined })
}
