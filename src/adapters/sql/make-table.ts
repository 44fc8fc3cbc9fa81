// How the versions of the schema make tables, in both databases.
import type { ColumnDefinitionBuilder, Kysely } from 'kysely'

export type Flavour = 'sqlite' | 'postgres'

// The schema of a version is written without Tables: those describe the newest one.
export type AnyDb = Kysely<Record<string, never>>

/** A table whose rows are counted, in order of storing. */
export const tableMaker = (db: AnyDb, flavour: Flavour) => (name: string) =>
  db.schema
    .createTable(name)
    .addColumn('seq', flavour === 'sqlite' ? 'integer' : 'bigint', (column: ColumnDefinitionBuilder) =>
      flavour === 'sqlite'
        ? column.primaryKey().autoIncrement()
        : column.generatedByDefaultAsIdentity().primaryKey(),
    )
