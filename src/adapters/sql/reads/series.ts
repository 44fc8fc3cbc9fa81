// Lists and searches of series, and what runs and waits, for the pages.
import { sql } from 'kysely'
import type { Job, Task, TaskState } from '../../../model/job.ts'
import type { SeriesFilter, SeriesReads, SeriesRow, TaskRow } from '../../../ports/reads.ts'
import { fromJson, inChunks } from '../columns.ts'
import { askedWords, lineColumns, toLine } from '../lines.ts'
import type { Flavour } from '../make-table.ts'
import type { Db } from '../tables.ts'

type Running = Extract<TaskState, { at: 'running' }>

/** More tasks than these run nowhere at once. */
const maxRunning = 2000
/** No series has more versions that anybody reads of. */
const maxVersions = 100

const placeOf = ({ last_at, seq }: { last_at: number; seq: number }): string => `${last_at}-${seq}`

/** A place that we did not make is the beginning. */
const fromPlace = (place: string | undefined): [at: number, seq: number] | undefined => {
  const [, at, seq] = /^(\d{1,15})-(\d{1,15})$/.exec(place ?? '') ?? []
  return at === undefined || seq === undefined ? undefined : [Number(at), Number(seq)]
}

const isBlank = (text: string | undefined): boolean => text === undefined || text.trim() === ''

const linesFrom = (db: Db, after: string | undefined) => {
  const from = fromPlace(after)
  const query = db.selectFrom('series_line').selectAll()
  return from === undefined
    ? query
    : query.where(sql<boolean>`(last_at, seq) < (${sql.lit(from[0])}, ${sql.lit(from[1])})`)
}

/** `among`: only of so many of the newest. */
const linesWith = (db: Db, flavour: Flavour, { among, ...filter }: SeriesFilter & { among?: number }) => {
  const { project, verdict, at, after } = filter
  const all = linesFrom(db, after)
  const some = among === undefined ? all : all.orderBy('last_at', 'desc').orderBy('seq', 'desc').limit(among)
  let query = db.selectFrom(some.as('series_line')).select(['seq', ...lineColumns])
  if (project !== undefined) query = query.where('project', '=', project)
  if (at !== undefined) query = query.where('state_at', '=', at)
  if (verdict !== undefined) query = query.where('verdict_kind', '=', verdict === 'none' ? '' : verdict)
  const words = askedWords(flavour, filter)
  if (words !== undefined)
    query = query.where(
      flavour === 'sqlite'
        ? sql<boolean>`seq in (select rowid from series_words where series_words match ${words})`
        : sql<boolean>`words @@ ${words}::tsquery`,
    )
  return query
}

/** Words that many series have stand in enough of so many. */
const newest = 2000

/**
 * PostgreSQL cannot tell how many series have words that begin so, and takes the wrong one of two ways: it is told to look through the newest
 * first, and to collect all that have the words only if those are too few.
 */
const linesWithWords = async (db: Db, filter: SeriesFilter, limit: number) => {
  const ofNewest = linesWith(db, 'postgres', { ...filter, among: newest })
  const rows = await ofNewest.orderBy('last_at', 'desc').orderBy('seq', 'desc').limit(limit).execute()
  if (rows.length === limit) return rows
  const ofAll = linesWith(db, 'postgres', filter)
  return ofAll.orderBy(sql`last_at + 0`, 'desc').orderBy('seq', 'desc').limit(limit).execute()
}

const linesInOrder = (db: Db, flavour: Flavour, filter: SeriesFilter) => {
  // One more than asked for tells whether it goes on.
  const limit = filter.limit + 1
  if (flavour === 'postgres' && askedWords(flavour, filter) !== undefined)
    return linesWithWords(db, filter, limit)
  const query = linesWith(db, flavour, filter)
  return query.orderBy('last_at', 'desc').orderBy('seq', 'desc').limit(limit).execute()
}

const whyOf = ({ probe, upTo }: Omit<Task, 'state'>, job: Job): TaskRow['why'] => {
  if (job.series === undefined) return 'baseline'
  return probe?.why ?? (upTo === undefined ? 'first' : 'bisect')
}

const toTaskRow = (
  { run, host, since, task, job }: Running & { task: Omit<Task, 'state'>; job: Job },
  series: SeriesRow | undefined,
): TaskRow => ({
  task: task.id,
  job: task.job,
  kind: task.kind,
  image: task.image,
  why: whyOf(task, job),
  project: task.project,
  series: series && { id: series.id, title: series.title, version: series.version, author: series.author },
  base: { commit: job.base, name: job.baseName },
  ...{ run, host, since },
})

