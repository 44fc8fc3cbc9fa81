// Series, and the Message-IDs that they hold.
import { Fault } from '../../model/fault.ts'
import { bugsNamed, type Series } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { authorKeysOf, fromJson, inChunks, searchKey } from './columns.ts'
import { saveLines } from './lines.ts'
import { updateDispositions } from './mails.ts'
import type { Flavour } from './make-table.ts'
import type { Db, Tables } from './tables.ts'

type SeriesRow = Pick<Tables['series'], 'id' | 'data'>

const columns = ['id', 'data'] as const

const fromRow = (row: SeriesRow) => fromJson<Series>(row.data, `series ${row.id}`)

const toRow = (series: Series) => ({
  id: series.id,
  project: series.project,
  state_at: series.state.at,
  first_at: series.firstAt,
  last_at: series.lastAt,
  due_at: series.state.at === 'collecting' ? series.state.until : null,
  replaced_by: series.state.at === 'superseded' ? series.state.by : '',
  change_id: series.links?.changeId === undefined ? null : searchKey(series.links.changeId),
  ...authorKeysOf(series.author),
  names_bugs: bugsNamed(series).size > 0 ? 1 : 0,
  touched: series.touched ?? 0,
  data: JSON.stringify(series),
})

const messageRows = (series: Series) => {
  // A part that was taken from an older version is still that one's.
  const own = series.parts.filter(part => part.filledFrom === undefined)
  const parts = series.cover ? [series.cover, ...own] : own
  const ids = parts.flatMap(part => (part.messageId === undefined ? [] : [searchKey(part.messageId)]))
  return [...new Set(ids)].map(message_id => ({ series: series.id, project: series.project, message_id }))
}

type Wanted = { messageIds: readonly string[]; changeIds: readonly string[]; patchIds: readonly string[] }

const dependencyKeys = ({ messageIds, changeIds, patchIds }: Wanted): string[] => [
  ...new Set([
    ...messageIds.map(id => searchKey(`m ${id}`)),
    ...changeIds.map(id => searchKey(`c ${id}`)),
    ...patchIds.map(id => searchKey(`p ${id}`)),
  ]),
]

const dependencyRows = ({ id, project, links }: Series) =>
  links === undefined ? [] : dependencyKeys(links.dependsOn).map(key => ({ series: id, project, key }))

const touchedSince = (): Fault =>
  new Fault('refused', 'soon', 'a series was changed by an operator at this moment; it is read again')

/** Inserts or replaces; each series once. In a transaction. Fault refused, soon: somebody touched one since it was read; none is saved. */
export const saveSeriesRows = async (db: Db, flavour: Flavour, chunk: Series[]) => {
  const saved = await db
    .insertInto('series')
    .values(chunk.map(toRow))
    .onConflict(conflict =>
      conflict
        .column('id')
        .doUpdateSet(({ ref }) => ({
          project: ref('excluded.project'),
          state_at: ref('excluded.state_at'),
          first_at: ref('excluded.first_at'),
          last_at: ref('excluded.last_at'),
          due_at: ref('excluded.due_at'),
          replaced_by: ref('excluded.replaced_by'),
          change_id: ref('excluded.change_id'),
          author_address: ref('excluded.author_address'),
          author_name: ref('excluded.author_name'),
          names_bugs: ref('excluded.names_bugs'),
          touched: ref('excluded.touched'),
          data: ref('excluded.data'),
        }))
        .whereRef('series.touched', '<=', 'excluded.touched'),
    )
    .executeTakeFirst()
  if (Number(saved.numInsertedOrUpdatedRows) < chunk.length) throw touchedSince()
  await saveLines(db, flavour, chunk)
  const ids = chunk.map(series => series.id)
  await db.deleteFrom('series_message').where('series', 'in', ids).execute()
  for (const rows of inChunks(chunk.flatMap(messageRows))) {
    await db.insertInto('series_message').values(rows).execute()
  }
  await db.deleteFrom('series_dependency').where('series', 'in', ids).execute()
  for (const rows of inChunks(chunk.flatMap(dependencyRows))) {
    await db.insertInto('series_dependency').values(rows).execute()
  }
}

