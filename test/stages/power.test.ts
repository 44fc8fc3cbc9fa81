// A host falls silent and is power-cycled, or is not, and comes back: on a real store with a clock that stands still.
import { beforeEach, describe, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { Fault } from '../../src/model/fault.ts'
import { newIncident } from '../../src/model/incident.ts'
import type { PowerAct } from '../../src/model/power.ts'
import type { Store } from '../../src/ports/store.ts'
import { type PowerMemory, type PowerPorts, powerMemory, tendPower } from '../../src/stages/power/auto.ts'
import { switchPower } from '../../src/stages/power/switch.ts'
import { host } from '../contract/samples.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'

const minute = 60_000

let store: Store
let clock: FakeClock
let memory: PowerMemory
/** What the switches were told. */
let switched: string[]
let told: string[]
let raised: string[]
let silent: Map<string, number>
let broken: boolean

beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
  ;[clock, memory, switched, told, raised] = [fakeClock(), powerMemory(), [], [], []]
  ;[silent, broken] = [new Map(), false]
  for (const name of ['alpha', 'beta', 'gamma']) await store.saveHost(host(name))
  return () => store.close()
})

const powerOf = (name: string) => ({
  status: async () => 'on' as const,
  act: async (act: PowerAct) => {
    switched.push(`${act} ${name}`)
    if (broken) throw new Fault('unreachable', 'later', 'IPMI 10.0.0.7: no answer')
  },
})

const ports = (policy: Partial<PowerPorts['policy']> = {}): PowerPorts => ({
  ...{ store, clock, log: () => {} },
  alarmOf: name => ({
    raise: async trouble => void raised.push(`raise ${trouble} ${name}`),
    clear: async trouble => void raised.push(`clear ${trouble} ${name}`),
  }),
  powerOf: name => (name === 'gamma' ? undefined : powerOf(name)),
  silentMs: name => silent.get(name),
  isHeard: name => !silent.has(name),
  tell: async ({ subject }) => void told.push(subject),
  policy: { afterMs: 10 * minute, cooldownMs: 60 * minute, perDay: 2, ...policy },
})

/** Time goes by, and those that are silent stay so. */
const pass = async (minutes: number, given = ports()) => {
  await clock.advance(minutes * minute)
  for (const [name, ms] of silent) silent.set(name, ms + minutes * minute)
  await tendPower(given, memory)
}

const fallSilent = (name: string) => silent.set(name, 0)
const requests = async () =>
  (await store.hostRequests({ host: 'alpha' })).map(({ why, state }) => `${why} ${state.at}`)

test('a host that is silent for long enough is cycled once, is told of, and proves itself', async () => {
  fallSilent('alpha')
  await store.openIncident(
    newIncident({
      id: 'i1',
      trouble: 'host-lost',
      host: 'alpha',
      about: 'alpha',
      since: clock.now(),
      detail: 'no word',
    }),
  )
  await pass(9)
  expect(switched).toEqual([])
  await pass(1)
  await pass(0)
  await pass(30)
  expect(switched).toEqual(['cycle alpha'])
  expect(told).toEqual(['alpha is power-cycled'])
  expect(await requests()).toEqual(['power-on asked'])
  expect((await store.incident('i1'))?.log).toMatchObject([
    { by: 'grapevine', what: 'switched its power off and on: nothing was heard of it for 10 minutes' },
  ])
})

test('by itself nothing is done unless it is configured', async () => {
  fallSilent('alpha')
  await pass(1000, ports({ afterMs: undefined }))
  expect(switched).toEqual([])
})

test('after the cool-down again, so many times a day, and then a person is asked for', async () => {
  fallSilent('alpha')
  for (let i = 0; i < 5; i++) await pass(61)
  expect(switched).toEqual(['cycle alpha', 'cycle alpha'])
  expect(raised).toEqual(['raise power-cycled alpha'])
  // Another process does the same: nothing.
  memory = powerMemory()
  await pass(0)
  expect(switched).toHaveLength(2)
  silent.clear()
  await pass(1)
  expect(raised.at(-1)).toBe('clear power-cycled alpha')
  fallSilent('alpha')
  await pass(24 * 60)
  expect(switched).toHaveLength(3)
})

