// IMAP with a real Dovecot that is killed, restarted, frozen, emptied and made to forget, and with mailboxes as they really are.
import { chmodSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findInMailbox, lookAtMailbox } from '../../src/adapters/imap/find.ts'
import { imapSource } from '../../src/adapters/imap/source.ts'
import { secret } from '../../src/config/secret.ts'
import type { Cursor, MailSource } from '../../src/ports/mail-source.ts'
import { startDovecot } from '../real/dovecot.ts'
import { dovecotWithUsers, mailboxOf, password, persist } from './imap-store.ts'
import { arrival, follow, mailsOf, readBatches, sampleMail, sampleMails, texts } from './mail-source.ts'

const { dovecot, store } = await dovecotWithUsers(30)
const quick = { retryMs: 20, connectMs: 1000, answerMs: 500, pulseMs: 100 }
const text = (raw: Buffer): string => raw.toString('latin1')

/** Reads whenever it is woken, as the bot does: keeps the cursor of what is stored, and goes on after a Fault. */
const reader = (source: MailSource) => {
  const read: string[] = []
  const faults: unknown[] = []
  let cursor: Cursor
  let waiting: (() => void)[] = []
  let running = Promise.resolve()
  const round = async () => {
    try {
      for await (const batch of source.read(cursor)) {
        cursor = JSON.parse(JSON.stringify(batch.cursor))
        read.push(...texts(batch.mails))
      }
    } catch (error) {
      faults.push(error)
    }
    for (const tell of waiting) tell()
    waiting = []
  }
  const wake = () => {
    running = running.then(round)
  }
  onTestFinished(source.watch(wake))
  /** Resolves when so many were read. */
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await new Promise<void>(done => waiting.push(done))
  }
  return { read, faults, wake, until }
}

describe('a Dovecot that', () => {
  const server = async () => {
    const own = await startDovecot()
    onTestFinished(() => own.remove())
    const config = { ...mailboxOf(own), login: { user: own.user, password: secret(own.password) } }
    return { own, ...reader(imapSource(config, quick)) }
  }

  it('is killed while the source idles, and comes back: mail is announced and read again, once', async () => {
    const { own, read, until } = await server()
    await own.deliver(sampleMail(0))
    await until(() => read.length === 1)
    for (const n of [1, 2]) {
      await own.kill9()
      await own.start()
      await own.deliver(sampleMail(n))
      await until(() => read.length === n + 1)
    }
    await own.restart()
    await own.deliver(sampleMail(3))
    await until(() => read.length === 4)
    expect(read.map(mail => /Subject: mail (\d)/.exec(mail)?.[1])).toEqual(['0', '1', '2', '3'])
  })

  it('stops answering without a word: it is a Fault, and reading goes on when it answers', async () => {
    const { own, read, faults, wake, until } = await server()
    await own.deliver(sampleMail(0))
    await until(() => read.length === 1)
    own.freeze()
    wake()
    await until(() => faults.length > 0)
    expect(faults[0]).toMatchObject({ name: 'Fault', message: expect.stringContaining(own.user) })
    own.thaw()
    await own.deliver(sampleMail(1))
    await until(() => read.length === 2)
  })

  it('is killed while thousands are read: nothing is missed, nothing comes twice', async () => {
    const { own, read, wake, until } = await server()
    await until(() => true)
    for (const [n, raw] of sampleMails(0, 3000).entries()) await own.drop(raw, { arrivedAt: arrival(n) })
    wake()
    await until(() => true)
    for (const many of [500, 1500]) {
      while (read.length < many) await new Promise(setImmediate)
      await own.kill9()
      await own.start()
    }
    wake()
    await until(() => read.length >= 3000)
    // A server that forgets what it had numbered may give another order.
    expect([...read].sort()).toEqual(sampleMails(0, 3000).map(text).sort())
  })

  it('cannot idle, and knows no modification counts: it is looked now and then', async () => {
    const own = await startDovecot({ settings: 'imap_capability = IMAP4rev1 LITERAL+' })
    onTestFinished(() => own.remove())
    const config = { ...mailboxOf(own), login: { user: own.user, password: secret(own.password) } }
    const { read, until } = reader(imapSource(config, { ...quick, pollMs: 20 }))
    for (const n of [0, 1]) {
      await own.deliver(sampleMail(n))
      await until(() => read.length === n + 1)
    }
    expect((await lookAtMailbox(config)).idle).toBe(false)
  })
})

