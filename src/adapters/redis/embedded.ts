// A Redis server of our own, on a unix socket in the data folder, for those who have none.
//
// Every process that uses it holds one connection with a name (see presence.ts). The server is started by whoever finds
// none, outlives the process that started it, is started again by any of its users when it dies, and is shut down by the
// user that stops last. One that was left behind by a killed process is found again at the next start.
import { type ChildProcess, spawn } from 'node:child_process'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
} from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../model/fault.ts'
import { meet, type Presence } from './presence.ts'
import { socketPath } from './socket-path.ts'

export type EmbeddedRedis = {
  /** Path of its unix socket. */
  socket: string
  /** Says goodbye; the last one shuts the server down and waits until it has ended. Repeatable. */
  stop(): Promise<void>
  /** Was it started by this call? */
  ours: boolean
}

const patienceMs = 30_000
/** What flock exits with when another server holds the folder. */
const folderTaken = 75

const settings = (folder: string, socket: string): string[] => [
  ...['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700', '--dir', folder],
  // The database is the truth; losing the last second of wake-ups costs one sweep.
  ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
  ...['--maxmemory-policy', 'noeviction', '--daemonize', 'no', '--logfile', 'redis.log'],
]

const findServer = (): string => {
  for (const place of (process.env.PATH ?? '').split(':')) {
    const file = path.join(place, 'redis-server')
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // The next one.
    }
  }
  throw new Fault('refused', 'never', 'there is no redis-server on this host', {
    remedy: 'apt-get install redis-server, or name another one in REDIS_URL',
  })
}

/** Starts the server under a lock that lasts exactly as long as its process: two of them in one folder would ruin it. */
const launch = (folder: string, socket: string): ChildProcess => {
  const server = findServer()
  const log = openSync(path.join(folder, 'redis.log'), 'a')
  const lock = [
    '--nonblock',
    '--no-fork',
    '--conflict-exit-code',
    String(folderTaken),
    path.join(folder, 'lock'),
  ]
  try {
    const child = spawn('flock', [...lock, server, ...settings(folder, socket)], {
      cwd: folder,
      detached: true,
      stdio: ['ignore', log, log],
    })
    child.unref()
    return child
  } finally {
    closeSync(log)
  }
}

const lastWords = (folder: string): string => {
  const lines = readFileSync(path.join(folder, 'redis.log'), 'utf8').trimEnd().split('\n')
  return lines.slice(-5).join('\n')
}

/** A journal that Redis cannot read holds up everything, and only wake-ups are lost with it. */
const setDamagedAside = (folder: string): boolean => {
  const journal = path.join(folder, 'appendonlydir')
  if (!existsSync(journal) || !/bad file format|redis-check-aof/i.test(lastWords(folder))) return false
  renameSync(journal, `${journal}.damaged-${Date.now()}`)
  return true
}

const explain = (folder: string, error: unknown): Fault => {
  if (error instanceof Error) {
    return new Fault('refused', 'never', `cannot start redis-server: ${error.message}`, {
      cause: error,
      remedy: 'apt-get install redis-server util-linux',
    })
  }
  const last = lastWords(folder).split('\n').at(-1)
  return new Fault('unreachable', 'later', `redis-server ended at its start: ${last}`, {
    remedy: `see ${path.join(folder, 'redis.log')}`,
  })
}

/** One start. `ended`: its exit code, or the error that kept it from starting; undefined as long as it runs. */
type Start = { pid: number | undefined; ended?: number | Error }

const following = (child: ChildProcess): Start => {
  const state: Start = { pid: child.pid }
  child.once('error', error => {
    state.ended = error
  })
  child.once('exit', code => {
    state.ended ??= code ?? -1
  })
  return state
}

/** Meets the server in the folder, starting it if nobody answers. */
const meetOrStart = async (
  folder: string,
  socket: string,
): Promise<{ presence: Presence; ours: boolean }> => {
  const deadline = Date.now() + patienceMs
  let start: Start | undefined
  while (Date.now() < deadline) {
    const presence = await meet(socket)
    if (presence) return { presence, ours: start?.pid === presence.pid }
    start ??= following(launch(folder, socket))
    if (start.ended === folderTaken || (start.ended !== undefined && setDamagedAside(folder)))
      start = undefined
    else if (start.ended !== undefined) throw explain(folder, start.ended)
    await sleep(40)
  }
  throw new Fault('timeout', 'later', `redis-server in ${folder} runs but does not answer`, {
    remedy: `see ${path.join(folder, 'redis.log')}, and end that redis-server if it hangs`,
  })
}

const makeFolder = (folder: string) => {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    throw new Fault('refused', 'never', `cannot write in ${folder}`, {
      cause,
      remedy: `make the folder ${folder}, writable for this user`,
    })
  }
}

/** Meets or starts the Redis of `folder` (made if missing), and keeps it running until `stop`.
 *  Faults: refused (no redis-server, no rights), unreachable (it ends at its start), timeout (it does not answer). */
export const embeddedRedis = async (options: { folder: string }): Promise<EmbeddedRedis> => {
  const folder = path.resolve(options.folder)
  makeFolder(folder)
  const socket = socketPath(folder)
  const met = await meetOrStart(folder, socket)
  let presence = met.presence
  let stopped = false

  // Whoever connects to it meanwhile logs that it is away; here one only tries until it is back.
  const keepUp = async () => {
    while (!stopped) {
      await presence.gone
      if (stopped) return
      try {
        presence = (await meetOrStart(folder, socket)).presence
        if (stopped) await presence.leave()
      } catch {
        await sleep(1000, undefined, { ref: false })
      }
    }
  }
  const kept = keepUp()

  const stop = async () => {
    stopped = true
    await presence.leave()
    await kept
  }
  let stopping: Promise<void> | undefined
  return {
    socket,
    ours: met.ours,
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}
