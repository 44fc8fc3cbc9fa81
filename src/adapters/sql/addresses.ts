// What is known of mail addresses: failures, and who gets no mail any more.
import { type KnownAddress, unknownAddress } from '../../model/address.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, searchKey } from './columns.ts'
import type { Db } from './tables.ts'

type AddressPart = Pick<Store, 'address' | 'addresses' | 'changeAddress' | 'silenceAddress' | 'forgetAddress'>

const keyOf = (address: string): string => searchKey(address.toLowerCase())

const read = async (db: Db, address: string): Promise<KnownAddress | undefined> => {
  const query = db.selectFrom('address').select('data').where('address', '=', keyOf(address))
  const row = await query.executeTakeFirst()
  return row && fromJson<KnownAddress>(row.data, `address ${address}`)
}

const change = (db: Db, address: string, how: (known: KnownAddress) => KnownAddress): Promise<KnownAddress> =>
  db.transaction().execute(async transaction => {
    const key = keyOf(address)
    // Writing first takes the row's lock, also of a row that was not there: who changes it at the same time waits, and reads what this says.
    await transaction
      .insertInto('address')
      .values({ address: key, data: JSON.stringify(unknownAddress(address)) })
      .onConflict(conflict => conflict.column('address').doUpdateSet({ address: key }))
      .execute()
    const known = how((await read(transaction, address)) ?? unknownAddress(address))
    // JSON leaves out what is undefined; `read` gets it back as such.
    const data = JSON.stringify(known)
    await transaction.updateTable('address').set({ data }).where('address', '=', key).execute()
    return known
  })

/** The store's half of addresses. */
export const addressStore = (db: Db): AddressPart => ({
  address: address => read(db, address),

  async addresses() {
    const rows = await db.selectFrom('address').select(['address', 'data']).orderBy('address').execute()
    return rows.map(row => fromJson<KnownAddress>(row.data, `address ${row.address}`))
  },

  changeAddress: (address, how) => change(db, address, how),

  async silenceAddress(address, silence) {
    await change(db, address, known => ({ ...known, silence }))
  },

  async forgetAddress(address) {
    const query = db.deleteFrom('address').where('address', '=', keyOf(address))
    return (await query.executeTakeFirst()).numDeletedRows > 0n
  },
})
