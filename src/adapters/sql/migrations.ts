// The schema and its history. A version is never changed once released: the next one is added below it.
import { sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { Fault } from '../../model/fault.ts'
import { affectsNothing, type Incident } from '../../model/incident.ts'
import type { Series } from '../../model/series.ts'
import { troubleRules } from '../../model/trouble.ts'
import { authorKeysOf } from './columns.ts'
import { type AnyDb, type Flavour, tableMaker } from './make-table.ts'
import { pageTables } from './page-tables.ts'
import { type Progress, progressBy } from './progress.ts'
import type { Db } from './tables.ts'

type Versions = Record<string, Migration>

const mailTables = async (db: AnyDb, flavour: Flavour) => {
  await tableMaker(
    db,
    flavour,
  )('mail')
    .addColumn('id', 'text', column => column.notNull())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('arrived_at', 'bigint', column => column.notNull())
    .addColumn('message_id', 'text')
    .addColumn('disposition_kind', 'text', column => column.notNull())
    .addColumn('disposition', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .addUniqueConstraint('mail_once', ['id', 'project'])
    .execute()
  await db.schema
    .createTable('source_cursor')
    .addColumn('source', 'text', column => column.primaryKey())
    .addColumn('value', 'text', column => column.notNull())
    .execute()
}

const seriesTables = async (db: AnyDb, flavour: Flavour) => {
  await tableMaker(
    db,
    flavour,
  )('series')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('first_at', 'bigint', column => column.notNull())
    .addColumn('last_at', 'bigint', column => column.notNull())
    .addColumn('due_at', 'bigint')
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await db.schema
    .createTable('series_message')
    .addColumn('series', 'text', column => column.notNull())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('message_id', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('series_message_once', ['series', 'message_id'])
    .execute()
}

const jobTables = async (db: AnyDb, flavour: Flavour) => {
  const table = tableMaker(db, flavour)
  await table('job')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('series', 'text')
    .addColumn('created_at', 'bigint', column => column.notNull())
    .addColumn('judged', 'integer', column => column.notNull().defaultTo(0))
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('task')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('job', 'text', column => column.notNull())
    .addColumn('priority', 'integer', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('state_key', 'text', column => column.notNull())
    .addColumn('state', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('run')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('task', 'text', column => column.notNull())
    .addColumn('attempt', 'integer', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
}

const verdictTables = async (db: AnyDb, flavour: Flavour) => {
  const table = tableMaker(db, flavour)
  await table('verdict')
    .addColumn('series', 'text', column => column.notNull())
    .addColumn('job', 'text', column => column.notNull())
    .addColumn('decided_at', 'bigint', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .addUniqueConstraint('verdict_once', ['series', 'job'])
    .execute()
  await table('reply')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('series', 'text', column => column.notNull())
    .addColumn('message_id', 'text', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('state_key', 'text', column => column.notNull())
    .addColumn('state', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
}

const firstIndexes: [name: string, table: string, columns: string[]][] = [
  ['mail_by_message_id', 'mail', ['message_id', 'project', 'arrived_at', 'seq']],
  ['mail_by_arrival', 'mail', ['arrived_at', 'seq']],
  ['mail_by_project', 'mail', ['project', 'arrived_at', 'seq']],
  ['mail_by_kind', 'mail', ['disposition_kind', 'arrived_at', 'seq']],
  ['mail_by_project_kind', 'mail', ['project', 'disposition_kind', 'arrived_at', 'seq']],
  ['series_by_first', 'series', ['first_at', 'seq']],
  ['series_by_project', 'series', ['project', 'first_at', 'seq']],
  ['series_by_state', 'series', ['state_at', 'first_at', 'seq']],
  ['series_by_project_state', 'series', ['project', 'state_at', 'first_at', 'seq']],
  ['series_by_last', 'series', ['project', 'last_at']],
  ['series_by_due', 'series', ['due_at']],
  ['series_message_by_id', 'series_message', ['project', 'message_id']],
  ['job_by_series', 'job', ['series', 'created_at', 'seq']],
  ['job_by_judged', 'job', ['judged', 'created_at', 'seq']],
  ['task_by_job', 'task', ['job']],
  ['task_by_state', 'task', ['state_at', 'priority', 'seq']],
  ['run_by_task', 'run', ['task', 'attempt', 'seq']],
  ['reply_by_series', 'reply', ['series', 'seq']],
  ['reply_by_state', 'reply', ['state_at', 'seq']],
  ['reply_by_message_id', 'reply', ['message_id']],
]

const farmTables = async (db: AnyDb, flavour: Flavour) => {
  await db.schema
    .createTable('host')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await db.schema
    .createTable('hold')
    .addColumn('on_key', 'text', column => column.primaryKey())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await tableMaker(
    db,
    flavour,
  )('incident')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('trouble', 'text', column => column.notNull())
    .addColumn('host', 'text', column => column.notNull())
    .addColumn('about', 'text', column => column.notNull())
    .addColumn('open', 'integer', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  // One of a kind may be open, whoever says it.
  await sql`create unique index incident_open on incident (trouble, host, about) where open = 1`.execute(db)
}

const authorKeys = (data: string): { author_address: string; author_name: string | null } => {
  const { author } = JSON.parse(data) as Pick<Series, 'author'>
  return authorKeysOf(author)
}

/** What series are searched by: who wrote them, and what they say that they come after. */
const seriesSearch = async (db: AnyDb) => {
  for (const column of ['change_id', 'author_address', 'author_name'])
    await db.schema.alterTable('series').addColumn(column, 'text').execute()
  await db.schema
    .createTable('series_dependency')
    .addColumn('series', 'text', column => column.notNull())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('key', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('series_dependency_once', ['series', 'key'])
    .execute()
  for (let last = ''; ; ) {
    const { rows } = await sql<{ id: string; data: string }>`
      select id, data from series where id > ${last} order by id limit 500`.execute(db)
    for (const { id, data } of rows) {
      const { author_address, author_name } = authorKeys(data)
      await sql`update series set author_address = ${author_address}, author_name = ${author_name}
        where id = ${id}`.execute(db)
    }
    const end = rows.at(-1)
    if (end === undefined) return
    last = end.id
  }
}

/** Mail that says no verdict, and what is known of those who write. */
const mailOutTables = async (db: AnyDb, flavour: Flavour) => {
  const { schema } = db
  await schema.alterTable('mail').addColumn('patch_id', 'text').execute()
  await seriesSearch(db)
  await schema
    .alterTable('series')
    .addColumn('replaced_by', 'text', column => column.notNull().defaultTo(''))
    .execute()
  await tableMaker(
    db,
    flavour,
  )('digest_line')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('digest', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await schema
    .alterTable('reply')
    .addColumn('kind', 'text', column => column.notNull().defaultTo('verdict'))
    .execute()
  await schema
    .alterTable('reply')
    .addColumn('thread', 'text', column => column.notNull().defaultTo(''))
    .execute()
  await schema
    .alterTable('reply')
    .addColumn('created_at', 'bigint', column => column.notNull().defaultTo(0))
    .execute()
  await schema
    .createTable('reply_recipient')
    .addColumn('reply', 'text', column => column.notNull())
    .addColumn('address', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('reply_recipient_once', ['reply', 'address'])
    .execute()
  await schema
    .createTable('address')
    .addColumn('address', 'text', column => column.primaryKey())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await schema
    .createTable('author')
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('address', 'text', column => column.notNull())
    .addColumn('first_at', 'bigint', column => column.notNull())
    .addColumn('signed', 'integer', column => column.notNull().defaultTo(0))
    .addPrimaryKeyConstraint('author_once', ['project', 'address'])
    .execute()
  await tableMaker(
    db,
    flavour,
  )('command')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('mail', 'text', column => column.notNull())
    .addColumn('sender', 'text', column => column.notNull())
    .addColumn('series', 'text', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('created_at', 'bigint', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  const indexes: [name: string, table: string, columns: string[]][] = [
    ['mail_by_patch_id', 'mail', ['patch_id', 'project']],
    ['series_by_change_id', 'series', ['change_id', 'project']],
    ['series_by_author', 'series', ['project', 'author_address', 'last_at']],
    ['series_by_author_name', 'series', ['project', 'author_name', 'last_at']],
    ['series_dependency_by_key', 'series_dependency', ['project', 'key']],
    ['series_by_replaced', 'series', ['replaced_by']],
    ['digest_line_waiting', 'digest_line', ['digest', 'project', 'at']],
    ['reply_by_created', 'reply', ['created_at']],
    ['reply_by_thread', 'reply', ['thread', 'created_at']],
    ['reply_recipient_by_address', 'reply_recipient', ['address']],
    ['command_by_state', 'command', ['state_at', 'created_at', 'seq']],
    ['command_by_mail', 'command', ['mail', 'seq']],
    ['command_by_sender', 'command', ['sender', 'created_at']],
    ['command_by_series', 'command', ['series', 'created_at']],
  ]
  for (const [name, table, columns] of indexes)
    await schema.createIndex(name).on(table).columns(columns).execute()
}

/** What tests did so far, what is about to be said of patches, and failures that are known. */
const proofTables = async (db: AnyDb, flavour: Flavour) => {
  const table = tableMaker(db, flavour)
  await table('sample')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('image', 'text', column => column.notNull())
    .addColumn('step', 'text', column => column.notNull())
    .addColumn('patched', 'integer', column => column.notNull())
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('blame')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('known_failure')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  const indexes: [name: string, table: string, columns: string[]][] = [
    ['sample_by_step', 'sample', ['project', 'image', 'step', 'at', 'seq']],
    ['sample_by_project', 'sample', ['project', 'at', 'seq']],
    ['sample_by_time', 'sample', ['at']],
    ['blame_by_project', 'blame', ['project', 'at', 'seq']],
    ['known_failure_by_project', 'known_failure', ['project', 'state_at', 'seq']],
  ]
  for (const [name, where, columns] of indexes)
    await db.schema.createIndex(name).on(where).columns(columns).execute()
}

/** Incidents learn more; windows of maintenance, power, and what goes to bugs and comes from there. */
const noticeTables = async (db: AnyDb, flavour: Flavour) => {
  const { schema } = db
  await schema.alterTable('incident').addColumn('resolved_at', 'bigint').execute()
  const { rows } = await sql<{ id: string; data: string }>`select id, data from incident`.execute(db)
  for (const { id, data } of rows) {
    const grown = grownIncident(JSON.parse(data) as Incident)
    await sql`update incident set data = ${JSON.stringify(grown)}, resolved_at = ${grown.resolved?.at ?? null}
      where id = ${id}`.execute(db)
  }
  // Of runs that ended before, nobody asks.
  await schema.alterTable('run').addColumn('ended_at', 'bigint').execute()
  await schema.alterTable('run').addColumn('gist', 'text').execute()
  const table = tableMaker(db, flavour)
  await table('maintenance')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('starts_at', 'bigint', column => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('host_request')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('host', 'text', column => column.notNull())
    .addColumn('open', 'integer', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('power_action')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('host', 'text', column => column.notNull())
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await bugTables(db, flavour)
  await schema
    .alterTable('series')
    .addColumn('names_bugs', 'integer', column => column.notNull().defaultTo(0))
    .execute()
  const indexes: [name: string, table: string, columns: string[]][] = [
    ['incident_by_resolved', 'incident', ['open', 'resolved_at']],
    ['run_by_end', 'run', ['ended_at']],
    ['maintenance_by_end', 'maintenance', ['ended_at', 'starts_at']],
    ['host_request_open', 'host_request', ['open', 'host']],
    ['power_action_by_time', 'power_action', ['at']],
    ['series_naming_bugs', 'series', ['names_bugs', 'project', 'last_at']],
    ['bug_write_by_state', 'bug_write', ['state_at', 'seq']],
    ['bug_write_by_bug', 'bug_write', ['bug', 'seq']],
    ['bug_write_by_series', 'bug_write', ['series', 'seq']],
    ['bug_link_by_bug', 'bug_link', ['bug', 'comment']],
    ['bug_track_by_thread', 'bug_track', ['thread']],
    ['bug_track_by_state', 'bug_track', ['state_at', 'bug']],
  ]
  for (const [name, where, columns] of indexes)
    await schema.createIndex(name).on(where).columns(columns).execute()
}

const bugTables = async (db: AnyDb, flavour: Flavour) => {
  const table = tableMaker(db, flavour)
  await table('bug_write')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('bug', 'text', column => column.notNull())
    .addColumn('series', 'text', column => column.notNull())
    .addColumn('kind', 'text', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('state_key', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('bug_link')
    .addColumn('tracker', 'text', column => column.notNull())
    .addColumn('bug', 'text', column => column.notNull())
    .addColumn('comment', 'bigint', column => column.notNull())
    .addColumn('message_id', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .addUniqueConstraint('bug_link_by_comment', ['tracker', 'bug', 'comment'])
    .addUniqueConstraint('bug_link_by_message', ['message_id', 'bug'])
    .execute()
  await table('bug_track')
    .addColumn('bug', 'text', column => column.notNull())
    .addColumn('thread', 'text', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .addUniqueConstraint('bug_track_once', ['bug', 'thread'])
    .execute()
}

/** One of before, with what it did not know. */
const grownIncident = (old: Incident): Incident => ({
  ...old,
  state: old.resolved === undefined ? { at: 'open' } : { at: 'resolved' },
  severity: troubleRules[old.trouble]?.severity ?? 'minor',
  affects: { ...affectsNothing, hosts: old.host === undefined ? [] : [old.host] },
  flaps: 0,
  log: [],
})

/** All versions, by name in order. `progress` hears how far what takes long has come. */
export const versions = (flavour: Flavour, progress: Progress = () => {}): Versions => ({
  '0001-start': {
    up: async (db: AnyDb) => {
      for (const make of [mailTables, seriesTables, jobTables, verdictTables]) await make(db, flavour)
      for (const [name, table, columns] of firstIndexes) {
        await db.schema.createIndex(name).on(table).columns(columns).execute()
      }
    },
  },
  '0002-farm': { up: (db: AnyDb) => farmTables(db, flavour) },
  '0003-mail': { up: (db: AnyDb) => mailOutTables(db, flavour) },
  '0004-proof': { up: (db: AnyDb) => proofTables(db, flavour) },
  '0005-notices': { up: (db: AnyDb) => noticeTables(db, flavour) },
  '0006-pages': { up: (db: AnyDb) => pageTables(db, flavour, progress) },
})

const refuseNewer = async (migrator: Migrator, db: Db, where: string) => {
  const known = (await migrator.getMigrations()).map(version => version.name)
  const there = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  const foreign = there.rows.map(row => row.name).filter(name => !known.includes(name))
  if (foreign.length === 0) return
  throw new Fault(
    'refused',
    'never',
    `database ${where}: made by a newer Grapevine (schema ${foreign.at(-1)}; this one knows ${known.at(-1)})`,
    { remedy: 'start the newer Grapevine, or go back to the backup from before the update' },
  )
}

/** PostgreSQL refuses everything after the first error in a transaction, and Kysely reports what came last: keep the first. */
const keepingFirstError = (known: Versions) => {
  const seen: { error?: unknown } = {}
  const entries = Object.entries(known).map(([name, { up }]) => {
    const recording: Migration = {
      up: db =>
        up(db).catch((error: unknown) => {
          seen.error ??= error
          throw error
        }),
    }
    return [name, recording] as const
  })
  return { seen, provider: { getMigrations: async (): Promise<Versions> => Object.fromEntries(entries) } }
}

const upgrading = (where: string, due: readonly { name: string }[]): string =>
  `database ${where}: what an older Grapevine kept is brought up to date (${due.map(({ name }) => name).join(', ')})`

/** The number is only ours; it has no meaning. */
const lockKey = sql.lit(7_265_742_021)

const takeTurn = async (transaction: Db, where: string, tell: (line: string) => void): Promise<void> => {
  const { rows } = await sql<{
    taken: boolean
  }>`select pg_try_advisory_xact_lock(${lockKey}) as taken`.execute(transaction)
  if (rows[0]?.taken) return
  const timer = setTimeout(
    () => tell(`database ${where}: waiting for another process, which changes it`),
    3_000,
  )
  try {
    await sql`select pg_advisory_xact_lock(${lockKey})`.execute(transaction)
  } finally {
    clearTimeout(timer)
  }
}

/** Brings a database to the newest of `known`, in one transaction that no other process can interleave with: cut off at any point, it
 *  is as it was before, and the next call begins anew. `tell` hears of it, if there is something to be changed; and how far it is.
 *  Throws Fault refused/never if the database is newer than this program; library errors go through as they are. */
export const migrate = async (
  db: Db,
  options: { flavour: Flavour; where: string; known?: Versions; tell?: (line: string) => void },
): Promise<void> => {
  const { tell = () => {} } = options
  const known = options.known ?? versions(options.flavour, progressBy(tell))
  let isOlder = false
  await db.transaction().execute(async transaction => {
    // SQLite's "begin immediate" locks out others by itself.
    if (options.flavour === 'postgres') await takeTurn(transaction, options.where, tell)
    const { provider, seen } = keepingFirstError(known)
    const migrator = new Migrator({ db: transaction, provider })
    const tables = await transaction.introspection.getTables({ withInternalKyselyTables: true })
    if (tables.some(table => table.name === 'kysely_migration')) {
      await refuseNewer(migrator, transaction, options.where)
      const due = (await migrator.getMigrations()).filter(({ executedAt }) => executedAt === undefined)
      isOlder = due.length > 0
      if (isOlder) tell(`${upgrading(options.where, due)}; that may take minutes, and can be broken off`)
    }
    const { error } = await migrator.migrateToLatest()
    if (error) throw seen.error ?? error
  })
  if (isOlder) tell(`database ${options.where}: it is up to date`)
}
