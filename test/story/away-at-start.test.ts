// Bot, worker and pages as processes, started while their database and Redis are away: they say so, wait, and go on when these come. And two
// bots that share one database by mistake.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { socketPath } from '../../src/adapters/redis/socket-path.ts'
import { postgres as pool } from '../../src/adapters/sql/postgres.ts'
import { takeSole } from '../../src/adapters/sql/sole.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import { secret } from '../../src/config/secret.ts'
import { type Alone, aloneInDatabase } from '../../src/wiring/alone.ts'
import { type Service, services, until } from '../real/grapevine.ts'
import { freePort } from '../real/loopback.ts'
import { startPostgres, type TestPostgres } from '../real/postgres.ts'
import { startRedisIn, type TestRedis } from '../real/redis.ts'

const yaml = (port: number) => `
data: data
administrator: { name: Olga Operator, address: olga@example.org }
bot: { name: Grapevine, address: grapevine@example.org }
mail: { live: true, maildir: outbox }
web: { listen: '127.0.0.1:${port}' }
farm:
  data: farm
  images:
    tiny: { kind: busybox, memory: 256 MiB }
projects:
  tally:
    list: { name: Tally development, address: tally-devel@example.org }
    sources: [{ kind: mbox, path: list.mbox }]
    repository: tally.git
    branch: main
    build: { image: tiny, steps: [{ name: build, run: 'true', timeout: 1 min }] }
    test: { images: [tiny], steps: [{ name: check, run: 'true', timeout: 1 min }] }
`

let root: string
let postgres: TestPostgres
let redis: TestRedis | undefined
const running: ReturnType<typeof services>[] = []

/** A folder of its own for each machine; all share database and Redis. */
const machine = (name: string, port: number) => {
  const folder = join(root, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'grapevine.yaml'), yaml(port))
  writeFileSync(join(folder, 'list.mbox'), '')
  const env = {
    ...process.env,
    ...{ DATABASE_URL: postgres.url('postgres'), REDIS_URL: socketPath(join(root, 'redis')) },
    GRAPEVINE_HOST: name,
  }
  const grapevine = services({ folder, env })
  running.push(grapevine)
  const says = (service: Service, words: string) => {
    try {
      return readFileSync(join(folder, `${service}.log`), 'utf8').includes(words)
    } catch {
      return false
    }
  }
  return { ...grapevine, says, hears: (one: Service, words: string) => until(words, () => says(one, words)) }
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'gv-away-'))
  mkdirSync(join(root, 'redis'))
  postgres = await startPostgres()
})
afterAll(async () => {
  for (const one of running) await one.killAll()
  await redis?.stop()
  await postgres.stop()
  rmSync(root, { recursive: true, force: true })
})

test('all wait for database and Redis, and a second bot waits for the end of the first', async () => {
  await postgres.kill9()
  const port = await freePort()
  const [first, second] = [machine('first', port), machine('second', await freePort())]
  const status = async (path: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined))?.status
  for (const one of ['start', 'worker', 'web'] as const) first.start(one)
  await first.hears('start', 'the bot waits for it and tries again. Remedy: see that the server runs')
  await first.hears('worker', 'the worker waits for it and tries again. Remedy: see that the server runs')
  await until('the status page', async () => (await status('/status')) === 200)
  expect(await status('/')).toBe(503)
  expect(await status('/readyz')).toBe(503)

  await postgres.start()
  await first.hears('start', 'the bot is up: tally')
  await first.hears('worker', 'Redis not reachable')
  await until('the pages', async () => (await status('/')) === 200)
  redis = await startRedisIn(join(root, 'redis'))
  await first.hears('worker', 'Redis answers again')
  await first.hears('worker', 'the host first takes no tasks: ')
  await until('Redis for the pages', async () => (await status('/readyz')) === 200)

  second.start('start')
  await second.hears('start', 'this database has a bot already: grapevine bot on first, process ')
  expect(second.says('start', 'the bot is up')).toBe(false)
  await first.kill('start')
  await second.hears('start', 'the bot is up: tally')
})

