// What goes to bugs and comes from there: writes, which comment is which mail, and what is kept in step.
import type { BugLink, BugWrite, BugWriteState, Track } from '../../model/bug.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, inChunks, searchKey } from './columns.ts'
import type { Db } from './tables.ts'

type BugPart = Pick<
  Store,
  | 'addBugWrite'
  | 'bugWrites'
  | 'bugWrite'
  | 'moveBugWrite'
  | 'addBugLinks'
  | 'updateBugLink'
  | 'bugLinks'
  | 'bugLinkOf'
  | 'saveTrack'
  | 'tracks'
>
type Row = { id: string; data: string }

const toWrite = (row: Row) => fromJson<BugWrite>(row.data, `bug write ${row.id}`)
const toLink = ({ data }: { data: string }) => fromJson<BugLink>(data, 'a comment of a bug')
const toTrack = ({ data }: { data: string }) => fromJson<Track>(data, 'a tracked bug')

const keyOf = (state: BugWriteState): string => ('tries' in state ? `${state.at} ${state.tries}` : state.at)

const writeRow = (write: BugWrite) => ({
  bug: searchKey(write.bug ?? ''),
  series: write.series ?? '',
  kind: write.kind,
  state_at: write.state.at,
  state_key: keyOf(write.state),
  data: JSON.stringify(write),
})

const linkRow = (link: BugLink) => ({
  tracker: link.tracker,
  bug: searchKey(link.bug),
  comment: link.comment,
  message_id: searchKey(link.messageId),
  data: JSON.stringify(link),
})

/** The store's part of bugs. */
export const bugStore = (db: Db): BugPart => ({
  async addBugWrite(write) {
    const row = await db
      .insertInto('bug_write')
      .values({ id: write.id, ...writeRow(write) })
      .onConflict(conflict => conflict.column('id').doNothing())
      .returning('seq')
      .executeTakeFirst()
    return row !== undefined
  },

  async bugWrites({ at, bug, series, kind, limit }) {
    let query = db.selectFrom('bug_write').select(['id', 'data'])
    if (at !== undefined) query = query.where('state_at', '=', at)
    if (bug !== undefined) query = query.where('bug', '=', searchKey(bug))
    if (series !== undefined) query = query.where('series', '=', series)
    if (kind !== undefined) query = query.where('kind', '=', kind)
    if (limit !== undefined) query = query.limit(limit)
    return (await query.orderBy('seq').execute()).map(toWrite)
  },

  async bugWrite(id) {
    const query = db.selectFrom('bug_write').select(['id', 'data']).where('id', '=', id)
    const row = await query.executeTakeFirst()
    return row && toWrite(row)
  },

  moveBugWrite: (id, from, to) =>
    db.transaction().execute(async transaction => {
      const lock = transaction.updateTable('bug_write').set({ id }).where('id', '=', id)
      const row = await lock.where('state_key', '=', keyOf(from)).returning(['id', 'data']).executeTakeFirst()
      if (!row) return false
      const moved = writeRow({ ...toWrite(row), state: to })
      await transaction.updateTable('bug_write').set(moved).where('id', '=', id).execute()
      return true
    }),

  async addBugLinks(links) {
    let added = 0
    for (const chunk of inChunks(links, 200)) {
      const rows = await db
        .insertInto('bug_link')
        .values(chunk.map(linkRow))
        .onConflict(conflict => conflict.doNothing())
        .returning('seq')
        .execute()
      added += rows.length
    }
    return added
  },

  async updateBugLink(link) {
    const { data } = linkRow(link)
    const query = db.updateTable('bug_link').set({ data }).where('tracker', '=', link.tracker)
    await query.where('bug', '=', searchKey(link.bug)).where('comment', '=', link.comment).execute()
  },

  async bugLinks(bug) {
    const query = db.selectFrom('bug_link').select('data').where('bug', '=', searchKey(bug))
    return (await query.orderBy('comment').execute()).map(toLink)
  },

  async bugLinkOf(messageId) {
    const query = db.selectFrom('bug_link').select('data').where('message_id', '=', searchKey(messageId))
    const row = await query.orderBy('seq').executeTakeFirst()
    return row && toLink(row)
  },

  async saveTrack(track) {
    const row = {
      ...{ bug: searchKey(track.bug), thread: searchKey(track.thread), state_at: track.state.at },
      data: JSON.stringify(track),
    }
    await db
      .insertInto('bug_track')
      .values(row)
      .onConflict(conflict =>
        conflict.columns(['bug', 'thread']).doUpdateSet({ state_at: row.state_at, data: row.data }),
      )
      .execute()
  },

  async tracks({ bug, thread, on }) {
    let query = db.selectFrom('bug_track').select('data')
    if (bug !== undefined) query = query.where('bug', '=', searchKey(bug))
    if (thread !== undefined) query = query.where('thread', '=', searchKey(thread))
    if (on) query = query.where('state_at', '=', 'on')
    return (await query.orderBy('seq').execute()).map(toTrack)
  },
})
