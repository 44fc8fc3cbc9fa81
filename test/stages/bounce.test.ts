// Mail that came back: what counts, what does not, and when an address gets no more.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { deadForMs, type Failure, isSilenced, unknownAddress, withFailure } from '../../src/model/address.ts'
import type { Reply } from '../../src/model/reply.ts'
import type { Store } from '../../src/ports/store.ts'
import { bounce } from '../../src/stages/bounce/bounce.ts'

const day = 86_400_000
let store: Store
let now = 0
beforeEach(async () => {
  now = Date.UTC(2026, 0, 5)
  store = await openStore({ folder: ':memory:' })
  for (const id of ['r1', 'r2', 'r3']) await store.addReply(sent(id))
})
afterEach(() => store.close())

const person = (address: string) => ({ name: '', address })
const sent = (id: string): Reply => ({
  id,
  kind: 'verdict',
  series: undefined,
  project: 'demo',
  thread: undefined,
  mail: {
    messageId: `<${id}@bot.test>`,
    from: person('bot@bot.test'),
    to: [person('Ann@dev.test')],
    cc: [person('list@lists.test')],
    subject: 'Re: [PATCH] x',
    inReplyTo: undefined,
    references: [],
    headers: {},
    text: '',
    date: 0,
  },
  state: { at: 'sent', when: 0, answer: '250 ok' },
})

type Report = { id: string; final?: string; original?: string; action?: string; status?: string }
const report = ({ id, final = 'ann@dev.test', original, action = 'failed', status = '5.2.2' }: Report) =>
  Buffer.from(
    [
      'From: MAILER-DAEMON@mx.test',
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
      '',
      '--b',
      '',
      'It was not delivered.',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.test',
      '',
      `Final-Recipient: rfc822; ${final}`,
      ...(original === undefined ? [] : [`Original-Recipient: rfc822;${original}`]),
      `Action: ${action}`,
      `Status: ${status}`,
      '',
      '--b',
      'Content-Type: text/rfc822-headers',
      '',
      `Message-ID: <${id}@bot.test>`,
      '--b--',
      '',
    ].join('\n'),
  )

const neverSilent = ['list@lists.test']
const take = (raw: Buffer) =>
  bounce({ store, clock: { now: () => now, sleep: async () => {} }, neverSilent })(raw)
const isDead = async (address = 'ann@dev.test') => {
  const known = await store.address(address)
  return known !== undefined && isSilenced(known, now)
}

test('there is no such user: dead at once, for 90 days; told once', async () => {
  expect(await take(report({ id: 'r1', status: '5.1.1' }))).toMatchObject([
    { address: 'Ann@dev.test', status: '5.1.1', forGood: true, died: true, reply: { id: 'r1' } },
  ])
  expect(await take(report({ id: 'r2', status: '5.1.1' }))).toMatchObject([{ died: false }])
  expect(await isDead()).toBe(true)
  now += deadForMs
  expect(await isDead()).toBe(false)
})

test('two mails on two days; not the same mail twice, not two on one day', async () => {
  await take(report({ id: 'r1' }))
  now += day
  await take(report({ id: 'r1' }))
  expect(await isDead()).toBe(false)
  await take(report({ id: 'r2' }))
  expect(await isDead()).toBe(true)
  await store.forgetAddress('ann@dev.test')
  await take(report({ id: 'r1' }))
  await take(report({ id: 'r2' }))
  expect(await isDead()).toBe(false)
})

describe('counts for nothing', () => {
  test.each<[string, Report, number]>([
    ['a mail that is none of ours', { id: 'forged', status: '5.1.1' }, 0],
    ['somebody whom we did not write to', { id: 'r1', final: 'ben@dev.test', status: '5.1.1' }, 0],
    ['a warning', { id: 'r1', action: 'delayed', status: '4.2.2' }, 1],
    ['a failure that is none for good', { id: 'r1', status: '4.4.7' }, 1],
    ['a success', { id: 'r1', action: 'delivered', status: '2.0.0' }, 0],
    [
      'a list, whose subscriber failed',
      { id: 'r1', final: 'ben@dev.test', original: 'list@lists.test', status: '5.1.1' },
      1,
    ],
  ])('%s', async (_, what, told) => {
    expect(await take(report(what))).toHaveLength(told)
    expect(await store.addresses()).toEqual([])
  })
})

test('a mail that was forwarded counts for whom we wrote to', async () => {
  await take(report({ id: 'r1', final: 'gone@elsewhere.test', original: 'ann@dev.test', status: '5.1.1' }))
  expect(await isDead()).toBe(true)
})

test('a mail that never left cannot come back', async () => {
  await store.addReply({ ...sent('r9'), state: { at: 'pending', notBefore: 0, tries: 0 } })
  expect(await take(report({ id: 'r9', status: '5.1.1' }))).toEqual([])
})

test('text alone counts where it names mail, recipient and failure', async () => {
  const text = (address: string) =>
    Buffer.from(
      `From: MAILER-DAEMON@mx.test\nSubject: failure notice\n\n<${address}>:\nRemote host said: 550 5.1.1 no such user\n\n--- Below this line is a copy of the message.\n\nTo: ann@dev.test\nMessage-ID: <r1@bot.test>\n`,
    )
  expect(await take(text('ben@dev.test'))).toEqual([])
  expect(await take(text('ann@dev.test'))).toMatchObject([{ forGood: true, died: true }])
})

test.each(['5.7.1', '5.3.4', '5.2.3', '5.6.0', '5.1.8', '5.5.2'])(
  '%s is not about the address',
  async status => {
    for (const id of ['r1', 'r2', 'r3']) {
      await take(report({ id, status }))
      now += day
    }
    expect(await isDead()).toBe(false)
  },
)

test('an address: old failures are forgotten, a silence that was asked for stays', () => {
  const failure = (mail: string, at: number): Failure => ({ mail, at, status: '5.2.2' })
  const once = withFailure(unknownAddress('Ann@Dev.test'), failure('<1>', 0))
  expect(once).toMatchObject({ address: 'ann@dev.test', silence: undefined })
  expect(withFailure(once, failure('<2>', deadForMs + 1)).failures).toHaveLength(1)
  const silence = { since: 0, until: undefined, why: 'unsubscribed', detail: '' } as const
  expect(withFailure({ ...once, silence }, failure('<2>', day)).silence).toBe(silence)
})
