// Sending a reply at most once: every answer of a server, and a stop before and after every save and effect.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { Fault } from '../../src/model/fault.ts'
import type { OutgoingMail, ReplyState } from '../../src/model/reply.ts'
import type { MailSink } from '../../src/ports/mail-sink.ts'
import type { Store } from '../../src/ports/store.ts'
import { composeReply } from '../../src/stages/reply/compose.ts'
import { deliver } from '../../src/stages/reply/deliver.ts'
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
      return words
    },
    find: async id => (canTell ? (got.some(mail => mail.messageId === id) ? 'here' : 'absent') : 'unknown'),
    probe: async () => 'here',
  }
  return { got, sink }
}
const at = (now: number) => ({ now: () => now, sleep: async () => {} })
const run = (sink: MailSink, now = 0) => deliver({ store, sink, clock: at(now) })(reply.id)
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
    ['and nobody can tell', true, false, 'unconfirmed'],
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

  test('unknown: a person decides, and it is never sent again', async () => {
    const { got, sink } = server(undefined, false)
    await abandon()
    expect(await run(sink, 7)).toEqual({ at: 'unconfirmed', since: 0 })
    expect(await run(sink, 1e12)).toMatchObject({ at: 'unconfirmed' })
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
    const state = await deliver({ store: fresh, sink, clock: at(0) })(reply.id)
    expect(state).toMatchObject({ at: 'sent' })
    expect(got).toHaveLength(1)
    await fresh.close()
  }
})
