// IMAP, with a real Dovecot: what every source promises, and what only IMAP can get wrong.
import { imapSource } from '../../src/adapters/imap/source.ts'
import { dovecotWithUsers, mailboxOf } from './imap-store.ts'
import { mailSourceContract } from './mail-source.ts'

const { dovecot, store } = await dovecotWithUsers(30)

mailSourceContract('imap', store, imapSource({ ...mailboxOf(dovecot, 'user29'), mailbox: 'lists/nowhere/x' }))
