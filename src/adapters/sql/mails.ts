// Mails, their dispositions, and how far each source has been read.
import type { Disposition, Mail } from '../../model/mail.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, inChunks, searchKey } from './columns.ts'
import type { Db, Tables } from './tables.ts'

type MailRow = Pick<Tables['mail'], 'id' | 'disposition' | 'data'>

const columns = ['id', 'disposition', 'data'] as const

const toRow = ({ disposition, ...rest }: Mail) => ({
  id: rest.id,
  project: rest.project,
  arrived_at: rest.arrivedAt,
  message_id: rest.parsed?.messageId === undefined ? null : searchKey(rest.parsed.messageId),
  patch_id: rest.patch?.patchId ?? null,
  disposition_kind: disposition.kind,
  disposition: JSON.stringify(disposition),
  data: JSON.stringify(rest),
})

const fromRow = (row: MailRow): Mail => ({
  ...fromJson<Omit<Mail, 'disposition'>>(row.data, `mail ${row.id}`),
  disposition: fromJson<Disposition>(row.disposition, `mail ${row.id}`),
})

const saveCursor = async (db: Db, source: string, cursor: unknown) => {
  if (cursor === undefined) {
    await db.deleteFrom('source_cursor').where('source', '=', source).execute()
    return
  }
  const value = JSON.stringify(cursor)
  await db
    .insertInto('source_cursor')
    .values({ source, value })
    .onConflict(conflict => conflict.column('source').doUpdateSet({ value }))
    .execute()
}

/** Sets dispositions one by one; inside a transaction if there are several. */
export const updateDispositions = async (
  db: Db,
  changes: { project: string; id: string; disposition: Disposition }[],
): Promise<void> => {
  for (const { project, id, disposition } of changes) {
    await db
      .updateTable('mail')
      .set({ disposition_kind: disposition.kind, disposition: JSON.stringify(disposition) })
      .where('id', '=', id)
      .where('project', '=', project)
      .execute()
  }
}

type MailPart = Pick<
  Store,
  | 'saveMails'
  | 'cursor'
  | 'mail'
  | 'mailsByMessageId'
  | 'mailsByPatchId'
  | 'mails'
  | 'mailsAfter'
  | 'mailPlace'
  | 'setDisposition'
  | 'updateMail'
  | 'mailKeys'
  | 'dispositions'
>

/** The store's mail half. */
export const mailStore = (db: Db): MailPart => ({
  saveMails: (mails, cursor) =>
    db.transaction().execute(async transaction => {
      const added: string[] = []
      for (const chunk of inChunks(mails)) {
        const rows = await transaction
          .insertInto('mail')
          .values(chunk.map(toRow))
          .onConflict(conflict => conflict.columns(['id', 'project']).doNothing())
          .returning('id')
          .execute()
        for (const row of rows) added.push(row.id)
      }
      if (cursor) await saveCursor(transaction, cursor.source, cursor.value)
      return added
    }),

  async cursor(source) {
    const query = db.selectFrom('source_cursor').select('value').where('source', '=', source)
    const row = await query.executeTakeFirst()
    return row && fromJson<unknown>(row.value, `cursor ${source}`)
  },

  async mail(id, project) {
    let query = db.selectFrom('mail').select(columns).where('id', '=', id)
    if (project !== undefined) query = query.where('project', '=', project)
    const row = await query.orderBy('seq').limit(1).executeTakeFirst()
    return row && fromRow(row)
  },

  async mailsByMessageId(messageId, project) {
    let query = db.selectFrom('mail').select(columns).where('message_id', '=', searchKey(messageId))
    if (project !== undefined) query = query.where('project', '=', project)
    return (await query.orderBy('arrived_at').orderBy('seq').execute()).map(fromRow)
  },

  async mailsByPatchId(patchId, project) {
    const query = db.selectFrom('mail').select(columns).where('patch_id', '=', patchId)
    const rows = query.where('project', '=', project).orderBy('arrived_at').orderBy('seq').execute()
    return (await rows).map(fromRow)
  },

  async mails({ project, kind, limit }) {
    let query = db.selectFrom('mail').select(columns)
    if (project !== undefined) query = query.where('project', '=', project)
    if (kind !== undefined) query = query.where('disposition_kind', '=', kind)
    if (limit !== undefined) query = query.limit(limit)
    return (await query.orderBy('arrived_at').orderBy('seq').execute()).map(fromRow)
  },

  async mailsAfter({ project, place, limit }) {
    const query = db
      .selectFrom('mail')
      .select(['seq', ...columns])
      .where('seq', '>', place)
    const rows = await query.where('project', '=', project).orderBy('seq').limit(limit).execute()
    return rows.map(row => ({ place: Number(row.seq), mail: fromRow(row) }))
  },

  async mailPlace(project, messageId) {
    const query = db.selectFrom('mail').select('seq')
    const row =
      messageId === undefined
        ? await query.orderBy('seq', 'desc').limit(1).executeTakeFirst()
        : await query
            .where('message_id', '=', searchKey(messageId))
            .where('project', '=', project)
            .orderBy('seq')
            .limit(1)
            .executeTakeFirst()
    return Number(row?.seq ?? 0)
  },

  setDisposition: (project, id, disposition) => updateDispositions(db, [{ project, id, disposition }]),

  async updateMail(mail, from) {
    const { id, project, ...row } = toRow(mail)
    const update = db.updateTable('mail').set(row).where('id', '=', id).where('project', '=', project)
    const done = await update.where('disposition_kind', '=', from).executeTakeFirst()
    return done.numUpdatedRows > 0n
  },

  async mailKeys({ project, kind, limit }) {
    let query = db.selectFrom('mail').select(['project', 'id'])
    if (project !== undefined) query = query.where('project', '=', project)
    if (kind !== undefined) query = query.where('disposition_kind', '=', kind)
    if (limit !== undefined) query = query.limit(limit)
    return query.orderBy('arrived_at').orderBy('seq').execute()
  },

  async dispositions(project) {
    let query = db
      .selectFrom('mail')
      .select(({ fn }) => ['disposition_kind as kind', fn.countAll<number>().as('count')])
    if (project !== undefined) query = query.where('project', '=', project)
    return query.groupBy('disposition_kind').orderBy('disposition_kind').execute()
  },
})
