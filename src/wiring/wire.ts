// The only place where real things meet: the configuration's adapters behind the ports that the stages know.
import { join } from 'node:path'
import { fileBlobs } from '../adapters/blobs/files.ts'
import { fileLinks, type Links } from '../adapters/blobs/links.ts'
import { type BoardQueues, boardQueues } from '../adapters/bullmq/board.ts'
import { redisConnection } from '../adapters/bullmq/connection.ts'
import { listen } from '../adapters/bullmq/listen.ts'
import { redisLiveOut } from '../adapters/bullmq/live.ts'
import { bullQueue } from '../adapters/bullmq/queue.ts'
import { openTickets } from '../adapters/bullmq/tickets.ts'
import { systemClock } from '../adapters/clock/system.ts'
import { gitBranches } from '../adapters/git/branches.ts'
import { gitMail } from '../adapters/git/mail.ts'
import { gitMirror } from '../adapters/git/mirror.ts'
import { fileJournal } from '../adapters/journal/files.ts'
import { dkimAuth } from '../adapters/mailauth/verify.ts'
import { maildirSink } from '../adapters/maildir/sink.ts'
import { embeddedRedis } from '../adapters/redis/embedded.ts'
import { smtpSink } from '../adapters/smtp/sink.ts'
import { openStore } from '../adapters/sql/store.ts'
import type { Config, ProjectConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Bugs, Tracker } from '../ports/bugs.ts'
import type { Clock } from '../ports/clock.ts'
import type { Forge } from '../ports/forge.ts'
import type { Branches, GitMail, Mirror } from '../ports/git.ts'
import type { Journal } from '../ports/journal.ts'
import type { LiveOut } from '../ports/live.ts'
import type { Log } from '../ports/log.ts'
import type { MailAuth } from '../ports/mail-auth.ts'
import type { MailSink } from '../ports/mail-sink.ts'
import type { Queue, Tickets } from '../ports/queue.ts'
import type { Store } from '../ports/store.ts'
import type { Traces } from '../ports/traces.ts'
import { announced } from './announce.ts'
import { bugsOf } from './bugs.ts'
import { forgeOf } from './forge-of.ts'
import { lateTraces } from './late-traces.ts'
import { trackersOf } from './trackers.ts'

export type Wired = {
  config: Config
  store: Store
  /** What must be there while the store is away. */
  journal: Journal
  blobs: Blobs
  /** Logs by name, for people. */
  logs: Links
  queue: Queue
  redis: ReturnType<typeof redisConnection>
  /** A host's hand on the `run` queues. */
  tickets(): Tickets
  /** The queues themselves, to look into; opened once. */
  board(images: string[]): BoardQueues['queues']
  /** Calls back whenever hosts are told to look. */
  listen(onWake: () => void): { close(): Promise<void> }
  gitMail: GitMail
  mirror: Mirror
  /** Series as branches elsewhere; on top of the mirrors. */
  branches: Branches
  sink: MailSink
  mailAuth: MailAuth
  /** Tells the pages what moves. */
  live: LiveOut
  /** undefined: there is no GitHub App in the configuration. */
  forge: Forge | undefined
  /** undefined: there are none in the configuration, and nothing of it is loaded. */
  traces: Traces | undefined
  /** In the configuration's order. */
  trackers: Tracker[]
  /** All of them as one. */
  bugs: Bugs
  clock: Clock
  log: Log
  project(name: string): ProjectConfig
  /** Runs what reads and then saves series, one after another: the store's last word wins, so two must not speak at once. */
  inTurn<T>(act: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Separates the jobs of two Grapevines that share one Redis. */
export const queuePrefix = 'grapevine'

/** Below `data`. */
export const journalFolder = 'journal'

const openRedis = async (config: Config): Promise<{ where: string; stop(): Promise<void> }> => {
  const url = config.redisUrl?.reveal()
  if (url !== undefined) return { where: url, stop: async () => {} }
  const server = await embeddedRedis({ folder: join(config.data, 'redis') })
  return { where: server.socket, stop: () => server.stop() }
}

const keepConnectionMs = 60_000

/** Where our mail goes. With mailboxes of our own, each mail is sent there as well: by that it is known to have left. */
export const sinkFor = ({ mail: { out, dkim, inbox }, bot }: Pick<Config, 'mail' | 'bot'>): MailSink => {
  const signer = dkim && { ...dkim, key: () => dkim.key.reveal() }
  if (out.kind === 'maildir') return maildirSink({ path: out.path, signer })
  const copyTo = inbox.length > 0 ? bot.address : undefined
  return smtpSink({ ...out, signer, copyTo, keepMs: keepConnectionMs })
}

/** A queue of one, in this process; there is one bot for a store. */
export const turns = (): Wired['inTurn'] => {
  let last: Promise<unknown> = Promise.resolve()
  return act => {
    const mine = last.then(act, act)
    last = mine
    return mine
  }
}

/** The database of the configuration. Throws its Faults. */
export const openStoreOf = (config: Config, log: Log): Promise<Store> => {
  const url = config.databaseUrl?.reveal()
  const tell = (line: string) => log('info', line)
  return openStore({ folder: config.data, tell, ...(url === undefined ? {} : { url }) })
}

/** What needs neither database nor Redis. */
export const portsBeside = (config: Config, log: Log) => {
  const sink = sinkFor(config)
  const trackers = trackersOf(config, systemClock)
  const forge = forgeOf(config, systemClock)
  const traces = config.traces === undefined ? undefined : lateTraces(config.traces)
  return {
    config,
    journal: fileJournal({ folder: join(config.data, journalFolder), log }),
    blobs: fileBlobs({ folder: join(config.data, 'blobs') }),
    logs: fileLinks({ folder: join(config.data, 'logs') }),
    gitMail: gitMail(),
    mirror: gitMirror({ folder: join(config.data, 'mirrors') }),
    branches: gitBranches({ folder: join(config.data, 'mirrors') }),
    sink,
    mailAuth: dkimAuth(),
    forge,
    traces,
    trackers,
    bugs: bugsOf(trackers),
    clock: systemClock,
    log,
    project(name: string): ProjectConfig {
      const found = config.projects.find(project => project.name === name)
      if (!found) throw new Fault('malformed', 'never', `there is no project "${name}" in the configuration`)
      return found
    },
    inTurn: turns(),
    async close(): Promise<void> {
      await sink.close?.()
      for (const tracker of trackers) await tracker.close()
      await forge?.close()
      await traces?.close()
    },
  }
}

/** Connects to everything that the configuration names. `opened`: the store, if it is open already. Throws a Fault, with nothing left open. */
export const wire = async (config: Config, log: Log, opened?: Store): Promise<Wired> => {
  const store = opened ?? (await openStoreOf(config, log))
  const server = await openRedis(config).catch(async error => {
    await store.close()
    throw error
  })
  const redis = redisConnection({ where: server.where, log })
  const queue = bullQueue({ connection: redis, prefix: queuePrefix })
  let board: BoardQueues | undefined
  const beside = portsBeside(config, log)
  const live = redisLiveOut({ connection: redis, prefix: queuePrefix })
  return {
    ...beside,
    store: announced(store, live),
    queue,
    redis,
    live,
    tickets: () => openTickets({ connection: redis, prefix: queuePrefix }),
    board(images) {
      board ??= boardQueues({ connection: redis, prefix: queuePrefix, images })
      return board.queues
    },
    listen: onWake => listen({ connection: redis, prefix: queuePrefix, onWake }),
    async close() {
      await beside.close()
      await live.close()
      await board?.close()
      await queue.close()
      await store.close()
      await server.stop()
    },
  }
}
