// The way to Redis, for the queue and its workers: clients that find back by themselves, and one log line when it is away.
import { Redis } from 'ioredis'
import { Fault } from '../../model/fault.ts'
import type { Log } from '../../ports/log.ts'

/** Each user opens clients of its own and closes them. */
export type RedisConnection = {
  /** For messages: path or host:port, never a password. */
  where: string
  /** patient: commands wait for as long as Redis is away. impatient: they fail after some seconds. */
  open(manner: 'patient' | 'impatient'): Redis
}

const name = (where: string): string => {
  if (where.startsWith('/')) return where
  try {
    const { protocol, hostname, port } = new URL(where)
    if ((protocol === 'redis:' || protocol === 'rediss:') && hostname !== '')
      return `${hostname}:${port || 6379}`
  } catch {
    // The library's error quotes the password.
  }
  throw new Fault('refused', 'never', 'REDIS_URL is no URL of a Redis server', {
    remedy: 'write it as redis://user:password@host:6379/0, or as the path of a unix socket',
  })
}

/** One line when it goes away (and when the reason changes), one when it is back: however many clients notice it. */
const watch = (where: string, log: Log) => {
  let trouble: string | undefined
  return (client: Redis) => {
    let last = 'connection lost'
    // Without this listener the process would end.
    client.on('error', (error: Error & { code?: string }) => {
      last = error.message || error.code || last
    })
    client.on('reconnecting', () => {
      if (trouble === undefined) log('warn', `Redis not reachable at ${where}: ${last}; trying again`)
      else if (trouble !== last && last !== 'connection lost') {
        log('warn', `Redis still not reachable at ${where}: ${last}`)
      }
      trouble = last
    })
    client.on('ready', () => {
      last = 'connection lost'
      if (trouble !== undefined) log('info', `Redis answers again at ${where}`)
      trouble = undefined
    })
  }
}

/** BullMQ makes copies of a client, and takes its listener away before it closes them: ioredis then writes errors to the console by itself. */
const quietCopies = (client: Redis): void => {
  const duplicate = client.duplicate.bind(client)
  client.duplicate = options => {
    const copy = duplicate(options)
    copy.on('error', () => {})
    quietCopies(copy)
    return copy
  }
}

/** `where`: path of a unix socket, or a redis:// URL. Connects to nothing yet. Throws Fault refused/never for anything else. */
export const redisConnection = ({ where, log }: { where: string; log: Log }): RedisConnection => {
  const shown = name(where)
  const follow = watch(shown, log)
  return {
    where: shown,
    open(manner) {
      const client = new Redis(where, {
        maxRetriesPerRequest: manner === 'patient' ? null : 8,
        retryStrategy: times => Math.min(times * 150, 1000),
        connectTimeout: 5000,
      })
      follow(client)
      quietCopies(client)
      return client
    },
  }
}

/** Ends a client, politely if Redis is there. */
export const closeClient = async (client: Redis): Promise<void> => {
  if (client.status === 'ready') await client.quit().catch(() => {})
  client.disconnect()
}

/** The Fault for what Redis or the way to it answered. */
export const redisFault = (error: unknown, where: string): Fault => {
  const said = error instanceof Error ? error.message : String(error)
  const text = /max retries per request/i.test(said) ? 'it does not answer' : said
  const message = `Redis at ${where}: ${text}`
  if (/^(OOM|MISCONF)/.test(text)) {
    return new Fault('exhausted', 'later', message, {
      cause: error,
      remedy: 'make room: Redis has no memory or disk left',
    })
  }
  if (/^(NOAUTH|WRONGPASS|NOPERM|READONLY)/.test(text)) {
    return new Fault('refused', 'later', message, { cause: error, remedy: 'check REDIS_URL' })
  }
  return new Fault('unreachable', 'soon', message, { cause: error, remedy: 'see that Redis runs' })
}
