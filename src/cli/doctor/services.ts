// The doctor's look at what Grapevine connects to: Redis, the database, the way that mail leaves.
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Log } from '../../ports/log.ts'
import { bad, type Check, fine } from './check.ts'
import { mailOutChecks } from './mail-out.ts'

const deadlineMs = 15_000
const quiet: Log = () => {}

const askRedis = async (url: string) => {
  const { closeClient, redisConnection, redisFault } = await import('../../adapters/bullmq/connection.ts')
  const connection = redisConnection({ where: url, log: quiet })
  const client = connection.open('impatient')
  // The rejected ping only says that it was tried often enough.
  let last: Error | undefined
  client.on('error', error => {
    last = error
  })
  try {
    await client.ping()
    return fine(`answers at ${connection.where}`)
  } catch (error) {
    throw redisFault(last ?? error, connection.where)
  } finally {
    await closeClient(client)
  }
}

const askPostgres = async (url: string) => {
  const { probePostgres } = await import('../../adapters/sql/probe.ts')
  return fine(await probePostgres(url))
}

const askSqlite = async (config: Config) => {
  const file = join(config.data, 'grapevine.sqlite')
  const state = await access(file, constants.R_OK | constants.W_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  )
  if (state === undefined) return fine(`embedded, ${file}`)
  if (state === 'ENOENT') return fine(`embedded; ${file} is made at the first start`)
  return bad(`${file} may not be read and written`, 'Give it to the user that runs this.')
}

export const serviceChecks = (config: Config): Check[] => {
  const redis = config.redisUrl?.reveal()
  const database = config.databaseUrl?.reveal()
  return [
    ...(redis === undefined ? [] : [{ name: 'Redis', deadlineMs, ask: () => askRedis(redis) }]),
    {
      name: 'database',
      deadlineMs,
      ask: () => (database === undefined ? askSqlite(config) : askPostgres(database)),
    },
    ...mailOutChecks(config),
  ]
}
