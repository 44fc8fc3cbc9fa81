// The pages, put together: all that the bot has if it is there, the journal of the bot, what moves, and a server.
import { join } from 'node:path'
import { redisLiveIn } from '../adapters/bullmq/live-in.ts'
import { systemClock as clock } from '../adapters/clock/system.ts'
import { fileJournal } from '../adapters/journal/files.ts'
import type { Config } from '../config/config.ts'
import type { Log } from '../ports/log.ts'
import { app } from '../web/app.ts'
import { type Look, looking as startLooking } from '../web/look.ts'
import type { WebParts } from '../web/parts.ts'
import { type Served, serve } from '../web/server.ts'
import { type StatusView, statusView } from '../web/view.ts'
import { lateLive } from './late-live.ts'
import { journalFolder, openStoreOf, queuePrefix, type Wired, wire } from './wire.ts'

/** Opened when it is asked for first; what fails is tried again by whoever asks next. */
const lazily = <T>(open: () => Promise<T>) => {
  let opening: Promise<T> | undefined
  return {
    get: (): Promise<T> => {
      opening ??= open().catch(error => {
        opening = undefined
        throw error
      })
      return opening
    },
    opened: () => opening,
  }
}

/** Made once for each look, which is the same for all who ask within a few seconds. */
const statusOf = ({ looking, config }: Pick<WebParts, 'looking' | 'config'>): WebParts['status'] => {
  const views = new WeakMap<Look, StatusView>()
  return async () => {
    const look = await looking.look()
    const made = views.get(look) ?? statusView(look, { hold: config.notices.hold })
    views.set(look, made)
    return made
  }
}

/** Serves until it is closed; database and Redis may come and go. Faults: refused if the address is taken. */
export const startPages = async (config: Config, log: Log): Promise<Served> => {
  const looking = startLooking({
    ...{ clock, log, projects: config.projects.map(({ name }) => name) },
    open: () => openStoreOf(config, log),
    journal: fileJournal({ folder: join(config.data, journalFolder), log }),
  })
  const live = lateLive()
  const all = lazily<Wired>(async () => {
    const wired = await wire(config, log)
    live.attach(redisLiveIn({ connection: wired.redis, prefix: queuePrefix }))
    return wired
  })
  const { bot, web } = config
  const common = { config, looking, live, clock, log, name: bot.name || 'Grapevine' }
  const pages = app({ ...common, wired: all.get, status: statusOf(common) })
  const served = await serve(pages, web)
  return {
    port: served.port,
    async close() {
      await served.close()
      await live.close()
      await looking.close()
      await all.opened()?.then(
        wired => wired.close(),
        () => {},
      )
    },
  }
}
