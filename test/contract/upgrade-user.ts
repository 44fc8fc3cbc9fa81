// A process that brings a database of an older Grapevine up to date, and says after every step how far it is: to be killed at one of them.
import { Kysely } from 'kysely'
import { migrate, versions } from '../../src/adapters/sql/migrations.ts'
import { postgres } from '../../src/adapters/sql/postgres.ts'
import { sqlite } from '../../src/adapters/sql/sqlite.ts'
import type { Tables } from '../../src/adapters/sql/tables.ts'

const [url = '', folder = ''] = process.argv.slice(2)
const flavour = url === '' ? 'sqlite' : 'postgres'
const db = new Kysely<Tables>({ dialect: (url === '' ? sqlite(folder) : postgres(url)).dialect })
const known = versions(flavour, (what, done, all) => {
  // At once, also where the process is killed a moment later.
  process.stdout.write(`${what}: ${done} of ${all}\n`)
})
await migrate(db, { flavour, where: 'here', known, tell: line => process.stdout.write(`${line}\n`) })
await db.destroy()
