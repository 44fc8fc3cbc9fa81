// The store contract on SQLite and PostgreSQL, and what is special to each.
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { Kysely, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrate, versions } from '../../src/adapters/sql/migrations.ts'
import { postgres } from '../../src/adapters/sql/postgres.ts'
import { sqlite, sqliteFault } from '../../src/adapters/sql/sqlite.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Tables } from '../../src/adapters/sql/tables.ts'
import { startPostgres, type TestPostgres } from '../real/postgres.ts'
import { job, mail, planned, series, task, verdict } from './samples.ts'
import { storeContract } from './store.ts'

const root = mkdtempSync(path.join(tmpdir(), 'gv-store-'))
const newFolder = () => mkdtempSync(path.join(root, 'd'))
let server: TestPostgres
let count = 0
const newDatabase = () => server.database(`test${++count}`)

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(async () => {
  await server.stop()
  rmSync(root, { recursive: true })
})

storeContract('SQLite in a file', () => openStore({ folder: newFolder() }))
storeContract('SQLite in memory', () => openStore({ folder: ':memory:' }))
storeContract('PostgreSQL', () => openStore({ url: newDatabase(), folder: '' }))

type Where = { url: string | undefined; folder: string }

const rivals = async (where: Where, count: number): Promise<string[][]> => {
  const script = path.join(import.meta.dirname, 'store-rival.ts')
  const start = async (name: string) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      script,
      name,
      where.url ?? '',
      where.folder,
    ])
    return JSON.parse(stdout) as string[]
  }
  return Promise.all(Array.from({ length: count }, (_, i) => start(`rival${i}`)))
}

const kysely = ({ url, folder }: Where) =>
  new Kysely<Tables>({ dialect: (url === undefined ? sqlite(folder) : postgres(url)).dialect })

