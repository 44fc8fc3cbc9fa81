// The alarm on a real store: one incident for each trouble, host and thing, however often it is said, and however it flaps.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Config } from '../../src/config/config.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Incident } from '../../src/model/incident.ts'
import { nextIncident } from '../../src/model/incident-machine.ts'
import type { Store } from '../../src/ports/store.ts'
import { changeIncident, noteKeptAlarms, openAlarm } from '../../src/wiring/alarm.ts'
import { tendIncidents } from '../../src/wiring/incidents.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'

const minute = 60_000
let store: Store
let clock: FakeClock
let lines: string[]

const ports = () => ({
  store,
  clock,
  log: (level: string, what: string) => void lines.push(`${level} ${what}`),
})
const alarm = () => openAlarm(ports(), 'alpha')
const states = async () => (await store.incidents()).map(one => `${one.trouble} ${one.state.at} ${one.flaps}`)
const tick = async () => {
  for (const one of await store.incidents({ live: true }))
    await changeIncident(ports(), one, { on: 'looked' })
}
const first = async (): Promise<Incident> => {
  const [one] = await store.incidents()
  if (!one) throw new Error('there is none')
  return one
}

beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
  clock = fakeClock()
  lines = []
})
afterEach(() => store.close())

it('forgets what passed while it was only suspected', async () => {
  await alarm().raise('host-lost', 'alpha', 'no word of it')
  await tick()
  expect(await states()).toEqual(['host-lost suspected 0'])
  await alarm().clear('host-lost', 'alpha', 'it spoke')
  expect(await states()).toEqual([])
  expect(lines).toEqual([
    'warn incident host-lost (alpha) is suspected: no word of it',
    'info incident host-lost (alpha) was nothing: it passed',
  ])
})

it('opens what goes on, joins what flaps, and resolves what stays quiet', async () => {
  await alarm().raise('host-lost', 'alpha', 'no word of it')
  await clock.advance(minute)
  await tick()
  expect(await states()).toEqual(['host-lost open 0'])
  for (let flap = 0; flap < 3; flap++) {
    await alarm().clear('host-lost', 'alpha', 'it spoke')
    await alarm().clear('host-lost', 'alpha', 'it spoke')
    await clock.advance(9 * minute)
    await tick()
    await alarm().raise('host-lost', 'alpha', 'no word of it')
    await alarm().raise('host-lost', 'alpha', 'no word of it')
  }
  expect(await states()).toEqual(['host-lost open 3'])
  await alarm().clear('host-lost', 'alpha', 'it spoke')
  await clock.advance(10 * minute)
  await tick()
  expect(await states()).toEqual(['host-lost resolved 3'])
  await alarm().raise('host-lost', 'alpha', 'no word of it')
  expect(await states()).toEqual(['host-lost resolved 3', 'host-lost suspected 0'])
  expect(lines.slice(0, 4)).toEqual([
    'warn incident host-lost (alpha) is suspected: no word of it',
    'error incident host-lost (alpha): no word of it',
    'info incident host-lost (alpha) is over: it spoke',
    'error incident host-lost (alpha) is back: no word of it',
  ])
  expect(lines.at(-2)).toBe('info incident host-lost (alpha) stayed over: it spoke')
})

it('is one incident when many say so at once', async () => {
  await Promise.all(Array.from({ length: 20 }, () => alarm().raise('disk-reserve', '/data', 'full')))
  expect(await states()).toEqual(['disk-reserve open 0'])
})

it('believes an operator that it is over, for a while, where the detector says it all the time; not what is said once', async () => {
  const resolve = async (at = clock.now()) => {
    for (const one of await store.incidents({ live: true }))
      await store.changeIncident(one.id, kept => {
        const event = { on: 'resolved', by: 'olga', how: 'the disk is new' } as const
        return nextIncident(kept, event, at)
      })
  }
  await alarm().raise('disk-error', 'farm.data', 'an error')
  await alarm().raise('image-damaged', 'debian', 'other bytes')
  await resolve()
  await clock.advance(59 * minute)
  await alarm().raise('disk-error', 'farm.data', 'an error')
  await alarm().raise('disk-error', 'farm.other', 'an error')
  await alarm().raise('image-damaged', 'debian', 'other bytes')
  const live = async () => (await store.incidents({ live: true })).map(({ about }) => about)
  expect(await live()).toEqual(['farm.other', 'debian'])
  await clock.advance(minute)
  await alarm().raise('disk-error', 'farm.data', 'an error')
  expect(await live()).toEqual(['farm.other', 'debian', 'farm.data'])
})

