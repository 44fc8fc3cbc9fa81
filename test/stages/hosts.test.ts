// Hosts that fall silent, tasks that take their workers down or overrun, images that nobody serves: what the sweep does about them.
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { silentLive } from '../../src/adapters/bullmq/live.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import { Fault } from '../../src/model/fault.ts'
import { nextIncident } from '../../src/model/incident-machine.ts'
import { Interrupt } from '../../src/model/interrupt.ts'
import type { Outcome, TaskState } from '../../src/model/job.ts'
import type { Farm } from '../../src/ports/farm.ts'
import type { Store } from '../../src/ports/store.ts'
import { readyTasks } from '../../src/stages/run/ready.ts'
import { run } from '../../src/stages/run/run.ts'
import { type HostWatch, hostWatch, tendHosts, tendImages } from '../../src/stages/upkeep/hosts.ts'
import { openAlarm } from '../../src/wiring/alarm.ts'
import { host, incident, job, run as runRecord } from '../contract/samples.ts'
import { memoryBlobs } from '../fakes/blobs.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'
import { fakeFarm } from '../fakes/farm.ts'
import { fakeMirror } from '../fakes/flow.ts'
import { addBuilds } from '../fakes/hosts.ts'

let store: Store
let clock: FakeClock
let watch: HostWatch
beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
  clock = fakeClock()
  watch = hostWatch()
  return () => store.close()
})

const log = () => {}
const ports = () => ({
  ...{ store, clock, log },
  alarmOf: (name: string | undefined) => openAlarm({ store, clock, log }, name),
})
/** Of a worker that runs tasks on this farm. */
const runPorts = (farm: Farm) => ({
  ...{ store, clock, farm, log },
  ...{ blobs: memoryBlobs(), mirror: fakeMirror(), live: silentLive() },
})
const tend = () => tendHosts(ports())(watch)
/** The bot looks every few seconds. */
const listen = async (ms: number) => {
  for (let left = ms; left > 0; left -= 5_000) {
    await clock.advance(Math.min(left, 5_000))
    await tend()
  }
}
const open = async () => (await store.incidents({ open: true })).map(one => `${one.trouble} ${one.about}`)

const runs = async (id: string, more: Partial<Extract<TaskState, { at: 'running' }>> = {}) => {
  const task = await store.task(id)
  if (task?.state.at !== 'queued') throw new Error(`${id} does not wait`)
  const { attempt } = task.state
  const since = clock.now()
  const name = `run ${since} of ${id}`
  const state = { at: 'running', attempt, run: name, host: 'alpha', since, until: since + 600_000 } as const
  expect(await store.moveTask(id, task.state, { ...state, ...more })).toBe(true)
  const nothing = { outcome: undefined, endedAt: undefined, evidence: {} }
  await store.saveRun(runRecord(name, id, { attempt, startedAt: since, ...nothing }))
}
const state = async (id: string) => (await store.task(id))?.state
const lastOutcome = async (id: string) => (await store.runsOf(id)).at(-1)?.outcome

const speaks = (name: string) => store.saveHost(host(name, { seenAt: clock.now() }))