describe.each([
  { flavour: 'sqlite' as const, make: (): Where => ({ url: undefined, folder: newFolder() }) },
  { flavour: 'postgres' as const, make: (): Where => ({ url: newDatabase(), folder: '' }) },
])('several processes and versions on $flavour', ({ flavour, make }) => {
  it('gives every task to exactly one of three processes', async () => {
    const where = make()
    const store = await openStore(where)
    const tasks = Array.from({ length: 60 }, (_, i) => task(`t${String(i).padStart(2, '0')}`, 'j'))
    await store.addJob(job('j'), tasks)
    const won = await rivals(where, 3)
    expect(won.flat().sort()).toEqual(tasks.map(one => one.id))
    expect(await store.tasksAt('queued')).toEqual([])
    expect(await store.mails({})).toHaveLength(4 * 60)
    await store.close()
  })

  it('is made once when many open it at the same time', async () => {
    const where = make()
    const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(where)))
    await Promise.all(stores.map((store, i) => store.saveMails([mail(`m${i}`)], undefined)))
    expect(await stores[0]?.mails({})).toHaveLength(4)
    await Promise.all(stores.map(store => store.close()))
  })

  it('brings a database of the previous version up to date and keeps what is in it', async () => {
    const where = make()
    const first = await openStore(where)
    await first.saveMails([mail('a')], undefined)
    await first.close()

    const db = kysely(where)
    const known = {
      ...versions(flavour),
      '9999-next': {
        up: async (next: Kysely<never>) => {
          await sql`alter table mail add column colour text default 'blue'`.execute(next)
        },
      },
    }
    await migrate(db, { flavour, where: 'here', known })
    await migrate(db, { flavour, where: 'here', known })
    const rows = await sql<{ id: string; colour: string }>`select id, colour from mail`.execute(db)
    expect(rows.rows).toEqual([{ id: 'a', colour: 'blue' }])
    await db.destroy()

    await expect(openStore(where)).rejects.toMatchObject({
      kind: 'refused',
      retry: 'never',
      message: expect.stringMatching(
        /made by a newer Grapevine \(schema 9999-next; this one knows 0006-pages\)/,
      ),
      remedy: expect.stringContaining('start the newer Grapevine'),
    })
  })

  it('lists what an older version kept', async () => {
    const where = make()
    const db = kysely(where)
    const { '0006-pages': _, ...older } = versions(flavour)
    await migrate(db, { flavour, where: 'here', known: older })
    const old = series('a', { title: 'count \0 to ten', lastAt: 7000 })
    await sql`insert into series (id, project, state_at, first_at, last_at, data)
      values ('a', 'tally', 'planned', 1000, 7000, ${JSON.stringify({ ...old, state: planned('j') })})`.execute(
      db,
    )
    const given = [verdict('a', { finding: { kind: 'new-failures' } }), verdict('a', { decidedAt: 1 })]
    for (const one of given)
      await sql`insert into verdict (series, job, decided_at, data)
        values ('a', ${String(one.decidedAt)}, ${one.decidedAt}, ${JSON.stringify(one)})`.execute(db)
    const { state: __, ...waits } = task('t', 'j', { image: 'win10', upTo: 1 })
    await sql`insert into job (id, series, created_at, data) values ('j', 'a', 3000, '{}')`.execute(db)
    await sql`insert into task (id, job, priority, state_at, state_key, state, data)
      values ('t', 'j', 6, 'queued', 'queued 1', '{}', ${JSON.stringify({ tests: ['\0'], ...waits })})`.execute(
      db,
    )
    await db.destroy()

    const store = await openStore(where)
    const { rows } = await store.reads.listSeries({ text: 'ten sofia', limit: 5 })
    expect(rows).toMatchObject([
      { id: 'a', at: 'planned', lastAt: 7000, verdict: { kind: 'new-failures', at: 4000 } },
    ])
    expect(await store.reads.waiting()).toEqual([{ image: 'win10', tasks: 1, oldest: 3000 }])
    await store.close()
  })

  it('brings thousands of series up to date, and begins anew where that was cut off', async () => {
    const where = make()
    const db = kysely(where)
    const { '0006-pages': _, ...older } = versions(flavour)
    await migrate(db, { flavour, where: 'here', known: older })
    const all = Array.from({ length: 2000 }, (_, i) => {
      const one = series(`s${i}`, { title: `tally: count to ${i}`, lastAt: i })
      return { ...one, state: planned(`j${i}`) }
    })
    for (let at = 0; at < all.length; at += 200) {
      const some = all.slice(at, at + 200)
      const rows = some.map(
        one => sql`(${one.id}, 'tally', 'planned', 1000, ${one.lastAt}, ${JSON.stringify(one)})`,
      )
      await sql`insert into series (id, project, state_at, first_at, last_at, data) values ${sql.join(rows)}`.execute(
        db,
      )
      const given = some.map(
        ({ id }) => sql`(${id}, ${id}, 4000, ${JSON.stringify(verdict(id, { job: id }))})`,
      )
      await sql`insert into verdict (series, job, decided_at, data) values ${sql.join(given)}`.execute(db)
    }
    await db.destroy()

    const script = path.join(import.meta.dirname, 'upgrade-user.ts')
    const user = spawn(process.execPath, [script, where.url ?? '', where.folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const said: string[] = []
    for await (const line of createInterface(user.stdout)) {
      said.push(line)
      if (line === 'series: 600 of 2000') user.kill('SIGKILL')
    }
    expect(said[0]).toBe(
      'database here: what an older Grapevine kept is brought up to date (0006-pages); that may take minutes, and can be broken off',
    )
    expect(said).toContain('verdicts: 2000 of 2000')
    expect(said.at(-1)).not.toBe('database here: it is up to date')

    const told: string[] = []
    const store = await openStore({ ...where, tell: line => told.push(line) })
    const { rows } = await store.reads.listSeries({ text: 'count', limit: 3 })
    expect(rows.map(({ id, verdict: given }) => [id, given?.kind])).toEqual([
      ['s1999', 'all-well'],
      ['s1998', 'all-well'],
      ['s1997', 'all-well'],
    ])
    expect(await store.reads.verdictCounts()).toEqual([{ project: 'tally', kind: 'all-well', count: 2000 }])
    expect(told).toHaveLength(2)
    await store.close()
    const again: string[] = []
    await (await openStore({ ...where, tell: line => again.push(line) })).close()
    expect(again).toEqual([])
  })

  it('leaves nothing behind of a migration that fails', async () => {
    const where = make()
    const db = kysely(where)
    const failing = {
      up: async (next: Kysely<never>) => {
        await sql`create table half (id text)`.execute(next)
        await sql`this is no SQL`.execute(next)
      },
    }
    const known = { ...versions(flavour), '9999-next': failing }
    await expect(migrate(db, { flavour, where: 'here', known })).rejects.toThrow(/syntax/)
    const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
    expect(tables).toEqual([])
    await db.destroy()
    await (await openStore(where)).close()
  })
})

