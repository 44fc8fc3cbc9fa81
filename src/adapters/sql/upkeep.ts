// What is done with hosts beside their work: windows of maintenance, what their workers are asked, and power.
import { dayMs } from '../../model/instant.ts'
import type { HostRequest, Maintenance } from '../../model/maintenance.ts'
import type { PowerAction } from '../../model/power.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson } from './columns.ts'
import type { Db } from './tables.ts'

type UpkeepPart = Pick<
  Store,
  | 'addMaintenance'
  | 'changeMaintenance'
  | 'maintenances'
  | 'addHostRequest'
  | 'hostRequests'
  | 'moveHostRequest'
  | 'addPowerAction'
  | 'endPowerAction'
  | 'powerActions'
>
type Row = { id: string; data: string }

const toMaintenance = (row: Row) => fromJson<Maintenance>(row.data, `maintenance ${row.id}`)
const toRequest = (row: Row) => fromJson<HostRequest>(row.data, `request ${row.id}`)
const toAction = (row: Row) => fromJson<PowerAction>(row.data, `power action ${row.id}`)

const endOf = ({ state }: Maintenance): number | null =>
  state.at === 'done' || state.at === 'cancelled' ? state.when : null

const maintenanceRow = (maintenance: Maintenance) => ({
  starts_at: maintenance.from,
  ended_at: endOf(maintenance),
  data: JSON.stringify(maintenance),
})

const requestRow = (request: HostRequest) => ({
  open: request.state.at === 'asked' || request.state.at === 'running' ? 1 : 0,
  state_at: request.state.at,
  data: JSON.stringify(request),
})

const keptRequests = 500

/** The store's part of what is done with hosts. */
export const upkeepStore = (db: Db): UpkeepPart => ({
  async addMaintenance(maintenance) {
    const row = await db
      .insertInto('maintenance')
      .values({ id: maintenance.id, ...maintenanceRow(maintenance) })
      .onConflict(conflict => conflict.column('id').doNothing())
      .returning('seq')
      .executeTakeFirst()
    return row !== undefined
  },

  changeMaintenance: (id, how) =>
    db.transaction().execute(async transaction => {
      // Writing first takes the row's lock.
      const lock = transaction.updateTable('maintenance').set({ id }).where('id', '=', id)
      const row = await lock.returning(['id', 'data']).executeTakeFirst()
      if (!row) return undefined
      const changed = how(toMaintenance(row))
      await transaction.updateTable('maintenance').set(maintenanceRow(changed)).where('id', '=', id).execute()
      return changed
    }),

  async maintenances({ live, since } = {}) {
    let query = db.selectFrom('maintenance').select(['id', 'data'])
    if (live) query = query.where('ended_at', 'is', null)
    if (since !== undefined)
      query = query.where(given => given.or([given('ended_at', 'is', null), given('ended_at', '>', since)]))
    return (await query.orderBy('starts_at').orderBy('seq').execute()).map(toMaintenance)
  },

  async addHostRequest(request) {
    const row = await db
      .insertInto('host_request')
      .values({ id: request.id, host: request.host, ...requestRow(request) })
      .onConflict(conflict => conflict.column('id').doNothing())
      .returning('seq')
      .executeTakeFirst()
    if (row === undefined) return false
    // What was answered long ago nobody asks for any more.
    await db
      .deleteFrom('host_request')
      .where('host', '=', request.host)
      .where('open', '=', 0)
      .where('seq', '<', row.seq - keptRequests)
      .execute()
    return true
  },

  async hostRequests({ host, open }) {
    let query = db.selectFrom('host_request').select(['id', 'data'])
    if (host !== undefined) query = query.where('host', '=', host)
    if (open) query = query.where('open', '=', 1)
    return (await query.orderBy('seq').execute()).map(toRequest)
  },

  moveHostRequest: (id, from, to) =>
    db.transaction().execute(async transaction => {
      const lock = transaction.updateTable('host_request').set({ id }).where('id', '=', id)
      const row = await lock.where('state_at', '=', from.at).returning(['id', 'data']).executeTakeFirst()
      if (!row) return false
      const moved = requestRow({ ...toRequest(row), state: to })
      await transaction.updateTable('host_request').set(moved).where('id', '=', id).execute()
      return true
    }),

  addPowerAction: (action, may) =>
    // What two at once read and add is as if one came after the other; the one that loses is tried again.
    db
      .transaction()
      .setIsolationLevel('serializable')
      .execute(async transaction => {
        const { id, host, at } = action
        const added = await transaction
          .insertInto('power_action')
          .values({ id, host, at, data: JSON.stringify(action) })
          .onConflict(conflict => conflict.column('id').doNothing())
          .returning('seq')
          .executeTakeFirst()
        if (!added) return false
        const rows = await transaction
          .selectFrom('power_action')
          .select(['id', 'data'])
          .where('at', '>', at - dayMs)
          .where('id', '!=', id)
          .orderBy('at', 'desc')
          .execute()
        if (may(rows.map(toAction))) return true
        await transaction.deleteFrom('power_action').where('id', '=', id).execute()
        return false
      }),

  async endPowerAction(id, state) {
    await db.transaction().execute(async transaction => {
      const query = transaction.selectFrom('power_action').select(['id', 'data']).where('id', '=', id)
      const row = await query.executeTakeFirst()
      if (!row) return
      const data = JSON.stringify({ ...toAction(row), state })
      await transaction.updateTable('power_action').set({ data }).where('id', '=', id).execute()
    })
  },

  async powerActions({ host, since }) {
    let query = db.selectFrom('power_action').select(['id', 'data']).where('at', '>', since)
    if (host !== undefined) query = query.where('host', '=', host)
    return (await query.orderBy('at', 'desc').orderBy('seq', 'desc').execute()).map(toAction)
  },
})
