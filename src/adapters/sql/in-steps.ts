// All rows of a table that counts, some at a time: what a new version of the schema fills its tables from.
import { sql } from 'kysely'
import type { Progress } from './progress.ts'
import type { Db } from './tables.ts'

type Steps<Row> = {
  table: string
  /** What they are, for people. */
  what: string
  progress: Progress
  /** The next ones. */
  some: (after: number) => Promise<Row[]>
}

export async function* inSteps<Row extends { seq: number }>(
  db: Db,
  { table, what, progress, some }: Steps<Row>,
): AsyncGenerator<Row[]> {
  const { rows: counted } = await sql<{ all: number }>`
    select count(*) as "all" from ${sql.table(table)}`.execute(db)
  const all = Number(counted[0]?.all ?? 0)
  for (let [last, done] = [0, 0]; ; ) {
    const rows = await some(last)
    const end = rows.at(-1)
    if (end === undefined) return
    yield rows
    last = end.seq
    done += rows.length
    progress(what, done, all)
  }
}
