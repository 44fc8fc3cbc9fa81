// Sums over time, for the pages. What they are made of is counted as it happens (figures.ts).

import { sql } from 'kysely'
import type { Instant } from '../../../model/instant.ts'
import type { Verdict } from '../../../model/verdict.ts'
import type { StatisticsReads } from '../../../ports/reads.ts'
import type { Flavour } from '../make-table.ts'
import type { Db } from '../tables.ts'

const dayMs = 86_400_000
const weekMs = 7 * dayMs
/** The first Monday, 5 January 1970: weeks begin so, in UTC. */
const mondayMs = 4 * dayMs

const toKind = (kind: string) => kind as Verdict['finding']['kind']

const correctionsSince = async (db: Db, since: Instant) => {
  const week = sql<number>`(decided_at - ${sql.lit(mondayMs)}) / ${sql.lit(weekMs)}`
  const rows = await db
    .selectFrom('verdict_figure')
    .select(({ fn }) => [
      week.as('week'),
      fn.countAll<number>().as('verdicts'),
      fn.sum<number>('blaming').as('blaming'),
      fn.sum<number>('taken_back').as('corrected'),
    ])
    .where('decided_at', '>', since)
    .groupBy(week)
    .orderBy('week')
    .execute()
  return rows.map(row => ({
    week: Number(row.week) * weekMs + mondayMs,
    ...{ verdicts: Number(row.verdicts), blaming: Number(row.blaming), corrected: Number(row.corrected) },
  }))
}

export const statisticsReads = (db: Db, _flavour: Flavour): StatisticsReads => ({
  async turnarounds({ project, since, limit }) {
    let query = db
      .selectFrom('verdict_figure')
      .select(['series', 'decided_at', 'ms', 'kind'])
      .where('decided_at', '>', since)
      .where('ms', 'is not', null)
    if (project !== undefined) query = query.where('project', '=', project)
    const rows = await query.orderBy('decided_at', 'desc').orderBy('seq', 'desc').limit(limit).execute()
    return rows.map(({ series, decided_at, ms, kind }) => ({
      ...{ series, at: decided_at, ms: ms ?? 0, kind: toKind(kind) },
    }))
  },

  async activity({ since, until }) {
    const hour = 3_600_000
    const rows = await db
      .selectFrom('host_hour')
      .select(['host', 'hour', 'busy_ms', 'runs', 'ours'])
      .where('hour', '>', since - hour)
      .where('hour', '<', until)
      .orderBy('host')
      .orderBy('hour')
      .execute()
    return rows.map(({ busy_ms, ...row }) => ({ ...row, busyMs: busy_ms }))
  },

  queueOver: ({ since }) =>
    db
      .selectFrom('queue_note')
      .select(['at', 'waiting', 'running'])
      .where('at', '>', since)
      .orderBy('at')
      .execute(),

  async noteQueue(note, keepMs) {
    await db
      .insertInto('queue_note')
      .values(note)
      .onConflict(conflict => conflict.column('at').doNothing())
      .execute()
    await db
      .deleteFrom('queue_note')
      .where('at', '<', note.at - keepMs)
      .execute()
  },

  corrections: ({ since }) => correctionsSince(db, since),

  async verdictCounts() {
    const rows = await db
      .selectFrom('verdict_figure')
      .select(({ fn }) => ['project', 'kind', fn.countAll<number>().as('count')])
      .groupBy(['project', 'kind'])
      .orderBy('project')
      .orderBy('kind')
      .execute()
    return rows.map(({ project, kind, count }) => ({ project, kind: toKind(kind), count: Number(count) }))
  },
})
