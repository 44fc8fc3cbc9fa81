// IMAP mailboxes for tests: one real Dovecot for a file of tests, and a user of its own for each test.
import { afterAll, expect } from 'vitest'
import { imapSource } from '../../src/adapters/imap/source.ts'
import type { ImapSourceConfig } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Cursor, MailSource } from '../../src/ports/mail-source.ts'
import { startDovecot, type TestDovecot } from '../real/dovecot.ts'
import { arrival, type StoreUnderTest, texts } from './mail-source.ts'

export const password = 'correct horse'

/** How a source is configured that reads the user's INBOX by TLS. */
export const mailboxOf = (dovecot: TestDovecot, user = dovecot.user): ImapSourceConfig => ({
  ...{ kind: 'imap', name: `imap-${user}`, since: undefined, host: dovecot.host, port: dovecot.ports.imaps },
  ...{ secure: true, ca: dovecot.ca, mailbox: 'INBOX', login: { user, password: secret(password) } },
})

/** Ends with the file's tests. */
export const dovecotWithUsers = async (count: number) => {
  const names = Array.from({ length: count }, (_, n) => `user${n}`)
  const dovecot = await startDovecot({ users: Object.fromEntries(names.map(name => [name, password])) })
  afterAll(() => dovecot.remove())
  const left = [...names]
  const nextUser = (): string => {
    const user = left.shift()
    if (user === undefined) throw new Error(`more than ${count} tests: give dovecotWithUsers a larger number`)
    return user
  }
  const store = async (): Promise<StoreUnderTest & { user: string; config: ImapSourceConfig }> => {
    const user = nextUser()
    const config = mailboxOf(dovecot, user)
    let n = 0
    return {
      ...{ user, config },
      source: () => imapSource(config),
      add: async raws => {
        for (const raw of raws) await dovecot.drop(raw, { user, arrivedAt: arrival(n++) })
      },
    }
  }
  return { dovecot, nextUser, store }
}

/** Reads until it works, from where it was; the texts, and what was told. */
export const persist = async (source: MailSource, from?: Cursor) => {
  let cursor = from
  const read: string[] = []
  const told: string[] = []
  for (let tries = 0; tries < 20; tries++) {
    try {
      for await (const batch of source.read(cursor)) {
        cursor = JSON.parse(JSON.stringify(batch.cursor))
        read.push(...texts(batch.mails))
        told.push(...(batch.troubles ?? []))
      }
      return { read, told, cursor, tries }
    } catch (error) {
      expect(error).toBeInstanceOf(Fault)
    }
  }
  throw new Error(`never through: ${read}`)
}