describe('mailboxes', () => {
  it('are not changed: nothing is seen, moved or marked', async () => {
    const { source, add, user } = await store()
    await add(sampleMails(0, 3))
    await readBatches(source())
    expect(readdirSync(join(dovecot.maildir(user), 'new')).length).toBe(3)
    expect(dovecot.doveadm('search', '-u', user, 'mailbox', 'INBOX', 'SEEN')).toBe('')
  })

  it('lose mails: those that are left are read, and later ones are found', async () => {
    const { source, add, user } = await store()
    await add(sampleMails(0, 5))
    const next = follow(source)
    await next()
    await add(sampleMails(5, 9))
    dovecot.doveadm('expunge', '-u', user, 'mailbox', 'INBOX', 'SUBJECT', 'mail 8')
    dovecot.doveadm('expunge', '-u', user, 'mailbox', 'INBOX', 'SUBJECT', 'mail 2')
    expect(await next()).toEqual(sampleMails(5, 8).map(text))
    dovecot.doveadm('expunge', '-u', user, 'mailbox', 'INBOX', 'ALL')
    expect(await next()).toEqual([])
    await add(sampleMails(9, 10))
    expect(await next()).toEqual([text(sampleMail(9))])
  })

  it('are made anew, with numbers that begin again: all is read', async () => {
    const { source, add, user } = await store()
    await add(sampleMails(0, 3))
    const next = follow(source)
    await next()
    const folder = dovecot.maildir(user)
    for (const name of readdirSync(folder))
      if (name.startsWith('dovecot')) rmSync(join(folder, name), { recursive: true })
    // By itself it counts in seconds, and those may be the same.
    dovecot.doveadm('mailbox', 'update', '-u', user, '--uid-validity', '7', 'INBOX')
    await add(sampleMails(3, 4))
    expect(await next()).toEqual(sampleMails(0, 4).map(text))
    expect(await next()).toEqual([])
  })

  it('hold mail of before `since`, which is passed over without fetching it', async () => {
    const { config, add } = await store()
    await add(sampleMails(0, 3))
    const next = follow(() => imapSource({ ...config, since: arrival(0) + 3 * 86_400_000 }))
    expect(await next()).toEqual([])
    await dovecot.drop(sampleMail(7), { user: config.login.user })
    expect(await next()).toEqual([text(sampleMail(7))])
  })

  it('hold a mail that the server cannot read: the others come, and it comes when it can be read', async () => {
    const { config, add, user } = await store()
    await add(sampleMails(0, 3))
    const folder = join(dovecot.maildir(user), 'new')
    const [, second = ''] = readdirSync(folder).sort()
    chmodSync(join(folder, second), 0)
    const { read, told, cursor } = await persist(imapSource(config, quick))
    expect(read).toEqual([0, 2].map(n => text(sampleMail(n))))
    expect(told).toEqual([expect.stringContaining('UID 2')])
    chmodSync(join(folder, second), 0o644)
    expect((await persist(imapSource(config), cursor)).read).toEqual([text(sampleMail(1))])
  })

  it('hold a mail that is too large: its beginning comes, and is said to be one', async () => {
    const { config, add } = await store()
    await add([sampleMail(1, `${'x'.repeat(77)}\n`.repeat(700_000)), sampleMail(2)])
    const batches = await readBatches(imapSource(config))
    const [large, small] = mailsOf(batches)
    expect(large?.raw.length).toBeGreaterThan(45 * 2 ** 20)
    expect(large?.raw.length).toBeLessThanOrEqual(50 * 2 ** 20)
    expect(large?.raw.toString('latin1', 0, 8)).toBe('Received')
    expect(small?.raw).toEqual(sampleMail(2))
    expect(batches.flatMap(({ troubles = [] }) => troubles)).toEqual([
      expect.stringMatching(/UID 1: only the first/),
    ])
  })

  it('are many on one server, with names of any language', async () => {
    const { config, user } = await store()
    dovecot.doveadm('mailbox', 'create', '-u', user, 'Listen/Zähler & mehr')
    const other = { ...config, mailbox: 'Listen/Zähler & mehr' }
    expect(await readBatches(imapSource(other))).toEqual([])
    expect(await lookAtMailbox(other)).toMatchObject({ mails: 0, idle: true, encrypted: true })
  })
})

describe('logging in', () => {
  it('with a token, which is read anew each time; one that has ended is refused, and not tried again', async () => {
    const { config, add, user } = await store()
    await add(sampleMails(0, 1))
    let token = dovecot.token(user, -60)
    const source = imapSource({ ...config, login: { user, token: { reveal: () => token } } })
    const refused = { kind: 'refused', remedy: expect.stringContaining(`renew the access token of ${user}`) }
    await expect(readBatches(source)).rejects.toMatchObject(refused)
    await expect(readBatches(source)).rejects.toMatchObject(refused)
    token = dovecot.token(user)
    expect(texts(mailsOf(await readBatches(source)))).toEqual([text(sampleMail(0))])
  })

  it('with STARTTLS', async () => {
    const { config } = await store()
    const look = await lookAtMailbox({ ...config, port: dovecot.ports.imap, secure: false })
    expect(look.encrypted).toBe(true)
  })

  it.each([
    ['a certificate that nobody trusts', { ca: undefined }, /name the file of the authority/],
    ['no server', { port: 1 }, /check that the mail server runs/],
    ['TLS where there is none', { port: dovecot.ports.imap }, /secure: false/],
    ['no such mailbox', { mailbox: 'nowhere' }, /check `mailbox`/],
    ['a wrong password', { login: { user: 'user0', password: secret('wrong') } }, /check user and password/],
    ['an authority that is not there', { ca: '/nowhere/ca.pem' }, /nowhere/],
  ])('fails for %s, with a remedy', async (_what, wrong, remedy) => {
    await expect(lookAtMailbox({ ...mailboxOf(dovecot, 'user0'), ...wrong })).rejects.toMatchObject({
      ...{
        name: 'Fault',
        remedy: expect.stringMatching(remedy),
        message: expect.not.stringContaining(password),
      },
    })
  })
})

describe('finding one mail', () => {
  it('says whether it is there, and unknown where nobody can be asked', async () => {
    const { config, add } = await store()
    await add(sampleMails(0, 2))
    expect(await findInMailbox(config, '<1@example.org>')).toBe('here')
    expect(await findInMailbox(config, '<11@example.org>')).toBe('absent')
    expect(await findInMailbox({ ...config, port: 1 }, '<1@example.org>')).toBe('unknown')
  })
})
