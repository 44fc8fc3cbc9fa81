// Pull requests, what a forge's webhooks told, and what stands there of ours.

import type { ForgeEvent, Pull, Shown, ShownPlace } from '../../model/forge.ts'
import { dayMs } from '../../model/instant.ts'
import type { Store } from '../../ports/store.ts'
import { contentId } from '../../text/digest.ts'
import { fromJson, inChunks, searchKey } from './columns.ts'
import type { Db } from './tables.ts'

type ForgePart = Pick<
  Store,
  | 'savePull'
  | 'pull'
  | 'pulls'
  | 'seriesMarks'
  | 'addForgeEvent'
  | 'forgeEvents'
  | 'endForgeEvent'
  | 'saveShown'
  | 'shown'
  | 'shownAt'
  | 'dropShown'
>

const placeKey = ({ repository, kind, on, name }: ShownPlace): string =>
  searchKey(JSON.stringify([kind, repository, on, name]))

const toPull = ({ data }: { data: string }) => fromJson<Pull>(data, 'a pull request')
const toEvent = ({ data }: { data: string }) => fromJson<ForgeEvent>(data, 'a webhook')
const toShown = ({ data }: { data: string }) => fromJson<Shown>(data, 'what is shown')

const keptMs = 30 * dayMs

const eventStore = (db: Db): Pick<Store, 'addForgeEvent' | 'forgeEvents' | 'endForgeEvent'> => ({
  async addForgeEvent(event) {
    const row = await db
      .insertInto('forge_event')
      .values({ id: event.id, state_at: event.state.at, at: event.receivedAt, data: JSON.stringify(event) })
      .onConflict(conflict => conflict.column('id').doNothing())
      .returning('seq')
      .executeTakeFirst()
    return row !== undefined
  },

  async forgeEvents(limit) {
    const query = db.selectFrom('forge_event').select('data').where('state_at', '=', 'new')
    return (await query.orderBy('seq').limit(limit).execute()).map(toEvent)
  },

  endForgeEvent: (id, state) =>
    db.transaction().execute(async transaction => {
      const lock = transaction.updateTable('forge_event').set({ id }).where('id', '=', id)
      const row = await lock.returning('data').executeTakeFirst()
      if (!row) return
      const data = JSON.stringify({ ...toEvent(row), state })
      await transaction
        .updateTable('forge_event')
        .set({ state_at: 'done', data })
        .where('id', '=', id)
        .execute()
      await transaction
        .deleteFrom('forge_event')
        .where('state_at', '=', 'done')
        .where('at', '<', state.when - keptMs)
        .execute()
    }),
})

/** What of some series may have changed, each row with its series. */
const changing = async (db: Db, ids: string[]): Promise<{ series: string }[]> => {
  const tasks = db
    .selectFrom('job')
    .innerJoin('task', 'task.job', 'job.id')
    .select(['job.series as series', 'task.id', 'task.state_key'])
    .where('job.series', 'in', ids)
    .where('job.judged', '=', 0)
  const verdicts = db.selectFrom('verdict').select(['series', eb => eb.fn.max('seq').as('newest')])
  const commands = db.selectFrom('command').select(['series', 'state_at', eb => eb.fn.countAll().as('count')])
  const rows = [
    ...(await db.selectFrom('series').select(['id as series', 'data']).where('id', 'in', ids).execute()),
    ...(await tasks.orderBy('task.seq').execute()),
    ...(await verdicts.where('series', 'in', ids).groupBy('series').execute()),
    ...(await commands
      .where('series', 'in', ids)
      .groupBy(['series', 'state_at'])
      .orderBy('state_at')
      .execute()),
  ]
  return rows.map(row => ({ ...row, series: row.series ?? '' }))
}

/** The store's part of forges. */
export const forgeStore = (db: Db): ForgePart => ({
  ...eventStore(db),

  async savePull(pull) {
    const values = { project: pull.project, state_at: pull.state, data: JSON.stringify(pull) }
    await db
      .insertInto('pull')
      .values({ repository: pull.repository, number: pull.number, ...values })
      .onConflict(conflict => conflict.columns(['repository', 'number']).doUpdateSet(values))
      .execute()
  },

  async pull({ repository, number }) {
    const query = db.selectFrom('pull').select('data').where('repository', '=', repository)
    const row = await query.where('number', '=', number).executeTakeFirst()
    return row && toPull(row)
  },

  async pulls({ repository, project, state }) {
    let query = db.selectFrom('pull').select('data')
    if (repository !== undefined) query = query.where('repository', '=', repository)
    if (project !== undefined) query = query.where('project', '=', project)
    if (state !== undefined) query = query.where('state_at', '=', state)
    return (await query.orderBy('repository').orderBy('number').execute()).map(toPull)
  },

  async seriesMarks(series) {
    const found = new Map<string, unknown[]>()
    for (const ids of inChunks([...new Set(series)]))
      for (const { series: id, ...row } of await changing(db, ids)) {
        const rows = found.get(id)
        if (rows) rows.push(row)
        else found.set(id, [row])
      }
    return new Map([...found].map(([id, rows]) => [id, contentId(24, rows)]))
  },

  async saveShown(shown) {
    const values = {
      ...{ kind: shown.kind, repository: shown.repository, series: shown.series },
      ...{ troubled: shown.trouble === undefined ? 0 : 1, data: JSON.stringify(shown) },
    }
    await db
      .insertInto('shown')
      .values({ place: placeKey(shown), ...values })
      .onConflict(conflict => conflict.column('place').doUpdateSet(values))
      .execute()
  },

  async shown({ series, repository, kind, trouble }) {
    let query = db.selectFrom('shown').select('data')
    if (series !== undefined) query = query.where('series', '=', series)
    if (repository !== undefined) query = query.where('repository', '=', repository)
    if (kind !== undefined) query = query.where('kind', '=', kind)
    if (trouble) query = query.where('troubled', '=', 1)
    return (await query.orderBy('seq').execute()).map(toShown)
  },

  async shownAt(place) {
    const query = db.selectFrom('shown').select('data').where('place', '=', placeKey(place))
    const row = await query.executeTakeFirst()
    return row && toShown(row)
  },

  async dropShown(place) {
    await db.deleteFrom('shown').where('place', '=', placeKey(place)).execute()
  },
})
