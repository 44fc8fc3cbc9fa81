// The hosts' loop on a real store and a real Redis, with guests that do what the test says: who takes what, when, and how it is stopped.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Hold } from '../../src/model/host.ts'
import type { Store } from '../../src/ports/store.ts'
import { withdraw } from '../../src/stages/plan/withdraw.ts'
import type { HostParts } from '../../src/wiring/host-loop.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { hold } from '../contract/samples.ts'
import { addBuilds, type Guests, gatedFarm, startHost, wiredFor } from '../fakes/hosts.ts'
import { startRedis, type TestRedis } from '../real/redis.ts'

let redis: TestRedis
let folder = ''
let closings: (() => Promise<void>)[] = []
let logged: string[] = []

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gv-hosts-'))
  logged = []
})
afterEach(async () => {
  for (const close of closings) await close()
  closings = []
  rmSync(folder, { recursive: true })
})

const small: Guests = { small: { cpus: 1, memoryMiB: 512 } }

type Options = {
  guests?: Guests
  redis?: boolean
  farm?: Partial<Wired['config']['farm']>
  parts?: HostParts
}

/** A host with a farm of its own. */
const startOne = async (name: string, options: Options = {}) => {
  const world = { redis: options.redis === false ? undefined : redis.socket, folder }
  const log = (_: string, what: string) => void logged.push(what)
  const wired = await wiredFor({ ...world, log }, { host: name, ...options.farm })
  const gated = gatedFarm()
  const worker = await startHost(wired, gated.farm, options.guests ?? small, options.parts)
  const close = async () => {
    await worker.close()
    await wired.close()
  }
  closings.unshift(close)
  return { wired, store: wired.store, ...gated, close: () => worker.close() }
}

const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 25 })

/** `a running on one, b queued`: the tasks as they are. */
const standing = async (store: Store): Promise<string> => {
  const states = ['running', 'queued', 'done', 'cancelled'] as const
  const tasks = (await Promise.all(states.map(at => store.tasksAt(at)))).flat()
  const say = tasks.map(({ job, state }) => {
    if (state.at === 'running') return `${job} runs on ${state.host}`
    if (state.at === 'queued') return `${job} waits${state.attempt > 1 ? ` for try ${state.attempt}` : ''}`
    return `${job} ${state.at === 'done' ? state.outcome.kind : 'cancelled'}`
  })
  return say.sort().join(', ')
}

const untilStanding = (store: Store, wanted: string) =>
  soon(async () => expect(await standing(store)).toBe(wanted))

const finish = (running: Map<string, () => void>) => {
  for (const end of [...running.values()]) end()
}

