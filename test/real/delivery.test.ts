// Mail out through a real Postfix: signed, once, whatever cuts the line, and told to operators where it does not arrive.
import { generateKeyPairSync } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { dkimAuth } from '../../src/adapters/mailauth/verify.ts'
import { smtpSink } from '../../src/adapters/smtp/sink.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import { type OutgoingMail, type Reply, replyDue } from '../../src/model/reply.ts'
import type { Store } from '../../src/ports/store.ts'
import { bounce } from '../../src/stages/bounce/bounce.ts'
import { type DeliverPorts, deliver } from '../../src/stages/deliver/deliver.ts'
import { type Cut, type CuttingProxy, cuttingProxy } from './cutting-proxy.ts'
import { startPostfix, type TestPostfix } from './postfix.ts'

let postfix: TestPostfix
let store: Store
beforeAll(async () => {
  postfix = await startPostfix({
    mailboxes: ['ann@dev.test', 'list@dev.test', 'bot@bot.test'],
    behind: { 'gone@far.test': '550 5.1.1 No such user', 'shy@far.test': '550 5.7.1 Not wanted' },
    // In the clear, so that the proxy sees where it cuts.
    settings: ['smtpd_tls_security_level = none'],
  })
})
afterAll(() => postfix.end())
beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
})
afterEach(() => store.close())

const person = (address: string) => ({ name: '', address })
const mail = (id: string, more: Partial<OutgoingMail> = {}): OutgoingMail => ({
  messageId: `<${id}@bot.test>`,
  from: person('bot@bot.test'),
  to: [person('ann@dev.test')],
  cc: [person('list@dev.test')],
  subject: 'Re: [PATCH] x',
  inReplyTo: '<patch@dev.test>',
  references: ['<patch@dev.test>'],
  headers: { 'Auto-Submitted': 'auto-replied' },
  text: '.Hello\n.\n..\nBye\n',
  date: Date.UTC(2026, 0, 5),
  ...more,
})
const queue = (one: OutgoingMail): Promise<boolean> => {
  const reply: Reply = {
    id: one.messageId,
    kind: 'verdict',
    series: undefined,
    project: 'demo',
    thread: undefined,
    mail: one,
    state: { at: 'pending', notBefore: 0, tries: 0 },
  }
  return store.addReply(reply)
}

const count = (address: string, id: string): number =>
  postfix.mails(address).filter(raw => raw.includes(`Message-ID: <${id}@bot.test>`)).length

/** When the server has done all that it was told to do. */
const settled = async (): Promise<void> => {
  for (;;) {
    const log = postfix.log()
    const times = (words: string) => log.split(words).length
    if (
      times('smtpd[') > 1 &&
      times(': connect from') === times(': disconnect from') &&
      postfix.queued() === 0
    )
      return
    await pause(5)
  }
}

/** Looks where the copy to ourselves goes, as over IMAP. */
const findMail: DeliverPorts['findMail'] = async messageId => {
  await settled()
  return postfix.mails('bot@bot.test').some(raw => raw.includes(`Message-ID: ${messageId}`))
    ? 'here'
    : 'absent'
}

/** All turns of a reply, as fast as time can be set forward. */
const work = async (id: string, port: number, more: Partial<DeliverPorts>): Promise<string | undefined> => {
  const sink = smtpSink({ host: '127.0.0.1', port, secure: false, copyTo: 'bot@bot.test', timeoutMs: 5000 })
  let now = 0
  for (let turns = 0; turns < 40; turns++) {
    const clock = { now: () => now, sleep: async () => {} }
    const state = (await deliver({ store, sink, clock, ...more })(`<${id}@bot.test>`))?.reply.state
    const due = state && replyDue(state)
    if (due === undefined) return state?.at
    now = Math.max(now, due)
  }
  return 'never ended'
}

const through = async <T>(cut: Cut | undefined, act: (proxy: CuttingProxy) => Promise<T>): Promise<T> => {
  const proxy = await cuttingProxy(postfix.port, cut)
  try {
    return await act(proxy)
  } finally {
    await proxy.close()
  }
}

const lineEnds = (bytes: Buffer): number[] =>
  [...bytes.toString('latin1').matchAll(/\r\n/g)].map(({ index }) => index + 2)

/** Before, at and after the end of each line, in both directions; and within the first bytes. */
const cutsOf = ({ seen }: CuttingProxy): Cut[] =>
  (['to-server', 'to-client'] as const).flatMap(way => {
    const ends = lineEnds(seen[way]).flatMap(end => [end - 1, end, end + 1])
    return [0, 1, ...ends].filter(after => after <= seen[way].length).map(after => ({ way, after }))
  })