/** A bot of that name; it rests where it would only wait for time to pass. */
const botNamed = (host: string, rest: () => Promise<void> = async () => {}) => {
  let now = 0
  const said: string[] = []
  const sleep = async () => {
    await rest()
    now += 5_000
  }
  const alone = aloneInDatabase({
    config: { host, databaseUrl: secret(postgres.url('postgres')) },
    clock: { now: () => now, sleep },
    log: (_, line) => void said.push(line),
    signal: new AbortController().signal,
  })
  return { alone, said }
}

const held = async (one: ReturnType<typeof botNamed>): Promise<Alone> => {
  const alone = await one.alone
  if (alone === undefined) throw new Error('it was stopped')
  return alone
}

test('who lost the lock takes it again; who finds another one there ends, and says who that is', async () => {
  for (const one of running) await one.killAll()
  let goOn = () => {}
  const gate = new Promise<void>(resolve => {
    goOn = resolve
  })
  const oak = botNamed('oak', () => gate)
  const first = await held(oak)
  await expect(botNamed('elm').alone).rejects.toMatchObject({
    ...{ kind: 'refused', retry: 'later' },
    message: expect.stringMatching(
      /^this database has a bot already: grapevine bot on oak, process \d+, since \d{4}-/,
    ),
  })
  const db = new Kysely<object>({ dialect: pool(postgres.url('postgres')).dialect })
  const holders = async () =>
    (await sql<{ pid: number }>`select pid from pg_locks where locktype = 'advisory'`.execute(db)).rows
  const before = (await holders())[0]?.pid
  await sql`select pg_terminate_backend(${before})`.execute(db)
  await until('the lock is held again', async () => (await holders()).some(({ pid }) => pid !== before))
  await db.destroy()
  expect(first.lost.aborted).toBe(false)

  await postgres.kill9()
  await until('it is heard of', () => oak.said.some(line => line.includes('the bot waits for it')))
  await postgres.start()
  const elm = await held(botNamed('elm'))
  goOn()
  await until('it ends', () => first.lost.aborted)
  expect(first.lost.reason).toMatchObject({ message: expect.stringContaining('grapevine bot on elm') })
  await first.release()
  await elm.release()
  const ash = await held(botNamed('ash'))
  await ash.release()
})

test('on a standby nothing is locked, as its primary would not know; when that is mended, it is', async () => {
  const url = postgres.url('postgres')
  const before = await openStore({ url, folder: root })
  await before.close()
  const primary = new Kysely<object>({ dialect: pool(url).dialect })
  await sql`checkpoint`.execute(primary)
  await primary.destroy()
  await postgres.kill9()
  await postgres.start('standby')
  const standby = { kind: 'unreachable', remedy: expect.stringContaining('name the primary') }
  await expect(takeSole(url, 'oak')).rejects.toMatchObject(standby)
  const store = await openStore({ url, folder: root })
  await expect(store.saveMails([], { source: 'list', value: 1 })).rejects.toMatchObject(standby)
  await store.close()
  const db = new Kysely<object>({ dialect: pool(url).dialect })
  await sql`select pg_promote()`.execute(db)
  await db.destroy()
  const sole = await takeSole(url, 'oak')
  expect(sole).toHaveProperty('gone')
  expect(await takeSole(url, 'elm')).toMatchObject({ name: 'oak' })
  if ('gone' in sole) await sole.release()
})

test('who goes does not wait for a server that is gone without a word', async () => {
  let isCut = false
  const way = createServer({ allowHalfOpen: true }, near => {
    const far = connect(postgres.socket)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const)
      from.on('error', () => {}).on('data', data => isCut || to.write(data))
  })
  await new Promise<void>(resolve => way.listen(0, '127.0.0.1', resolve))
  const { port } = way.address() as AddressInfo
  const sole = await takeSole(`postgres://grapevine@127.0.0.1:${port}/postgres`, 'oak')
  if (!('gone' in sole)) throw new Error('somebody has it')
  isCut = true
  await sole.release()
  await sole.gone
  way.close()
})
