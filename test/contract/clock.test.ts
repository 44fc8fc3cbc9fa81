// The clock port: what the real one and the one of the tests both promise, and that the latter stands still.
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/adapters/clock/system.ts'
import { fakeClock } from '../fakes/clock.ts'

describe.each([
  ['system', () => ({ clock: systemClock, pass: async () => undefined })],
  [
    'fake',
    () => {
      const clock = fakeClock()
      return { clock, pass: (ms: number) => clock.advance(ms) }
    },
  ],
] as const)('%s clock', (_name, make) => {
  it('sleeps for the span', async () => {
    const { clock, pass } = make()
    const before = clock.now()
    const slept = clock.sleep(5)
    await pass(5)
    await slept
    expect(clock.now() - before).toBeGreaterThanOrEqual(4)
  })

  it('does not sleep for no time', async () => {
    const { clock } = make()
    await clock.sleep(0)
    await clock.sleep(-5)
  })

  it('wakes with the reason of the signal', async () => {
    const { clock } = make()
    const stop = new AbortController()
    const slept = clock.sleep(2 ** 40, stop.signal)
    stop.abort(new Error('shutting down'))
    await expect(slept).rejects.toThrow('shutting down')
    await expect(clock.sleep(1, stop.signal)).rejects.toThrow('shutting down')
  })
})

describe('fake clock', () => {
  it('wakes sleepers in the order of their times, also those who sleep again', async () => {
    const clock = fakeClock(0)
    const log: string[] = []
    const every = async (name: string, ms: number) => {
      for (let i = 0; i < 2; i++) {
        await clock.sleep(ms)
        log.push(`${name} at ${clock.now()}`)
      }
    }
    const all = [every('slow', 30), every('fast', 20)]
    await clock.advance(60)
    await Promise.all(all)
    expect(log).toEqual(['fast at 20', 'slow at 30', 'fast at 40', 'slow at 60'])
    expect(clock.now()).toBe(60)
    expect(clock.sleepers()).toBe(0)
  })
})
