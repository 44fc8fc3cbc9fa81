// Is the PostgreSQL of DATABASE_URL there, and does it let us in? For the doctor: it makes and changes nothing.
import { Kysely, sql } from 'kysely'
import { postgres, postgresFault } from './postgres.ts'

/** What answers, for people: `PostgreSQL 15.9 at host:5432/database`. Faults: unreachable, refused. */
export const probePostgres = async (url: string): Promise<string> => {
  const { dialect, where } = postgres(url)
  const db = new Kysely<Record<string, never>>({ dialect })
  try {
    const { rows } = await sql<{ server_version: string }>`show server_version`.execute(db)
    return `PostgreSQL ${rows[0]?.server_version.split(' ', 1)[0]} at ${where}`
  } catch (error) {
    throw postgresFault(error, where) ?? error
  } finally {
    await db.destroy()
  }
}
