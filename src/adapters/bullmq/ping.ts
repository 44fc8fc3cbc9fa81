// Does Redis answer? Asked by who watches it. Beside the flow.
import type { Millis } from '../../model/instant.ts'
import { closeClient, type RedisConnection, redisFault } from './connection.ts'

/** Writes and reads nothing. Throws a Fault, after some seconds at the latest: unreachable, refused, exhausted. */
export const pingRedis = async (connection: RedisConnection, timeoutMs: Millis = 5_000): Promise<void> => {
  const client = connection.open('impatient')
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('it does not answer')), timeoutMs)
  try {
    await Promise.race([client.ping(), late])
  } catch (error) {
    throw redisFault(error, connection.where)
  } finally {
    clearTimeout(timer)
    await closeClient(client)
  }
}
