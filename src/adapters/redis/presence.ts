// A process's presence at the embedded Redis: one connection with a name, by which the users of the server are counted.
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Fault } from '../../model/fault.ts'

const presenceName = 'grapevine-presence'

export type Presence = {
  /** Process id of the server. */
  pid: number
  /** Resolves when the connection is over, whoever ended it. */
  gone: Promise<void>
  /** Shuts the server down if nobody else is present, and waits for its end; else only goes. */
  leave(): Promise<void>
}

const endOf = async (pid: number, patienceMs: number): Promise<boolean> => {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(10)) {
    try {
      process.kill(pid, 0)
    } catch {
      return true
    }
  }
  return false
}

const leave = async (client: Redis, pid: number, socket: string): Promise<void> => {
  try {
    // The name goes first: of several that leave at the same time, the last one to ask finds nobody.
    await client.client('SETNAME', '')
    const others = String(await client.client('LIST')).includes(` name=${presenceName} `)
    if (others) return
    // It answers nothing, it just ends; an answer is an error.
    await client.shutdown('NOSAVE')
  } catch (cause) {
    if (!/connection is closed|stream isn't writeable|timed out/i.test(String(cause))) {
      throw new Fault('refused', 'later', `redis-server at ${socket} does not shut down: ${String(cause)}`, {
        cause,
      })
    }
  } finally {
    client.disconnect()
  }
  if (await endOf(pid, 20_000)) return
  throw new Fault('timeout', 'later', `redis-server at ${socket} was told to shut down and still runs`, {
    remedy: `end process ${pid}`,
  })
}

/** Connects to the server behind a unix socket; undefined if nobody (or nobody who is ready yet) answers there. */
export const meet = async (socket: string): Promise<Presence | undefined> => {
  const client = new Redis(socket, {
    lazyConnect: true,
    connectionName: presenceName,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    connectTimeout: 2000,
    commandTimeout: 10_000,
  })
  client.on('error', () => {})
  const gone = new Promise<void>(resolve => client.once('end', resolve))
  try {
    await client.connect()
    await client.ping()
    const pid = Number(/^process_id:(\d+)/m.exec(await client.info('server'))?.[1])
    // To be present must not keep the process alive.
    client.stream.unref()
    return { pid, gone, leave: () => leave(client, pid, socket) }
  } catch {
    client.disconnect()
    return undefined
  }
}
