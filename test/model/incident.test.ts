// The machine of incidents: each event in each state, and random walks.
import { expect, it } from 'vitest'
import { affectsNothing, type Incident, type IncidentEvent, newIncident } from '../../src/model/incident.ts'
import { begunIncident, nextIncident, overSince } from '../../src/model/incident-machine.ts'
import { troubleRules } from '../../src/model/trouble.ts'

const minute = 60_000
const given = { id: 'i1', host: 'alpha', about: 'alpha', since: 0, detail: 'no word of it' } as const

const after = (incident: Incident, event: IncidentEvent, now: number): Incident => {
  const next = nextIncident(incident, event, now)
  if (next === 'forgotten') throw new Error('it was forgotten')
  return next
}

const open = (more: Partial<Incident> = {}): Incident =>
  newIncident({ ...given, trouble: 'disk-reserve', ...more })

it('suspects what may pass, and opens it when it goes on', () => {
  const begun = begunIncident({ ...given, trouble: 'host-lost' }, 0)
  expect([begun.state, begun.log]).toEqual([{ at: 'suspected', until: minute }, []])
  expect(nextIncident(begun, { on: 'looked' }, minute - 1)).toBe(begun)
  expect(after(begun, { on: 'raised', detail: 'silent' }, 1000)).toEqual({ ...begun, detail: 'silent' })
  for (const event of [{ on: 'looked' }, { on: 'raised', detail: given.detail }] as const)
    expect(after(begun, event, minute)).toMatchObject({
      state: { at: 'open' },
      since: 0,
      log: [{ at: minute, by: 'grapevine', what: 'no word of it' }],
    })
  expect(nextIncident(begun, { on: 'cleared', how: 'it spoke' }, 1000)).toBe('forgotten')
})

it('opens at once what is a fact, as bad as its rule says', () => {
  const begun = begunIncident({ ...given, trouble: 'guests-failing' }, 0)
  expect(begun).toMatchObject({ state: { at: 'open' }, severity: 'major', affects: { hosts: ['alpha'] } })
  expect(begun.log).toHaveLength(1)
})

it('says nothing new while it is open', () => {
  const one = open()
  expect(nextIncident(one, { on: 'raised', detail: 'another number' }, 1000)).toBe(one)
  expect(nextIncident(one, { on: 'looked' }, 1000)).toBe(one)
})

it('tells what else is broken in a base', () => {
  const broken = open({ trouble: 'base-broken', host: undefined, detail: 'sums fails' })
  expect(nextIncident(broken, { on: 'raised', detail: 'sums fails' }, 1000)).toBe(broken)
  expect(after(broken, { on: 'raised', detail: 'it does not build' }, 1000)).toMatchObject({
    detail: 'it does not build',
    log: [{ what: 'it does not build' }],
  })
})

it('is watched when it is over, and is the same incident when it is back', () => {
  const watched = after(open(), { on: 'cleared', how: 'freed' }, 1000)
  expect(watched.state).toEqual({ at: 'monitoring', since: 1000, until: 1000 + 10 * minute, how: 'freed' })
  expect(nextIncident(watched, { on: 'cleared', how: 'freed' }, 2000)).toBe(watched)
  const back = after(watched, { on: 'raised', detail: 'full again' }, 5 * minute)
  expect(back).toMatchObject({ state: { at: 'open' }, flaps: 1, since: 0, detail: 'full again' })
  const over = after(back, { on: 'cleared', how: 'freed' }, 6 * minute)
  expect(nextIncident(over, { on: 'looked' }, 16 * minute - 1)).toBe(over)
  const resolved = after(over, { on: 'looked' }, 16 * minute)
  expect(resolved).toMatchObject({ state: { at: 'resolved' }, resolved: { at: 6 * minute, how: 'freed' } })
  expect(resolved.log.map(({ what }) => what)).toEqual([
    'it is over, and watched: freed',
    'it is back: full again',
    'it is over, and watched: freed',
    'it stayed quiet: resolved',
  ])
})

it('ends at once where nothing is to be watched', () => {
  const over = after(open({ trouble: 'disk-error' }), { on: 'cleared', how: 'another disk' }, 1000)
  expect([over.state.at, over.resolved]).toEqual(['resolved', { at: 1000, how: 'another disk' }])
})

