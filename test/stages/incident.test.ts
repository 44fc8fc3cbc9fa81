// What incidents touch, and time that passes for them in the bot's sweep, on a real store.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { affectsNothing, type Incident, newIncident, type Trouble } from '../../src/model/incident.ts'
import type { RunEnd } from '../../src/model/run-end.ts'
import type { Store } from '../../src/ports/store.ts'
import { affectsOf, type World } from '../../src/stages/incident/affects.ts'
import { openAlarm } from '../../src/wiring/alarm.ts'
import { incidentMemory, listenMs, tendIncidents } from '../../src/wiring/incidents.ts'
import { host, incident, job, run, task } from '../contract/samples.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'
import { project } from '../fakes/flow.ts'

const minute = 60_000

describe('an incident touches', () => {
  const ended = (more: Partial<RunEnd> & { series: string }): World['ends'][number] => ({
    ...{ run: 'r', task: 't', job: 'j', project: 'tally', image: 'debian', host: 'alpha' },
    ...{ startedAt: 0, endedAt: 1000, kind: 'ours' },
    ...more,
  })
  const world = (more: Partial<World> = {}): World => ({
    hosts: [host('alpha', { images: ['debian', 'busybox'] }), host('beta', { images: ['busybox'] })],
    down: new Set(['alpha']),
    waiting: [
      { series: 's1', project: 'tally', image: 'debian' },
      { series: 's2', project: 'tally', image: 'busybox' },
      { series: 's3', project: 'other', image: 'debian' },
    ],
    ...{ ends: [], unsent: [], blames: [] },
    projects: [
      { name: 'tally', sources: ['list'], alikeWithinMs: 0 },
      { name: 'other', sources: ['archive'], alikeWithinMs: 0 },
    ],
    ...more,
  })
  const touched = (trouble: Trouble, more: Partial<Incident> = {}, given = world()) =>
    affectsOf(newIncident({ ...incident('i'), trouble, since: 0, ...more }), given)

  it('what waits for a host that is down, unless others have its images', () => {
    expect(touched('host-lost', { about: 'alpha' })).toEqual({
      ...{ hosts: ['alpha'], images: ['debian'], projects: ['other', 'tally'], series: ['s1', 's3'] },
    })
    expect(touched('host-lost', { about: 'alpha' }, world({ down: new Set() })).series).toEqual([])
    const both = world({ down: new Set(['alpha', 'beta']) })
    expect(touched('disk-reserve', { about: '/data' }, both).series).toEqual(['s1', 's2', 's3'])
  })

  it('what it struck, there and then', () => {
    const ends = [
      ended({ series: 's5', what: 'host-lost' }),
      ended({ series: 's6', what: 'host-lost', host: 'beta' }),
      ended({ series: 's7', what: 'overloaded' }),
      ended({ series: 's8', what: 'host-lost', endedAt: -10 * minute }),
      ended({ series: 's9', kind: 'tested', sick: 'panic' }),
    ]
    const quiet = world({ ends, waiting: [] })
    expect(touched('host-lost', { about: 'alpha' }, quiet).series).toEqual(['s5'])
    expect(touched('guests-failing', { host: undefined, about: 'debian' }, quiet).series).toEqual(['s9'])
    expect(touched('guests-failing', { about: 'alpha' }, quiet).series).toEqual(['s9'])
    expect(touched('guests-failing', { host: 'beta', about: 'beta' }, quiet).series).toEqual([])
  })

  it('what waits for an image, the queue, a source or the mail', () => {
    const ofNone = { host: undefined }
    expect(touched('image-unserved', { ...ofNone, about: 'busybox' }).series).toEqual(['s2'])
    expect(touched('queue-stuck', { ...ofNone, about: 'queue' }).series).toEqual(['s1', 's2', 's3'])
    expect(touched('queue-old', { ...ofNone, about: 'other' })).toMatchObject({
      ...{ projects: ['other'], series: ['s3'] },
    })
    expect(touched('source-unreachable', { ...ofNone, about: 'archive' }).projects).toEqual(['other'])
    expect(touched('source-unreachable', { ...ofNone, about: 'inbox' }).projects).toEqual(['other', 'tally'])
    expect(touched('base-broken', { ...ofNone, about: 'tally main' })).toEqual({
      ...affectsNothing,
      projects: ['tally'],
    })
    const unsent = [{ series: 's4', project: 'tally' }]
    expect(touched('mail-unreachable', { ...ofNone, about: 'mail.out' }, world({ unsent }))).toEqual({
      ...{ hosts: [], images: [], projects: ['tally'], series: ['s4'] },
    })
    expect(touched('certificate-expires', { ...ofNone, about: 'imap' })).toEqual(affectsNothing)
  })
})

