// The queue and its workers on a real Redis: what is pushed runs, once, in order, and whatever dies meanwhile.
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { redisConnection } from '../../src/adapters/bullmq/connection.ts'
import { listen } from '../../src/adapters/bullmq/listen.ts'
import { bullQueue } from '../../src/adapters/bullmq/queue.ts'
import { work } from '../../src/adapters/bullmq/work.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Log } from '../../src/ports/log.ts'
import type { Push } from '../../src/ports/queue.ts'
import { serverPid, startRedis, type TestRedis } from '../real/redis.ts'

let redis: TestRedis
let prefix = ''
let tests = 0
let closings: (() => Promise<void>)[] = []
let logged: string[] = []
const log: Log = (level, what) => {
  logged.push(`${level} ${what}`)
}

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
beforeEach(() => {
  prefix = `test${++tests}`
  logged = []
})
afterEach(async () => {
  for (const close of closings) await close()
  closings = []
})

const connect = (where = redis.socket) => redisConnection({ where, log })

const open = (where?: string) => {
  const queue = bullQueue({ connection: connect(where), prefix })
  closings.unshift(() => queue.close())
  return queue
}

type Handler = (data: Record<string, string>) => Promise<void>

/** A worker on queue `judge`, and the tasks that it was given so far. */
const start = async (
  handler: Handler = async () => {},
  options: { timing?: { lock: number; check: number } } = {},
) => {
  const given: string[] = []
  const events = new EventEmitter()
  const worker = await work('judge', {
    connection: connect(),
    prefix,
    concurrency: 1,
    log,
    ...options,
    handler: async data => {
      given.push(data.task ?? '')
      events.emit('given')
      await handler(data)
    },
  })
  closings.unshift(() => worker.close())
  const until = async (count: number) => {
    while (given.length < count) await once(events, 'given')
    return given
  }
  return { given, until, close: worker.close }
}

const push = (task: string, more: Partial<Push> = {}): Push => ({
  queue: 'judge',
  id: task,
  data: { task },
  ...more,
})

describe('pushing', () => {
  it('twice is pushing once, as long as the first one waits; later it is a new one', async () => {
    const queue = open()
    await queue.push(push('a'), push('a'), push('b'))
    await queue.push(push('a'))
    const worker = await start()
    expect(await worker.until(2)).toEqual(['a', 'b'])
    await queue.push(push('c'))
    await worker.until(3)
    await queue.push(push('a'), push('d'))
    expect(await worker.until(5)).toEqual(['a', 'b', 'c', 'a', 'd'])
  })

  it('runs lower priorities first, and delayed ones when their time has come', async () => {
    const queue = open()
    await queue.push(
      push('delayed', { priority: 3, delayMs: 300 }),
      push('nightly', { priority: 7 }),
      push('hand', { priority: 5 }),
      push('mail', { priority: 6 }),
    )
    const worker = await start()
    expect(await worker.until(4)).toEqual(['hand', 'mail', 'nightly', 'delayed'])
  })

  it('takes ids of digits alone, and none with a colon', async () => {
    const queue = open()
    await queue.push(push('1234567890123456'))
    await expect(queue.push(push('a:b'))).rejects.toThrow('a colon in the job id a:b')
    expect(await (await start()).until(1)).toEqual(['1234567890123456'])
  })

  it('takes a thousand at once', async () => {
    const queue = open()
    await queue.push(...Array.from({ length: 1200 }, (_, i) => push(`t${i}`)))
    const worker = await start()
    expect(new Set(await worker.until(1200)).size).toBe(1200)
  })
})

describe('a fault', () => {
  it('soon: is tried again by itself', async () => {
    const worker = await start(async () => {
      if (worker.given.length === 1) throw new Fault('unreachable', 'soon', 'the guest is away')
    })
    await open().push(push('a'))
    expect(await worker.until(2)).toEqual(['a', 'a'])
    expect(logged).toEqual(['warn judge: the guest is away (trying again)'])
  })

  it('later: waits for minutes, and holds nothing up', async () => {
    const queue = open()
    const worker = await start(async ({ task }) => {
      if (task === 'a') throw new Fault('exhausted', 'later', 'the disk is full', { remedy: 'make room' })
    })
    await queue.push(push('a'))
    await worker.until(1)
    await queue.push(push('a'), push('b'))
    expect(await worker.until(2)).toEqual(['a', 'b'])
    expect(logged).toEqual(['warn judge: the disk is full. Remedy: make room (again in 1 min)'])
  })

  it('never: fails, and leaves room for a new push of the same id', async () => {
    const queue = open()
    const worker = await start(async ({ task }) => {
      if (task === 'a') throw new Fault('refused', 'never', 'not allowed')
    })
    await queue.push(push('a'), push('b'))
    await worker.until(2)
    await queue.push(push('a'), push('c'))
    expect(await worker.until(4)).toEqual(['a', 'b', 'a', 'c'])
    expect(logged).toEqual(Array(2).fill('error judge: not allowed'))
  })

  it('that is a bug: is logged with its stack, and the flow goes on', async () => {
    const queue = open()
    const worker = await start(async ({ task }) => {
      if (task === 'a') throw new TypeError('undefined is no series')
    })
    await queue.push(push('a'), push('b'))
    expect(await worker.until(2)).toEqual(['a', 'b'])
    expect(logged).toHaveLength(1)
    expect(logged[0]).toMatch(
      /a bug in the worker of judge: TypeError: undefined is no series\n\s+at .*queue\.test\.ts/,
    )
  })
})