const holders = async (db: Db, project: string, messageIds: string[]) => {
  const found: string[] = []
  for (const ids of inChunks([...new Set(messageIds.map(searchKey))])) {
    const rows = await db
      .selectFrom('series_message')
      .select('series')
      .where('project', '=', project)
      .where('message_id', 'in', ids)
      .execute()
    for (const row of rows) found.push(row.series)
  }
  return [...new Set(found)]
}

type SeriesPart = Pick<
  Store,
  | 'series'
  | 'seriesByChangeId'
  | 'seriesReplacedBy'
  | 'seriesNear'
  | 'seriesDependingOn'
  | 'seriesNamingBugs'
  | 'seriesIn'
  | 'seriesDue'
  | 'saveSeries'
>

/** The store's series half. */
export const seriesStore = (db: Db, flavour: Flavour): SeriesPart => ({
  async series(id) {
    const row = await db.selectFrom('series').select(columns).where('id', '=', id).executeTakeFirst()
    return row && fromRow(row)
  },

  // Lookups of their own instead of one with OR: PostgreSQL would read the whole table for that.
  async seriesNear({ project, since, holding, by }) {
    const all = db.selectFrom('series').select([...columns, 'first_at', 'seq'])
    const recent = all.where('project', '=', project).where('last_at', '>', since)
    const near: Awaited<ReturnType<typeof recent.execute>> = []
    if (by === undefined) near.push(...(await recent.execute()))
    else {
      const { author_address, author_name } = authorKeysOf(by)
      near.push(...(await recent.where('author_address', '=', author_address).execute()))
      if (author_name !== null)
        near.push(
          ...(await recent
            .where('author_name', '=', author_name)
            .where('author_address', '!=', author_address)
            .execute()),
        )
    }
    for (const ids of inChunks(await holders(db, project, holding))) {
      near.push(...(await all.where('id', 'in', ids).execute()))
    }
    const once = [...new Map(near.map(row => [row.id, row])).values()]
    return once.sort((a, b) => a.first_at - b.first_at || a.seq - b.seq).map(fromRow)
  },

  async seriesDependingOn({ project, ...named }) {
    const found: SeriesRow[] = []
    for (const keys of inChunks(dependencyKeys(named))) {
      const rows = db
        .selectFrom('series_dependency')
        .innerJoin('series', 'series.id', 'series_dependency.series')
        .select(['series.id', 'series.data'])
        .where('series_dependency.project', '=', project)
        .where('series_dependency.key', 'in', keys)
      found.push(...(await rows.orderBy('series.first_at').orderBy('series.seq').execute()))
    }
    return [...new Map(found.map(row => [row.id, row])).values()].map(fromRow)
  },

  async seriesByChangeId(changeId, project) {
    const query = db.selectFrom('series').select(columns).where('change_id', '=', searchKey(changeId))
    const rows = query.where('project', '=', project).orderBy('first_at').orderBy('seq').execute()
    return (await rows).map(fromRow)
  },

  async seriesReplacedBy(id) {
    const query = db.selectFrom('series').select(columns).where('replaced_by', '=', id)
    const found = (await query.orderBy('first_at').orderBy('seq').execute()).map(fromRow)
    return found.sort((a, b) => a.version - b.version)
  },

  async seriesNamingBugs({ project, since }) {
    const naming = db.selectFrom('series').select(columns).where('names_bugs', '=', 1)
    const rows = naming.where('project', '=', project).where('last_at', '>', since)
    return (await rows.orderBy('first_at').orderBy('seq').execute()).map(fromRow)
  },

  async seriesIn({ project, at, limit }) {
    let query = db.selectFrom('series').select(columns)
    if (project !== undefined) query = query.where('project', '=', project)
    if (at !== undefined) query = query.where('state_at', '=', at)
    if (limit !== undefined) query = query.limit(limit)
    return (await query.orderBy('first_at').orderBy('seq').execute()).map(fromRow)
  },

  async seriesDue(now) {
    const query = db.selectFrom('series').select(columns).where('due_at', '<=', now)
    return (await query.orderBy('due_at').orderBy('seq').execute()).map(fromRow)
  },

  saveSeries: (series, dispositions = []) =>
    db.transaction().execute(async transaction => {
      // One statement must not meet a row twice; the last one stands.
      const once = [...new Map(series.map(one => [one.id, one])).values()]
      for (const chunk of inChunks(once)) await saveSeriesRows(transaction, flavour, chunk)
      await updateDispositions(transaction, dispositions)
    }),
})
