// A reply on its way out: random events, and what may never happen.
import { expect, test } from 'vitest'
import {
  maxReplyTries,
  nextReply,
  type ReplyEvent,
  type ReplyState,
  replyDuty,
  replyWait,
} from '../../src/model/reply.ts'

const random = (seed: number) => () => {
  seed = (seed * 1664525 + 1013904223) % 4294967296
  return seed / 4294967296
}
const events: ReplyEvent[] = [
  { on: 'taken' },
  { on: 'taken' },
  { on: 'accepted', answer: '250 ok' },
  { on: 'deferred', why: '451 greylisted', soon: false },
  { on: 'deferred', why: 'no connection', soon: true },
  { on: 'refused', why: '550 no such user' },
  { on: 'looked', found: 'here' },
  { on: 'looked', found: 'absent' },
  { on: 'looked', found: 'unknown' },
]
const final = ['sent', 'failed', 'unconfirmed']

test('final states stay, sending begins only when due, and every road ends', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const chance = random(seed)
    let now = 0
    let state: ReplyState = { at: 'pending', notBefore: 0, tries: 0 }
    let begun = 0
    for (let i = 0; i < 400; i++) {
      const event = events[Math.floor(chance() * events.length)] as ReplyEvent
      const before = state
      state = nextReply(before, event, now)
      if (final.includes(before.at)) expect(state).toBe(before)
      if (before.at === 'pending') expect(['pending', 'sending']).toContain(state.at)
      if (before.at === 'pending' && state.at === 'sending') {
        expect(now).toBeGreaterThanOrEqual(before.notBefore)
        begun++
      }
      if (before.at === 'sending' && event.on === 'looked' && event.found === 'unknown')
        expect(state.at).toBe('unconfirmed')
      expect(replyDuty(state, now) === undefined).toBe(
        final.includes(state.at) || (state.at === 'pending' && now < state.notBefore),
      )
      now += Math.floor(chance() * 4 * 3_600_000)
    }
    expect(begun).toBeLessThanOrEqual(maxReplyTries)
    expect(final).toContain(state.at)
  }
})

test('it goes on trying for five days at the least, and says at the end why it gave up', () => {
  let state: ReplyState = { at: 'pending', notBefore: 0, tries: 0 }
  let now = 0
  while (state.at === 'pending') {
    now = state.notBefore
    state = nextReply(state, { on: 'taken' }, now)
    state = nextReply(state, { on: 'deferred', why: '451 greylisted', soon: true }, now)
  }
  expect(state).toMatchObject({ at: 'failed', why: 'given up after 32 tries: 451 greylisted' })
  expect(now).toBeGreaterThan(5 * 86_400_000)
})

test.each([
  [1, false, 60_000],
  [2, false, 120_000],
  [1, true, 15_000],
  [9, false, 256 * 60_000],
  [10, false, 6 * 3_600_000],
  [1000, true, 6 * 3_600_000],
])('after %i tries (soon: %s) it waits %i ms', (tries, soon, ms) => {
  expect(replyWait(tries, soon)).toBe(ms)
})
