// Commands by mail. A command's state is saved together with its answer, and with the series that it changes.
import type { Command } from '../../model/command.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, inChunks, searchKey } from './columns.ts'
import type { Flavour } from './make-table.ts'
import { saveSeriesRows } from './series.ts'
import type { Db } from './tables.ts'
import { insertReply } from './verdicts.ts'

const toRow = (command: Command) => ({
  id: command.id,
  project: command.project,
  mail: command.mail,
  sender: searchKey(command.sender),
  series: command.series ?? '',
  state_at: command.state.at,
  created_at: command.createdAt,
  data: JSON.stringify(command),
})

const fromRow = (row: { id: string; data: string }): Command =>
  fromJson<Command>(row.data, `command ${row.id}`)

type CommandPart = Pick<Store, 'addCommands' | 'commands' | 'moveCommand'>

/** The store's half of commands. */
export const commandStore = (db: Db, flavour: Flavour): CommandPart => ({
  addCommands: commands =>
    db.transaction().execute(async transaction => {
      const added: string[] = []
      for (const chunk of inChunks(commands)) {
        const rows = await transaction
          .insertInto('command')
          .values(chunk.map(toRow))
          .onConflict(conflict => conflict.column('id').doNothing())
          .returning('id')
          .execute()
        for (const row of rows) added.push(row.id)
      }
      return added
    }),

  async commands({ at, project, mail, sender, series, since, limit }) {
    let query = db.selectFrom('command').select(['id', 'data'])
    if (at !== undefined) query = query.where('state_at', '=', at)
    if (project !== undefined) query = query.where('project', '=', project)
    if (mail !== undefined) query = query.where('mail', '=', mail)
    if (sender !== undefined) query = query.where('sender', '=', searchKey(sender))
    if (series !== undefined) query = query.where('series', '=', series)
    if (since !== undefined) query = query.where('created_at', '>', since)
    if (limit !== undefined) query = query.limit(limit)
    return (await query.orderBy('seq').execute()).map(fromRow)
  },

  moveCommand: (command, from, { reply, series } = {}) =>
    db.transaction().execute(async transaction => {
      const { id, ...row } = toRow(command)
      const update = transaction.updateTable('command').set(row).where('id', '=', id)
      const { numUpdatedRows } = await update.where('state_at', '=', from).executeTakeFirst()
      if (numUpdatedRows !== 1n) return false
      if (series) await saveSeriesRows(transaction, flavour, [series])
      if (reply) await insertReply(transaction, reply)
      return true
    }),
})
