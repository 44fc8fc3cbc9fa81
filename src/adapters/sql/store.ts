// The store on SQL: SQLite in a folder, or PostgreSQL by URL. The rest of the program sees only the port.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dialect, Kysely } from 'kysely'
import { Fault } from '../../model/fault.ts'
import type { Store } from '../../ports/store.ts'
import { accessStore } from './access.ts'
import { addressStore } from './addresses.ts'
import { authorStore } from './authors.ts'
import { bugStore } from './bugs.ts'
import { commandStore } from './commands.ts'
import { forgeStore } from './forge.ts'
import { hostStore } from './hosts.ts'
import { incidentStore } from './incidents.ts'
import { jobStore } from './jobs.ts'
import { mailStore } from './mails.ts'
import type { Flavour } from './make-table.ts'
import { migrate } from './migrations.ts'
import { postgres, postgresFault, postgresGaveWay } from './postgres.ts'
import { proofStore } from './proofs.ts'
import { seriesReads } from './reads/series.ts'
import { statisticsReads } from './reads/statistics.ts'
import { testReads } from './reads/tests.ts'
import { runBlobStore } from './run-blobs.ts'
import { seriesStore } from './series.ts'
import { sqlite, sqliteFault, sqliteIsBusy } from './sqlite.ts'
import type { Tables } from './tables.ts'
import { upkeepStore } from './upkeep.ts'
import { digestStore, replyStore, verdictStore } from './verdicts.ts'

type Place = { flavour: Flavour; where: string; dialect: Dialect }

/** Longest wait for other processes to let go of the database, in milliseconds. */
const patienceMs = 30_000

/** Runs database work. Every piece of work is one statement or one transaction, so that after losing against another
 *  process it can simply be done again. Library errors become Faults; what is left is a bug. */
const attemptAt = ({ flavour, where }: Place) => {
  const again = flavour === 'sqlite' ? sqliteIsBusy : postgresGaveWay
  const fault = flavour === 'sqlite' ? sqliteFault : postgresFault
  return async <T>(work: () => Promise<T>): Promise<T> => {
    const deadline = Date.now() + patienceMs
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (error instanceof Fault) throw error
        if (!again(error) || Date.now() > deadline) throw fault(error, where) ?? error
      }
      await sleep(2 + Math.random() * 25)
    }
  }
}

/** Of a large database, one statement of a new version may take many minutes. */
const migrateMs = 3_600_000

/** By a connection of its own, as its statements may take long. */
const upToDate = async (
  db: Kysely<Tables>,
  place: Place,
  { url, tell }: { url: string | undefined; tell: (line: string) => void },
): Promise<void> => {
  if (url === undefined) return migrate(db, { ...place, tell })
  const patient = new Kysely<Tables>({ dialect: postgres(url, { patienceMs: migrateMs }).dialect })
  try {
    await migrate(patient, { ...place, tell })
  } finally {
    await patient.destroy()
  }
}

const closedTwiceIsFine = (close: () => Promise<void>) => {
  let closing: Promise<void> | undefined
  return () => {
    closing ??= close()
    return closing
  }
}

/** Gives every method of a store the same treatment of errors. */
const guarded = <T extends Record<string, (...given: never[]) => Promise<unknown>>>(
  store: T,
  attempt: <R>(work: () => Promise<R>) => Promise<R>,
): T => {
  const wrap =
    (method: (...given: never[]) => Promise<unknown>) =>
    (...given: never[]) =>
      attempt(async () => method(...given))
  return Object.fromEntries(Object.entries(store).map(([name, method]) => [name, wrap(method)])) as T
}

/** Opens the store and brings its schema up to date; any number of processes may do so at once. `tell` hears what takes long of that.
 *  With a `url` it is that PostgreSQL, else `grapevine.sqlite` in `folder` (made if missing), or SQLite in memory for
 *  the folder `:memory:`. Faults: unreachable, exhausted, refused (rights, password, made by a newer Grapevine), damaged. */
export const openStore = async (options: {
  url?: string | undefined
  folder: string
  tell?: (line: string) => void
}): Promise<Store> => {
  const { tell = () => {} } = options
  const place: Place =
    options.url === undefined
      ? { flavour: 'sqlite', ...sqlite(options.folder) }
      : { flavour: 'postgres', ...postgres(options.url) }
  const db = new Kysely<Tables>({ dialect: place.dialect })
  const attempt = attemptAt(place)
  try {
    await attempt(() => upToDate(db, place, { url: options.url, tell }))
  } catch (error) {
    await db.destroy().catch(() => {})
    throw error
  }
  const { flavour } = place
  const parts = {
    ...mailStore(db),
    ...seriesStore(db, flavour),
    ...jobStore(db),
    ...runBlobStore(db),
    ...verdictStore(db),
    ...replyStore(db),
    ...digestStore(db),
    ...commandStore(db, flavour),
    ...authorStore(db, flavour),
    ...addressStore(db),
    ...hostStore(db),
    ...incidentStore(db),
    ...upkeepStore(db),
    ...bugStore(db),
    ...proofStore(db),
    ...forgeStore(db),
    ...accessStore(db),
  }
  const reads = { ...seriesReads(db, flavour), ...testReads(db, flavour), ...statisticsReads(db, flavour) }
  return {
    ...guarded(parts, attempt),
    reads: guarded(reads, attempt),
    close: closedTwiceIsFine(() => db.destroy()),
  }
}