describe('waking', () => {
  it('reaches everybody who listens, also after Redis was away', async () => {
    const queue = open()
    const heard = new EventEmitter()
    const listeners = ['a', 'b'].map(name => {
      const connection = connect()
      return listen({ connection, prefix, onWake: () => heard.emit(name) })
    })
    closings.unshift(async () => void (await Promise.all(listeners.map(one => one.close()))))
    const both = () => Promise.all([once(heard, 'a'), once(heard, 'b')])
    // They are connected.
    await both()
    for (const _ of [1, 2]) {
      const told = both()
      await queue.wake()
      await told
    }
    const back = both()
    process.kill(await serverPid(redis.socket), 'SIGKILL')
    await back
    const told = both()
    await queue.wake()
    await told
  })
})

describe('death', () => {
  it('of a worker process: another one does its job', async () => {
    const script = path.join(import.meta.dirname, 'queue-rival.ts')
    const rival = spawn(process.execPath, [script, redis.socket, prefix], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(rival, 'exit')
    await open().push(push('a'))
    const [line] = await once(createInterface(rival.stdout), 'line')
    expect(line).toBe('took a')
    const worker = await start(undefined, { timing: { lock: 600, check: 200 } })
    expect(worker.given).toEqual([])
    rival.kill('SIGKILL')
    await exited
    expect(await worker.until(1)).toEqual(['a'])
  })

  it('of Redis: it is started again, nothing crashes, and what is pushed runs', async () => {
    const queue = open()
    const worker = await start()
    await queue.push(push('before'))
    await worker.until(1)
    for (const task of ['first', 'second']) {
      const killed = await serverPid(redis.socket)
      process.kill(killed, 'SIGKILL')
      await queue.push(push(task))
      expect(await serverPid(redis.socket)).not.toBe(killed)
    }
    expect(await worker.until(3)).toEqual(['before', 'first', 'second'])
    expect(logged).toContain(`warn Redis not reachable at ${redis.socket}: connection lost; trying again`)
    expect(logged).toContain(`info Redis answers again at ${redis.socket}`)
  })

  it("of a handler's Redis: closing waits for the handler and not for Redis", async () => {
    const away = await startRedis()
    const events = new EventEmitter()
    const worker = await work('judge', {
      connection: connect(away.socket),
      prefix,
      concurrency: 1,
      log,
      handler: async () => {
        events.emit('begun')
        await once(events, 'end')
      },
    })
    const begun = once(events, 'begun')
    const queue = bullQueue({ connection: connect(away.socket), prefix })
    await queue.push(push('a'))
    await begun
    await away.stop()
    const closed = worker.close()
    events.emit('end')
    await closed
    await queue.close()
  })

  it('of Redis while BullMQ closes copies of a client: none of them is without a listener', async () => {
    const client = connect().open('patient')
    const copy = client.duplicate({ lazyConnect: true })
    const second = copy.duplicate({ lazyConnect: true })
    expect([copy, second].map(one => one.listenerCount('error'))).toEqual([1, 1])
    client.disconnect()
  })

  it('of nobody, but Redis was never there: a Fault names the place, and no password', async () => {
    const url = 'redis://bot:hunter2@127.0.0.1:1/0'
    const fault = await open(url)
      .push(push('a'))
      .catch(error => error)
    expect(fault).toMatchObject({ name: 'Fault', kind: 'unreachable', retry: 'soon' })
    expect(fault.message).toContain('Redis at 127.0.0.1:1: ')
    expect(`${fault.message} ${logged}`).not.toContain('hunter2')
    expect(logged.filter(line => line.includes('not reachable'))).toHaveLength(1)
  })

  it('of sense: an address that is none is refused without being shown', () => {
    for (const where of ['hunter2', 'http://bot:hunter2@host', 'redis://bot:hunter2@host:port']) {
      expect(() => connect(where)).toThrow(/^REDIS_URL is no URL of a Redis server$/)
    }
  })
})
