// Hosts as their workers last told of them, what operators hold, and incidents.
import type { Hold, Host } from '../../model/host.ts'
import type { Incident } from '../../model/incident.ts'
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

type IncidentPart = Pick<Store, 'openIncident' | 'resolveIncidents' | 'incidents'>
type IncidentRow = { id: string; data: string }

const toIncident = (row: IncidentRow) => fromJson<Incident>(row.data, `incident ${row.id}`)

/** The store's half of incidents. */
export const incidentStore = (db: Db): IncidentPart => ({
  async openIncident(incident) {
    const { id, trouble, about, resolved } = incident
    const row = await db
      .insertInto('incident')
      .values({
        ...{ id, trouble, about, host: incident.host ?? '' },
        open: resolved === undefined ? 1 : 0,
        data: JSON.stringify(incident),
      })
      // Either of its two unique indexes.
      .onConflict(conflict => conflict.doNothing())
      .returning('seq')
      .executeTakeFirst()
    return row !== undefined
  },

  resolveIncidents: ({ trouble, host, about }, resolved) =>
    db.transaction().execute(async transaction => {
      const rows = await transaction
        .selectFrom('incident')
        .select(['id', 'data'])
        .where('open', '=', 1)
        .where('trouble', '=', trouble)
        .where('host', '=', host ?? '')
        .where('about', '=', about)
        .execute()
      for (const row of rows) {
        const data = JSON.stringify({ ...toIncident(row), resolved })
        await transaction.updateTable('incident').set({ open: 0, data }).where('id', '=', row.id).execute()
      }
      return rows.length
    }),

  async incidents({ open } = {}) {
    let query = db.selectFrom('incident').select(['id', 'data'])
    if (open !== undefined) query = query.where('open', '=', open ? 1 : 0)
    return (await query.orderBy('seq').execute()).map(toIncident)
  },
})
