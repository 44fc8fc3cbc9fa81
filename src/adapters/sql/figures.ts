// What the pages count, kept as it happens: which tests failed, how busy hosts were, how long verdicts took and which were taken back.
// Written in the transaction of what it is about; the same functions fill the tables of an older database.
import { hoursOf } from '../../model/busy.ts'
import { isTelling, type Sample } from '../../model/history.ts'
import type { Instant } from '../../model/instant.ts'
import type { Verdict } from '../../model/verdict.ts'
import { inChunks, searchKey } from './columns.ts'
import type { Db, Tables } from './tables.ts'

type Kind = Verdict['finding']['kind']

/** What a run of a whole step says of an unpatched base: 0: nothing, it was no whole step · 1: only how the step itself went · 2: how each test went. */
export const tellsOf = (sample: Pick<Sample, 'state' | 'failed' | 'only'>): number => {
  if (sample.only !== undefined) return 0
  return isTelling(sample) ? 2 : 1
}

/** Longest name that is kept to be shown and searched for. */
const maxName = 1000

const stored = (name: string): string => name.toWellFormed().replaceAll('\0', '\uFFFD').slice(0, maxName)

/** What a test is looked for by. Words are found in it, whatever their case. */
const wordsOf = (step: string, test: string): string => stored(`${step} ${test}`).toLowerCase()

const namesOf = ({ state, only, failed }: Sample): string[] => {
  if (state === 'whole') return [...new Set(failed.map(({ test }) => test))]
  return only === undefined ? [''] : []
}

type Failing = Tables['failing_test']

const newest = (samples: Sample[]): Failing[] => {
  const found = new Map<string, Failing>()
  for (const sample of samples)
    for (const test of namesOf(sample)) {
      const { project, step, at } = sample
      const test_key = searchKey(test)
      const key = JSON.stringify([project, step, test_key])
      const last_failed = Math.max(at, found.get(key)?.last_failed ?? at)
      const words = wordsOf(step, test)
      found.set(key, { project, step, test_key, test: stored(test), words, last_failed })
    }
  // In the same order for everybody, so that two processes never wait for each other.
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}

/** Names that failed, and the failures of bases, of samples that are new. */
export const noteFailures = async (db: Db, samples: Sample[]): Promise<void> => {
  for (const chunk of inChunks(newest(samples)))
    await db
      .insertInto('failing_test')
      .values(chunk)
      .onConflict(conflict =>
        conflict
          .columns(['project', 'step', 'test_key'])
          .doUpdateSet(row => ({ last_failed: row.ref('excluded.last_failed') }))
          .whereRef('excluded.last_failed', '>', 'failing_test.last_failed'),
      )
      .execute()
  const rows = samples
    .filter(sample => sample.series === undefined && (tellsOf(sample) === 2 || sample.state !== 'whole'))
    .flatMap(sample => {
      const { project, image, step, at } = sample
      return namesOf(sample).map(test => ({
        ...{ project, image, step, at },
        ...{ test_key: searchKey(test), test: stored(test) },
      }))
    })
  for (const chunk of inChunks(rows)) await db.insertInto('base_failure').values(chunk).execute()
}

/** What was kept of failures before that moment goes. */
export const dropFailures = async (db: Db, before: Instant, project: string | undefined): Promise<void> => {
  let bases = db.deleteFrom('base_failure').where('at', '<', before)
  let names = db.deleteFrom('failing_test').where('last_failed', '<', before)
  if (project !== undefined) {
    bases = bases.where('project', '=', project)
    names = names.where('project', '=', project)
  }
  await bases.execute()
  await names.execute()
}

type Ended = { host: string; startedAt: Instant; endedAt: Instant; isOurs: boolean }

/** It counts in the hour in which it ended, its time in all hours that it took. */
const rowsOf = ({ host, startedAt, endedAt, isOurs }: Ended): Tables['host_hour'][] =>
  hoursOf(startedAt, endedAt).map(({ hour, ms }, index, all) => {
    const isLast = index === all.length - 1
    return { host, hour, busy_ms: ms, runs: isLast ? 1 : 0, ours: isLast && isOurs ? 1 : 0 }
  })

/** Adds a run that has just ended to the hours of its host. */
export const noteEnd = async (db: Db, ended: Ended): Promise<void> => {
  for (const hour of rowsOf(ended))
    await db
      .insertInto('host_hour')
      .values(hour)
      .onConflict(conflict =>
        conflict.columns(['host', 'hour']).doUpdateSet(row => ({
          busy_ms: row('host_hour.busy_ms', '+', row.ref('excluded.busy_ms')),
          runs: row('host_hour.runs', '+', row.ref('excluded.runs')),
          ours: row('host_hour.ours', '+', row.ref('excluded.ours')),
        })),
      )
      .execute()
}

const blaming: readonly Kind[] = ['new-failures', 'build-broken']
/** What says that the series did not do it. */
const acquitting: readonly Kind[] = ['all-well', 'nothing-to-test', 'base-broken', 'ours']
/** Nothing was tested: the series had not come yet, or was not wanted any more. */
const silent: readonly Kind[] = ['incomplete', 'cancelled']

/** Counts a verdict that is new: how long the first one on a series took, and whether it takes back what the one before it said. */
export const noteVerdict = async (
  db: Db,
  { series, decidedAt, finding: { kind } }: Pick<Verdict, 'series' | 'decidedAt' | 'finding'>,
): Promise<void> => {
  const about = await db
    .selectFrom('series')
    .select(['project', 'last_at'])
    .where('id', '=', series)
    .executeTakeFirst()
  const before = await db
    .selectFrom('verdict_figure')
    .select(['seq', 'blaming'])
    .where('series', '=', series)
    .where('kind', 'not in', silent)
    .orderBy('decided_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  const isFirst = before === undefined && about !== undefined && !silent.includes(kind)
  await db
    .insertInto('verdict_figure')
    .values({
      ...{ series, kind, project: about?.project ?? '', decided_at: decidedAt },
      ...{ blaming: blaming.includes(kind) ? 1 : 0, taken_back: 0 },
      ms: isFirst ? Math.max(0, decidedAt - about.last_at) : null,
    })
    .execute()
  if (before?.blaming === 1 && acquitting.includes(kind))
    await db.updateTable('verdict_figure').set({ taken_back: 1 }).where('seq', '=', before.seq).execute()
}
