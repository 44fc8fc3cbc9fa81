// The embedded database: one SQLite file that the bot, its workers and the command line open at the same time.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { type Dialect, SqliteAdapter, SqliteDialect } from 'kysely'
import { Fault } from '../../model/fault.ts'

/** In SQLite a schema change is part of its transaction like any other; Kysely only assumes that it is not. */
class TransactionalDdl extends SqliteAdapter {
  override get supportsTransactionalDdl() {
    return true
  }
}

// Waiting inside SQLite blocks the event loop, and whoever holds the lock may be in this very process: wait there only
// for a moment, and for the rest of the time between two attempts.
const busyTimeoutMs = 40

const open = (file: string) => {
  const database = new DatabaseSync(file, { timeout: busyTimeoutMs })
  // FULL: what is committed survives a power cut. The limit keeps a burst from leaving a large -wal file for ever.
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'journal_size_limit = 67108864']) {
    database.exec(`PRAGMA ${pragma}`)
  }
  return database
}

/** node:sqlite in the shape that Kysely's driver expects, with prepared statements kept by their text. */
const forKysely = (database: DatabaseSync) => {
  const statements = new Map<string, StatementSync>()
  const prepare = (text: string) => {
    const known = statements.get(text)
    if (known) return known
    if (statements.size >= 200) statements.clear()
    const statement = database.prepare(text)
    statements.set(text, statement)
    return statement
  }
  return {
    close: () => {
      statements.clear()
      database.close()
    },
    prepare: (text: string) => {
      // A transaction that first reads and then writes fails halfway when another process wrote in between.
      const statement = prepare(text === 'begin' ? 'begin immediate' : text)
      const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[]
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...values(parameters)),
        run: (parameters: readonly unknown[]) => {
          // On a full disk SQLite has rolled back by itself; a second rollback would hide why.
          const over = text === 'rollback' && !database.isTransaction
          return over ? { changes: 0, lastInsertRowid: 0 } : statement.run(...values(parameters))
        },
        iterate: (parameters: readonly unknown[]) => statement.iterate(...values(parameters)),
      }
    },
  }
}

/** SQLite in `folder`, or in memory for `:memory:`. `where` is what messages call it. Opens at the first query. */
export const sqlite = (folder: string): { dialect: Dialect; where: string } => {
  const memory = folder === ':memory:'
  const where = memory ? 'in memory' : path.join(folder, 'grapevine.sqlite')
  const database = async () => {
    if (!memory) mkdirSync(folder, { recursive: true })
    return forKysely(open(memory ? ':memory:' : where))
  }
  const dialect = new SqliteDialect({ database })
  return {
    where,
    dialect: {
      createAdapter: () => new TransactionalDdl(),
      createDriver: () => dialect.createDriver(),
      createIntrospector: db => dialect.createIntrospector(db),
      createQueryCompiler: () => dialect.createQueryCompiler(),
    },
  }
}

type Trouble = {
  kind: Fault['kind']
  retry: Fault['retry']
  text?: string
  remedy?: (folder: string) => string
}

const locked: Trouble = { kind: 'timeout', retry: 'soon', text: 'another process keeps it locked' }
const noRights: Trouble = {
  kind: 'refused',
  retry: 'never',
  remedy: folder => `make the folder ${folder}, writable for this user`,
}
const damaged: Trouble = {
  kind: 'damaged',
  retry: 'never',
  remedy: () => 'restore it from a backup, together with its -wal file if there is one',
}
const full: Trouble = {
  kind: 'exhausted',
  retry: 'later',
  text: 'the disk is full',
  remedy: folder => `make room on the disk of ${folder}`,
}
const badDisk: Trouble = {
  kind: 'unreachable',
  retry: 'later',
  remedy: () => 'see the kernel log (dmesg) for errors of that disk',
}

/** The primary result codes of https://sqlite.org/rescode.html that are trouble and no bug of ours. */
const troubles: Record<number, Trouble> = {
  5: locked,
  6: locked,
  7: { kind: 'exhausted', retry: 'later' },
  8: noRights,
  10: badDisk,
  11: damaged,
  13: full,
  14: noRights,
  26: damaged,
}

/** The low byte of an extended result code is the primary one. */
const primaryCode = (error: Error): number | undefined =>
  'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined

const troubleOf = (error: Error): Trouble | undefined => {
  const code = primaryCode(error)
  if (code !== undefined) return troubles[code]
  // Not of SQLite, but of making its folder.
  if (!('syscall' in error) || !('code' in error)) return undefined
  return error.code === 'ENOSPC' ? full : noRights
}

/** Is it locked at this moment, so that the same again may work? */
export const sqliteIsBusy = (error: unknown): boolean =>
  error instanceof Error && troubles[primaryCode(error) ?? 0] === locked

/** The Fault for an error of SQLite or of making its folder; undefined if it is none of those. */
export const sqliteFault = (error: unknown, where: string): Fault | undefined => {
  if (!(error instanceof Error)) return undefined
  const trouble = troubleOf(error)
  if (!trouble) return undefined
  const remedy = trouble.remedy?.(path.dirname(where))
  return new Fault(trouble.kind, trouble.retry, `database ${where}: ${trouble.text ?? error.message}`, {
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  })
}
