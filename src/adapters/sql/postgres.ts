// PostgreSQL, where DATABASE_URL names one.
import { type Dialect, PostgresDialect } from 'kysely'
import pg from 'pg'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'

// int8 stands for instants, counts and sequence numbers here: all far below 2^53.
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

/** host:port/database of a URL: never the user's password. Throws Fault refused/never if it is no URL of PostgreSQL. */
export const placeOf = (url: string): string => {
  try {
    if (!/^postgres(ql)?:\/\//.test(url)) throw new Error('not a URL of PostgreSQL')
    const { host, port, database } = new pg.Client({ connectionString: url })
    return `${host}:${port}/${database ?? ''}`
  } catch (cause) {
    // A file that it names, like sslrootcert.
    if (cause instanceof Error && 'path' in cause)
      throw new Fault('refused', 'never', `DATABASE_URL names a file that cannot be read: ${cause.message}`)
    // The library's message may quote the URL and the password in it: it goes no further.
    throw new Fault('refused', 'never', 'DATABASE_URL is no URL of a PostgreSQL database', {
      remedy: 'write it as postgres://user:password@host:5432/database',
      ...(cause instanceof Fault ? { cause } : {}),
    })
  }
}

/** A host that vanished without a word must not hang a worker for ever. */
const queryMs: Millis = 120_000

/** A pool of connections to the PostgreSQL of that URL. `where` is what messages call it. Connects at the first query. */
export const postgres = (
  url: string,
  { patienceMs = queryMs }: { patienceMs?: Millis } = {},
): { dialect: Dialect; where: string } => {
  const where = placeOf(url)
  const pool = new pg.Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    query_timeout: patienceMs,
    idle_in_transaction_session_timeout: 120_000,
    application_name: 'grapevine',
    types,
  })
  // A connection that breaks is replaced by the pool. Without a listener the process would end: the pool's own is for idle
  // connections only, and one that is in use can break twice, in its query and after it.
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return { where, dialect: new PostgresDialect({ pool }) }
}

const remedies = {
  reach: 'see that the server runs and that DATABASE_URL names it',
  login: 'check user and password in DATABASE_URL, and pg_hba.conf of the server',
  rights: 'give that user the right to make tables in the database (GRANT CREATE ON SCHEMA public)',
  tls: 'let the server speak TLS (ssl = on), or leave sslmode out of DATABASE_URL',
  certificate:
    'see that the certificate of the server is valid; sslrootcert in DATABASE_URL names an authority of your own',
  standby: 'the server takes no writes: name the primary in DATABASE_URL',
  backup: 'restore the database from a backup',
}

/** Trouble and no bug of ours, by SQLSTATE or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const states: [start: string, kind: Fault['kind'], retry: Fault['retry'], remedy: string | undefined][] = [
  ['08', 'unreachable', 'soon', remedies.reach],
  // After a failover it may become the primary, or the address lead to another one.
  ['25006', 'unreachable', 'later', remedies.standby],
  ['25P03', 'timeout', 'soon', undefined],
  ['28', 'refused', 'never', remedies.login],
  ['3D000', 'refused', 'never', 'make the database first: createdb NAME'],
  ['40', 'timeout', 'soon', undefined],
  ['42501', 'refused', 'never', remedies.rights],
  ['53100', 'exhausted', 'later', 'make room on the disk of the PostgreSQL server'],
  ['53', 'exhausted', 'later', 'see the log of the PostgreSQL server'],
  ['55P03', 'timeout', 'soon', undefined],
  ['57014', 'timeout', 'soon', undefined],
  ['57P', 'unreachable', 'soon', remedies.reach],
  ['58', 'exhausted', 'later', 'see the log of the PostgreSQL server'],
  ['XX001', 'damaged', 'never', remedies.backup],
  ['XX002', 'damaged', 'never', remedies.backup],
]

// pg gives these no code.
const lostMessages =
  /connection terminated|timeout exceeded when trying to connect|connection error and is not queryable|error establishing an SSL connection/i
const noTls = /server does not support SSL connections/i
const tlsCodes = /CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|UNABLE_TO/

/** The server at that place only follows another one. */
export const standbyFault = (where: string): Fault =>
  new Fault('unreachable', 'later', `database ${where}: it is a standby`, { remedy: remedies.standby })

const codeOf = (error: Error) => ('code' in error && typeof error.code === 'string' ? error.code : undefined)

/** Two transactions waited for each other and this one had to give way: the same again works. */
export const postgresGaveWay = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && (error.code === '40P01' || error.code === '40001')

/** The Fault for an error of PostgreSQL or of the way to it; undefined if it is none of those. */
export const postgresFault = (error: unknown, where: string): Fault | undefined => {
  if (!(error instanceof Error)) return undefined
  const text = error.message || codeOf(error) || 'no connection'
  const message = `database ${where}: ${text}`
  if (error instanceof pg.DatabaseError) {
    const state = states.find(([start]) => error.code?.startsWith(start))
    if (!state) return undefined
    const [, kind, retry, remedy] = state
    return new Fault(kind, retry, message, { cause: error, ...(remedy === undefined ? {} : { remedy }) })
  }
  if (/^query read timeout$/i.test(error.message))
    return new Fault('timeout', 'soon', message, { cause: error })
  if (noTls.test(error.message)) return new Fault('refused', 'never', message, { remedy: remedies.tls })
  if (tlsCodes.test(codeOf(error) ?? ''))
    return new Fault('unreachable', 'later', message, { cause: error, remedy: remedies.certificate })
  // A code beside a system call, or the several of an AggregateError: the network.
  if ('syscall' in error || error instanceof AggregateError || lostMessages.test(error.message)) {
    return new Fault('unreachable', 'soon', message, { cause: error, remedy: remedies.reach })
  }
  return undefined
}