describe('a silent host', () => {
  beforeEach(async () => {
    await addBuilds(store, [{ id: 'a' }])
    await speaks('alpha')
    await runs('a-build')
    await tend()
  })

  it('loses its tasks after 25 s, at no cost, and is an incident until it speaks again', async () => {
    await listen(24_000)
    expect((await state('a-build'))?.at).toBe('running')
    await listen(1_000)
    expect(await state('a-build')).toEqual({ at: 'queued', attempt: 1 })
    expect(await lastOutcome('a-build')).toMatchObject({ kind: 'ours', what: 'host-lost' })
    expect(await open()).toEqual(['host-lost alpha'])
    await clock.advance(60_000)
    await tend()
    await speaks('alpha')
    await tend()
    expect(await open()).toEqual([])
  })

  it('is no incident for an hour after an operator said that it is over, and then again if it still is silent', async () => {
    await listen(30_000)
    const [one] = await store.incidents({ open: true })
    await store.changeIncident(one?.id ?? '', incident => {
      const event = { on: 'resolved', by: 'olga', how: 'it is being moved' } as const
      return nextIncident(incident, event, clock.now())
    })
    await listen(10 * 60_000)
    expect(await open()).toEqual([])
    await listen(51 * 60_000)
    expect(await open()).toEqual(['host-lost alpha'])
  })

  it('is given its time by a bot that was just started, however old its last word is', async () => {
    await clock.advance(3_600_000)
    watch = hostWatch()
    await tend()
    expect((await state('a-build'))?.at).toBe('running')
    await listen(25_000)
    expect((await state('a-build'))?.at).toBe('queued')
  })

  it('is not lost because the bot did not listen: the database was away, or the machine slept', async () => {
    await clock.advance(3_600_000)
    await tend()
    expect((await state('a-build'))?.at).toBe('running')
    expect(await open()).toEqual([])
    await listen(15_000)
    expect((await state('a-build'))?.at).toBe('queued')
  })

  it('that became an incident before the bot was started is cleared when it speaks', async () => {
    await store.openIncident(incident('i', { trouble: 'host-lost', host: 'alpha', about: 'alpha' }))
    watch = hostWatch()
    await tend()
    expect(await open()).toEqual(['host-lost alpha'])
    await clock.advance(5_000)
    await speaks('alpha')
    await tend()
    expect(await open()).toEqual([])
  })

  it('that was stopped as it should be is no incident', async () => {
    await store.moveTask('a-build', (await state('a-build')) as TaskState, { at: 'queued', attempt: 1 })
    await store.saveHost(host('alpha', { seenAt: clock.now(), stoppedAt: clock.now() }))
    await tend()
    await clock.advance(60_000)
    await tend()
    expect(await open()).toEqual([])
  })

  it('of which there never was a word loses its tasks, too', async () => {
    await addBuilds(store, [{ id: 'b' }])
    await runs('b-build', { host: 'nobody' })
    await tend()
    await listen(20_000)
    await clock.advance(5_000)
    await speaks('alpha')
    await tend()
    expect((await state('a-build'))?.at).toBe('running')
    expect((await state('b-build'))?.at).toBe('queued')
  })
})