describe('the line is cut anywhere', () => {
  test.each([
    ['and we can look for it: each mail arrives exactly once', true],
    ['and nobody can tell: once, or a person decides', false],
  ])('%s', async (_, canLook) => {
    const more = canLook ? { findMail } : {}
    const cuts = await through(undefined, async proxy => {
      const id = `whole-${canLook}`
      await queue(mail(id))
      expect(await work(id, proxy.port, more)).toBe('sent')
      return cutsOf(proxy)
    })
    // Greeting, EHLO, MAIL, RCPT, DATA, the mail's lines, the dot, QUIT; and all answers.
    expect(cuts.length).toBeGreaterThan(100)
    const ends = new Map<string, number>()
    for (const [at, cut] of cuts.entries()) {
      const id = `cut-${canLook}-${at}`
      await queue(mail(id))
      const end = (await through(cut, proxy => work(id, proxy.port, more))) ?? ''
      ends.set(end, (ends.get(end) ?? 0) + 1)
    }
    await settled()
    for (const [at, cut] of cuts.entries()) {
      const id = `cut-${canLook}-${at}`
      const state = (await store.reply(`<${id}@bot.test>`))?.state.at
      const got = [count('ann@dev.test', id), count('list@dev.test', id)]
      const told = { cut, state, got }
      if (state === 'sent') expect(told).toEqual({ cut, state, got: [1, 1] })
      else
        expect([
          { cut, state: 'unconfirmed', got: [0, 0] },
          { cut, state: 'unconfirmed', got: [1, 1] },
        ]).toContainEqual(told)
    }
    if (canLook) expect([...ends.keys()]).toEqual(['sent'])
    else expect([...ends.keys()].sort()).toEqual(['sent', 'unconfirmed'])
  })
})

test('a server that takes only the copy to ourselves has not taken the mail', async () => {
  postfix.judge(({ recipient }) => (recipient.startsWith('bot@') ? 'DUNNO' : '450 4.7.1 greylisted'))
  await queue(mail('grey'))
  const sink = smtpSink({ host: '127.0.0.1', port: postfix.port, secure: false, copyTo: 'bot@bot.test' })
  const clock = { now: () => 0, sleep: async () => {} }
  const delivery = await deliver({ store, sink, clock, findMail })('<grey@bot.test>')
  expect(delivery?.reply.state).toMatchObject({ at: 'pending', tries: 1 })
  await settled()
  expect(count('bot@bot.test', 'grey')).toBe(0)
  postfix.judge(({ recipient }) => (recipient.startsWith('ann@') ? '450 4.7.1 greylisted' : 'DUNNO'))
  const later = { now: () => 60_000, sleep: async () => {} }
  const second = await deliver({ store, sink, clock: later, findMail })('<grey@bot.test>')
  expect(second?.reply.state).toMatchObject({ at: 'pending', done: ['list@dev.test'] })
  postfix.judge(() => 'DUNNO')
  expect(await work('grey', postfix.port, { findMail })).toBe('sent')
  await settled()
  expect([count('ann@dev.test', 'grey'), count('list@dev.test', 'grey')]).toEqual([1, 1])
})

test('what a real server sends back is understood, and the address gets no more mail', async () => {
  const bounces = async (id: string, address: string) => {
    const before = postfix.mails('bot@bot.test').length
    await queue(mail(id, { to: [person(address)], cc: [] }))
    const sink = smtpSink({ host: '127.0.0.1', port: postfix.port, secure: false })
    const delivery = await deliver({ store, sink, clock: { now: () => 0, sleep: async () => {} } })(
      `<${id}@bot.test>`,
    )
    expect(delivery?.reply.state).toMatchObject({ at: 'sent' })
    const raw = (await postfix.waitForMails('bot@bot.test', before + 1)).find(
      one => one.includes('multipart/report') && one.includes(`<${id}@bot.test>`),
    )
    const clock = { now: () => 1000, sleep: async () => {} }
    return bounce({ store, clock, neverSilent: [] })(raw ?? Buffer.alloc(0))
  }
  expect(await bounces('shy', 'shy@far.test')).toMatchObject([
    { address: 'shy@far.test', status: '5.7.1', forGood: true, died: false },
  ])
  expect(await bounces('gone', 'gone@far.test')).toMatchObject([
    { address: 'gone@far.test', status: '5.1.1', forGood: true, died: true },
  ])
  expect((await store.addresses()).map(({ address }) => address)).toContain('gone@far.test')
})

test('a mail is signed, and the signature is still good when it arrives', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const signer = { domain: 'bot.test', selector: 'grape', key: () => privateKey }
  const sink = smtpSink({ host: '127.0.0.1', port: postfix.port, secure: false, signer })
  await sink.send(mail('signed', { subject: 'Ünïcode', text: `${'long '.repeat(400)}\nÖl\n` }))
  const raw = (await postfix.waitForMails('ann@dev.test', 1)).find(one => one.includes('<signed@bot.test>'))
  await settled()
  const arrived =
    raw ?? postfix.mails('ann@dev.test').find(one => one.includes('<signed@bot.test>')) ?? Buffer.alloc(0)
  const record = [[`v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`]]
  const asked: string[] = []
  const resolve = async (name: string) => {
    asked.push(name)
    return record
  }
  expect(await dkimAuth({ resolve }).verify(arrived)).toMatchObject({
    aligned: true,
    dkim: [{ domain: 'bot.test', result: 'pass', whole: true }],
  })
  expect(asked).toEqual(['grape._domainkey.bot.test'])
  const forged = Buffer.from(
    arrived.toString('latin1').replace('Auto-Submitted: auto-replied', 'Auto-Submitted: no'),
    'latin1',
  )
  expect(forged).not.toEqual(arrived)
  expect(await dkimAuth({ resolve }).verify(forged)).toMatchObject({ aligned: false })
})