it('lets operators amend, confirm, note and resolve it', () => {
  let one = open()
  one = after(one, { on: 'amended', by: 'olga', cause: 'logs', owner: 'olga', severity: 'minor' }, 1)
  one = after(one, { on: 'noted', by: 'olga', what: 'deleting logs' }, 2)
  one = after(one, { on: 'confirmed', by: 'olga' }, 3)
  expect(nextIncident(one, { on: 'confirmed', by: 'otto' }, 4)).toBe(one)
  expect(nextIncident(one, { on: 'amended', by: 'otto', cause: 'logs' }, 4)).toBe(one)
  one = after(one, { on: 'tracked', bug: 'https://bugs.test/7' }, 5)
  one = after(one, { on: 'resolved', by: 'olga', how: 'bigger disk' }, 6)
  expect(one).toMatchObject({
    ...{ cause: 'logs', owner: 'olga', severity: 'minor', confirmed: { at: 3, by: 'olga' } },
    ...{ bug: 'https://bugs.test/7', resolved: { at: 6, how: 'bigger disk' } },
  })
  expect(one.log.map(({ by, what }) => `${by}: ${what}`)).toEqual([
    'olga: cause: logs; owner: olga',
    'olga: deleting logs',
    'olga: confirmed: others may hear of it',
    'grapevine: its bug is https://bugs.test/7',
    'olga: resolved: bigger disk',
  ])
  expect(after(one, { on: 'noted', by: 'olga', what: 'it was the logs' }, 7).log).toHaveLength(6)
})

it('becomes a part of another, not of itself', () => {
  const one = open()
  expect(nextIncident(one, { on: 'merged', by: 'olga', into: 'i1' }, 5)).toBe(one)
  const part = after(one, { on: 'merged', by: 'olga', into: 'i2' }, 5)
  expect(part).toMatchObject({ mergedInto: 'i2', resolved: { at: 5, how: 'it is a part of i2' } })
})

it('affects more and more, also when it is over', () => {
  const touches = (more: object): IncidentEvent => ({
    on: 'affects',
    affects: { ...affectsNothing, ...more },
  })
  let one = after(open(), touches({ series: ['s2', 's1'], images: ['debian'] }), 1)
  expect(nextIncident(one, touches({ series: ['s1'] }), 2)).toBe(one)
  one = after(one, { on: 'resolved', by: 'olga', how: 'freed' }, 3)
  one = after(one, touches({ series: ['s3'] }), 4)
  expect(one.affects).toEqual({
    ...{ hosts: ['alpha'], images: ['debian'], projects: [] },
    series: ['s1', 's2', 's3'],
  })
})

it('keeps the beginning and the end of a long log', () => {
  let one = open()
  for (let i = 0; i < 300; i++) one = after(one, { on: 'noted', by: 'olga', what: `${i}` }, i)
  expect(one.log).toHaveLength(200)
  expect([one.log[0]?.what, one.log[39]?.what, one.log.at(-1)?.what]).toEqual(['0', '39', '299'])
})

/** Small, fast, and the same each time (Park and Miller's). */
const randoms = (seed: number) => () => {
  seed = (seed * 48_271) % 2_147_483_647
  return seed / 2_147_483_647
}

it('keeps its promises whatever happens', () => {
  const events: IncidentEvent[] = [
    { on: 'raised', detail: 'bad' },
    { on: 'cleared', how: 'good' },
    ...Array<IncidentEvent>(5).fill({ on: 'looked' }),
    { on: 'resolved', by: 'olga', how: 'enough' },
    { on: 'merged', by: 'olga', into: 'i9' },
  ]
  for (let seed = 1; seed <= 300; seed++) {
    const random = randoms(seed)
    const pick = <T>(from: T[]): T => from[Math.floor(random() * from.length)] as T
    const trouble = pick(Object.keys(troubleRules) as Incident['trouble'][])
    let now = 0
    let one = begunIncident({ ...given, trouble }, now)
    for (let step = 0; step < 40; step++) {
      now += random() * 10 * minute
      const event = pick(events)
      const next = nextIncident(one, event, now)
      if (next === 'forgotten') {
        expect([one.state.at, event.on]).toEqual(['suspected', 'cleared'])
        break
      }
      if (one.state.at === 'resolved') expect(next).toBe(one)
      expect(next.resolved !== undefined).toBe(next.state.at === 'resolved')
      expect(next.flaps - one.flaps).toBe(one.state.at === 'monitoring' && next.state.at === 'open' ? 1 : 0)
      if (next !== one) expect(next.log.length).toBeGreaterThanOrEqual(one.log.length)
      const over = overSince(next)
      if (over !== undefined) expect([over >= next.since, over <= now]).toEqual([true, true])
      one = next
    }
  }
})
