// Which runs left which blobs, so that old ones can go: a table beside the runs, kept up to date with them. A part of version 0006 of the schema.
import { sql } from 'kysely'
import type { RunRecord } from '../../model/job.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, inChunks } from './columns.ts'
import { inSteps } from './in-steps.ts'
import type { AnyDb } from './make-table.ts'
import type { Progress } from './progress.ts'
import type { Db } from './tables.ts'

const blobsOf = ({ evidence, outcome }: RunRecord): { blob: string; is_artifact: number }[] => {
  const kept = new Map(Object.values(evidence).map(blob => [blob, 0]))
  if (outcome?.kind === 'built' && outcome.artifact !== undefined) kept.set(outcome.artifact, 1)
  return [...kept].map(([blob, is_artifact]) => ({ blob, is_artifact }))
}

/** In the transaction that saves a run that ended. */
export const noteBlobs = async (db: Db, run: RunRecord): Promise<void> => {
  const { id, task, endedAt } = run
  if (endedAt === undefined) return
  const rows = blobsOf(run).map(one => ({ ...one, run: id, task, ended_at: endedAt }))
  if (rows.length === 0) return
  await db
    .insertInto('run_blob')
    .values(rows)
    .onConflict(conflict => conflict.columns(['run', 'blob']).doNothing())
    .execute()
}

export const runBlobTables = async (db: AnyDb, progress: Progress): Promise<void> => {
  await db.schema
    .createTable('run_blob')
    .addColumn('run', 'text', column => column.notNull())
    .addColumn('blob', 'text', column => column.notNull())
    .addColumn('task', 'text', column => column.notNull())
    .addColumn('is_artifact', 'integer', column => column.notNull())
    .addColumn('ended_at', 'bigint', column => column.notNull())
    .addPrimaryKeyConstraint('run_blob_once', ['run', 'blob'])
    .execute()
  await db.schema.createIndex('run_blob_by_time').on('run_blob').columns(['ended_at']).execute()
  await db.schema.createIndex('run_blob_by_blob').on('run_blob').columns(['blob', 'ended_at']).execute()
  await fill(db as unknown as Db, progress)
}

const fill = async (db: Db, progress: Progress): Promise<void> => {
  const some = (after: number) =>
    db
      .selectFrom('run')
      .select(['seq', 'id', 'data'])
      .where('seq', '>', after)
      .where('ended_at', 'is not', null)
      .orderBy('seq')
      .limit(200)
      .execute()
  for await (const rows of inSteps(db, { table: 'run', what: 'files of runs', progress, some }))
    for (const { id, data } of rows) await noteBlobs(db, fromJson<RunRecord>(data, `run ${id}`))
}

/** A job without a verdict is waited for so long. */
const patienceMs = 14 * 86_400_000

/** An artifact that a base line, or a job that is not over, may still be asked for. Of a base whatever was built stays. */
const isNeeded = (before: number) => sql<boolean>`exists (
  select 1 from run_blob as other
  join task on task.id = other.task join job on job.id = task.job
  where other.blob = run_blob.blob and other.is_artifact = 1 and (
    job.series is null
    or exists (select 1 from task as open where open.job = job.id and open.state_at in ('queued', 'running'))
    or (job.created_at >= ${before - patienceMs} and not exists (select 1 from verdict where verdict.job = job.id))
  ))`

export const runBlobStore = (db: Db): Pick<Store, 'expiredBlobs' | 'forgetBlobs'> => ({
  async expiredBlobs({ before, limit }) {
    const rows = await db
      .selectFrom('run_blob')
      .select('blob')
      .distinct()
      .where('ended_at', '<', before)
      .where(
        sql<boolean>`not exists (select 1 from run_blob as younger where younger.blob = run_blob.blob and younger.ended_at >= ${before})`,
      )
      .where(sql<boolean>`not exists (select 1 from mail where mail.id = run_blob.blob)`)
      .where(sql<boolean>`not ${isNeeded(before)}`)
      .limit(limit)
      .execute()
    return rows.map(({ blob }) => blob)
  },

  async forgetBlobs({ blobs, before }) {
    for (const chunk of inChunks(blobs))
      await db.deleteFrom('run_blob').where('blob', 'in', chunk).where('ended_at', '<', before).execute()
  },
})