describe('taking tasks', () => {
  it('as there are slots, each by one of two hosts, and the next when one is free', async () => {
    const one = await startOne('one', { farm: { slots: 1 } })
    const two = await startOne('two', { farm: { slots: 1 } })
    await addBuilds(one.store, [{ id: 'a' }, { id: 'b' }, { id: 'c', at: 2000 }])
    await one.wired.queue.wake()
    await one.until(() => one.running.size === 1)
    await two.until(() => two.running.size === 1)
    expect(await standing(one.store)).toMatch(/^a runs on (one|two), b runs on (one|two), c waits$/)
    finish(one.running)
    await one.until(() => one.started.length === 2)
    finish(one.running)
    finish(two.running)
    await untilStanding(one.store, 'a built, b built, c built')
    expect(one.farm.leases() + two.farm.leases()).toBe(3)
    expect(one.farm.leased() + two.farm.leased()).toBe(0)
  })

  it('as there is memory: a large one waits, smaller ones go before it', async () => {
    const guests = { small: { cpus: 1, memoryMiB: 512 }, large: { cpus: 1, memoryMiB: 1536 } }
    const one = await startOne('one', { guests, farm: { slots: 8, memoryMiB: 2048 } })
    await addBuilds(one.store, [
      { id: 'a' },
      { id: 'b', at: 2000 },
      { id: 'c', at: 3000, image: 'large' },
      { id: 'd', at: 4000 },
    ])
    await one.wired.queue.wake()
    await one.until(() => one.running.size === 3)
    expect(await standing(one.store)).toBe('a runs on one, b runs on one, c waits, d runs on one')
    finish(one.running)
    await one.until(() => one.started.length === 4)
    expect(await standing(one.store)).toBe('a built, b built, c runs on one, d built')
  })

  it('only of images that it serves, and of those that are built later', async () => {
    let images = new Map([['small', { slots: 1, memoryMiB: 512 }]])
    const one = await startOne('one', { parts: { images: async () => images } })
    await addBuilds(one.store, [{ id: 'a', image: 'other' }, { id: 'b' }])
    await one.until(() => one.running.size === 1)
    expect(await standing(one.store)).toBe('a waits, b runs on one')
    images = new Map([...images, ['other', { slots: 1, memoryMiB: 512 }]])
    await one.until(() => one.running.size === 2)
    await soon(async () => expect((await one.store.hosts())[0]?.images).toEqual(['small', 'other']))
  })

  it('not while it is unfit', async () => {
    let unfit: string | undefined = 'the canary died'
    const one = await startOne('one', { parts: { fitness: async () => unfit } })
    await addBuilds(one.store, [{ id: 'a' }])
    await soon(async () => expect((await one.store.hosts())[0]?.unfit).toBe('the canary died'))
    expect(await standing(one.store)).toBe('a waits')
    unfit = undefined
    const two = await startOne('two')
    await two.until(() => two.running.size === 1)
    expect(logged).toContain('the host one takes no tasks: the canary died')
  })

  it('without Redis, by looking', async () => {
    const one = await startOne('one', { redis: false })
    await addBuilds(one.store, [{ id: 'a' }])
    await one.until(() => one.running.size === 1)
    await withdraw(one.wired)('s-a', 'no more')
    await one.until(() => one.running.size === 0)
    await untilStanding(one.store, 'a cancelled')
    expect(one.farm.leased()).toBe(0)
  })
})

describe('holds', () => {
  const on = { kind: 'host', name: 'one' } as const
  const set = async ({ wired }: { wired: Wired }, given: Hold) => {
    await wired.store.setHold(given)
    await wired.queue.wake()
  }

  it('drain lets what runs end and takes nothing new, also after a restart; resume goes on', async () => {
    const one = await startOne('one', { farm: { slots: 1 } })
    await addBuilds(one.store, [{ id: 'a' }, { id: 'b', at: 2000 }])
    await one.until(() => one.running.size === 1)
    await set(one, hold(on))
    finish(one.running)
    await untilStanding(one.store, 'a built, b waits')
    await one.close()
    const again = await startOne('one')
    const other = await startOne('two', { guests: { other: { cpus: 1, memoryMiB: 512 } } })
    await addBuilds(again.store, [{ id: 'c', image: 'other' }])
    await other.until(() => other.running.size === 1)
    expect(again.started).toEqual([])
    await again.store.endHold(on)
    await again.wired.queue.wake()
    await again.until(() => again.running.size === 1)
    expect(await standing(one.store)).toBe('a built, b runs on one, c runs on two')
  })

  it('stop puts what runs back at no cost, and says why in its record', async () => {
    const one = await startOne('one')
    const [task] = await addBuilds(one.store, [{ id: 'a' }])
    await one.until(() => one.running.size === 1)
    await set(one, hold(on, { how: 'stop', reason: 'smoke' }))
    await untilStanding(one.store, 'a waits')
    expect(one.farm.leased()).toBe(0)
    const [run] = await one.store.runsOf(task?.id ?? '')
    expect(run?.outcome).toEqual({
      kind: 'ours',
      what: 'stopped',
      detail: 'host one is stopped: smoke',
    })
    const two = await startOne('two')
    await two.until(() => two.running.size === 1)
    finish(two.running)
    await untilStanding(two.store, 'a built')
    expect((await two.store.task(task?.id ?? ''))?.state).toMatchObject({ attempts: 1 })
  })

  it('of an image stop its tasks on every host, and no others', async () => {
    const guests = { ...small, other: { cpus: 1, memoryMiB: 512 } }
    const one = await startOne('one', { guests, farm: { slots: 1 } })
    await addBuilds(one.store, [{ id: 'a' }])
    await one.until(() => one.running.size === 1)
    const two = await startOne('two', { guests, farm: { slots: 1 } })
    await addBuilds(one.store, [{ id: 'b', image: 'other' }])
    await two.until(() => two.running.size === 1)
    await set(one, hold({ kind: 'image', name: 'small' }, { how: 'stop' }))
    await untilStanding(one.store, 'a waits, b runs on two')
  })

  it('of the queue: nothing new is taken anywhere', async () => {
    const one = await startOne('one')
    await one.store.setHold(hold({ kind: 'queue' }))
    await addBuilds(one.store, [{ id: 'a' }])
    // What comes to be taken at this very moment is put back.
    const held = await startOne('two')
    expect(one.started.concat(held.started)).toEqual([])
    await one.store.endHold({ kind: 'queue' })
    await one.wired.queue.wake()
    await Promise.race([one.until(() => one.running.size > 0), held.until(() => held.running.size > 0)])
  })

  it('that has run out holds nothing', async () => {
    const one = await startOne('one')
    await one.store.setHold(hold(on, { until: 5000 }))
    await addBuilds(one.store, [{ id: 'a' }])
    await one.until(() => one.running.size === 1)
  })
})