describe('troubles of SQLite', () => {
  const openFails = (folder: string) => expect(openStore({ folder })).rejects

  it('says so when the file is no database', async () => {
    const folder = newFolder()
    writeFileSync(path.join(folder, 'grapevine.sqlite'), 'not a database, but quite long '.repeat(100))
    await openFails(folder).toMatchObject({
      name: 'Fault',
      kind: 'damaged',
      retry: 'never',
      remedy: expect.stringContaining('backup'),
    })
  })

  it('names the folder that it cannot make', async () => {
    const folder = path.join(newFolder(), 'file')
    writeFileSync(folder, '')
    await openFails(path.join(folder, 'data')).toMatchObject({
      kind: 'refused',
      retry: 'never',
      remedy: `make the folder ${path.join(folder, 'data')}, writable for this user`,
    })
  })

  it('names the folder when the disk is full', () => {
    const file = path.join(newFolder(), 'full.sqlite')
    const database = new DatabaseSync(file)
    // To SQLite this is the same as a disk without room.
    database.exec('create table t (x); pragma max_page_count = 3')
    let error: unknown
    try {
      database.exec('insert into t values (zeroblob(100000))')
    } catch (full) {
      error = full
    }
    database.close()
    expect(sqliteFault(error, file)).toMatchObject({
      kind: 'exhausted',
      retry: 'later',
      message: `database ${file}: the disk is full`,
      remedy: `make room on the disk of ${path.dirname(file)}`,
    })
  })
})

describe('troubles of PostgreSQL', () => {
  const openFails = (url: string) => expect(openStore({ url, folder: '' })).rejects

  it('names host and port of a server that is not there, and no password', async () => {
    const fault = await openStore({ url: 'postgres://bot:hunter2@127.0.0.1:1/tally', folder: '' }).catch(
      error => error,
    )
    expect(fault).toMatchObject({ name: 'Fault', kind: 'unreachable', retry: 'soon' })
    expect(fault.message).toMatch(/^database 127\.0\.0\.1:1\/tally: .*ECONNREFUSED/)
    expect(`${fault.message} ${fault.remedy}`).not.toContain('hunter2')
  })

  it('does not print a URL that makes no sense', async () => {
    for (const url of ['mysql://bot:hunter2@db/tally', 'postgres://bot:hunter2@db:port/tally', 'hunter2']) {
      const fault = await openStore({ url, folder: '' }).catch(error => error)
      expect(fault).toMatchObject({
        kind: 'refused',
        retry: 'never',
        remedy: expect.stringContaining('postgres://'),
      })
      expect(`${fault.message} ${fault.cause}`).not.toContain('hunter2')
    }
  })

  it('says how to make a database that is not there', async () => {
    await openFails(server.url('missing')).toMatchObject({
      kind: 'refused',
      retry: 'never',
      remedy: expect.stringContaining('createdb'),
    })
  })

  it('works again after its connections were cut', async () => {
    const url = newDatabase()
    const store = await openStore({ url, folder: '' })
    await store.saveMails([mail('a')], undefined)
    const other = kysely({ url, folder: '' })
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
      other,
    )
    await other.destroy()
    // The first uses may still meet a dead connection: a Fault, never a crash.
    const use = () =>
      store.mail('a').catch(fault => {
        expect(fault).toMatchObject({ name: 'Fault', kind: 'unreachable', retry: 'soon' })
        return undefined
      })
    let found = await use()
    while (!found) found = await use()
    expect(found.id).toBe('a')
    await store.close()
  })
})
