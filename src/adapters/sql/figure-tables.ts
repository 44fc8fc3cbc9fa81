// A part of version 0006 of the schema: what the pages count, made, and filled from what an older Grapevine kept.
import { sql } from 'kysely'
import type { Sample } from '../../model/history.ts'
import type { RunGist } from '../../model/run-end.ts'
import type { Verdict } from '../../model/verdict.ts'
import { noteEnd, noteFailures, noteVerdict, tellsOf } from './figures.ts'
import { inSteps } from './in-steps.ts'
import { type AnyDb, type Flavour, tableMaker } from './make-table.ts'
import type { Progress } from './progress.ts'
import type { Db } from './tables.ts'

export const figureTables = async (db: AnyDb, flavour: Flavour, progress: Progress): Promise<void> => {
  await db.schema
    .alterTable('sample')
    .addColumn('tells', 'integer', column => column.notNull().defaultTo(0))
    .execute()
  await db.schema
    .createTable('failing_test')
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('step', 'text', column => column.notNull())
    .addColumn('test_key', 'text', column => column.notNull())
    .addColumn('test', 'text', column => column.notNull())
    .addColumn('words', 'text', column => column.notNull())
    .addColumn('last_failed', 'bigint', column => column.notNull())
    .addPrimaryKeyConstraint('failing_test_once', ['project', 'step', 'test_key'])
    .execute()
  await db.schema
    .createTable('base_failure')
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('image', 'text', column => column.notNull())
    .addColumn('step', 'text', column => column.notNull())
    .addColumn('test_key', 'text', column => column.notNull())
    .addColumn('test', 'text', column => column.notNull())
    .addColumn('at', 'bigint', column => column.notNull())
    .execute()
  await db.schema
    .createTable('host_hour')
    .addColumn('host', 'text', column => column.notNull())
    .addColumn('hour', 'bigint', column => column.notNull())
    .addColumn('busy_ms', 'bigint', column => column.notNull())
    .addColumn('runs', 'integer', column => column.notNull())
    .addColumn('ours', 'integer', column => column.notNull())
    .addPrimaryKeyConstraint('host_hour_once', ['host', 'hour'])
    .execute()
  await tableMaker(
    db,
    flavour,
  )('verdict_figure')
    .addColumn('series', 'text', column => column.notNull())
    .addColumn('project', 'text', column => column.notNull())
    .addColumn('kind', 'text', column => column.notNull())
    .addColumn('decided_at', 'bigint', column => column.notNull())
    .addColumn('ms', 'bigint')
    .addColumn('blaming', 'integer', column => column.notNull())
    .addColumn('taken_back', 'integer', column => column.notNull())
    .execute()
  const indexes: [name: string, table: string, columns: string[]][] = [
    ['sample_of_step', 'sample', ['project', 'step', 'at', 'seq']],
    ['sample_telling', 'sample', ['project', 'patched', 'at', 'tells', 'image', 'step']],
    ['failing_test_by_time', 'failing_test', ['project', 'last_failed']],
    ['base_failure_by_time', 'base_failure', ['project', 'at', 'image', 'step', 'test_key']],
    ['host_hour_by_time', 'host_hour', ['hour', 'host']],
    ['verdict_figure_by_series', 'verdict_figure', ['series', 'decided_at', 'seq']],
    ['verdict_figure_by_time', 'verdict_figure', ['decided_at', 'seq']],
    ['verdict_figure_of_blame', 'verdict_figure', ['decided_at', 'blaming', 'taken_back']],
  ]
  for (const [name, where, columns] of indexes)
    await db.schema.createIndex(name).on(where).columns(columns).execute()
  // Of these tables, the newest version is this one.
  const now = db as unknown as Db
  await fillFailures(now, progress)
  await fillHours(now, progress)
  await fillVerdicts(now, progress)
}

const fillFailures = async (db: Db, progress: Progress): Promise<void> => {
  const some = (after: number) =>
    db
      .selectFrom('sample')
      .select(['seq', 'data'])
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(200)
      .execute()
  for await (const rows of inSteps(db, { table: 'sample', what: 'results of tests', progress, some })) {
    const samples = rows.map(({ seq, data }) => ({ seq, sample: JSON.parse(data) as Sample }))
    for (const [tells, own] of Map.groupBy(samples, ({ sample }) => tellsOf(sample))) {
      if (tells === 0) continue
      const seqs = own.map(({ seq }) => seq)
      await db.updateTable('sample').set({ tells }).where('seq', 'in', seqs).execute()
    }
    await noteFailures(
      db,
      samples.map(({ sample }) => sample),
    )
  }
}

const fillHours = async (db: Db, progress: Progress): Promise<void> => {
  const some = (after: number) =>
    db
      .selectFrom('run')
      .select(['seq', 'ended_at', 'gist'])
      .where('seq', '>', after)
      .where('gist', 'is not', null)
      .orderBy('seq')
      .limit(500)
      .execute()
  for await (const rows of inSteps(db, { table: 'run', what: 'runs', progress, some }))
    for (const { ended_at, gist } of rows) {
      const { host, startedAt, kind } = JSON.parse(gist ?? '') as RunGist & {
        host: string
        startedAt: number
      }
      await noteEnd(db, { host, startedAt, endedAt: ended_at ?? startedAt, isOurs: kind === 'ours' })
    }
}

const fillVerdicts = async (db: Db, progress: Progress): Promise<void> => {
  const some = async (after: number) => {
    const { rows } = await sql<{ seq: number; data: string }>`
      select seq, data from verdict where seq > ${after} order by seq limit 200`.execute(db)
    return rows
  }
  for await (const rows of inSteps(db, { table: 'verdict', what: 'verdicts', progress, some }))
    for (const { data } of rows) await noteVerdict(db, JSON.parse(data) as Verdict)
}
