// Incidents. What is not resolved is there once for each trouble, host and thing, whoever says it.
import type { Incident } from '../../model/incident.ts'
import { nextIncident } from '../../model/incident-machine.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson } from './columns.ts'
import type { Db } from './tables.ts'

type IncidentPart = Pick<
  Store,
  | 'openIncident'
  | 'incident'
  | 'liveIncident'
  | 'changeIncident'
  | 'dropIncident'
  | 'resolveIncidents'
  | 'incidents'
>
type IncidentRow = { id: string; data: string }
type Key = Pick<Incident, 'trouble' | 'host' | 'about'>

const toIncident = (row: IncidentRow) => fromJson<Incident>(row.data, `incident ${row.id}`)

/** When it was said to be resolved, which may be later than when it was over: who asks for what is new must not miss it. */
const resolvedAt = ({ resolved, log }: Incident): number | null =>
  resolved ? Math.max(resolved.at, log.at(-1)?.at ?? resolved.at) : null

/** What changes of a row. */
const changing = (incident: Incident) => ({
  open: incident.resolved === undefined ? 1 : 0,
  resolved_at: resolvedAt(incident),
  data: JSON.stringify(incident),
})

const rowsOf = (db: Db, { trouble, host, about }: Key) =>
  db
    .selectFrom('incident')
    .select(['id', 'data'])
    .where('open', '=', 1)
    .where('trouble', '=', trouble)
    .where('host', '=', host ?? '')
    .where('about', '=', about)

const isOpen = ({ state }: Incident): boolean => state.at === 'suspected' || state.at === 'open'

/** The store's half of incidents. */
export const incidentStore = (db: Db): IncidentPart => ({
  async openIncident(incident) {
    const { id, trouble, about, host } = incident
    const row = await db
      .insertInto('incident')
      .values({ id, trouble, about, host: host ?? '', ...changing(incident) })
      // Either of its two unique indexes.
      .onConflict(conflict => conflict.doNothing())
      .returning('seq')
      .executeTakeFirst()
    return row !== undefined
  },

  async incident(id) {
    const row = await db.selectFrom('incident').select(['id', 'data']).where('id', '=', id).executeTakeFirst()
    return row && toIncident(row)
  },

  async liveIncident(of) {
    const row = await rowsOf(db, of).executeTakeFirst()
    return row && toIncident(row)
  },

  changeIncident: (id, how) =>
    db.transaction().execute(async transaction => {
      // Writing first takes the row's lock: who changes it at the same time waits, and reads what this says.
      const lock = transaction
        .updateTable('incident')
        .set({ id })
        .where('id', '=', id)
        .returning(['id', 'data'])
      const row = await lock.executeTakeFirst()
      if (!row) return undefined
      const before = toIncident(row)
      const incident = how(before)
      if (incident === before) return before
      if (incident === 'forgotten') {
        await transaction.deleteFrom('incident').where('id', '=', id).execute()
        return undefined
      }
      await transaction.updateTable('incident').set(changing(incident)).where('id', '=', id).execute()
      return incident
    }),

  async dropIncident(id) {
    await db.deleteFrom('incident').where('id', '=', id).execute()
  },

  resolveIncidents: (of, resolved) =>
    db.transaction().execute(async transaction => {
      const rows = await rowsOf(transaction, of).execute()
      for (const row of rows) {
        const { at, ...said } = resolved
        const over = nextIncident(toIncident(row), { on: 'resolved', by: 'grapevine', ...said }, at)
        if (over === 'forgotten') continue
        await transaction.updateTable('incident').set(changing(over)).where('id', '=', row.id).execute()
      }
      return rows.length
    }),

  async incidents({ open, live, since } = {}) {
    let query = db.selectFrom('incident').select(['id', 'data'])
    if (open === true || live) query = query.where('open', '=', 1)
    if (open === false) query = query.where('open', '=', 0)
    if (since !== undefined)
      query = query.where(given => given.or([given('open', '=', 1), given('resolved_at', '>', since)]))
    const all = (await query.orderBy('seq').execute()).map(toIncident)
    return open === true ? all.filter(isOpen) : all
  },
})
