// Sending a reply at most once: every answer of a server, and a stop before and after every save and effect.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { Fault } from '../../src/model/fault.ts'
import { lookForMs, type OutgoingMail, type ReplyState } from '../../src/model/reply.ts'
import type { MailSink, RefusedRecipient, SendOptions } from '../../src/ports/mail-sink.ts'
import type { Store } from '../../src/ports/store.ts'
import { type DeliverPorts, deliver } from '../../src/stages/deliver/deliver.ts'
import { composeReply } from '../../src/stages/reply/compose.ts'
import { input, verdict } from '../story/verdicts.ts'

const said = verdict({ finding: { kind: 'all-well' } })
const reply = composeReply(input({ verdict: said, now: 0 }))

let store: Store
beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
  await store.addVerdict(said, reply)
})
afterEach(() => store.close())

/** A server: what it keeps, what it answers, whether it can be asked. */
const server = (answer: () => string | Fault | Error = () => '250 ok', canTell = true) => {
  const got: OutgoingMail[] = []
  const sink: MailSink = {
    async send(mail) {
      const words = answer()
      if (words instanceof Error) throw words
      got.push(mail)
      return { answer: words, refused: [] }
    },
    find: async id => (canTell ? (got.some(mail => mail.messageId === id) ? 'here' : 'absent') : 'unknown'),
    probe: async () => 'here',
  }
  return { got, sink }
}
const at = (now: number) => ({ now: () => now, sleep: async () => {} })
const run = async (sink: MailSink, now = 0, more: Partial<DeliverPorts> = {}) =>
  (await deliver({ store, sink, clock: at(now), ...more })(reply.id))?.reply.state
const saved = async () => (await store.reply(reply.id))?.state
/** As a process leaves it that died after saving `sending`. */
const abandon = () =>
  store.moveReply(reply.id, reply.state, { at: 'sending', since: 0, tries: 1 } satisfies ReplyState)

describe('answers', () => {
  test('taken: sent, with the answer; a second call does nothing', async () => {
    const { got, sink } = server()
    expect(await run(sink)).toEqual({ at: 'sent', when: 0, answer: '250 ok' })
    expect(await run(sink)).toMatchObject({ at: 'sent' })
    expect(await saved()).toMatchObject({ at: 'sent' })
    expect(got).toHaveLength(1)
    expect(got[0]?.messageId).toBe(reply.mail.messageId)
  })

  test('not now: waits longer each time, then is sent once', async () => {
    let down = 3
    const { got, sink } = server(() =>
      down-- > 0 ? new Fault('refused', 'later', '451 greylisted') : '250 ok',
    )
    const waits: number[] = []
    let now = 0
    for (let state = await run(sink); state?.at === 'pending'; state = await run(sink, now)) {
      expect(await run(sink, state.notBefore - 1)).toEqual(state)
      waits.push(state.notBefore - now)
      now = state.notBefore
    }
    expect(waits).toEqual([60_000, 120_000, 240_000])
    expect(got).toHaveLength(1)
  })

  test('never: failed, with the reason', async () => {
    const { sink } = server(() => new Fault('refused', 'never', '550 no such user'))
    expect(await run(sink)).toEqual({ at: 'failed', when: 0, why: '550 no such user' })
  })

  test.each<[string, boolean, boolean, ReplyState['at']]>([
    ['and it got out', true, true, 'sent'],
    ['and it did not', false, true, 'pending'],
    ['and nobody can tell yet', true, false, 'sending'],
  ])('handed over without an answer, %s', async (_, kept, canTell, state) => {
    const { got, sink } = server(undefined, canTell)
    const silent: MailSink = {
      ...sink,
      send: async mail => {
        if (kept) await sink.send(mail)
        throw new Fault('timeout', 'later', 'no answer')
      },
    }
    expect(await run(silent)).toMatchObject({ at: state })
    expect(got).toHaveLength(kept ? 1 : 0)
  })
})

describe('found in sending', () => {
  test('here: sent, not again', async () => {
    const { got, sink } = server()
    await sink.send(reply.mail)
    await abandon()
    expect(await run(sink)).toMatchObject({ at: 'sent' })
    expect(got).toHaveLength(1)
  })

  test('absent: sent now', async () => {
    const { got, sink } = server()
    await abandon()
    expect(await run(sink)).toMatchObject({ at: 'sent' })
    expect(got).toHaveLength(1)
  })

  /** Takes its turns until nothing is due; how long that took. */
  const settle = async (sink: MailSink, more: Partial<DeliverPorts>) => {
    let now = 7
    let state = await run(sink, now, more)
    while (state?.at === 'sending') {
      now = state.look?.next ?? now
      state = await run(sink, now, more)
    }
    return { state, took: now - 7 }
  }

  test('unknown all the time: a person decides, and it is never sent again', async () => {
    const { got, sink } = server(undefined, false)
    await abandon()
    expect(await settle(sink, {})).toEqual({ state: { at: 'unconfirmed', since: 0 }, took: lookForMs })
    expect(await run(sink, 1e12)).toMatchObject({ at: 'unconfirmed' })
    expect(got).toHaveLength(0)
  })

  test('not seen in any mailbox for minutes: sent then', async () => {
    const { got, sink } = server(undefined, false)
    await abandon()
    let asked = 0
    const findMail = async () => {
      asked++
      return 'absent' as const
    }
    expect(await settle(sink, { findMail })).toMatchObject({ state: { at: 'sent' }, took: lookForMs })
    expect(asked).toBeGreaterThan(5)
    expect(got).toHaveLength(1)
  })

  test('seen at last: sent, not again', async () => {
    const { got, sink } = server(undefined, false)
    await abandon()
    let asked = 0
    const findMail = async () => (++asked < 4 ? ('absent' as const) : ('here' as const))
    expect(await settle(sink, { findMail })).toMatchObject({ state: { at: 'sent' }, took: 35_000 })
    expect(got).toHaveLength(0)
  })

  test('a mailbox that cannot be asked at the end is no proof', async () => {
    const { got, sink } = server(undefined, false)
    await abandon()
    let asked = 0
    const findMail = async () => (++asked < 4 ? ('absent' as const) : ('unknown' as const))
    expect(await settle(sink, { findMail })).toMatchObject({ state: { at: 'unconfirmed' } })
    expect(got).toHaveLength(0)
  })

  test('a sink that cannot be asked leaves it as it is', async () => {
    const { sink } = server()
    await abandon()
    const down = { ...sink, find: () => Promise.reject(new Fault('unreachable', 'soon', 'down')) }
    await expect(run(down)).rejects.toThrow('down')
    expect(await saved()).toMatchObject({ at: 'sending', tries: 1 })
  })
})

