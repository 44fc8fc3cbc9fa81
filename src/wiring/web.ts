// The pages, put together: the database if it is there, the journal of the bot, and a server.
import { join } from 'node:path'
import { systemClock as clock } from '../adapters/clock/system.ts'
import { fileJournal } from '../adapters/journal/files.ts'
import { openStore } from '../adapters/sql/store.ts'
import type { Config } from '../config/config.ts'
import type { Log } from '../ports/log.ts'
import { app } from '../web/app.ts'
import { looking as startLooking } from '../web/look.ts'
import { type Served, serve } from '../web/server.ts'
import { journalFolder } from './wire.ts'

/** Serves until it is closed; the database may come and go. Faults: refused if the address is taken. */
export const startPages = async (config: Config, log: Log): Promise<Served> => {
  const url = config.databaseUrl?.reveal()
  const looking = startLooking({
    ...{ clock, log, projects: config.projects.map(({ name }) => name) },
    open: () => openStore({ folder: config.data, ...(url === undefined ? {} : { url }) }),
    journal: fileJournal({ folder: join(config.data, journalFolder), log }),
  })
  const { bot, notices, web } = config
  const pages = app({ looking, log, name: bot.name || 'Grapevine', url: web.url, hold: notices.hold })
  const served = await serve(pages, web)
  return {
    port: served.port,
    async close() {
      await served.close()
      await looking.close()
    },
  }
}