it('lets the trouble of a part be that of the whole, as long as that lives', async () => {
  await openAlarm(ports(), undefined).raise('source-unreachable', 'list', 'no network')
  const whole = await first()
  await alarm().raise('disk-error', 'sda', 'it makes noises')
  const part = (await store.incidents()).find(one => one.trouble === 'disk-error')
  if (!part) throw new Error('there is none')
  await changeIncident(ports(), part, { on: 'merged', by: 'olga', into: whole.id })
  await alarm().raise('disk-error', 'sda', 'it makes noises')
  expect(await states()).toEqual(['source-unreachable open 0', 'disk-error resolved 0'])
  await alarm().raise('disk-error', 'sdb', 'another disk')
  expect(await store.incidents({ live: true })).toHaveLength(2)
  await changeIncident(ports(), whole, { on: 'resolved', by: 'olga', how: 'network is back' })
  await clock.advance(1000)
  await alarm().raise('disk-error', 'sda', 'it makes noises')
  expect((await store.incidents({ live: true })).map(({ about }) => about)).toEqual(['sdb', 'sda'])
})

it('writes nothing that changes nothing', async () => {
  await alarm().raise('disk-error', 'sda', 'it makes noises')
  let writes = 0
  const counting = {
    ...ports(),
    store: new Proxy(store, {
      get(target, key) {
        if (key === 'changeIncident' || key === 'openIncident') writes++
        return Reflect.get(target, key)
      },
    }),
  }
  await openAlarm(counting, 'alpha').raise('disk-error', 'sda', 'more noises')
  await openAlarm(counting, 'alpha').clear('disk-error', 'sdb', 'silent')
  expect(writes).toBe(0)
})

const away = new Fault('unreachable', 'soon', 'database: connection refused')

/** The store, but for a while it does not answer. */
const goingAway = () => {
  let isAway = true
  const answer = (method: unknown) =>
    typeof method !== 'function'
      ? method
      : (...given: unknown[]) => (isAway ? Promise.reject(away) : method.apply(store, given))
  const leaving = new Proxy(store, { get: (target, key) => answer(Reflect.get(target, key)) })
  return {
    ports: { ...ports(), store: leaving },
    back: () => {
      isAway = false
    },
  }
}

it('keeps what is raised while the database is away, tells it at once, and notes it as of then', async () => {
  const { ports: without, back } = goingAway()
  const begun = clock.now()
  const one = openAlarm(without, 'alpha')
  for (let times = 0; times < 3; times++) await one.raise('disk-reserve', '/data', '1 GiB left')
  await clock.advance(minute)
  await openAlarm(without, 'beta').raise('host-lost', 'beta', 'no word of it')
  await openAlarm(without, 'beta').clear('host-lost', 'beta', 'it spoke')
  const why = 'it is noted when the database answers: database: connection refused'
  expect(lines).toEqual([
    `error incident disk-reserve (/data): 1 GiB left; ${why}`,
    `error incident host-lost (beta): no word of it; ${why}`,
    `error incident host-lost (beta) may be over: it spoke; ${why}`,
  ])
  await clock.advance(minute)
  back()
  await tendIncidents({ ...without, clock, config: { projects: [] } as unknown as Config })
  await tendIncidents({ ...without, clock, config: { projects: [] } as unknown as Config })
  expect(await states()).toEqual(['disk-reserve open 0'])
  expect((await first()).since).toBe(begun)
  expect(lines.slice(3)).toEqual([
    'error incident disk-reserve (/data): 1 GiB left',
    'warn incident host-lost (beta) is suspected: no word of it',
    'info incident host-lost (beta) was nothing: it passed',
    'info what happened while the database was away is noted: 2 alarms',
  ])
})

it('what began and ended while the database was away has both times', async () => {
  const { ports: without, back } = goingAway()
  const alpha = openAlarm(without, 'alpha')
  await alpha.raise('disk-reserve', '/data', '1 GiB left')
  await clock.advance(minute)
  await alpha.clear('disk-reserve', '/data', 'there is room')
  await clock.advance(minute)
  // It comes and goes: what counts is how it began, and how it ended.
  await alpha.raise('disk-reserve', '/data', '2 GiB left')
  await alpha.clear('disk-reserve', '/data', 'there is room again')
  const ended = clock.now()
  await clock.advance(20 * minute)
  back()
  // Any alarm is enough.
  await alpha.clear('image-damaged', 'debian', 'it is whole')
  await tick()
  expect(await states()).toEqual(['disk-reserve resolved 0'])
  const { since, resolved } = await first()
  expect({ since, resolved }).toEqual({
    since: ended - 2 * minute,
    resolved: { at: ended, how: 'there is room again' },
  })
})

it('keeps so many alarms, and says which ones it cannot keep', async () => {
  const { ports: without, back } = goingAway()
  for (let count = 0; count < 502; count++)
    await openAlarm(without, 'alpha').raise('template-damaged', `t${count}`, 'a byte differs')
  expect(lines.filter(line => line.includes('could not be noted'))).toHaveLength(2)
  expect(lines.filter(line => line.includes('further ones stand here only'))).toHaveLength(1)
  back()
  await noteKeptAlarms(without)
  expect(await states()).toHaveLength(500)
})
