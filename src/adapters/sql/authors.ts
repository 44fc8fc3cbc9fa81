// Whose series were tested: by it a project tells who is new.
import { released, type Series, touched } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, searchKey } from './columns.ts'
import type { Flavour } from './make-table.ts'
import { saveSeriesRows } from './series.ts'
import type { Db } from './tables.ts'

const key = (address: string): string => searchKey(address.toLowerCase())

type AuthorPart = Pick<Store, 'author' | 'addAuthor' | 'releaseSeries' | 'updateSeries'>

/** The store's half of authors. */
export const authorStore = (db: Db, flavour: Flavour): AuthorPart => ({
  async author(project, address) {
    const query = db.selectFrom('author').select(['first_at', 'signed']).where('project', '=', project)
    const row = await query.where('address', '=', key(address)).executeTakeFirst()
    return row && { firstAt: row.first_at, signed: row.signed === 1 }
  },

  async addAuthor(project, { address, at, signed }) {
    const row = { project, address: key(address), first_at: at, signed: signed ? 1 : 0 }
    const insert = db.insertInto('author').values(row)
    await insert
      .onConflict(conflict => {
        const there = conflict.columns(['project', 'address'])
        return signed ? there.doUpdateSet({ signed: 1 }) : there.doNothing()
      })
      .execute()
  },

  releaseSeries: id =>
    db.transaction().execute(async transaction => {
      // An update that changes nothing takes the row's lock: what is read here is still so when it is saved.
      const held = transaction.updateTable('series').set({ state_at: 'held' }).where('id', '=', id)
      const row = await held.where('state_at', '=', 'held').returning('data').executeTakeFirst()
      if (row === undefined) return false
      const series = fromJson<Series>(row.data, `series ${id}`)
      await saveSeriesRows(transaction, flavour, [touched(released(series), series)])
      return true
    }),

  updateSeries: (series, from) =>
    db.transaction().execute(async transaction => {
      const { id } = series
      const lock = transaction.updateTable('series').set({ id }).where('id', '=', id)
      const row = await lock.returning('data').executeTakeFirst()
      const kept = row && fromJson<Series>(row.data, `series ${id}`)
      if (kept === undefined || JSON.stringify(kept) !== JSON.stringify(from)) return false
      await saveSeriesRows(transaction, flavour, [touched(series, from)])
      return true
    }),
})
