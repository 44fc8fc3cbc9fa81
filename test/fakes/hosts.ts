// Hosts for tests of scheduling: the real loop on a real store and a real Redis, with farms without machines, whose commands end when
// the test says so.
import { once } from 'node:events'
import { redisConnection } from '../../src/adapters/bullmq/connection.ts'
import { listen } from '../../src/adapters/bullmq/listen.ts'
import { silentLive } from '../../src/adapters/bullmq/live.ts'
import { bullQueue } from '../../src/adapters/bullmq/queue.ts'
import { openTickets } from '../../src/adapters/bullmq/tickets.ts'
import { systemClock } from '../../src/adapters/clock/system.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Config } from '../../src/config/config.ts'
import type { Job, Task } from '../../src/model/job.ts'
import { needOf } from '../../src/model/room.ts'
import type { Ending } from '../../src/model/run.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Farm } from '../../src/ports/farm.ts'
import type { Log } from '../../src/ports/log.ts'
import type { Store } from '../../src/ports/store.ts'
import type { HostParts } from '../../src/wiring/host-loop.ts'
import type { Closable } from '../../src/wiring/queues.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { hostWorker } from '../../workers/run.ts'
import { job, series, task } from '../contract/samples.ts'
import { memoryBlobs } from './blobs.ts'
import { fakeFarm } from './farm.ts'
import { fakeMirror } from './flow.ts'

/** Sizes of guests by image. */
export type Guests = Record<string, { cpus: number; memoryMiB: number }>

export type World = {
  /** Undefined: there is no Redis, and only looking helps. */
  redis: string | undefined
  folder: string
  log?: Log
  clock?: Clock
}

/** What a process has of it all, as far as a host needs it. */
export const wiredFor = async (
  { redis, folder, log = () => {}, clock = systemClock }: World,
  farm: Partial<Config['farm']> & { host: string },
): Promise<Wired> => {
  const store = await openStore({ folder })
  const connection = redisConnection({ where: redis ?? '/nowhere/redis.sock', log: () => {} })
  const queue = bullQueue({ connection, prefix: 'hosts' })
  const { host, ...more } = farm
  return {
    config: { host, projects: [], watch: {}, farm: { slots: 2, memoryMiB: 4096, images: [], ...more } },
    ...{ store, clock, log, blobs: memoryBlobs(), mirror: fakeMirror(), live: silentLive() },
    queue:
      redis === undefined
        ? { push: async () => {}, wake: async () => {}, keepTickets: async () => {} }
        : queue,
    tickets: () =>
      redis === undefined
        ? { take: async () => undefined, close: async () => {} }
        : openTickets({ connection, prefix: 'hosts' }),
    listen: (onWake: () => void) =>
      redis === undefined ? { close: async () => {} } : listen({ connection, prefix: 'hosts', onWake }),
    async close() {
      await queue.close()
      await store.close()
    },
  } as unknown as Wired
}

/** A farm whose commands wait for the test, or for being stopped. `running`: who is at it, by task. */
export const gatedFarm = () => {
  const running = new Map<string, (ending?: Ending) => void>()
  const news = new EventTarget()
  const started: string[] = []
  const tell = () => news.dispatchEvent(new Event('news'))
  const farm = fakeFarm(async (_, { run, signal }) => {
    const { promise, resolve } = Promise.withResolvers<Ending>()
    const stop = () => resolve({ kind: 'cancelled' })
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    running.set(run, ending => resolve(ending ?? { kind: 'finished', exitCode: 0 }))
    started.push(run)
    tell()
    const ending = await promise
    running.delete(run)
    tell()
    return { ending, output: 'TAP version 13\n1..1\nok 1\n' }
  })
  /** Waits for something to be so; looks whenever a command starts or ends. */
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await once(news, 'news')
  }
  return { farm, running, started, until }
}

const quick = { lookMs: 1_000, beatMs: 1_000 }

export const startHost = (
  wired: Wired,
  farm: Farm,
  guests: Guests,
  parts: HostParts = {},
): Promise<Closable> => {
  const { slots, memoryMiB } = wired.config.farm
  const served = Object.entries(guests).flatMap(([name, guest]) => {
    const need = needOf(guest, { slots, memoryMiB })
    return need ? [[name, need] as const] : []
  })
  return hostWorker(wired, farm, { images: async () => new Map(served), timing: quick, ...parts })
}

/** Jobs of one author each, of one build with nothing to test: one task a job. */
export const addBuilds = async (
  store: Store,
  builds: { id: string; image?: string; author?: string; at?: number; more?: Partial<Job> }[],
): Promise<Task[]> => {
  const tasks: Task[] = []
  for (const { id, image = 'small', author = `${id}@example.org`, at = 1000, more = {} } of builds) {
    const state = { at: 'planned', job: id } as const
    await store.saveSeries([series(`s-${id}`, { author: { name: '', address: author }, state })])
    const one = task(`${id}-build`, id, { kind: 'build', image })
    const recipe = {
      ...job(id).recipe,
      build: { image, prepare: [], steps: [{ name: 'make', run: 'make', timeoutMs: 60_000 }], artifacts: [] },
    }
    await store.addJob(job(id, { series: `s-${id}`, createdAt: at, recipe, ...more }), [one])
    tasks.push(one)
  }
  return tasks
}
