// How tests did, for the pages.
import { sql } from 'kysely'
import { covers, isTelling, type Sample } from '../../../model/history.ts'
import type { TestPoint, TestReads } from '../../../ports/reads.ts'
import { fromJson, searchKey } from '../columns.ts'
import type { Flavour } from '../make-table.ts'
import type { Db } from '../tables.ts'

/** More words than these do not narrow a search. */
const maxWords = 8

/** A pattern of LIKE that finds the word anywhere. */
const holding = (word: string): string => `%${word.replace(/[\\%_]/g, '\\$&')}%`

const wordsIn = (text: string): string[] =>
  searchKey(text.toLowerCase()).split(/\s+/).filter(Boolean).slice(0, maxWords)

/** How the test did in it; undefined: it does not say. */
const pointOf = (sample: Sample, test: string): TestPoint | undefined => {
  const { image, at, base, baseName, series, run, host, state, only, failed } = sample
  const common = { image, at, base: { commit: base, name: baseName }, series, run, host }
  if (test === '') {
    if (only !== undefined) return undefined
    return { ...common, failed: state !== 'whole', message: state === 'whole' ? '' : state }
  }
  const found = failed.find(one => one.test === test)
  if (found) return { ...common, failed: true, message: found.message }
  return isTelling(sample) && covers(sample, test) ? { ...common, failed: false, message: '' } : undefined
}

/** So many samples are read at once, and so often at most: those that do not tell of the test are passed over. */
const step = { samples: 200, times: 5 }

type History = { project: string; step: string; test: string; image?: string; limit: number }

const historyOf = async (db: Db, given: History): Promise<TestPoint[]> => {
  const found: TestPoint[] = []
  let before: { at: number; seq: number } | undefined
  for (let time = 0; time < step.times && found.length < given.limit; time++) {
    let query = db
      .selectFrom('sample')
      .select(['seq', 'at', 'id', 'data'])
      .where('project', '=', given.project)
      .where('step', '=', given.step)
    if (given.image !== undefined) query = query.where('image', '=', given.image)
    if (before !== undefined) query = query.where(sql<boolean>`(at, seq) < (${before.at}, ${before.seq})`)
    const rows = await query.orderBy('at', 'desc').orderBy('seq', 'desc').limit(step.samples).execute()
    for (const row of rows) {
      const point = pointOf(fromJson<Sample>(row.data, `sample ${row.id}`), given.test)
      if (point) found.push(point)
    }
    before = rows.at(-1)
    if (rows.length < step.samples) break
  }
  return found.slice(0, given.limit)
}

type FlakyRow = {
  image: string
  step: string
  test: string
  failed: number
  runs: number
  last_at: number
}

/** Only of whole runs: those of single tests are made because these failed. */
const flakyOf = async (
  db: Db,
  { project, since, limit }: { project: string; since: number; limit: number },
): Promise<FlakyRow[]> => {
  const { rows } = await sql<FlakyRow>`
    with told as (
      select image, step, count(*) as every, sum(case when tells = 2 then 1 else 0 end) as telling
      from sample where project = ${project} and patched = 0 and at > ${since} and tells > 0
      group by image, step),
    failing as (
      select image, step, test_key, max(test) as test, count(*) as failed, max(at) as last_at
      from base_failure where project = ${project} and at > ${since}
      group by image, step, test_key),
    rates as (
      select failing.image, failing.step, test, test_key, failed, last_at,
        case when test_key = '' then every else telling end as runs
      from failing join told on told.image = failing.image and told.step = failing.step)
    select image, step, test, failed, runs, last_at from rates where failed < runs
    order by failed * 1.0 / runs desc, failed desc, step, test_key, image limit ${limit}`.execute(db)
  return rows
}

export const testReads = (db: Db, _flavour: Flavour): TestReads => ({
  async findTests({ project, text, limit }) {
    let query = db
      .selectFrom('failing_test')
      .select(['step', 'test', 'last_failed'])
      .where('project', '=', project)
    for (const word of wordsIn(text))
      query = query.where(sql<boolean>`words like ${holding(word)} escape '\\'`)
    const rows = await query.orderBy('last_failed', 'desc').orderBy('test_key').limit(limit).execute()
    return rows.map(({ step, test, last_failed }) => ({ step, test, lastFailed: last_failed }))
  },

  testHistory: given => historyOf(db, given),

  async flaky(given) {
    const rows = await flakyOf(db, given)
    return rows.map(({ last_at, failed, runs, ...row }) => ({
      ...row,
      failed: Number(failed),
      runs: Number(runs),
      lastFailed: Number(last_at),
    }))
  },
})
