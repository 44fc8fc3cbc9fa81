// What operators hear of mail that does not arrive: an incident, and one mail a day; never about mail to themselves.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { Fault } from '../../src/model/fault.ts'
import { botProject } from '../../src/model/mail.ts'
import type { OutgoingMail, Reply } from '../../src/model/reply.ts'
import type { Taken } from '../../src/ports/mail-sink.ts'
import type { Push } from '../../src/ports/queue.ts'
import { assemble } from '../../src/stages/assemble/assemble.ts'
import { receive } from '../../src/stages/receive/receive.ts'
import { handleMail } from '../../src/wiring/mail-in.ts'
import { turnReply } from '../../src/wiring/mail-out.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'

let flow: Flow
let wired: Wired
let now: number
let pushed: Push[]
let said: string[]
let answer: (mail: OutgoingMail) => Taken | Fault
beforeEach(async () => {
  flow = await openFlow(() => ({ kind: 'passes' }) as never)
  now = Date.UTC(2026, 0, 5, 12)
  pushed = []
  said = []
  answer = () => ({ answer: '250 ok', refused: [] })
  wired = {
    ...flow.wired,
    store: await openStore({ folder: ':memory:' }),
    clock: { now: () => now, sleep: async () => {} },
    queue: { ...flow.wired.queue, push: async (...pushes) => void pushed.push(...pushes) },
    log: (_level, what) => void said.push(what),
    sink: {
      send: async mail => {
        const given = answer(mail)
        if (given instanceof Error) throw given
        return given
      },
      find: async () => 'unknown',
      probe: async () => 'here',
    },
  }
})
afterEach(async () => {
  await wired.store.close()
  await flow.close()
})

const person = (address: string) => ({ name: '', address })
const queue = async (id: string, to = ['ann@dev.test'], more: Partial<Reply> = {}) => {
  const mail: OutgoingMail = {
    messageId: `<${id}@bot.test>`,
    from: person('bot@bot.test'),
    to: to.map(person),
    cc: [],
    subject: 'Re: [PATCH] x',
    inReplyTo: undefined,
    references: [],
    headers: {},
    text: 'Hello\n',
    date: now,
  }
  const rest = { series: undefined, project: 'demo', thread: undefined }
  await wired.store.addReply({
    ...{ id, kind: 'verdict', ...rest, mail, state: { at: 'pending', notBefore: 0, tries: 0 } },
    ...more,
  })
}
const turn = async (id: string) => (await turnReply(wired)(id))?.state.at
const incidents = async () =>
  (await wired.store.incidents({ open: true })).map(one => `${one.trouble} ${one.about}`)
const alerts = async () => (await wired.store.repliesAt('pending')).filter(({ kind }) => kind === 'alert')

test('a refusal for good: an incident, one mail to the operators a day, and it ends when mail is taken', async () => {
  answer = () => new Fault('refused', 'never', 'smtp mx: 550 5.7.1 <ann@dev.test>: go away')
  for (const id of ['r1', 'r2']) {
    await queue(id)
    expect(await turn(id)).toBe('failed')
    expect(await turn(id)).toBe('failed')
  }
  expect(await incidents()).toEqual(['mail-refused ann@dev.test'])
  const [alert, ...more] = await alerts()
  expect(more).toEqual([])
  expect(alert?.mail).toMatchObject({
    to: [wired.config.administrator],
    cc: [],
    subject: 'Grapevine: mail to ann@dev.test is refused',
    headers: { 'Auto-Submitted': 'auto-generated' },
  })
  expect(alert?.mail.text).toContain('550 5.7.1 <ann@dev.test>: go away')
  expect(pushed.map(push => push.data.reply)).toEqual([alert?.id])
  now += 86_400_000
  await queue('r3')
  await turn('r3')
  expect(await alerts()).toHaveLength(2)
  answer = () => ({ answer: '250 ok', refused: [] })
  await queue('r4')
  expect(await turn('r4')).toBe('sent')
  expect(await incidents()).toEqual([])
})

test('an alert that fails makes no alert', async () => {
  answer = () => new Fault('refused', 'never', 'smtp mx: 550 5.1.1 no such user')
  const { address } = wired.config.administrator
  await queue('a1', [address], { kind: 'alert' })
  expect(await turn('a1')).toBe('failed')
  expect(await incidents()).toEqual([`mail-refused ${address}`])
  expect(await alerts()).toEqual([])
  expect(await wired.store.address(address)).toBeUndefined()
})

test('no such user, said at once: the address gets no more mail', async () => {
  answer = () => new Fault('refused', 'never', 'smtp mx: 550 5.1.1 <ann@dev.test>: no such user')
  await queue('r1')
  await turn('r1')
  expect((await wired.store.address('ann@dev.test'))?.silence).toMatchObject({ why: 'bounced' })
  let calls = 0
  answer = () => ({ answer: `250 ok ${++calls}`, refused: [] })
  await queue('r2')
  expect(await turn('r2')).toBe('failed')
  expect(calls).toBe(0)
  now += 86_400_000
  await queue('r3')
  await turn('r3')
  expect(await alerts()).toHaveLength(1)
})

