// The demo on a busy machine: it may take hours as long as something happens.
import { expect, test } from 'vitest'
import { patience, stuckAfterMs } from '../../src/cli/demo/patience.ts'

test('a demo in which something happens goes on, however long; one in which nothing does is stuck', () => {
  const isStuck = patience(0)
  const minute = 60_000
  let now = 0
  for (; now < 4 * stuckAfterMs; now += minute)
    expect(isStuck(now, { lines: now % (10 * minute) === 0 ? 1 : 0, left: '3 tasks' })).toBe(false)
  expect(isStuck(now + stuckAfterMs, { lines: 0, left: '2 tasks' })).toBe(false)
  expect(isStuck(now + 2 * stuckAfterMs - 1, { lines: 0, left: '2 tasks' })).toBe(false)
  expect(isStuck(now + 2 * stuckAfterMs, { lines: 0, left: '2 tasks' })).toBe(true)
})
