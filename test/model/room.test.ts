// Room on a host: what a guest takes, and which waiting task is taken next.
import { describe, expect, it } from 'vitest'
import { choose, needOf, type PassedOver, patienceMs, type Room, without } from '../../src/model/room.ts'
import { random as chance } from '../fakes/random.ts'

const all: Room = { slots: 4, memoryMiB: 4096 }

describe('a guest takes', () => {
  it.each([
    [
      { cpus: 1, memoryMiB: 512 },
      { slots: 1, memoryMiB: 512 },
    ],
    [
      { cpus: 2, memoryMiB: 4096 },
      { slots: 2, memoryMiB: 4096 },
    ],
    [
      { cpus: 8, memoryMiB: 512 },
      { slots: 4, memoryMiB: 512 },
    ],
    [{ cpus: 1, memoryMiB: 4097 }, undefined],
  ])('%j: %j', (guest, need) => {
    expect(needOf(guest, all)).toEqual(need)
  })
})

const one = (id: string, slots: number, memoryMiB = 512) => ({ id, need: { slots, memoryMiB } })
const pick = (waiting: ReturnType<typeof one>[], free: Room, passed: PassedOver = new Map(), now = 0) =>
  choose(waiting, free, { passed, now }).taken?.id

describe('the next task', () => {
  it('is the first that fits, by slots and by memory', () => {
    expect(pick([one('a', 1), one('b', 1)], all)).toBe('a')
    expect(pick([one('a', 3), one('b', 1)], { slots: 2, memoryMiB: 4096 })).toBe('b')
    expect(pick([one('a', 1, 1024), one('b', 1)], { slots: 2, memoryMiB: 512 })).toBe('b')
    expect(pick([one('a', 1)], { slots: 0, memoryMiB: 4096 })).toBeUndefined()
  })

  it('is none behind one that was passed over for too long', () => {
    const free = { slots: 2, memoryMiB: 4096 }
    const waiting = [one('a', 3), one('b', 1)]
    const { passed } = choose(waiting, free, { passed: new Map(), now: 1000 })
    expect(passed).toEqual(new Map([['a', 1000]]))
    expect(pick(waiting, free, passed, 1000 + patienceMs - 1)).toBe('b')
    expect(pick(waiting, free, passed, 1000 + patienceMs)).toBeUndefined()
    // What goes before it is not held up, and with room enough it is taken itself.
    expect(pick([one('urgent', 1), ...waiting], free, passed, 1000 + patienceMs)).toBe('urgent')
    expect(pick(waiting, { slots: 3, memoryMiB: 4096 }, passed, 1000 + patienceMs)).toBe('a')
  })
})

describe('over a long time', () => {
  it.each([1, 2, 3, 4, 5])(
    'nothing overfills the host, and a large one among a stream of small ones gets in (%i)',
    seed => {
      const random = chance(seed)
      const running: { id: string; need: Room; until: number }[] = []
      let passed: PassedOver = new Map()
      let waiting: ReturnType<typeof one>[] = []
      const wait = new Map<string, number>()
      const waited: number[] = []
      for (let now = 0; now < 4 * 3_600_000; now += 1_000) {
        // More small ones come than there is room for.
        if (now % 10_000 === 0 && waiting.length < 30)
          waiting.push(one(`small ${now}`, 1, 256 + Math.floor(random() * 512)))
        if (now % 600_000 === 0) {
          waiting.unshift(one(`large ${now}`, 4, 4096))
          wait.set(`large ${now}`, now)
        }
        for (const over of running.filter(({ until }) => until <= now))
          running.splice(running.indexOf(over), 1)
        for (;;) {
          const free = without(
            all,
            running.map(({ need }) => need),
          )
          expect(free.slots >= 0 && free.memoryMiB >= 0).toBe(true)
          const chosen = choose(waiting, free, { passed, now })
          passed = chosen.passed
          if (!chosen.taken) break
          const { id, need } = chosen.taken
          waiting = waiting.filter(other => other.id !== id)
          running.push({ id, need, until: now + 20_000 + random() * 60_000 })
          const since = wait.get(id)
          if (since !== undefined) waited.push(now - since)
        }
      }
      expect(waited.length).toBeGreaterThan(20)
      // What runs until it is first passed over, its patience, and what runs then.
      expect(Math.max(...waited)).toBeLessThanOrEqual(81_000 + patienceMs + 81_000)
    },
  )
})
