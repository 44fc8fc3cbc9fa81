// A source's configuration → the adapter that reads it.
import { maildirSource } from '../adapters/maildir/source.ts'
import { mboxSource } from '../adapters/mbox/source.ts'
import { publicInboxSource } from '../adapters/public-inbox/source.ts'
import type { SourceConfig } from '../config/config.ts'
import type { MailSource } from '../ports/mail-source.ts'

export const openSource = ({ kind, name, path }: SourceConfig): MailSource => {
  switch (kind) {
    case 'mbox':
      return mboxSource({ name, path })
    case 'maildir':
      return maildirSource({ name, path })
    case 'public-inbox':
      return publicInboxSource({ name, path })
  }
}
