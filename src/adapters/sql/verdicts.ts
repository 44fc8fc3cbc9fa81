// Verdicts, and the replies that carry them out.
import { sql } from 'kysely'
import type { DigestLine, Reply, ReplyState } from '../../model/reply.ts'
import { type Verdict, verdictKey } from '../../model/verdict.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, inChunks, replyKey, searchKey } from './columns.ts'
import { noteVerdict } from './figures.ts'
import { toJob } from './jobs.ts'
import { noteLineVerdict } from './lines.ts'
import type { Db, Tables } from './tables.ts'

type ReplyRow = Pick<Tables['reply'], 'id' | 'state' | 'data'>

const replyColumns = ['id', 'state', 'data'] as const

/** `kind` and `thread` are missing in what was stored before there were other kinds. */
type StoredReply = Omit<Reply, 'state' | 'kind' | 'thread'> & Partial<Pick<Reply, 'kind' | 'thread'>>

const toReply = (row: ReplyRow): Reply => ({
  ...{ kind: 'verdict', thread: undefined },
  ...fromJson<StoredReply>(row.data, `reply ${row.id}`),
  state: fromJson<ReplyState>(row.state, `reply ${row.id}`),
})

const stateColumns = (state: ReplyState) => ({
  state_at: state.at,
  state_key: replyKey(state),
  state: JSON.stringify(state),
})

const replyRow = ({ state, ...rest }: Reply) => ({
  id: rest.id,
  kind: rest.kind,
  series: rest.series ?? '',
  thread: rest.thread === undefined ? '' : searchKey(rest.thread),
  created_at: rest.mail.date,
  message_id: searchKey(rest.mail.messageId),
  ...stateColumns(state),
  data: JSON.stringify(rest),
})

const insertVerdict = async (db: Db, verdict: Verdict) => {
  const row = await db
    .insertInto('verdict')
    .values({
      series: verdict.series,
      // Without a job there is one verdict of each kind and round: incomplete first, and another when the part came.
      job: verdictKey(verdict),
      decided_at: verdict.decidedAt,
      data: JSON.stringify(verdict),
    })
    .onConflict(conflict => conflict.columns(['series', 'job']).doNothing())
    .returning('seq')
    .executeTakeFirst()
  return row !== undefined
}

/** false: one of that id is there already, and stays. */
export const insertReply = async (db: Db, reply: Reply): Promise<boolean> => {
  const row = await db
    .insertInto('reply')
    .values(replyRow(reply))
    .onConflict(conflict => conflict.column('id').doNothing())
    .returning('seq')
    .executeTakeFirst()
  if (row === undefined) return false
  const { to, cc } = reply.mail
  const addresses = new Set([...to, ...cc].map(({ address }) => searchKey(address.toLowerCase())))
  for (const address of addresses)
    await db.insertInto('reply_recipient').values({ reply: reply.id, address }).execute()
  return true
}

const insertLine = async (db: Db, line: DigestLine): Promise<void> => {
  const { id, project, at } = line
  await db
    .insertInto('digest_line')
    .values({ id, project, at, digest: '', data: JSON.stringify(line) })
    .onConflict(conflict => conflict.column('id').doNothing())
    .execute()
}

type VerdictPart = Pick<
  Store,
  'addVerdict' | 'verdict' | 'verdictsOf' | 'lastVerdictAt' | 'jobsWithoutVerdict'
>
type DigestPart = Pick<Store, 'addDigestLine' | 'digestLines' | 'addDigest'>
type ReplyPart = Pick<
  Store,
  | 'addReply'
  | 'countReplies'
  | 'reply'
  | 'repliesAt'
  | 'repliesOf'
  | 'moveReply'
  | 'replyByMessageId'
  | 'isOurs'
>