test('one of two is refused: sent, and told', async () => {
  const refused = [{ address: 'ben@dev.test', why: '550 5.2.1 disabled', forGood: true }]
  answer = () => ({ answer: '250 ok', refused })
  await queue('r1', ['ann@dev.test', 'ben@dev.test'])
  expect(await turn('r1')).toBe('sent')
  expect(await incidents()).toEqual(['mail-refused ben@dev.test'])
  expect((await wired.store.address('ben@dev.test'))?.failures).toMatchObject([{ status: '5.2.1' }])
})

test('the way out is shut: told once, an incident after ten minutes, over when a mail leaves', async () => {
  answer = () => new Fault('unreachable', 'soon', 'smtp mx: connect ECONNREFUSED', { remedy: 'start it' })
  await queue('r1')
  for (const minutes of [0, 2, 5, 9]) {
    now = Date.UTC(2026, 0, 5, 12, minutes)
    expect(await turn('r1')).toBe('pending')
  }
  expect(said.filter(line => line.includes('mail cannot leave'))).toHaveLength(1)
  expect(await incidents()).toEqual([])
  now = Date.UTC(2026, 0, 5, 12, 30)
  await turn('r1')
  expect(await incidents()).toEqual(['mail-unreachable mail.out'])
  answer = () => ({ answer: '250 ok', refused: [] })
  now += 86_400_000
  expect(await turn('r1')).toBe('sent')
  expect(await incidents()).toEqual([])
  expect(said.at(-2)).toBe('mail leaves again')
  expect(await alerts()).toEqual([])
})

test('a mail in doubt that nobody can find is a person’s to decide, and told once', async () => {
  answer = () => new Fault('timeout', 'later', 'handed over, but no answer came')
  await queue('r1')
  let state = await turn('r1')
  for (let turns = 0; state === 'sending' && turns < 200; turns++) {
    now += 60_000
    state = await turn('r1')
  }
  expect(state).toBe('unconfirmed')
  expect(await incidents()).toEqual(['mail-unconfirmed r1'])
  expect((await alerts()).map(({ mail }) => mail.subject)).toEqual([
    'Grapevine: a mail may have been sent or not',
  ])
  expect((await alerts())[0]?.mail.text).toContain('grapevine reply drop r1')
})

test('what a list’s mail says to the bot is noted, and assembly still has the last word', async () => {
  const raw = Buffer.from(
    'From: ann@dev.test\nTo: list@dev.test\nSubject: Re: [PATCH] x\nMessage-ID: <c@dev.test>\nIn-Reply-To: <x@dev.test>\n\nDepends-on: <y@dev.test>\n',
  )
  const mails = [{ raw, arrivedAt: now, where: 'list' }]
  const given = { project: 'tally', source: 'list', cursor: 1, listTags: [], mails }
  const [id = ''] = await receive(wired)(given)
  await handleMail(wired, 'tally', id)
  expect(await wired.store.mail(id)).toMatchObject({
    ...{ disposition: { kind: 'new' }, decided: { kind: 'not-a-patch', why: 'discussion' } },
  })
  await assemble(wired)({ project: 'tally', quietMs: 1, deadlineMs: 1, partialMs: 1 }, id)
  expect((await wired.store.mail(id))?.disposition).toEqual({ kind: 'not-a-patch', why: 'discussion' })
})

test('a mail whose bytes are gone keeps nobody waiting', async () => {
  const raw = Buffer.from('From: ann@dev.test\nSubject: x\nMessage-ID: <g@dev.test>\n\n/grapevine help\n')
  const mails = [{ raw, arrivedAt: now, where: 'inbox' }]
  const [id = ''] = await receive(wired)({
    ...{ project: botProject, source: 'inbox', cursor: 1, listTags: [], mails },
  })
  const get = () => Promise.reject(new Fault('damaged', 'never', 'the bytes are gone'))
  const without = { ...wired, blobs: { ...wired.blobs, get } }
  expect(await handleMail(without, botProject, id)).toEqual([])
  expect((await wired.store.mail(id))?.disposition.kind).toBe('not-a-patch')
})

test('a bounce in the bot’s mailbox: noted before it has its place, told once, answered never', async () => {
  await queue('r1')
  expect(await turn('r1')).toBe('sent')
  const raw = Buffer.from(
    'Return-Path: <>\nFrom: MAILER-DAEMON@mx.test\nTo: bot@bot.test\nSubject: failure notice\nMessage-ID: <b@mx.test>\n\n<ann@dev.test>:\n550 5.1.1 no such user\n\n--- Below this line is a copy of the message.\n\nMessage-ID: <r1@bot.test>\n',
  )
  const mails = [{ raw, arrivedAt: now, where: 'inbox' }]
  const given = { project: botProject, source: 'inbox', cursor: 1, listTags: [], mails }
  const [id = ''] = await receive(wired)(given)
  expect((await wired.store.mail(id))?.disposition).toEqual({ kind: 'new' })
  for (let times = 0; times < 2; times++) await handleMail(wired, botProject, id)
  expect((await wired.store.mail(id))?.disposition).toEqual({ kind: 'automatic', auto: 'bounce' })
  expect((await wired.store.address('ann@dev.test'))?.silence).toMatchObject({ why: 'bounced' })
  expect(await incidents()).toEqual(['mail-refused ann@dev.test'])
  expect((await alerts()).map(({ mail }) => mail.subject)).toEqual([
    'Grapevine: mail to ann@dev.test comes back',
  ])
})
