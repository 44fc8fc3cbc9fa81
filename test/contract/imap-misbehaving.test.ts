// Servers that do what Dovecot cannot be made to do: stall, hang up, refuse, lose their memory.
import { describe, expect, it, onTestFinished } from 'vitest'
import { findInMailbox } from '../../src/adapters/imap/find.ts'
import { imapSource } from '../../src/adapters/imap/source.ts'
import { type FakeMailbox, fakeImapServer } from '../fakes/imap-server.ts'
import { persist } from './imap-store.ts'
import { mailsOf, readBatches, texts } from './mail-source.ts'

const mailbox = (...uids: number[]): FakeMailbox => ({
  uidValidity: 7,
  uidNext: Math.max(0, ...uids) + 1,
  mails: new Map(uids.map(uid => [uid, `Subject: ${uid}\r\n\r\n${uid}\r\n`])),
})
const mail = (uid: number) => `Subject: ${uid}\n\n${uid}\n`
const quick = { retryMs: 1, answerMs: 200, pulseMs: 50 }

describe('a server that', () => {
  it('hangs up whenever it is asked for one mail: the rest is read, once, and that one is told', async () => {
    const box = mailbox(1, 2, 3, 4, 5, 6)
    const { config } = await fakeImapServer(box, {
      'UID FETCH': rest => (rest.includes('BODY') && /^([\d,]*,)?3[, ]/.test(rest) ? 'hang up' : undefined),
    })
    const { read, told, cursor } = await persist(imapSource(config, quick))
    expect(read).toEqual([1, 2, 4, 5, 6].map(mail))
    expect(told).toEqual([expect.stringContaining('UID 3: the mail cannot be read')])
    expect(cursor).toMatchObject({ uid: 6, owed: [3] })
  })

  it('refuses one mail: the rest is read, and that one when the server can give it', async () => {
    const box = mailbox(1, 2, 3)
    let isBroken = true
    const { config } = await fakeImapServer(box, {
      'UID FETCH': rest =>
        isBroken && /^([\d,]*,)?2[, ]/.test(rest) ? ['NO [SERVERBUG] internal error'] : undefined,
    })
    const first = await persist(imapSource(config, quick))
    expect(first.read).toEqual([1, 3].map(mail))
    isBroken = false
    const next = await persist(imapSource(config, quick), first.cursor)
    expect(next.read).toEqual([mail(2)])
    expect(next.cursor).not.toHaveProperty('owed')
  })

  it('gives less than it was asked for, and says that all is well: what it has is read all the same', async () => {
    const box = mailbox(1, 2, 3, 4, 5, 6)
    let short = 1
    const { config } = await fakeImapServer(box, {
      'UID FETCH': rest => (rest.includes('BODY') && short-- > 0 ? ['OK done'] : undefined),
    })
    const { read, told } = await persist(imapSource(config, quick))
    expect(read).toEqual([1, 2, 3, 4, 5, 6].map(mail))
    expect(told).toEqual([])
  })

  it('hangs up in place of saying that mails are gone: nothing is skipped', async () => {
    const box = mailbox(1, 2, 3)
    let isBroken = true
    const { config } = await fakeImapServer(box, {
      'UID FETCH': rest => (rest.includes('BODY') && isBroken ? ['OK done'] : undefined),
      'UID SEARCH': (_rest, count) => {
        if (count === 1) return undefined
        isBroken = false
        return count === 2 ? 'hang up' : undefined
      },
    })
    expect((await persist(imapSource(config, quick))).read).toEqual([1, 2, 3].map(mail))
  })

  it('loses mails between search and fetch: those are gone, the others are read', async () => {
    const box = mailbox(1, 2, 3)
    const { config } = await fakeImapServer(box, {
      'UID SEARCH': (_rest, count) => {
        if (count === 1) box.mails.delete(2)
        return count === 1 ? ['* SEARCH 1 2 3', 'OK done'] : undefined
      },
    })
    expect((await persist(imapSource(config, quick))).read).toEqual([1, 3].map(mail))
  })

  it('answers out of order, and tells of mails that nobody asked for', async () => {
    const box = mailbox(1, 2, 3)
    const { config } = await fakeImapServer(box, {
      'UID FETCH': rest => {
        if (!rest.includes('BODY')) return undefined
        const one = (uid: number) =>
          `* ${uid} FETCH (UID ${uid} BODY[]<0> {${mail(uid).length + 3}}\r\n${mail(uid).replaceAll('\n', '\r\n')})`
        return ['* 9 FETCH (UID 9 FLAGS (\\Seen))', one(3), one(1), one(2), 'OK done']
      },
    })
    expect((await persist(imapSource(config, quick))).read).toEqual([1, 2, 3].map(mail))
  })

  it('refuses to search: a Fault, and nothing is skipped', async () => {
    const { config } = await fakeImapServer(mailbox(1), { 'UID SEARCH': () => ['NO not now'] })
    await expect(readBatches(imapSource(config, quick))).rejects.toMatchObject({ kind: 'refused' })
    expect(await findInMailbox(config, '<a@example.org>')).toBe('unknown')
  })

  it('was put back to an earlier state, by its numbers or by its modification count: all is read again', async () => {
    const box = { ...mailbox(1, 2, 3), modseq: 50 }
    const capable = { CAPABILITY: () => ['* CAPABILITY IMAP4rev1 CONDSTORE', 'OK done'] }
    const { config } = await fakeImapServer(box, capable)
    const first = await persist(imapSource(config, quick))
    expect(first.cursor).toEqual({ uidValidity: '7', uid: 3, modseq: '50' })
    expect((await persist(imapSource(config, quick), first.cursor)).read).toEqual([])
    box.modseq = 20
    expect((await persist(imapSource(config, quick), first.cursor)).read).toEqual([1, 2, 3].map(mail))
    Object.assign(box, { modseq: 60, uidNext: 3, mails: mailbox(1, 2).mails })
    expect((await persist(imapSource(config, quick), first.cursor)).read).toEqual([1, 2].map(mail))
  })

  it('never answers IDLE: reading is not held up for ever, and goes on by a new connection', async () => {
    const box = mailbox(1)
    const { config, asked } = await fakeImapServer(box, {
      IDLE: (_rest, count) => (count === 1 ? 'say nothing' : undefined),
    })
    const source = imapSource(config, { ...quick, pulseMs: 60_000 })
    const woken = Promise.withResolvers<void>()
    onTestFinished(source.watch(woken.resolve))
    await woken.promise
    while (!asked.includes('IDLE')) await new Promise(setImmediate)
    expect((await persist(source)).read).toEqual([mail(1)])
    expect(asked.filter(one => one === 'EXAMINE').length).toBeGreaterThan(1)
  })

  it('never answers IDLE, and nobody reads: it is noticed too', async () => {
    const { config, asked } = await fakeImapServer(mailbox(1), { IDLE: () => 'say nothing' })
    onTestFinished(imapSource(config, { ...quick, answerMs: 20 }).watch(() => {}))
    while (asked.filter(one => one === 'EXAMINE').length < 3) await new Promise(setImmediate)
  })

  it('refuses IDLE: it is looked now and then', async () => {
    const { config } = await fakeImapServer(mailbox(1), { IDLE: () => ['BAD what'] })
    let count = 0
    const often = Promise.withResolvers<void>()
    const look = () => {
      count += 1
      if (count > 3) often.resolve()
    }
    onTestFinished(imapSource(config, { ...quick, pollMs: 5 }).watch(look))
    await often.promise
  })

  it('refuses the login: it is not asked again at once, but with another password it is', async () => {
    const { config, asked } = await fakeImapServer(mailbox(1), {
      LOGIN: rest => (rest.includes('right') ? undefined : ['NO [AUTHENTICATIONFAILED] no']),
    })
    let password = 'wrong'
    const login = { user: 'sofia', password: { reveal: () => password } }
    const source = imapSource({ ...config, login }, { retryMs: 60_000 })
    for (let n = 0; n < 3; n++)
      await expect(readBatches(source)).rejects.toMatchObject({
        ...{ kind: 'refused', retry: 'later' },
        ...{ message: expect.stringContaining('the login was refused'), remedy: expect.any(String) },
      })
    expect(asked.filter(one => one === 'LOGIN').length).toBe(1)
    password = 'right'
    expect(texts(mailsOf(await readBatches(source)))).toEqual([mail(1)])
  })

  it('speaks no TLS where it should: the remedy says so', async () => {
    const { config } = await fakeImapServer(mailbox(1))
    await expect(readBatches(imapSource({ ...config, secure: true }, quick))).rejects.toMatchObject({
      ...{ kind: 'refused', remedy: expect.stringContaining('secure: false') },
    })
  })
})