describe('several recipients', () => {
  const [author, list] = [...reply.mail.to, ...reply.mail.cc].map(one => one.address)
  const picky = (refused: Record<string, RefusedRecipient[]>) => {
    const calls: SendOptions[] = []
    const sink: MailSink = {
      ...server(undefined, false).sink,
      async send(_mail, options = {}) {
        calls.push(options)
        return { answer: '250 ok', refused: refused[calls.length] ?? [] }
      },
    }
    return { calls, sink }
  }
  const both = { ...reply, id: 'both', mail: { ...reply.mail, messageId: '<both@example.org>' } }
  both.mail.to = [{ name: '', address: 'Ann@example.org' }]
  both.mail.cc = [{ name: '', address: 'list@example.org' }]
  const turn = async (sink: MailSink, now: number) =>
    (await deliver({ store, sink, clock: at(now) })('both'))?.reply.state
  beforeEach(async () => {
    await store.addReply(both)
  })

  test('one is put off: only that one is tried again, and no copy of it is taken for the mail', async () => {
    const why = { address: 'Ann@example.org', why: '450 greylisted', forGood: false }
    const { calls, sink } = picky({ 1: [why] })
    expect(await turn(sink, 0)).toMatchObject({
      at: 'pending',
      notBefore: 60_000,
      done: ['list@example.org'],
    })
    expect(await turn(sink, 60_000)).toMatchObject({ at: 'sent' })
    expect(calls).toEqual([
      { without: [], again: false },
      { without: ['list@example.org'], again: true },
    ])
  })

  test('one is refused for good: sent, and it is told', async () => {
    const { sink } = picky({ 1: [{ address: 'Ann@example.org', why: '550 no such user', forGood: true }] })
    const delivery = await deliver({ store, sink, clock: at(0) })('both')
    expect(delivery?.reply.state).toEqual({
      at: 'sent',
      when: 0,
      answer: '250 ok; refused: Ann@example.org (550 no such user)',
    })
    expect(delivery?.refused).toHaveLength(1)
  })

  test('an address that gets no mail any more is left out; if nobody is left, nothing is sent', async () => {
    const { calls, sink } = picky({})
    const silence = { since: 0, until: undefined, why: 'unsubscribed' as const, detail: '' }
    await store.silenceAddress('ann@EXAMPLE.org', silence)
    expect(await turn(sink, 0)).toMatchObject({ at: 'sent' })
    expect(calls).toEqual([{ without: ['ann@example.org'], again: false }])
    for (const address of [author, list])
      if (address !== undefined) await store.silenceAddress(address, silence)
    expect(await run(sink)).toMatchObject({ at: 'failed' })
    expect(calls).toHaveLength(1)
  })
})

test('two calls at once in one process send once, and neither takes the other for dead', async () => {
  const { got, sink } = server()
  const states = await Promise.all([run(sink), run(sink), run(sink)])
  expect(states.filter(state => state?.at === 'sent')).toHaveLength(1)
  expect(got).toHaveLength(1)
})

test('no such reply', async () => {
  expect(await deliver({ store, sink: server().sink, clock: at(0) })('none')).toBeUndefined()
})

test('stopped before and after every save and effect, it is sent exactly once', async () => {
  for (let stop = 1; stop <= 12; stop++) {
    const fresh = await openStore({ folder: ':memory:' })
    await fresh.addVerdict(said, reply)
    const { got, sink } = server()
    let calls = 0
    const dies = <T extends object>(port: T): T =>
      new Proxy(port, {
        get(target, key, receiver) {
          const value: unknown = Reflect.get(target, key, receiver)
          if (typeof value !== 'function') return value
          return async (...given: unknown[]) => {
            if (++calls === stop) throw new Error('stopped')
            const result: unknown = await value.apply(target, given)
            if (++calls === stop) throw new Error('stopped')
            return result
          }
        },
      })
    await deliver({ store: dies(fresh), sink: dies(sink), clock: at(0) })(reply.id).catch(error => {
      if (String(error) !== 'Error: stopped') throw error
    })
    const delivery = await deliver({ store: fresh, sink, clock: at(0) })(reply.id)
    expect(delivery?.reply.state).toMatchObject({ at: 'sent' })
    expect(got).toHaveLength(1)
    await fresh.close()
  }
})