test('a process that did not ask for that person knows when it is over, and not before the host was heard of', async () => {
  const about = { host: 'alpha', about: 'alpha', since: clock.now(), detail: 'a person is needed' }
  await store.openIncident(newIncident({ id: 'i', trouble: 'power-cycled', ...about }))
  await tendPower({ ...ports(), isHeard: () => false }, memory)
  expect(raised).toEqual([])
  await tendPower(ports(), memory)
  expect(raised).toEqual(['clear power-cycled alpha'])
})

test('never two hosts at once: the second one waits until the first is back, or has had its time', async () => {
  fallSilent('alpha')
  fallSilent('beta')
  await pass(10)
  await pass(10)
  expect(switched).toEqual(['cycle alpha'])
  silent.delete('alpha')
  await pass(1)
  expect(switched).toEqual(['cycle alpha', 'cycle beta'])
})

test('two processes that decide at the same moment cycle one host', async () => {
  fallSilent('alpha')
  fallSilent('beta')
  await clock.advance(minute)
  for (const name of silent.keys()) silent.set(name, 10 * minute)
  await Promise.all([tendPower(ports(), memory), tendPower(ports(), powerMemory())])
  expect(switched).toEqual(['cycle alpha'])
})

describe('hands off', () => {
  test.each([
    [
      'it is held',
      () =>
        store.setHold({
          on: { kind: 'host', name: 'alpha' },
          how: 'drain',
          reason: 'new disk',
          by: 'olga',
          since: 0,
          until: undefined,
        }),
    ],
    ['its worker was stopped', () => store.saveHost(host('alpha', { stoppedAt: clock.now() }))],
    [
      'a person has switched it off',
      () =>
        switchPower(
          { store, clock },
          {
            host: 'alpha',
            power: powerOf('alpha'),
            act: 'off',
            by: 'olga',
            why: 'new disk',
            may: () => true,
          },
        ),
    ],
    ['every host is silent', async () => void ['beta', 'gamma'].map(fallSilent)],
  ])('%s', async (_, prepare) => {
    await prepare()
    fallSilent('alpha')
    await pass(120)
    await pass(120)
    expect(switched.filter(one => one.startsWith('cycle'))).toEqual([])
  })

  test('it has no switch', async () => {
    fallSilent('gamma')
    await pass(120)
    expect(switched).toEqual([])
  })
})

test('a switch that does not answer counts as switched, and is told of', async () => {
  broken = true
  fallSilent('alpha')
  await pass(10)
  await pass(10)
  expect(switched).toEqual(['cycle alpha'])
  expect(told).toEqual(['alpha is power-cycled', 'alpha could not be power-cycled'])
  expect(await store.powerActions({ since: 0 })).toMatchObject([
    { by: 'grapevine', state: { at: 'failed', why: 'IPMI 10.0.0.7: no answer' } },
  ])
})

describe('a host that is back', () => {
  const answer = async (state: { at: 'passed' } | { at: 'failed'; why: string }) => {
    const [request] = await store.hostRequests({ host: 'alpha', open: true })
    if (request) await store.moveHostRequest(request.id, request.state, { ...state, when: clock.now() })
  }
  beforeEach(async () => {
    fallSilent('alpha')
    await pass(10)
    silent.clear()
  })

  test('takes work when it has proved itself', async () => {
    await answer({ at: 'passed' })
    await pass(1)
    expect(await store.holds()).toEqual([])
    expect(told).toHaveLength(1)
  })

  test('takes none if it did not, until an operator says so', async () => {
    await answer({ at: 'failed', why: 'the small guest did not boot' })
    await pass(1)
    expect(await store.holds()).toMatchObject([
      {
        on: { name: 'alpha' },
        reason: expect.stringContaining('the small guest did not boot'),
        by: 'grapevine',
      },
    ])
    expect(told.at(-1)).toBe('alpha takes no work after its power-on')
    await store.endHold({ kind: 'host', name: 'alpha' })
    await pass(1)
    expect(await store.holds()).toEqual([])
  })
})

test('a worker from before the power cycle does not answer for the one after it', async () => {
  const power = {
    ...powerOf('alpha'),
    act: async () => {
      const [request] = await store.hostRequests({ host: 'alpha', open: true })
      if (request) await store.moveHostRequest(request.id, request.state, { at: 'passed', when: clock.now() })
    },
  }
  await switchPower(
    { store, clock },
    { host: 'alpha', power, act: 'cycle', by: 'olga', why: 'by hand', may: () => true },
  )
  expect(await requests()).toEqual(['power-on passed', 'power-on asked'])
})
