// One bot for a PostgreSQL: a lock of the server's own, held by a connection that does nothing else. Who dies lets go of it at once.
import { Socket } from 'node:net'
import pg from 'pg'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { placeOf, postgresFault, standbyFault } from './postgres.ts'

/** The number is only ours; it has no meaning. */
const key = 7_265_742_022
const half = 2 ** 32
const pingEveryMs: Millis = 15_000
/** So long a server has to take note that we go: it may be gone itself. */
const farewellMs: Millis = 1_000

export type Sole = {
  /** Resolves when the connection is gone, and the lock with it; also after `release`. */
  gone: Promise<void>
  release(): Promise<void>
}

/** Somebody else has it: its name, and since when it is connected; undefined: the server does not say. */
export type Taken = { name: string | undefined; since: Date | undefined }

type Row = { application_name: string | null; backend_start: Date | null }

/** undefined: it let go of it in this moment. */
const holderOf = async (client: pg.Client): Promise<Taken | undefined> => {
  const { rows } = await client.query<Row>(
    `select application_name, backend_start from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and classid = $1 and objid = $2
       and database = (select oid from pg_database where datname = current_database())`,
    [Math.floor(key / half), key % half],
  )
  const [one] = rows
  return one && { name: one.application_name || undefined, since: one.backend_start ?? undefined }
}

/** A server that is not told of the end of our machine finds it out within half a minute; nor may it end what is idle. */
const settings = [
  ['tcp_keepalives_idle', '10'],
  ['tcp_keepalives_interval', '5'],
  ['tcp_keepalives_count', '3'],
  ['idle_session_timeout', '0'],
]

/** A client, and how to end it. */
type Line = { client: pg.Client; leave(): Promise<void> }

const lineTo = (url: string, name: string): Line => {
  const socket = new Socket()
  const client = new pg.Client({
    ...{ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 10_000, keepAlive: true },
    application_name: name.slice(0, 63),
    stream: () => socket,
  })
  // What happens to it is told by `end`.
  client.on('error', () => {})
  return {
    client,
    async leave() {
      const timer = setTimeout(() => socket.destroy(), farewellMs)
      await client.end().catch(() => {})
      clearTimeout(timer)
    },
  }
}

const hold = ({ client, leave }: Line): Sole => {
  let end = () => {}
  const gone = new Promise<void>(resolve => {
    end = resolve
  })
  const release = async () => {
    clearInterval(timer)
    await leave()
    end()
  }
  // Without it, a way that was cut without a word would look like an idle one for ever.
  const timer = setInterval(() => client.query('select 1').catch(release), pingEveryMs)
  client.once('end', () => {
    clearInterval(timer)
    end()
  })
  return { gone, release }
}

/** A lock of a standby keeps nobody off the primary: after a failover, an address may lead there for a while. */
const refuseStandby = async (client: pg.Client, where: string): Promise<void> => {
  const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
  if (rows[0]?.standby) throw standbyFault(where)
}

/** Who had it may end between the two questions: then it is asked for again, so often. */
const mostTries = 5

const tryLock = async (line: Line): Promise<Sole | Taken> => {
  const { client } = line
  for (let tries = 1; ; tries++) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [key])
    if (rows[0]?.taken) return hold(line)
    const taken = await holderOf(client)
    if (taken !== undefined) return taken
    if (tries === mostTries) return { name: undefined, since: undefined }
  }
}

/** Tries once. `name`: of this process, for whoever finds it taken. Faults: as those of the store. */
export const takeSole = async (url: string, name: string): Promise<Sole | Taken> => {
  const where = placeOf(url)
  const line = lineTo(url, name)
  const { client, leave } = line
  try {
    await client.connect()
    // What an older server does not know is left out.
    for (const [setting, value] of settings)
      await client.query(
        'select set_config(name, $2, false) from pg_settings where name = $1 and context = $3',
        [setting, value, 'user'],
      )
    await refuseStandby(client, where)
    const found = await tryLock(line)
    if (!('gone' in found)) await leave()
    return found
  } catch (error) {
    await leave()
    if (error instanceof Fault) throw error
    throw postgresFault(error, where) ?? error
  }
}