describe('a task', () => {
  it('that takes its worker down five times is not run again', async () => {
    await addBuilds(store, [{ id: 'a' }])
    for (let times = 1; times <= 5; times++) {
      await runs('a-build')
      await speaks('alpha')
      await tend()
      await listen(30_000)
      expect((await state('a-build'))?.at).toBe(times < 5 ? 'queued' : 'done')
    }
    const outcome = { kind: 'ours', what: 'it took its worker down 5 times' }
    expect(await state('a-build')).toMatchObject({ at: 'done', attempts: 1, outcome })
    expect(await open()).toContain('task-kills-workers a-build')
  })

  it('that overruns on a host that lives has had its try', async () => {
    await addBuilds(store, [{ id: 'a' }])
    for (const attempt of [1, 2, 3]) {
      expect(await state('a-build')).toMatchObject({ at: 'queued', attempt })
      await runs('a-build', { until: clock.now() + 1_000 })
      await speaks('alpha')
      await tend()
      await clock.advance(100_000)
      await speaks('alpha')
      await tend()
      expect((await state('a-build'))?.at).toBe('running')
      await clock.advance(22_000)
      await speaks('alpha')
      await tend()
    }
    expect(await state('a-build')).toMatchObject({ at: 'done', outcome: { kind: 'ours', what: 'timeout' } })
  })

  it('that ends while the database is away is saved when it is back', async () => {
    await addBuilds(store, [{ id: 'a' }])
    let saves = 0
    const away: Store = {
      ...store,
      saveRun: async record => {
        saves++
        if (saves === 2 || saves === 3) throw new Fault('unreachable', 'soon', 'the database is away')
        await store.saveRun(record)
      },
    }
    const farm = fakeFarm(async () => ({ ending: { kind: 'finished', exitCode: 0 } }))
    const given = { ...runPorts(farm), store: away }
    const signal = new AbortController().signal
    const running = run(given)('a-build', { host: 'alpha', run: 'r', signal })
    // One of them is the deadline's, until the run is over.
    for (const since of [2, 3]) {
      await vi.waitUntil(() => saves === since && clock.sleepers() === 2, 20_000)
      expect(farm.leased()).toBe(0)
      await clock.advance(2_000)
    }
    expect(await running).toMatchObject({ kind: 'decided', outcome: { kind: 'built' } })
    expect(await state('a-build')).toMatchObject({ at: 'done', attempts: 1 })
  })

  it('that a host had no room for waits longer and longer, at no cost', async () => {
    await addBuilds(store, [{ id: 'a' }])
    const full = () => Promise.reject(new Fault('exhausted', 'later', 'the disk is full'))
    const farm = { ...fakeFarm(async () => ({ ending: { kind: 'cancelled' } })), lease: full }
    const given = runPorts(farm)
    const signal = new AbortController().signal
    for (const minutes of [1, 2, 4, 8, 15]) {
      await run(given)('a-build', { host: 'alpha', run: `r${minutes}`, signal })
      const notBefore = clock.now() + minutes * 60_000
      const avoid = { host: 'alpha', until: notBefore + 600_000 }
      expect(await state('a-build')).toEqual({ at: 'queued', attempt: 1, notBefore, avoid })
    }
  })

  it('that was out of time while the host was overloaded says nothing, and the run says how busy it was', async () => {
    await addBuilds(store, [{ id: 'a' }])
    const late = { ending: { kind: 'timed-out' as const, afterMs: 60_000 } }
    const farm = fakeFarm(async ({ name }) =>
      name === 'make' ? late : { ending: { kind: 'finished', exitCode: 0 } },
    )
    const load = async () => ({ at: clock.now(), perProcessor: 7, ticks: { all: 0, stolen: 0 } })
    const given = { ...runPorts(farm), load }
    await run(given)('a-build', { host: 'alpha', run: 'r', signal: new AbortController().signal })
    expect(await lastOutcome('a-build')).toMatchObject({ kind: 'ours', what: 'overloaded' })
    expect(await state('a-build')).toMatchObject({ at: 'queued', attempt: 1, avoid: { host: 'alpha' } })
    expect((await store.run('r'))?.load?.at(-1)).toEqual({ step: 'make', perProcessor: [7, 7], stolen: 0 })
  })

  it('is stopped when its time is up, and that counts', async () => {
    await addBuilds(store, [{ id: 'a' }])
    const farm = fakeFarm(async (_, { signal }) => {
      // Its time is up while it runs.
      const aborted = new Promise(resolve => signal?.addEventListener('abort', resolve))
      await clock.advance(3_600_000)
      await aborted
      return { ending: { kind: 'cancelled' } }
    })
    const given = runPorts(farm)
    const signal = new AbortController().signal
    const tried = await run(given)('a-build', { host: 'alpha', run: 'r', signal })
    expect(tried).toMatchObject({ kind: 'again', task: { state: { at: 'queued', attempt: 2 } } })
    const outcome: Outcome = { kind: 'ours', what: 'timeout', detail: 'it was not over after 11 minutes' }
    expect(await lastOutcome('a-build')).toEqual(outcome)
    expect(farm.leased()).toBe(0)
    expect(await readyTasks({ store, clock })()).toEqual([])
    await clock.advance(60_000)
    expect(await readyTasks({ store, clock })()).toHaveLength(1)
  })

  it('is stopped while bytes come out of the guest, which do not hear of it: the clone goes', async () => {
    const build = { image: 'small', prepare: [], steps: [], artifacts: ['out'] }
    const recipe = { ...job('a').recipe, build }
    await addBuilds(store, [{ id: 'a', more: { recipe } }])
    const farm = fakeFarm()
    const reads = Promise.withResolvers<void>()
    const slow: Farm = {
      ...farm,
      async lease(request) {
        const clone = await farm.lease(request)
        const gone = Promise.withResolvers<void>()
        const read = async () => {
          reads.resolve()
          await gone.promise
          throw new Fault('unreachable', 'soon', 'the guest is gone')
        }
        return { ...clone, read, release: async () => gone.resolve(await clone.release()) }
      },
    }
    const given = runPorts(slow)
    const stop = new AbortController()
    const tried = run(given)('a-build', { host: 'alpha', run: 'r', signal: stop.signal })
    await reads.promise
    stop.abort(new Interrupt('stopped', 'the host is stopped'))
    await clock.advance(1_000)
    expect(await tried).toMatchObject({ kind: 'again', task: { state: { at: 'queued', attempt: 1 } } })
    expect(farm.leased()).toBe(0)
  })
})

describe('an image', () => {
  const tendImage = async (image: string) => {
    await tend()
    await tendImages(ports())(watch, new Set([image]))
  }

  it('that no living host serves is an incident after a while, and says why', async () => {
    await speaks('alpha')
    await store.saveHost(host('beta', { seenAt: clock.now(), unfit: 'the canary died' }))
    await tendImage('busybox')
    await listen(30_000)
    await clock.advance(149_000)
    await speaks('alpha')
    await tendImage('busybox')
    expect(await open()).toEqual(['host-lost beta'])
    await clock.advance(1_000)
    await tendImage('busybox')
    const told = (await store.incidents({ open: true })).find(one => one.trouble === 'image-unserved')
    expect(told?.detail).toBe(
      'no host takes tasks of image busybox: alpha does not have it (there: debian); beta is lost',
    )
    watch = hostWatch()
    await store.saveHost(host('alpha', { seenAt: clock.now(), images: ['debian', 'busybox'] }))
    await tendImage('busybox')
    expect(await open()).toEqual(['host-lost beta'])
  })
})
