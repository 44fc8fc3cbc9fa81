// A PostgreSQL server of its own for tests: on a unix socket in a temporary folder, reachable by nobody else.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const binaries = (): string => {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  const found = versions
    .map(version => path.join(root, version, 'bin'))
    .find(bin => existsSync(path.join(bin, 'initdb')))
  if (!found) throw new Error('no PostgreSQL server here: apt-get install postgresql')
  return found
}

/** PostgreSQL refuses to run as root: then it runs as `nobody`. */
const unprivileged = (folder: string, command: string[]): [string, ...string[]] => {
  if (process.getuid?.() !== 0) return [command[0] ?? '', ...command.slice(1)]
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  const [uid, gid] = [id('-u'), id('-g')]
  chownSync(folder, uid, gid)
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...command]
}

const settings = [
  'listen_addresses=',
  'fsync=off',
  'full_page_writes=off',
  'shared_buffers=32MB',
  'max_connections=60',
  'log_min_messages=log',
].flatMap(setting => ['-c', setting])

export type TestPostgres = {
  /** URL of an empty database made now. */
  database(name: string): string
  /** URL of a database that was not made. */
  url(name: string): string
  /** The file of the unix socket. */
  socket: string
  stop(): Promise<void>
  /** SIGKILL to its first process; the others find that out, and end. */
  kill9(): Promise<void>
  /** After kill9. Resolves when it takes connections. A standby follows nobody, and takes no writes until `pg_promote`. */
  start(as?: 'primary' | 'standby'): Promise<void>
}

/** Starts one; resolves when it takes connections. `durable`: what it said is kept is there after `kill9`; else that is quicker. */
export const startPostgres = async ({ durable = false } = {}): Promise<TestPostgres> => {
  const bin = binaries()
  const folder = mkdtempSync(path.join(tmpdir(), 'gv-pg-'))
  const data = path.join(folder, 'data')
  const [initdb, ...initdbArguments] = unprivileged(folder, [
    path.join(bin, 'initdb'),
    ...['-D', data, '-U', 'grapevine', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
  ])
  execFileSync(initdb, initdbArguments, { stdio: 'pipe', cwd: folder })

  const [postgres, ...postgresArguments] = unprivileged(folder, [
    path.join(bin, 'postgres'),
    ...['-D', data, '-k', folder, ...settings],
    ...['-c', `synchronous_commit=${durable ? 'on' : 'off'}`],
  ])
  const tryLaunch = async () => {
    // A group of its own: no signal to ours reaches it.
    const child = spawn(postgres, postgresArguments, {
      ...{ stdio: ['ignore', 'ignore', 'pipe'], cwd: folder, detached: true },
    })
    const exited = once(child, 'exit')
    const lines: string[] = []
    for await (const line of createInterface(child.stderr)) {
      lines.push(line)
      if (/ready to accept (?:read-only )?connections/.test(line)) {
        child.stderr.resume()
        return { child, exited }
      }
    }
    await exited
    return lines.join('\n')
  }
  /** Its processes have sessions of their own: those of one that was killed end a little later than it, and bar the next one until then. */
  const launch = async () => {
    for (let tries = 0; ; tries++) {
      const tried = await tryLaunch()
      if (typeof tried !== 'string') return tried
      if (tries === 100 || !/pre-existing shared memory block|lock file .* already exists/.test(tried))
        throw new Error(`PostgreSQL did not start:\n${tried}`)
      await sleep(100)
    }
  }
  let server = await launch()

  const url = (name: string) => `postgres://grapevine@/${name}?host=${encodeURIComponent(folder)}`
  return {
    url,
    socket: path.join(folder, '.s.PGSQL.5432'),
    database(name) {
      execFileSync(path.join(bin, 'createdb'), ['-h', folder, '-U', 'grapevine', name], { stdio: 'pipe' })
      return url(name)
    },
    async stop() {
      // SIGINT is its fast shutdown: open connections do not hold it up.
      server.child.kill('SIGINT')
      await server.exited
      rmSync(folder, { recursive: true, force: true })
    },
    async kill9() {
      if (server.child.pid === undefined) return
      process.kill(-server.child.pid, 'SIGKILL')
      await server.exited
    },
    async start(as = 'primary') {
      if (as === 'standby') writeFileSync(path.join(data, 'standby.signal'), '')
      server = await launch()
    },
  }
}
