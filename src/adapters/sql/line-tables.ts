// A part of version 0006 of the schema: what lists show of series and find them by, made, and filled from what an older Grapevine kept.
import { sql } from 'kysely'
import type { Series } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import { inSteps } from './in-steps.ts'
import { noteLineVerdict, saveLines } from './lines.ts'
import { type AnyDb, type Flavour, tableMaker } from './make-table.ts'
import type { Progress } from './progress.ts'
import type { Db } from './tables.ts'

export const lineTables = async (db: AnyDb, flavour: Flavour, progress: Progress): Promise<void> => {
  const table = tableMaker(
    db,
    flavour,
  )('series_line')
    .addColumn('series', 'text', column => column.notNull().unique())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('last_at', 'bigint', column => column.notNull())
    .addColumn('verdict_kind', 'text', column => column.notNull().defaultTo(''))
    .addColumn('verdict_at', 'bigint')
    .addColumn('brief', 'text', column => column.notNull())
  await (flavour === 'sqlite' ? table : table.addColumn('words', sql`tsvector`)).execute()
  const indexes: [name: string, columns: string[]][] = [
    ['series_line_by_last', ['last_at', 'seq']],
    ['series_line_by_project', ['project', 'last_at', 'seq']],
    ['series_line_by_state', ['state_at', 'last_at', 'seq']],
    ['series_line_by_verdict', ['verdict_kind', 'last_at', 'seq']],
    ['series_line_by_decision', ['verdict_at', 'seq']],
    ['series_line_by_project_decision', ['project', 'verdict_at', 'seq']],
  ]
  for (const [name, columns] of indexes)
    await db.schema.createIndex(name).on('series_line').columns(columns).execute()
  await (flavour === 'sqlite'
    ? sql`create virtual table series_words using fts5(title, author, tokenize = "unicode61 remove_diacritics 0", prefix = '2 3')`
    : sql`create index series_line_by_words on series_line using gin (words)`
  ).execute(db)
  // The image stood within the data only. PostgreSQL's functions for JSON take no NUL, which names of tests may have; a quote within a text is
  // escaped, and so none of these.
  await db.schema
    .alterTable('task')
    .addColumn('image', 'text', column => column.notNull().defaultTo(''))
    .execute()
  await (flavour === 'sqlite'
    ? sql`update task set image = coalesce(json_extract(data, '$.image'), '')`
    : sql`update task set image = coalesce(substring(data from '"image":"([^"]*)"'), '')`
  ).execute(db)
  await db.schema.createIndex('task_by_state_image').on('task').columns(['state_at', 'image']).execute()
  // Jobs of bases are never judged: without them, what waits for a verdict stays few.
  await sql`create index job_unjudged on job (created_at, seq) where judged = 0 and series is not null`.execute(
    db,
  )
  await fillLines(db as unknown as Db, { flavour, progress })
}

const fillLines = async (
  db: Db,
  { flavour, progress }: { flavour: Flavour; progress: Progress },
): Promise<void> => {
  const some = (after: number) =>
    db
      .selectFrom('series')
      .select(['seq', 'data'])
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(200)
      .execute()
  for await (const rows of inSteps(db, { table: 'series', what: 'series', progress, some })) {
    const series = rows.map(({ data }) => JSON.parse(data) as Series)
    await saveLines(db, flavour, series)
    const ids = series.map(({ id }) => id)
    const all = db.selectFrom('verdict').select('data').where('series', 'in', ids)
    const verdicts = (await all.orderBy('decided_at').orderBy('seq').execute()).map(
      row => JSON.parse(row.data) as Verdict,
    )
    // Of several on a series the last counts.
    const newest = new Map(verdicts.map(verdict => [verdict.series, verdict]))
    for (const verdict of newest.values()) await noteLineVerdict(db, verdict)
  }
}