describe('cancelling', () => {
  it('stops the run, wherever it is, and leaves the slot free', async () => {
    const one = await startOne('one', { farm: { slots: 1 } })
    await addBuilds(one.store, [{ id: 'a' }, { id: 'b', at: 2000 }])
    await one.until(() => one.running.size === 1)
    await withdraw(one.wired)('s-a', 'an operator said so')
    await one.wired.queue.wake()
    await one.until(() => one.started.length === 2)
    await untilStanding(one.store, 'a cancelled, b runs on one')
    const [run] = await one.store.runsOf('a-build')
    expect(run?.outcome).toEqual({ kind: 'ours', what: 'cancelled', detail: 'an operator said so' })
  })
})

describe('a worker', () => {
  it('that ends puts back what it runs, and says that it ended', async () => {
    const one = await startOne('one')
    await addBuilds(one.store, [{ id: 'a' }])
    await one.until(() => one.running.size === 1)
    await one.close()
    expect(await standing(one.store)).toBe('a waits')
    expect(one.farm.leased()).toBe(0)
    expect((await one.store.hosts())[0]).toMatchObject({ busy: 0, stoppedAt: expect.any(Number) })
  })

  it('that was thought dead gives up what went elsewhere', async () => {
    const one = await startOne('one')
    await addBuilds(one.store, [{ id: 'a' }])
    await one.until(() => one.running.size === 1)
    const state = (await one.store.task('a-build'))?.state
    if (!state) throw new Error('no task')
    const elsewhere = { ...state, run: 'another', host: 'two' } as typeof state
    expect(await one.store.moveTask('a-build', state, elsewhere)).toBe(true)
    await one.until(() => one.running.size === 0)
    expect(await standing(one.store)).toBe('a runs on two')
  })

  it('is not a second one of its name on another machine', async () => {
    const one = await startOne('one')
    const [host] = await one.store.hosts()
    await one.close()
    if (!host) throw new Error('no host')
    await one.store.saveHost({ ...host, worker: 'another-boot 1 1', seenAt: Date.now() })
    await expect(startOne('one')).rejects.toMatchObject({
      name: 'Fault',
      message: 'another machine works as host one already',
    })
  })
})
