// A thousand people follow one log: what that takes of the pages' process, and whether all of them see all of it. The program as operators
// start it, its own Redis, a log that grows as that of a busy build.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { redisConnection } from '../src/adapters/bullmq/connection.ts'
import { redisLiveOut } from '../src/adapters/bullmq/live.ts'
import { embeddedRedis } from '../src/adapters/redis/embedded.ts'
import { openStore } from '../src/adapters/sql/store.ts'
import { queuePrefix } from '../src/wiring/wire.ts'
import { run } from '../test/contract/samples.ts'
import { addBuilds } from '../test/fakes/hosts.ts'
import { byScript, services } from '../test/real/grapevine.ts'
import { freePort } from '../test/real/loopback.ts'
import { redisOf } from '../test/real/redis.ts'
import { configWithPages } from './config.ts'
import { type Bench, row } from './row.ts'

const viewers = 1_000
/** 100 lines every 200 ms for ten seconds: as much as a quick compiler prints. */
const rounds = 50
const linesAtOnce = 100
const runId = 'followed'

const line = (n: number): string => `cc -O2 -Wall -c -o build/object-${n}.o source/file-${n}.c -Iinclude\n`

/** Memory as the kernel counts it, in MB: all of it, and what is the process's own and not a file that others have mapped as well. */
const memoryOf = (pid: number): { all: number; own: number } => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024) / 1e6
  return { all: of('VmRSS'), own: of('RssAnon') }
}

/** When it answers. */
const pidOf = async (site: string, folder: string): Promise<number> => {
  for (let tries = 0; tries < 300; tries++) {
    const isHere = await fetch(`${site}/healthz`).then(
      ({ status }) => status === 200,
      () => false,
    )
    if (isHere) break
    await sleep(200)
  }
  return Number(readFileSync(join(folder, 'web.pid'), 'utf8'))
}

type Viewer = { seen: number; lastAt: number; isOver: boolean; close(): void }

/** Counts the characters of the log that came. */
const view = (site: string): Promise<Viewer> =>
  new Promise((resolve, reject) => {
    const asked = get(`${site}/runs/${runId}/log/stream`, { agent: false }, (answer: IncomingMessage) => {
      if (answer.statusCode !== 200) return reject(new Error(`the stream answers ${answer.statusCode}`))
      const viewer: Viewer = { seen: 0, lastAt: 0, isOver: false, close: () => asked.destroy() }
      let rest = ''
      answer.setEncoding('utf8')
      answer.on('error', () => {})
      answer.on('data', (text: string) => {
        const events = (rest + text).split('\n\n')
        rest = events.pop() ?? ''
        for (const event of events) {
          if (event.startsWith('event: over')) viewer.isOver = true
          const id = /^id: (\d+)$/m.exec(event)?.[1]
          if (id !== undefined) viewer.seen = Number(id)
        }
        viewer.lastAt = performance.now()
      })
      resolve(viewer)
    })
    asked.on('error', reject)
  })

const until = async (holds: () => boolean, withinMs: number): Promise<boolean> => {
  for (const end = performance.now() + withinMs; performance.now() < end; await sleep(50))
    if (holds()) return true
  return holds()
}

const followed = async (site: string, pid: number, socket: string) => {
  const connection = redisConnection({ where: socket, log: () => {} })
  const out = redisLiveOut({ connection, prefix: queuePrefix })
  const log = out.log(runId)
  // What a page needs is loaded, and one viewer has been served.
  const first = await view(site)
  const before = memoryOf(pid)
  const all: Viewer[] = [first]
  for (let n = 1; n < viewers; n += 50)
    all.push(...(await Promise.all(Array.from({ length: Math.min(50, viewers - n) }, () => view(site)))))
  const withAll = memoryOf(pid)
  let [said, most] = [0, withAll]
  const look = () => {
    const now = memoryOf(pid)
    if (now.all > most.all) most = now
  }
  for (let round = 0; round < rounds; round++) {
    const text = Array.from({ length: linesAtOnce }, (_, n) => line(round * linesAtOnce + n)).join('')
    log.write(text)
    said += text.length
    await sleep(200)
    look()
  }
  const endedAt = performance.now()
  log.end()
  await until(() => all.every(({ isOver }) => isOver), 60_000)
  look()
  const complete = all.filter(({ seen }) => seen === said).length
  const lag = Math.max(...all.map(({ lastAt }) => lastAt)) - endedAt
  for (const viewer of all) viewer.close()
  await out.close()
  return [
    row('viewers of one log', all.length, ''),
    row('of them saw all of it', complete, '', { more: viewers }),
    row('characters of the log', said, ''),
    row('memory with one viewer', before.all, 'MB'),
    row('memory with all, before the log grew', withAll.all, 'MB'),
    row('memory at most', most.all, 'MB', { less: 200 }),
    row('of it its own, not mapped from files', most.own, 'MB'),
    row('memory that the viewers take', most.all - before.all, 'MB'),
    row('the last viewer saw the end after', lag, 'ms'),
  ]
}

export const webLive: Bench = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gv-live-'))
  const port = await freePort()
  mkdirSync(join(folder, 'tally.git'))
  writeFileSync(join(folder, 'grapevine.yaml'), configWithPages(port))
  const { REDIS_URL: _, DATABASE_URL: __, ...env } = process.env
  const data = join(folder, 'data')
  const grapevine = services({
    ...{ folder, env: { ...env, GRAPEVINE_DATA: data } },
    // The shell becomes the program: its id is the program's.
    inside: (program, given) => {
      const [script, words] = byScript(program, given)
      return ['sh', ['-c', 'echo $$ >"$0"; exec "$@"', join(folder, 'web.pid'), script, ...words]]
    },
  })
  const store = await openStore({ folder: data })
  await addBuilds(store, [{ id: 'a' }])
  await store.saveRun(run(runId, 'a-build', { evidence: {} }))
  await store.close()
  const redis = await embeddedRedis({ folder: join(data, 'redis') })
  try {
    grapevine.start('web')
    const site = `http://127.0.0.1:${port}`
    return await followed(site, await pidOf(site, folder), redis.socket)
  } finally {
    await grapevine.killAll()
    await redis.stop()
    for (const left of redisOf(folder)) process.kill(left, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}
