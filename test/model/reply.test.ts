// A reply on its way out: random events, and what may never happen.
import { expect, test } from 'vitest'
import {
  lookForMs,
  maxReplyTries,
  nextReply,
  type ReplyEvent,
  type ReplyState,
  replyDue,
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
  { on: 'looked', found: 'not-seen' },
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
        expect(['sending', 'unconfirmed']).toContain(state.at)
      const due = replyDue(state)
      expect(due === undefined).toBe(final.includes(state.at))
      expect(replyDuty(state, now) === undefined).toBe(due === undefined || now < due)
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

const sending = { at: 'sending', since: 0, tries: 1 } as const

test('a mail is looked for during minutes, less and less often; what was not seen all the time is sent again', () => {
  let state: ReplyState = sending
  const times: number[] = []
  for (let now = 10; state.at === 'sending'; now = replyDue(state) ?? 0) {
    times.push(now - 10)
    state = nextReply(state, { on: 'looked', found: 'not-seen' }, now)
  }
  expect(times).toEqual([0, 5_000, 15_000, 35_000, 75_000, 135_000, 195_000, 255_000, lookForMs])
  expect(state).toEqual({ at: 'pending', notBefore: 10 + lookForMs, tries: 1 })
})

test('a mail that some recipients have from an earlier try cannot be told by finding it', () => {
  const state = { ...sending, done: ['list@example.org'] }
  expect(nextReply(state, { on: 'looked', found: 'here' }, 9)).toEqual({ at: 'unconfirmed', since: 0 })
  expect(nextReply(state, { on: 'looked', found: 'absent' }, 9)).toMatchObject({
    at: 'pending',
    done: state.done,
  })
})

test('only a person leads on from unconfirmed and failed, and nobody from sent', () => {
  const sent: ReplyState = { at: 'sent', when: 0, answer: '' }
  for (const state of [
    { at: 'unconfirmed', since: 0 },
    { at: 'failed', when: 0, why: '' },
  ] satisfies ReplyState[])
    expect(nextReply(state, { on: 'resent' }, 5)).toEqual({ at: 'pending', notBefore: 5, tries: 0 })
  expect(nextReply({ at: 'unconfirmed', since: 0 }, { on: 'dropped', why: 'x' }, 5)).toMatchObject({
    at: 'failed',
  })
  expect(nextReply(sent, { on: 'resent' }, 5)).toBe(sent)
  expect(nextReply(sent, { on: 'dropped', why: 'x' }, 5)).toBe(sent)
  expect(nextReply(sending, { on: 'resent' }, 5)).toBe(sending)
})
