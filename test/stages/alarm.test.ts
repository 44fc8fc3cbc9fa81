// The alarm on a real store: one incident for each trouble, host and thing, however often it is said, and however it flaps.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Incident } from '../../src/model/incident.ts'
import { nextIncident } from '../../src/model/incident-machine.ts'
import type { Store } from '../../src/ports/store.ts'
import { changeIncident, openAlarm } from '../../src/wiring/alarm.ts'
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
