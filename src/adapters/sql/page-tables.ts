// Version 0006 of the schema: pull requests and what is shown on a forge; who may do what on the pages, and what was done; webhooks of ours.
import { figureTables } from './figure-tables.ts'
import { lineTables } from './line-tables.ts'
import { type AnyDb, type Flavour, tableMaker } from './make-table.ts'
import type { Progress } from './progress.ts'
import { runBlobTables } from './run-blobs.ts'

export const pageTables = async (db: AnyDb, flavour: Flavour, progress: Progress): Promise<void> => {
  await forgeTables(db, flavour)
  await accessTables(db, flavour)
  await figureTables(db, flavour, progress)
  await lineTables(db, flavour, progress)
  await runBlobTables(db, progress)
  await db.schema
    .alterTable('series')
    .addColumn('touched', 'integer', column => column.notNull().defaultTo(0))
    .execute()
  const indexes: [name: string, table: string, columns: string[]][] = [
    ['pull_by_project', 'pull', ['project', 'state_at']],
    ['forge_event_by_state', 'forge_event', ['state_at', 'seq']],
    ['forge_event_by_time', 'forge_event', ['state_at', 'at']],
    ['shown_by_series', 'shown', ['series']],
    ['shown_by_kind', 'shown', ['kind', 'repository']],
    ['login_link_by_address', 'login_link', ['address', 'created_at']],
    ['audit_by_time', 'audit', ['at']],
    ['audit_by_about', 'audit', ['about', 'at']],
    ['hook_delivery_due', 'hook_delivery', ['due_at']],
    ['hook_delivery_by_state', 'hook_delivery', ['state_at', 'seq']],
    ['hook_delivery_by_time', 'hook_delivery', ['state_at', 'created_at']],
  ]
  for (const [name, where, columns] of indexes)
    await db.schema.createIndex(name).on(where).columns(columns).execute()
}

const forgeTables = async (db: AnyDb, flavour: Flavour) => {
  const table = tableMaker(db, flavour)
  await table('pull')
    .addColumn('repository', 'text', column => column.notNull())
    .addColumn('number', 'integer', column => column.notNull())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .addUniqueConstraint('pull_once', ['repository', 'number'])
    .execute()
  await table('forge_event')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('shown')
    .addColumn('place', 'text', column => column.notNull().unique())
    .addColumn('kind', 'text', column => column.notNull())
    .addColumn('repository', 'text', column => column.notNull())
    .addColumn('series', 'text', column => column.notNull())
    .addColumn('troubled', 'integer', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
}

const accessTables = async (db: AnyDb, flavour: Flavour) => {
  const table = tableMaker(db, flavour)
  await db.schema
    .createTable('session')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('expires_at', 'bigint', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await db.schema
    .createTable('login_link')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('address', 'text', column => column.notNull())
    .addColumn('created_at', 'bigint', column => column.notNull())
    .addColumn('expires_at', 'bigint', column => column.notNull())
    .addColumn('used', 'integer', column => column.notNull().defaultTo(0))
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('api_token')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('audit')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('about', 'text', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await table('hook_delivery')
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('state_key', 'text', column => column.notNull())
    .addColumn('due_at', 'bigint')
    .addColumn('created_at', 'bigint', column => column.notNull())
    .addColumn('data', 'text', column => column.notNull())
    .execute()
  await db.schema
    .createTable('queue_note')
    .addColumn('at', 'bigint', column => column.primaryKey())
    .addColumn('waiting', 'integer', column => column.notNull())
    .addColumn('running', 'integer', column => column.notNull())
    .execute()
}
