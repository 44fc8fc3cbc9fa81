// How long the pages take at the size of years: 100,000 series and 5 million test results in a real PostgreSQL, asked over HTTP from the
// program as operators start it; then a thousand who follow one log (web-live.ts). Also as ratios to a page that asks nothing of the database, which hang less on the machine.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileBlobs } from '../src/adapters/blobs/files.ts'
import { openStore } from '../src/adapters/sql/store.ts'
import { byScript, services } from '../test/real/grapevine.ts'
import { freePort } from '../test/real/loopback.ts'
import { startPostgres } from '../test/real/postgres.ts'
import { redisOf } from '../test/real/redis.ts'
import { configWithPages } from './config.ts'
import { type Bench, type Row, row } from './row.ts'
import { baseSeries, copies, fillStore, idOf, logOfRuns } from './web-fill.ts'
import { webLive } from './web-live.ts'

const rounds = 200

const at = (sorted: number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0

type Asked = { p50: number; p95: number; largest: number }

const ask = async (site: string, path: string): Promise<number> => {
  const answer = await fetch(`${site}${path}`)
  const { byteLength } = await answer.arrayBuffer()
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
  return byteLength
}

/** One after the other, over a connection that stays. */
const measure = async (site: string, pathOf: (round: number) => string): Promise<Asked> => {
  const [times, sizes]: [number[], number[]] = [[], []]
  for (let i = -20; i < rounds; i++) {
    const began = performance.now()
    const size = await ask(site, pathOf(Math.abs(i)))
    if (i < 0) continue
    times.push(performance.now() - began)
    sizes.push(size)
  }
  const sorted = times.sort((a, b) => a - b)
  return { p50: at(sorted, 0.5), p95: at(sorted, 0.95), largest: Math.max(...sizes) }
}

const number = (copy: number, i: number): string => `17${454 + copy}${i}`

const searches = [
  () => '/series?text=user32',
  () => '/series?text=fix+curs',
  () => '/series?text=t',
  () => '/series?author=ann.ashdown',
  () => '/series?author=ann',
  () => '/series?text=wined3d&verdict=new-failures',
  () => '/series?author=olga&state=incomplete',
  () => '/series?verdict=all-well&project=tally',
  () => '/series?text=nothing+is+like+this',
  (i: number) => `/series?text=${number((i * 37) % copies, (i * 13) % baseSeries)}`,
  (i: number) => `/series?after=${1_745_400_000_000 + i * 100_000_000}-1`,
  (i: number) => `/series?text=ntdll&after=${1_745_400_000_000 + i * 100_000_000}-1`,
]

const seriesAt = (i: number): string => idOf(i * 37, [0, 2, 4, 5, 7][i % 5] ?? 0)

const pages: [name: string, path: (round: number) => string][] = [
  ['home', () => '/'],
  ['list', () => '/series'],
  ['list with search', i => (searches[i % searches.length] ?? searches[0])?.(i) ?? '/series'],
  ['series page', i => `/series/${seriesAt(i)}`],
  ['its patches', i => `/series/${seriesAt(i)}/patches`],
  ['log of a run', i => `/runs/r-j-${seriesAt(i)}-t1/log`],
  ['statistics', () => '/statistics'],
  ['history of a test', () => '/tests/tally/history?step=all&test=user32%3Atest_user32_0'],
  ['farm', () => '/farm'],
  ['status', () => '/status'],
]

const told = (name: string, asked: Asked, plain: Asked): Row[] => [
  row(`${name}, p50`, asked.p50, 'ms'),
  row(`${name}, p95`, asked.p95, 'ms', { less: 50 }),
  row(`${name}, p95 to that of /healthz`, asked.p95 / plain.p95, '×'),
  row(`${name}, largest`, asked.largest / 1000, 'kB', { less: 150 }),
]

const answers = async (site: string): Promise<void> => {
  for (let tries = 0; ; tries++) {
    const ok = await fetch(`${site}/healthz`).then(
      answer => answer.status === 200,
      () => false,
    )
    if (ok) return
    if (tries > 300) throw new Error('the pages never answered')
    await sleep(200)
  }
}

/** Fills a database and serves it, as long as `use` takes. */
export const withPages = async <T>(use: (site: string) => Promise<T>): Promise<T & { filled: Row[] }> => {
  const folder = mkdtempSync(join(tmpdir(), 'gv-web-'))
  const postgres = await startPostgres()
  const note = (words: string) => console.error(`bench: ${new Date().toISOString().slice(11, 19)} ${words}`)
  const url = postgres.database('years')
  const port = await freePort()
  mkdirSync(join(folder, 'tally.git'))
  writeFileSync(join(folder, 'grapevine.yaml'), configWithPages(port))
  const { REDIS_URL: _, ...env } = process.env
  const grapevine = services({ folder, env: { ...env, DATABASE_URL: url }, inside: byScript })
  try {
    const store = await openStore({ url, folder: '' })
    const began = performance.now()
    const log = await fileBlobs({ folder: join(folder, 'data', 'blobs') }).put(Buffer.from(logOfRuns))
    const filled = await fillStore({ store, url, log }, note)
    await store.close()
    const rows = [
      row('series', filled.series, ''),
      row('test results', filled.results, ''),
      row('filled in', (performance.now() - began) / 1000, 's'),
    ]
    grapevine.start('web')
    const site = `http://127.0.0.1:${port}`
    await answers(site)
    return { ...(await use(site)), filled: rows }
  } catch (error) {
    console.error(readFileSync(join(folder, 'web.log'), { encoding: 'utf8', flag: 'a+' }).slice(-3000))
    throw error
  } finally {
    await grapevine.killAll()
    for (const pid of redisOf(folder)) process.kill(pid, 'SIGKILL')
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const web: Bench = async () => {
  const { rows, filled } = await withPages(async site => {
    const rows: Row[] = []
    const plain = await measure(site, () => '/healthz')
    rows.push(row('/healthz, p50', plain.p50, 'ms'), row('/healthz, p95', plain.p95, 'ms'))
    for (const [name, path] of pages) rows.push(...told(name, await measure(site, path), plain))
    const each: Row[] = []
    for (const path of searches) {
      const { p95 } = await measure(site, path)
      each.push(row(`  ${path(0)}, p95`, p95, 'ms'))
    }
    return { rows: [...rows, ...each] }
  })
  return [...filled, ...rows, ...(await webLive({ archive: undefined }))]
}
