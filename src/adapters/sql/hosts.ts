// Hosts as their workers last told of them, and what operators hold.
import type { Hold, Host } from '../../model/host.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson } from './columns.ts'
import type { Db } from './tables.ts'

const keyOf = (on: Hold['on']): string => (on.kind === 'queue' ? 'queue' : `${on.kind} ${on.name}`)

type HostPart = Pick<Store, 'saveHost' | 'hosts' | 'forgetHost' | 'setHold' | 'endHold' | 'holds'>

/** The store's half of hosts and holds. */
export const hostStore = (db: Db): HostPart => ({
  async saveHost(host) {
    const data = JSON.stringify(host)
    await db
      .insertInto('host')
      .values({ name: host.name, data })
      .onConflict(conflict => conflict.column('name').doUpdateSet({ data }))
      .execute()
  },

  async hosts() {
    const rows = await db.selectFrom('host').select(['name', 'data']).orderBy('name').execute()
    return rows.map(row => fromJson<Host>(row.data, `host ${row.name}`))
  },

  async forgetHost(name) {
    const { numDeletedRows } = await db.deleteFrom('host').where('name', '=', name).executeTakeFirst()
    return numDeletedRows > 0n
  },

  async setHold(hold) {
    const data = JSON.stringify(hold)
    await db
      .insertInto('hold')
      .values({ on_key: keyOf(hold.on), data })
      .onConflict(conflict => conflict.column('on_key').doUpdateSet({ data }))
      .execute()
  },

  async endHold(on) {
    const query = db.deleteFrom('hold').where('on_key', '=', keyOf(on))
    return (await query.executeTakeFirst()).numDeletedRows > 0n
  },

  async holds() {
    const rows = await db.selectFrom('hold').select(['on_key', 'data']).orderBy('on_key').execute()
    return rows.map(row => fromJson<Hold>(row.data, `the hold on ${row.on_key}`))
  },
})