describe('the sweep', () => {
  let store: Store
  let clock: FakeClock
  beforeEach(async () => {
    store = await openStore({ folder: ':memory:' })
    clock = fakeClock()
  })
  afterEach(() => store.close())

  const ports = () => ({
    ...{ store, clock, log: () => {} },
    config: { projects: [project], watch: {} } as unknown as Parameters<typeof tendIncidents>[0]['config'],
  })
  const alarm = () => openAlarm(ports(), 'alpha')
  const only = async () => (await store.incidents())[0]

  it('opens, resolves, and notes what is touched meanwhile', async () => {
    const memory = incidentMemory()
    await store.saveHost(host('alpha', { images: ['debian'] }))
    await store.addJob(job('j', { series: 's1' }), [task('a', 'j', { image: 'debian' })])
    await store.addJob(job('k', { series: 's2' }), [
      task('b', 'k', { image: 'arch', state: { at: 'queued', attempt: 1 } }),
    ])
    const cut = { kind: 'ours', what: 'host-lost', detail: 'gone' } as const
    await store.saveRun(run('r', 'b', { host: 'alpha', endedAt: clock.now(), outcome: cut }))
    await alarm().raise('host-lost', 'alpha', 'no word of it')
    await tendIncidents(ports(), memory)
    expect((await only())?.state.at).toBe('suspected')
    await clock.advance(minute)
    await tendIncidents(ports(), memory)
    expect(await only()).toMatchObject({
      state: { at: 'open' },
      affects: { hosts: ['alpha'], images: ['debian'], projects: ['tally'], series: ['s1', 's2'] },
    })
    await alarm().clear('host-lost', 'alpha', 'its worker is back')
    await store.addJob(job('l', { series: 's3' }), [task('c', 'l', { image: 'debian' })])
    await clock.advance(10 * minute)
    await tendIncidents(ports(), memory)
    expect(await only()).toMatchObject({
      state: { at: 'resolved' },
      affects: { series: ['s1', 's2'] },
      resolved: { at: clock.now() - 10 * minute, how: 'its worker is back' },
    })
  })

  it('gives a new process time to hear that what an old one suspected has passed', async () => {
    await alarm().raise('host-lost', 'alpha', 'no word of it')
    await clock.advance(10 * minute)
    const memory = incidentMemory(clock.now() + listenMs)
    await tendIncidents(ports(), memory)
    expect((await only())?.state.at).toBe('suspected')
    await clock.advance(listenMs)
    await tendIncidents(ports(), memory)
    expect((await only())?.state.at).toBe('open')
  })

  it('asks little of the store', async () => {
    const asked: string[] = []
    const counting = {
      ...ports(),
      store: new Proxy(store, {
        get(target, key) {
          asked.push(String(key))
          return Reflect.get(target, key)
        },
      }),
    }
    const memory = incidentMemory()
    await tendIncidents(counting, memory)
    expect(asked).toEqual(['incidents'])
    await alarm().raise('disk-error', 'sda', 'it makes noises')
    await tendIncidents(counting, memory)
    asked.length = 0
    await clock.advance(2000)
    await tendIncidents(counting, memory)
    expect(asked).toEqual(['incidents'])
  })
})
