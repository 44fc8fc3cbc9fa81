// A maintenance window: random events and what may never happen, and what it explains.
import { expect, test } from 'vitest'
import {
  excusedBy,
  isLive,
  isOverrun,
  type Maintenance,
  type MaintenanceEvent,
  maintenanceDuty,
  nextMaintenance,
  restOf,
} from '../../src/model/maintenance.ts'

const random = (seed: number) => () => {
  seed = (seed * 1664525 + 1013904223) % 4294967296
  return seed / 4294967296
}

const hour = 3_600_000
const from = 100 * hour
const policy = { announceMs: 72 * hour, remindMs: 2 * hour, everyMs: 24 * hour }

const window = (more: Partial<Maintenance> = {}): Maintenance => ({
  ...{ id: 'm1', hosts: ['alpha'], from, to: from + 2 * hour, reason: 'new disks', by: 'olga' },
  ...{ createdAt: 0, repeat: undefined, sequence: 0, state: { at: 'planned' } },
  ...more,
})
const running = (more: Partial<Maintenance> = {}) =>
  window({ state: { at: 'running', since: from }, ...more })

test('whatever happens: it ends once, what people know grows, and it never ends before it begins', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const chance = random(seed)
    const some = () => from + Math.floor((chance() - 0.3) * 20) * hour
    const make: (() => MaintenanceEvent)[] = [
      () => ({ on: 'told' }),
      () => ({ on: 'reminded' }),
      () => ({ on: 'begun' }),
      () => ({ on: 'proving' }),
      () => ({ on: 'overran' }),
      () => ({ on: 'over', how: 'all work' }),
      () => ({ on: 'moved', from: some(), to: some() }),
      () => ({ on: 'moved', to: some() }),
      () => ({ on: 'finished' }),
      () => ({ on: 'cancelled', by: 'olga', why: 'rain' }),
    ]
    let one = window()
    let now = 0
    for (let i = 0; i < 60; i++) {
      now += Math.floor(chance() * 5) * hour
      const event = make[Math.floor(chance() * make.length)]?.() ?? { on: 'told' }
      if (event.on === 'begun' && now < one.from) continue
      const next = nextMaintenance(one, event, now)
      if (!isLive(one) && event.on !== 'told') expect(next).toBe(one)
      if (!isLive(one)) expect(next.state.at).toBe(one.state.at)
      expect(next.sequence).toBeGreaterThanOrEqual(one.sequence)
      if (event.on === 'moved') expect(next.to).toBeGreaterThan(next.from)
      if (one.state.at === 'running') expect(['running', 'done']).toContain(next.state.at)
      one = next
    }
  }
})

test('what is done for a duty ends the duty: nothing is done for ever', () => {
  const done: Record<string, MaintenanceEvent> = {
    tell: { on: 'told' },
    'tell-cancelled': { on: 'told' },
    remind: { on: 'reminded' },
    begin: { on: 'begun' },
    prove: { on: 'proving' },
    watch: { on: 'over', how: 'all work' },
    end: { on: 'over', how: 'ended' },
  }
  let one = window()
  const seen: string[] = []
  for (let now = 0; now < from + 4 * hour; now += hour / 2) {
    for (let duty = maintenanceDuty(one, policy, now); duty; duty = maintenanceDuty(one, policy, now)) {
      seen.push(duty.do)
      expect(seen.length).toBeLessThan(20)
      one = nextMaintenance(one, done[duty.do] ?? { on: 'told' }, now)
    }
  }
  expect(seen).toEqual(['tell', 'remind', 'begin', 'prove', 'watch'])
  expect(one.state.at).toBe('done')
})

test('what came at short notice is not reminded of', () => {
  const late = nextMaintenance(window(), { on: 'told' }, from - 3 * hour)
  expect(maintenanceDuty(late, policy, from - hour)).toBeUndefined()
})

test('a change is told again; of what nobody knows there is nothing to tell', () => {
  const move: MaintenanceEvent = { on: 'moved', from: from + hour, to: from + 2 * hour }
  expect(nextMaintenance(window(), move, 0)).toMatchObject({ sequence: 0, from: from + hour })
  const told = nextMaintenance(nextMaintenance(window(), { on: 'told' }, 0), { on: 'reminded' }, 0)
  const moved = nextMaintenance(told, move, 0)
  expect(moved).toMatchObject({ sequence: 1, state: { at: 'announced' } })
  expect(moved.state).not.toHaveProperty('reminded')
  expect(maintenanceDuty(moved, policy, 0)).toEqual({ do: 'tell' })
  const quiet = nextMaintenance(window(), { on: 'cancelled', by: 'olga', why: 'rain' }, 0)
  expect(maintenanceDuty(quiet, policy, 0)).toBeUndefined()
})

test('a later one of a series is in calendars before it is announced: its change counts', () => {
  const series = { id: 'm0', start: from - 168 * hour, lengthMs: 2 * hour, slot: from }
  const later = window({ repeat: 'FREQ=WEEKLY', series })
  expect(nextMaintenance(later, { on: 'moved', to: from + hour }, 0).sequence).toBe(1)
  const gone = nextMaintenance(later, { on: 'cancelled', by: 'olga', why: 'rain' }, 0)
  expect(maintenanceDuty(gone, policy, 0)).toEqual({ do: 'tell-cancelled' })
})

test('it takes longer: said once a host failed, or after ten minutes, and then as often as configured', () => {
  const late = (now: number, hasFailed = false, told?: number) =>
    isOverrun(
      running({
        state: { at: 'running', since: from, ...(told === undefined ? {} : { overrunTold: told }) },
      }),
      { hasFailed, everyMs: policy.everyMs, now },
    )
  const to = from + 2 * hour
  expect([late(to - 1, true), late(to, true), late(to), late(to + 600_000)]).toEqual([
    false,
    true,
    false,
    true,
  ])
  expect([late(to + hour, true, to), late(to + 24 * hour, true, to)]).toEqual([false, true])
})

test('hosts that rest are silent as planned, and so is what only they serve', () => {
  const hosts = [
    { name: 'alpha', images: ['debian'] },
    { name: 'beta', images: ['busybox'] },
  ]
  const ask = (
    trouble: 'host-lost' | 'image-unserved' | 'disk-error' | 'queue-stuck',
    about: string,
    one = running(),
  ) => {
    const host = trouble === 'host-lost' || trouble === 'disk-error' ? about : undefined
    return excusedBy({ trouble, host, about }, [one], hosts)?.id
  }
  expect([ask('host-lost', 'alpha'), ask('image-unserved', 'debian')]).toEqual(['m1', 'm1'])
  expect([ask('host-lost', 'beta'), ask('image-unserved', 'busybox'), ask('queue-stuck', 'queue')]).toEqual([
    ...[undefined, undefined, undefined],
  ])
  expect(ask('disk-error', 'alpha')).toBeUndefined()
  expect(ask('host-lost', 'alpha', window())).toBeUndefined()
  const whole = running({ hosts: [] })
  expect([ask('host-lost', 'beta', whole), ask('queue-stuck', 'queue', whole)]).toEqual(['m1', 'm1'])
  expect(restOf('alpha', [window(), running()])?.state.at).toBe('running')
})