/** The store's half of verdicts. */
export const verdictStore = (db: Db): VerdictPart => ({
  addVerdict: (verdict, reply, line) =>
    db.transaction().execute(async transaction => {
      if (!(await insertVerdict(transaction, verdict))) return false
      await noteVerdict(transaction, verdict)
      await noteLineVerdict(transaction, verdict)
      if (verdict.job !== undefined) {
        await transaction.updateTable('job').set({ judged: 1 }).where('id', '=', verdict.job).execute()
      }
      if (reply) await insertReply(transaction, reply)
      if (line) await insertLine(transaction, line)
      return true
    }),

  async verdictsOf(series) {
    const query = db.selectFrom('verdict').select('data').where('series', '=', series)
    const rows = await query.orderBy('decided_at').orderBy('seq').execute()
    return rows.map(row => fromJson<Verdict>(row.data, `the verdict on ${series}`))
  },

  async verdict(series) {
    const query = db.selectFrom('verdict').select('data').where('series', '=', series)
    const row = await query.orderBy('decided_at', 'desc').orderBy('seq', 'desc').limit(1).executeTakeFirst()
    return row && fromJson<Verdict>(row.data, `the verdict on ${series}`)
  },

  async lastVerdictAt(project) {
    const query = db.selectFrom('series_line').where('project', '=', project)
    const row = await query.select(({ fn }) => fn.max('verdict_at').as('at')).executeTakeFirst()
    return row?.at ?? undefined
  },

  async jobsWithoutVerdict() {
    const rows = await db
      .selectFrom('job')
      .leftJoin('series', 'series.id', 'job.series')
      .select(['job.id', 'job.data'])
      // Said literally: only so is the index of these used.
      .where(sql<boolean>`job.judged = 0 and job.series is not null`)
      .where(({ eb, or }) =>
        or([eb('series.state_at', 'is', null), eb('series.state_at', '<>', 'superseded')]),
      )
      .orderBy('job.created_at')
      .orderBy('job.seq')
      .execute()
    return rows.map(toJob)
  },
})

/** The store's part of digests. */
export const digestStore = (db: Db): DigestPart => ({
  addDigestLine: line => insertLine(db, line),

  async digestLines({ project, before }) {
    const rows = await db
      .selectFrom('digest_line')
      .select(['id', 'data'])
      .where('digest', '=', '')
      .where('project', '=', project)
      .where('at', '<', before)
      .orderBy('at')
      .orderBy('seq')
      .execute()
    return rows.map(row => fromJson<DigestLine>(row.data, `line ${row.id} of a digest`))
  },

  addDigest: (reply, lines) =>
    db.transaction().execute(async transaction => {
      if (!(await insertReply(transaction, reply))) return false
      for (const ids of inChunks(lines))
        await transaction
          .updateTable('digest_line')
          .set({ digest: reply.id })
          .where('id', 'in', ids)
          .where('digest', '=', '')
          .execute()
      return true
    }),
})

/** The store's half of replies. */
export const replyStore = (db: Db): ReplyPart => ({
  async reply(id) {
    const row = await db.selectFrom('reply').select(replyColumns).where('id', '=', id).executeTakeFirst()
    return row && toReply(row)
  },

  addReply: reply => db.transaction().execute(transaction => insertReply(transaction, reply)),

  async countReplies({ since, thread, to, kind }) {
    let query = db.selectFrom('reply').select(({ fn }) => fn.countAll<number>().as('count'))
    query = query.where('created_at', '>', since).where('state_at', '<>', 'failed')
    if (thread !== undefined) query = query.where('thread', '=', searchKey(thread))
    if (kind !== undefined) query = query.where('kind', '=', kind)
    if (to !== undefined) {
      const address = searchKey(to.toLowerCase())
      const theirs = db.selectFrom('reply_recipient').select('reply').where('address', '=', address)
      query = query.where('id', 'in', theirs)
    }
    return Number((await query.executeTakeFirstOrThrow()).count)
  },

  async repliesAt(at) {
    const query = db.selectFrom('reply').select(replyColumns).where('state_at', '=', at)
    return (await query.orderBy('seq').execute()).map(toReply)
  },

  async repliesOf(series) {
    const query = db.selectFrom('reply').select(replyColumns).where('series', '=', series)
    return (await query.orderBy('seq').execute()).map(toReply)
  },

  async moveReply(id, from, to) {
    const query = db.updateTable('reply').set(stateColumns(to)).where('id', '=', id)
    const { numUpdatedRows } = await query.where('state_key', '=', replyKey(from)).executeTakeFirst()
    return numUpdatedRows === 1n
  },

  async replyByMessageId(messageId) {
    const query = db.selectFrom('reply').select(replyColumns).where('message_id', '=', searchKey(messageId))
    const row = await query.limit(1).executeTakeFirst()
    return row && toReply(row)
  },

  async isOurs(messageId) {
    const query = db.selectFrom('reply').select('id').where('message_id', '=', searchKey(messageId))
    return (await query.limit(1).executeTakeFirst()) !== undefined
  },
})
