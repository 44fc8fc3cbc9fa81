// Sums over time, for the pages. What they are made of is counted as it happens (figures.ts).
import type { Instant } from '../../../model/instant.ts'
import type { Verdict } from '../../../model/verdict.ts'
import type { StatisticsReads } from '../../../ports/reads.ts'
import type { Flavour } from '../make-table.ts'
import type { Db } from '../tables.ts'

const dayMs = 86_400_000
const weekMs = 7 * dayMs
/** The first Monday, 5 January 1970, is the first day of a week. */
const mondayMs = 4 * dayMs

/** First instant of its week: Monday, UTC. */
export const weekOf = (at: Instant): Instant => Math.floor((at - mondayMs) / weekMs) * weekMs + mondayMs

const toKind = (kind: string) => kind as Verdict['finding']['kind']

/** As many verdicts as nobody gives in the weeks that a page looks at. */
const maxVerdicts = 200_000

const correctionsSince = async (db: Db, since: Instant) => {
  const rows = await db
    .selectFrom('verdict_figure')
    .select(['decided_at', 'blaming', 'taken_back'])
    .where('decided_at', '>', since)
    .orderBy('decided_at', 'desc')
    .limit(maxVerdicts)
    .execute()
  const weeks = new Map<Instant, { week: Instant; verdicts: number; blaming: number; corrected: number }>()
  for (const { decided_at, blaming, taken_back } of rows) {
    const week = weekOf(decided_at)
    const sum = weeks.get(week) ?? { week, verdicts: 0, blaming: 0, corrected: 0 }
    sum.verdicts += 1
    sum.blaming += blaming
    sum.corrected += taken_back
    weeks.set(week, sum)
  }
  return [...weeks.values()].sort((a, b) => a.week - b.week)
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
})
