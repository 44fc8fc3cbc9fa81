// What tests did so far, what is about to be held against patches, and failures that are known.
import type { Blame } from '../../model/blame.ts'
import type { Sample } from '../../model/history.ts'
import type { KnownFailure } from '../../model/known.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, inChunks } from './columns.ts'
import { dropFailures, noteFailures, tellsOf } from './figures.ts'
import type { Db } from './tables.ts'

type ProofPart = Pick<
  Store,
  | 'addSamples'
  | 'samples'
  | 'pruneSamples'
  | 'addBlames'
  | 'blames'
  | 'pruneBlames'
  | 'addKnown'
  | 'knownFailures'
  | 'updateKnown'
>

const sampleRow = (sample: Sample) => {
  const { id, project, image, step, series, at } = sample
  return {
    ...{ id, project, image, step, patched: series === undefined ? 0 : 1, at },
    ...{ tells: tellsOf(sample), data: JSON.stringify(sample) },
  }
}

const knownRow = (known: KnownFailure) => ({
  id: known.id,
  project: known.project,
  state_at: known.state.at,
  data: JSON.stringify(known),
})

/** The store's part of history and known failures. */
export const proofStore = (db: Db): ProofPart => ({
  async addSamples(samples) {
    for (const chunk of inChunks(samples, 100))
      await db.transaction().execute(async transaction => {
        const rows = await transaction
          .insertInto('sample')
          .values(chunk.map(sampleRow))
          .onConflict(conflict => conflict.column('id').doNothing())
          .returning('id')
          .execute()
        const isNew = new Set(rows.map(({ id }) => id))
        await noteFailures(
          transaction,
          chunk.filter(({ id }) => isNew.has(id)),
        )
      })
  },

  async samples({ project, image, step, patched, since, limit }) {
    let query = db.selectFrom('sample').select(['id', 'data']).where('project', '=', project)
    if (image !== undefined) query = query.where('image', '=', image)
    if (step !== undefined) query = query.where('step', '=', step)
    if (patched !== undefined) query = query.where('patched', '=', patched ? 1 : 0)
    if (since !== undefined) query = query.where('at', '>', since)
    const rows = await query.orderBy('at', 'desc').orderBy('seq', 'desc').limit(limit).execute()
    return rows.map(row => fromJson<Sample>(row.data, `sample ${row.id}`))
  },

  pruneSamples: (before, project) =>
    db.transaction().execute(async transaction => {
      let query = transaction.deleteFrom('sample').where('at', '<', before)
      if (project !== undefined) query = query.where('project', '=', project)
      const { numDeletedRows } = await query.executeTakeFirst()
      await dropFailures(transaction, before, project)
      return Number(numDeletedRows)
    }),

  async addBlames(blames) {
    for (const chunk of inChunks(blames, 100))
      await db
        .insertInto('blame')
        .values(
          chunk.map(blame => ({
            ...{ id: blame.id, project: blame.project, at: blame.at },
            data: JSON.stringify(blame),
          })),
        )
        .onConflict(conflict => conflict.column('id').doNothing())
        .execute()
  },

  async blames({ project, since }) {
    const query = db.selectFrom('blame').select(['id', 'data']).where('project', '=', project)
    const rows = await query.where('at', '>', since).orderBy('at').orderBy('seq').execute()
    return rows.map(row => fromJson<Blame>(row.data, `blame ${row.id}`))
  },

  async pruneBlames(before, project) {
    const query = db.deleteFrom('blame').where('project', '=', project).where('at', '<', before)
    const { numDeletedRows } = await query.executeTakeFirst()
    return Number(numDeletedRows)
  },

  async addKnown(known) {
    const insert = db.insertInto('known_failure').values(knownRow(known))
    const row = await insert
      .onConflict(conflict => conflict.column('id').doNothing())
      .returning('seq')
      .executeTakeFirst()
    return row !== undefined
  },

  async knownFailures(filter = {}) {
    let query = db.selectFrom('known_failure').select(['id', 'data'])
    if (filter.project !== undefined) query = query.where('project', '=', filter.project)
    if (filter.at !== undefined) query = query.where('state_at', '=', filter.at)
    const rows = await query.orderBy('seq').execute()
    return rows.map(row => fromJson<KnownFailure>(row.data, `known failure ${row.id}`))
  },

  async updateKnown(known, from) {
    const { id, ...row } = knownRow(known)
    const query = db.updateTable('known_failure').set(row).where('id', '=', id)
    const { numUpdatedRows } = await query.where('data', '=', JSON.stringify(from)).executeTakeFirst()
    return numUpdatedRows === 1n
  },
})
