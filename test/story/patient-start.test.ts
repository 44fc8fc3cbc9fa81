// The bot starts while its database does not answer: it tells, waits, and says it to those who wait.
import { expect, test } from 'vitest'
import { Fault } from '../../src/model/fault.ts'
import type { Store } from '../../src/ports/store.ts'
import { openPatiently } from '../../src/wiring/wire-patiently.ts'
import type { FakeClock } from '../fakes/clock.ts'
import { openFlow } from '../fakes/flow.ts'

const away = new Fault('unreachable', 'soon', 'database db.example.org/x: connection refused', {
  remedy: 'see that the server runs',
})

const begin = async (open: () => Promise<Store>) => {
  const flow = await openFlow(() => ({ ending: { kind: 'finished', exitCode: 0 } }))
  const told: string[] = []
  const clock = flow.wired.clock as FakeClock
  const over = new AbortController()
  let isOver = false
  const opened = openPatiently(flow.wired.config, (_, what) => told.push(what), {
    ...{ signal: over.signal, open, clock, without: () => flow.wired },
  }).finally(() => {
    isOver = true
  })
  /** Until it is over, or so long. */
  const pass = async (ms: number) => {
    for (const end = clock.now() + ms; !isOver && clock.now() < end; await new Promise(setImmediate))
      if (clock.sleepers() > 0) await clock.advance(5_000)
  }
  return { flow, told, over, opened, pass }
}

test('tells once, says it to the list, and goes on when the database answers', async () => {
  let isAway = true
  const { flow, told, opened, pass } = await begin(() =>
    isAway ? Promise.reject(away) : Promise.resolve(flow.wired.store),
  )
  await pass(10 * 60_000)
  expect(told).toEqual([
    'database db.example.org/x: connection refused; the bot waits for it and tries again. Remedy: see that the server runs',
  ])
  const to = flow.sent.map(({ to: [first] }) => first?.address)
  expect(to.sort()).toEqual(['olga@example.org', 'tally-devel@example.org'])
  isAway = false
  await pass(60_000)
  expect(await opened).toBe(flow.wired.store)
})

test('ends when it is told to', async () => {
  const { over, opened, pass, flow } = await begin(() => Promise.reject(away))
  await pass(30_000)
  over.abort()
  expect(await opened).toBeUndefined()
  expect(flow.sent).toEqual([])
})

test('does not wait for what does not mend itself', async () => {
  const wrong = new Fault('refused', 'never', 'database: the password is wrong')
  const { opened } = await begin(() => Promise.reject(wrong))
  await expect(opened).rejects.toBe(wrong)
})