const linesOf = async (db: Db, ids: string[]): Promise<Map<string, SeriesRow>> => {
  const found = new Map<string, SeriesRow>()
  for (const chunk of inChunks([...new Set(ids)])) {
    const query = db.selectFrom('series_line').select(lineColumns).where('series', 'in', chunk)
    for (const row of await query.execute()) found.set(row.series, toLine(row))
  }
  return found
}

const running = async (db: Db, limit: number): Promise<TaskRow[]> => {
  const states = await db
    .selectFrom('task')
    .select(['id', 'state'])
    .where('state_at', '=', 'running')
    .limit(maxRunning)
    .execute()
  const longest = states
    .map(({ id, state }) => ({ id, ...fromJson<Running>(state, `task ${id}`) }))
    .sort((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1))
    .slice(0, limit)
  if (longest.length === 0) return []
  const ids = longest.map(({ id }) => id)
  const joined = db.selectFrom('task').innerJoin('job', 'job.id', 'task.job')
  const rows = await joined
    .select(['task.id', 'task.data as task', 'job.data as job'])
    .where('task.id', 'in', ids)
    .execute()
  const known = new Map(rows.map(row => [row.id, row]))
  const whole = longest.flatMap(state => {
    const row = known.get(state.id)
    if (row === undefined) return []
    const task = fromJson<Omit<Task, 'state'>>(row.task, `task ${state.id}`)
    return [{ ...state, task, job: fromJson<Job>(row.job, `job of task ${state.id}`) }]
  })
  const lines = await linesOf(
    db,
    whole.flatMap(({ job }) => job.series ?? []),
  )
  return whole.map(one => toTaskRow(one, lines.get(one.job.series ?? '')))
}

/** The versions beside these: what replaced them, what they replaced, and what bears the same change-id. */
const besides = async (db: Db, ids: string[]): Promise<string[]> => {
  const columns = ['id', 'project', 'replaced_by', 'change_id'] as const
  const here = await db.selectFrom('series').select(columns).where('id', 'in', ids).execute()
  const all = db.selectFrom('series').select('id').limit(maxVersions)
  const older = await all.where('replaced_by', 'in', ids).execute()
  const found = [...here.map(row => row.replaced_by), ...older.map(row => row.id)]
  const works = new Map(
    here.map(({ project, change_id }) => [`${project} ${change_id}`, { project, change_id }]),
  )
  for (const { project, change_id } of works.values()) {
    if (change_id === null) continue
    const alike = all.where('change_id', '=', change_id).where('project', '=', project)
    found.push(...(await alike.execute()).map(row => row.id))
  }
  return [...new Set(found)].filter(id => id !== '')
}

/** Ids of the same work, found step by step. */
const sameWork = async (db: Db, id: string): Promise<string[]> => {
  const known = new Set([id])
  for (let next = [id]; next.length > 0 && known.size < maxVersions; ) {
    const found = await besides(db, next)
    next = found.filter(one => !known.has(one)).slice(0, maxVersions)
    for (const one of next) known.add(one)
  }
  return [...known].slice(0, maxVersions)
}

export const seriesReads = (db: Db, flavour: Flavour): SeriesReads => ({
  async listSeries(filter) {
    const { limit, text, author } = filter
    const asksNoWord = askedWords(flavour, filter) === undefined
    if (asksNoWord && !(isBlank(text) && isBlank(author))) return { rows: [], next: undefined }
    const rows = await linesInOrder(db, flavour, filter)
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return { rows: rows.slice(0, limit).map(toLine), next: last && placeOf(last) }
  },

  async latestVerdicts({ project, limit }) {
    let query = db.selectFrom('series_line').select(lineColumns).where('verdict_at', 'is not', null)
    if (project !== undefined) query = query.where('project', '=', project)
    const rows = await query.orderBy('verdict_at', 'desc').orderBy('seq', 'desc').limit(limit).execute()
    return rows.map(toLine)
  },

  running: limit => running(db, limit),

  async waiting() {
    const rows = await db
      .selectFrom('task')
      .innerJoin('job', 'job.id', 'task.job')
      .select(({ fn }) => [
        'task.image',
        fn.countAll<number>().as('tasks'),
        fn.min('job.created_at').as('oldest'),
      ])
      .where('task.state_at', '=', 'queued')
      .groupBy('task.image')
      .orderBy('task.image')
      .execute()
    return rows.map(({ image, tasks, oldest }) => ({ image, tasks: Number(tasks), oldest }))
  },

  async versionsOf(id) {
    const lines = await linesOf(db, await sameWork(db, id))
    return [...lines.values()].sort((a, b) => a.version - b.version || a.firstAt - b.firstAt)
  },
})
