// The start of bot and worker while database or Redis do not answer: they tell, wait and try again; and the bot's word of it leaves meanwhile.
import { join } from 'node:path'
import { redisConnection } from '../adapters/bullmq/connection.ts'
import { silentLive } from '../adapters/bullmq/live.ts'
import { systemClock } from '../adapters/clock/system.ts'
import type { Config } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import type { Clock } from '../ports/clock.ts'
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
  /** As lines of the log call it: `the bot`. */
  who: string
  log: Log
  signal: AbortSignal
  clock?: Clock
  /** Called each time that it did not work. */
  meanwhile?: (fault: Fault) => Promise<void>
}

/** Does it again until it works; undefined: the signal came first. Throws Faults that do not pass by themselves. */
export const patiently = async <T>(
  { who, log, signal, clock = systemClock, meanwhile = async () => {} }: Patience,
  act: () => Promise<T>,
): Promise<T | undefined> => {
  const tell = unrepeated(log, { now: () => clock.now(), everyMs: tellEveryMs })
  for (let hasWaited = false; !signal.aborted; hasWaited = true) {
    try {
      const done = await act()
      if (hasWaited && !signal.aborted) log('info', `what ${who} waited for answers, and ${who} goes on`)
      return done
    } catch (error) {
      if (!mayPass(error)) throw error
      const remedy = error.remedy === undefined ? '' : `. Remedy: ${error.remedy}`
      tell(`${error.message}; ${who} waits for it and tries again${remedy}`)
      await meanwhile(error)
      await clock.sleep(againMs, signal).catch(() => {})
    }
  }
  return undefined
}

export type StorePatience = {
  signal: AbortSignal
  /** For tests: how the store is opened, what becomes of the rest, and the time. */
  open?: () => Promise<Store>
  without?: (fault: Fault) => Wired
  clock?: Clock
}

const theBot = 'the bot'

/** The bot's store, however long it takes; undefined: the signal came first. Throws Faults that do not pass by themselves. */
export const openPatiently = async (
  config: Config,
  log: Log,
  { signal, clock, without, open = () => openStoreOf(config, log) }: StorePatience,
): Promise<Store | undefined> => {
  const memory = noticeMemory()
  let beside: Wired | undefined
  let complain: ((what: string) => void) | undefined
  const meanwhile = async (fault: Fault): Promise<void> => {
    beside ??= without?.(fault) ?? wiredWithout(config, { log, fault })
    const time = beside.clock
    complain ??= unrepeated(log, { now: () => time.now(), everyMs: tellEveryMs })
    await tendNotices({ ...beside, store: absentStore(fault) }, memory).catch(trouble => {
      complain?.(`notices: ${trouble instanceof Fault ? trouble.message : String(trouble)}`)
    })
  }
  try {
    return await patiently({ who: theBot, log, signal, meanwhile, ...(clock ? { clock } : {}) }, open)
  } finally {
    await beside?.close()
  }
}

/** As `wire`, but waits for database and Redis. undefined: the signal came first. */
export const wireBotPatiently = (config: Config, log: Log, signal: AbortSignal): Promise<Wired | undefined> =>
  patiently({ who: theBot, log, signal }, async () => {
    const store = await openPatiently(config, log, { signal })
    return store && wire(config, log, store)
  })

/** The same for who tells nobody but the log. */
export const wirePatiently = (
  config: Config,
  { who, log, signal }: Pick<Patience, 'who' | 'log' | 'signal'>,
): Promise<Wired | undefined> => patiently({ who, log, signal }, () => wire(config, log))
