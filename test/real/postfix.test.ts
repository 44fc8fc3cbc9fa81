// The Postfix of the tests is a real one: it delivers, refuses, bounces, and survives a kill with its queue.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { smtpSink } from '../../src/adapters/smtp/sink.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import { startPostfix, type TestPostfix } from './postfix.ts'

let postfix: TestPostfix
beforeAll(async () => {
  postfix = await startPostfix({
    mailboxes: ['ann@dev.test', 'ben@dev.test', 'bot@bot.test'],
    aliases: { 'list@lists.test': ['ann@dev.test', 'ben@dev.test'] },
    behind: { 'gone@far.test': '550 5.1.1 No such user', 'full@far.test': '452 4.2.2 Mailbox full' },
  })
})
afterAll(() => postfix.end())

let count = 0
const mail = (to: string): OutgoingMail => ({
  messageId: `<${++count}@bot.test>`,
  from: { name: 'Bot', address: 'bot@bot.test' },
  to: [{ name: '', address: to }],
  cc: [],
  subject: 'Re: [PATCH] x',
  inReplyTo: undefined,
  references: [],
  headers: {},
  text: 'Hello\n',
  date: Date.UTC(2026, 0, 5),
})
const send = (to: string) => smtpSink({ host: '127.0.0.1', port: postfix.port, secure: false }).send(mail(to))

test('a list reaches its subscribers, an unknown user behind it sends a bounce back, a full one waits', async () => {
  await send('list@lists.test')
  for (const address of ['ann@dev.test', 'ben@dev.test']) await postfix.waitForMails(address, 1)
  await send('gone@far.test')
  const [bounce] = await postfix.waitForMails('bot@bot.test', 1)
  expect(String(bounce)).toContain('Status: 5.1.1')
  await send('full@far.test')
  expect(postfix.queued()).toBe(1)
})

test('refuses and delays on demand, and unknown addresses always', async () => {
  postfix.judge(({ recipient }) => (recipient === 'ann@dev.test' ? '450 4.7.1 greylisted' : '550 5.7.1 no'))
  await expect(send('ann@dev.test')).rejects.toMatchObject({ kind: 'refused', retry: 'later' })
  await expect(send('ben@dev.test')).rejects.toMatchObject({ kind: 'refused', retry: 'never' })
  postfix.judge(() => 'DUNNO')
  await expect(send('nobody@dev.test')).rejects.toThrow('550 5.1.1')
})

test('killed, it is gone; started again, it has its queue', async () => {
  await postfix.kill9()
  await expect(send('ann@dev.test')).rejects.toMatchObject({ kind: 'unreachable' })
  await postfix.start()
  expect(postfix.queued()).toBe(1)
  const before = postfix.mails('ann@dev.test').length
  await send('ann@dev.test')
  await postfix.waitForMails('ann@dev.test', before + 1)
})
