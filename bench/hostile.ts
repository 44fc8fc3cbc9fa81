// Hostile mail: 10,000 mutated ones through receive, one by one, then each monster in a process of its own. Says the worst.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { noBlobs } from '../src/adapters/blobs/none.ts'
import { gitMail } from '../src/adapters/git/mail.ts'
import { openStore } from '../src/adapters/sql/store.ts'
import { receive } from '../src/stages/receive/receive.ts'
import { monsters, mutants } from '../test/fakes/hostile.ts'
import { type Bench, row } from './row.ts'

const count = 10_000
const maxMs = 1000
const maxMib = 200
const one = fileURLToPath(new URL('./hostile-one.ts', import.meta.url))

/** Real mails to start from: all small files below the folder; none where it is absent. */
const mailsBelow = (folder: string | undefined): Buffer[] =>
  folder === undefined || !existsSync(folder)
    ? []
    : readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile() && /\.(?:eml|mbox|in)$|^\d{4}$/.test(entry.name))
        .map(entry => readFileSync(join(entry.parentPath, entry.name)))
        .filter(raw => raw.length < 200_000)

type Told = { ms: number; mib: number; kind?: string }

const monster = (name: string): Told => {
  const { stdout, stderr } = spawnSync(process.execPath, [one, name], { encoding: 'utf8', timeout: 60_000 })
  if (stdout === '') throw new Error(`${name}: ${stderr}`)
  return JSON.parse(stdout) as Told
}

export const hostile: Bench = async ({ archive }) => {
  const real = mailsBelow(archive)
  const folder = await mkdtemp(join(tmpdir(), 'grapevine-bench-'))
  const store = await openStore({ folder })
  const take = receive({ store, blobs: noBlobs(), gitMail: gitMail() })
  const source = { project: 'bench', source: 'bench', listTags: [], cursor: 1 }
  const before = process.resourceUsage().maxRSS
  let worst = 0
  let slow = 0
  const ids = new Set<string>()
  const began = performance.now()
  for (const raw of mutants(count, real)) {
    const start = performance.now()
    for (const id of await take({ ...source, mails: [{ raw, arrivedAt: 0, where: 'bench' }] })) ids.add(id)
    const ms = performance.now() - start
    worst = Math.max(worst, ms)
    if (ms > maxMs) slow += 1
  }
  const seconds = (performance.now() - began) / 1000
  const kinds = await store.dispositions()
  await store.close()
  await rm(folder, { recursive: true })
  const grown = (process.resourceUsage().maxRSS - before) / 1024
  const told = Object.keys(monsters).map(name => ({ name, ...monster(name) }))
  const slowest = told.toSorted((a, b) => b.ms - a.ms)[0]
  const widest = told.toSorted((a, b) => b.mib - a.mib)[0]
  return [
    row('mutated mails', count, 'mails'),
    row('made of real mails', real.length, 'mails'),
    row('different ones, stored once each', ids.size, 'mails'),
    row(
      'with one disposition',
      kinds.reduce((sum, kind) => sum + kind.count, 0),
      'mails',
      { more: ids.size },
    ),
    ...kinds.map(({ kind, count: mails }) => row(`… ${kind}`, mails, 'mails')),
    row('all of them', seconds, 's'),
    row('the slowest', worst, 'ms', { less: maxMs }),
    row('slower than a second', slow, 'mails', { less: 0 }),
    row('memory of the whole process, grown over all', grown, 'MiB'),
    row('monsters', told.length, 'mails'),
    row(`slowest: ${slowest?.name}`, slowest?.ms ?? 0, 'ms', { less: maxMs }),
    row(`widest: ${widest?.name}`, widest?.mib ?? 0, 'MiB', { less: maxMib }),
  ]
}
