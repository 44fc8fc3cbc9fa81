// The bot's start while the database does not answer: it tells, waits and tries again, and word of it leaves meanwhile.
import { join } from 'node:path'
import { redisConnection } from '../adapters/bullmq/connection.ts'
import { silentLive } from '../adapters/bullmq/live.ts'
import type { Config } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import type { Store } from '../ports/store.ts'
import { unrepeated } from '../text/unrepeated.ts'
import { noticeMemory, tendNotices } from './notices.ts'
import { openStoreOf, portsBeside, type Wired, wire } from './wire.ts'

const againMs: Millis = 5_000
const tellEveryMs: Millis = 3_600_000

/** Will it come back by itself, or when somebody mends it? A wrong password will not. */
const mayPass = (error: unknown): error is Fault =>
  error instanceof Fault && error.retry !== 'never' && error.kind !== 'refused'

const absentStore = (fault: Fault): Store =>
  // A promise would be looked at for `then`.
  new Proxy({} as Store, {
    get: (_, key) => (key === 'then' ? undefined : () => Promise.reject(fault)),
  })

const noQueue: Queue = { push: async () => {}, wake: async () => {}, keepTickets: async () => {} }

/** All but the database and what goes with it. */
const wiredWithout = (config: Config, { log, fault }: { log: Log; fault: Fault }): Wired => {
  const beside = portsBeside(config, log)
  const where = config.redisUrl?.reveal() ?? join(config.data, 'redis')
  const isAway = () => {
    throw fault
  }
  return {
    ...beside,
    store: absentStore(fault),
    queue: noQueue,
    live: silentLive(),
    redis: redisConnection({ where, log }),
    tickets: isAway,
    board: isAway,
    listen: isAway,
    close: beside.close,
  }
}

export type Patience = {
  signal: AbortSignal
  /** For tests: how the store is opened, and what becomes of the rest. */
  open?: () => Promise<Store>
  without?: (fault: Fault) => Wired
}

/** The store, however long it takes; undefined: the signal came first. Throws Faults that do not pass by themselves. */
export const openPatiently = async (
  config: Config,
  log: Log,
  { signal, open = () => openStoreOf(config), without }: Patience,
): Promise<Store | undefined> => {
  const memory = noticeMemory()
  let beside: Wired | undefined
  let tell: ((what: string) => void) | undefined
  try {
    while (!signal.aborted) {
      try {
        return await open()
      } catch (error) {
        if (!mayPass(error)) throw error
        beside ??= without?.(error) ?? wiredWithout(config, { log, fault: error })
        const { clock } = beside
        tell ??= unrepeated(log, { now: () => clock.now(), everyMs: tellEveryMs })
        const remedy = error.remedy === undefined ? '' : `. Remedy: ${error.remedy}`
        tell(`${error.message}; the bot waits for it and tries again${remedy}`)
        await tendNotices({ ...beside, store: absentStore(error) }, memory).catch(trouble => {
          tell?.(`notices: ${trouble instanceof Fault ? trouble.message : String(trouble)}`)
        })
        await clock.sleep(againMs, signal).catch(() => {})
      }
    }
    return undefined
  } finally {
    await beside?.close()
  }
}

/** As `wire`, but waits for the database. undefined: the signal came first. */
export const wirePatiently = async (
  config: Config,
  log: Log,
  signal: AbortSignal,
): Promise<Wired | undefined> => {
  const store = await openPatiently(config, log, { signal })
  return store && wire(config, log, store)
}
