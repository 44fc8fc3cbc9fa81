// A database of years, for the bench of the pages: two hundred series are put in as the program does it, and copied by the database
// itself, each copy a day or so later.
import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Job, RunRecord, StepOutcome, Task } from '../src/model/job.ts'
import type { TestResult } from '../src/model/report.ts'
import type { Series } from '../src/model/series.ts'
import type { Verdict } from '../src/model/verdict.ts'
import type { Store } from '../src/ports/store.ts'
import { job, mail, run, series, task, verdict } from '../test/contract/samples.ts'

/** It stands in all ids and instants of what is copied; a copy has other digits there. */
const mark = '17000'
const firstAt = 1_700_000_000_000
/** Between one copy and the next, in milliseconds. */
const stepMs = 100_000_000
/** Copies reach from spring 2025 to November 2026. */
const firstCopy = 454

export const copies = Number(process.env.BENCH_COPIES ?? 500)
export const baseSeries = 200
export const testsInRun = 28

const areas =
  'user32 gdi32 wined3d ntdll kernel32 winex11 shell32 mshtml d3d11 dsound ws2_32 crypt32 msvcrt comctl32 ole32 setupapi'
const verbs = 'Fix Implement Add Remove Avoid Correct Simplify Handle Return Test'
const things =
  'cursor clipping|texture upload|thread exit|window focus|buffer overrun|device context|registry key|font metrics|socket option|certificate chain|list view|stub'
const names = 'Ann Ben Cleo Dara Edda Finn Gita Hana Igor Jana Kai Lena Mona Nils Olga Piet'
const families = 'Ashdown Birch Castell Dorn Eklund Faber Graff Hollis Ito Janssen Kroll Lund Moreau Novak'

/** What a run printed: the log of all of them. */
export const logOfRuns = Array.from(
  { length: 8_000 },
  (_, n) => `cc -O2 -Wall -c -o build/object-${n}.o source/file-${n}.c -Iinclude \x1b[32mok\x1b[0m\n`,
).join('')

/** A patch as large as most are. */
const patchText = [
  'Fix it.\n\n---\n a.c | 60 +++---\n\ndiff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1,90 +1,90 @@\n',
  ...Array.from(
    { length: 90 },
    (_, n) => `${[' ', '+', '-'][n % 3]}    if (context->state[${n}] < limit) return <b>${n}</b>;\n`,
  ),
].join('')

const pick = (words: string[], n: number): string => words[n % words.length] ?? ''

const authorOf = (i: number) => {
  const [name, family] = [pick(names.split(' '), i * 7), pick(families.split(' '), i * 11)]
  return { name: `${name} ${family}`, address: `${name}.${family}@example.org`.toLowerCase() }
}

const titleOf = (i: number): string =>
  `${pick(areas.split(' '), i)}: ${pick(verbs.split(' '), i * 3)} the ${pick(things.split('|'), i * 5)}, bug ${mark}${i}.`

const testNames = (area: string) => Array.from({ length: testsInRun }, (_, i) => `${area}:test_${area}_${i}`)

const results = (area: string, failing: number): TestResult[] =>
  testNames(area).map((test, i) => ({
    ...{ test, outcome: i < failing ? 'failed' : 'passed', line: 10 + i * 4, endLine: 13 + i * 4 },
    message:
      i < failing ? `${area}.c:${100 + i}: Test failed: expected 0x${i.toString(16)}, got 0xdeadbeef` : '',
  }))

const stepOf = (name: string): StepOutcome => ({
  ...{ name, ending: { kind: 'finished', exitCode: 0 }, lines: [1, 200] },
  tail: Array.from({ length: 10 }, (_, i) => `line ${i} of what it printed at the end, as such lines are`),
})

const runsOf = (
  tasks: Task[],
  { at, area, failing, log }: { at: number; area: string; failing: number; log: string },
) =>
  tasks.map((one, i): RunRecord => {
    const steps = [
      {
        ...stepOf('all'),
        format: 'tap' as const,
        report: { state: 'whole' as const, why: '', tests: results(area, failing) },
      },
    ]
    return run(`r-${one.id}`, one.id, {
      ...{
        host: `farm-${i % 3}`,
        startedAt: at + i * 60_000,
        endedAt: at + (i + 2) * 60_000,
        evidence: { log },
      },
      outcome:
        one.kind === 'build'
          ? { kind: 'built', artifact: 'none', steps: [stepOf('make')] }
          : { kind: 'tested', steps },
    })
  })

const imagesOf = (
  runs: RunRecord[],
  { area, failing }: { area: string; failing: number },
): Verdict['images'] =>
  runs.slice(1).map(({ id }, i) => ({
    ...{
      image: pick(['debian', 'win10'], i),
      kind: failing > 0 ? 'new-failures' : 'passed',
      passed: testsInRun - failing,
    },
    ...{ known: 0, mended: [], broken: [], why: '', log: undefined, run: id, command: './all' },
    newFailures: results(area, failing)
      .slice(0, failing)
      .map(({ test, message }) => ({
        ...{ step: 'all', test, message, ending: { kind: 'finished' as const, exitCode: 1 } },
        proof: { with: { failed: 8, runs: 8 }, without: { failed: 0, runs: 8 } },
      })),
  }))

const tasksOf = (jobId: string, state: (i: number) => Task['state']): Task[] =>
  [
    ['b', 'build', 'debian'],
    ['t1', 'test', 'debian'],
    ['t2', 'test', 'win10'],
  ].map(([id, kind, image], i) =>
    task(`${jobId}-${id}`, jobId, {
      kind: kind === 'build' ? 'build' : 'test',
      image: image ?? '',
      state: state(i),
    }),
  )

/** What was planned for it, what ran, and what came of it: a series, or a base without patches. */
const putJob = async (
  store: Store,
  { of, i, at, log }: { of: Series | undefined; i: number; at: number; log: string },
): Promise<Verdict | undefined> => {
  const id = of === undefined ? `base-${mark}-${i}` : `j-${of.id}`
  const area = pick(areas.split(' '), i)
  const failing = of === undefined ? i % 2 : ([0, 0, 3, 0, 1][i % 5] ?? 0)
  const drafts = tasksOf(id, () => ({ at: 'queued', attempt: 1 }))
  const runs = runsOf(drafts, { at, area, failing, log })
  const tasks = drafts.map((one, n): Task => {
    const outcome = runs[n]?.outcome
    return outcome === undefined ? one : { ...one, state: { at: 'done', attempts: 1, outcome } }
  })
  const made: Job = job(id, {
    ...{ series: of?.id, base: createHash('sha1').update(String(i)).digest('hex'), createdAt: at },
    ...(of === undefined ? {} : { baseline: `base-${mark}-${i % 10}` }),
    parts: (of?.parts ?? []).map(part => ({
      position: part.position,
      title: part.title,
      messageId: part.messageId,
      blob: part.mail,
    })),
  })
  await store.addJob(made, tasks)
  for (const one of runs) await store.saveRun(one)
  const failed = results(area, failing).slice(0, failing)
  await store.addSamples(
    runs.slice(1).map(({ id: ran, host, task: of_ }) => ({
      ...{
        id: `${ran} all`,
        project: 'tally',
        image: of_.endsWith('t1') ? 'debian' : 'win10',
        step: 'all',
        job: id,
        run: ran,
      },
      ...{
        base: made.base,
        baseName: 'main',
        series: of?.id,
        author: of?.author.address,
        host,
        at,
        state: 'whole' as const,
      },
      ...{
        only: undefined,
        count: testsInRun,
        failed: failed.map(({ test, message }) => ({ test, message })),
      },
    })),
  )
  if (of === undefined) return undefined
  return verdict(of.id, {
    ...{ job: id, base: { commit: made.base, name: 'main' }, decidedAt: at + 300_000 },
    ...{
      images: imagesOf(runs, { area, failing }),
      finding: { kind: failing > 0 ? 'new-failures' : 'all-well' },
    },
  })
}

const seriesOf = (i: number): Series => {
  const id = `s-${mark}-${i}`
  const at = firstAt + i * 400_000
  const total = 1 + (i % 4)
  const parts = Array.from({ length: total }, (_, n) => ({
    ...{
      position: n + 1,
      mail: `${id}-m${n + 1}`,
      messageId: `<${id}-m${n + 1}@example.org>`,
      title: `${titleOf(i)} Part ${n + 1}`,
    },
  }))
  const state: Series['state'] =
    i % 10 === 3 ? { at: 'incomplete', missing: [2] } : { at: 'planned', job: `j-${id}` }
  return series(id, {
    ...{ title: titleOf(i), author: authorOf(i), version: 1 + (i % 3), total, parts },
    ...{ firstAt: at, lastAt: at + 5_000, state },
  })
}

const putSeries = async (store: Store, i: number, log: string): Promise<void> => {
  const one = seriesOf(i)
  await store.saveMails(
    one.parts.map(part => {
      const { parsed, ...rest } = mail(part.mail, {
        ...{ messageId: part.messageId, arrivedAt: one.firstAt },
        disposition: { kind: 'patch', series: one.id, position: part.position },
      })
      return { ...rest, parsed: parsed && { ...parsed, text: patchText } }
    }),
    undefined,
  )
  await store.saveSeries([one])
  if (one.state.at !== 'planned') return
  const given = await putJob(store, { of: one, i, at: one.lastAt + 60_000, log })
  if (given) await store.addVerdict(given, undefined)
}

/** What is copied, and how each column of it becomes a copy's. */
const expression = (name: string, type: string): string => {
  const column = `"${name}"`
  if (type === 'text') return `replace(${column}, '${mark}', '17' || k)`
  if (type === 'tsvector') return `replace(${column}::text, '${mark}', '17' || k)::tsvector`
  if (type !== 'bigint') return column
  const isInstant = `${column} between ${firstAt} and ${firstAt + stepMs - 1}`
  return `case when ${isInstant} then ${column} + k::bigint * ${stepMs} else ${column} end`
}

const multiply = async (client: pg.Client, note: (words: string) => void): Promise<void> => {
  const columns = await client.query<{ table_name: string; column_name: string; data_type: string }>(
    `select table_name, column_name, data_type from information_schema.columns
     where table_schema = 'public' and table_name not like 'kysely%' and column_name <> 'seq' order by ordinal_position`,
  )
  // Indexes are made anew at the end, which is quicker than to keep them.
  const indexes = await client.query<{ indexname: string; indexdef: string }>(
    `select indexname, indexdef from pg_indexes where schemaname = 'public'
     and indexname not in (select conname from pg_constraint) and indexdef not like '%UNIQUE%'`,
  )
  for (const { indexname } of indexes.rows) await client.query(`drop index "${indexname}"`)
  for (const [table, own] of Map.groupBy(columns.rows, row => row.table_name)) {
    const list = own.map(row => `"${row.column_name}"`).join(', ')
    const values = own.map(row => expression(row.column_name, row.data_type)).join(', ')
    await client.query(`create temp table base as select ${list} from "${table}"`)
    for (let k = firstCopy; k < firstCopy + copies; k += 10)
      await client.query(
        `insert into "${table}" (${list}) select ${values} from generate_series(${k}, ${Math.min(k + 9, firstCopy + copies - 1)}) k, base on conflict do nothing`,
      )
    await client.query('drop table base')
    note(`${table} is filled`)
  }
  for (const { indexdef } of indexes.rows) await client.query(indexdef)
  await client.query('vacuum analyze')
}

/** What runs and waits at the moment. */
const putBusy = async (store: Store, now: number): Promise<void> => {
  for (let i = 0; i < 100; i++) {
    const one = series(`busy-${i}`, {
      ...{ title: titleOf(i), author: authorOf(i), state: { at: 'planned', job: `jb-${i}` } },
      ...{ firstAt: now - i * 1000, lastAt: now - i * 1000 },
    })
    await store.saveSeries([one])
    const state = (n: number): Task['state'] =>
      i < 24 && n === 0
        ? {
            at: 'running',
            attempt: 1,
            run: `rb-${i}`,
            host: `farm-${i % 3}`,
            since: now - i * 1000,
            until: now + 3_600_000,
          }
        : { at: 'queued', attempt: 1 }
    await store.addJob(
      job(`jb-${i}`, { series: one.id, createdAt: now - i * 1000 }),
      tasksOf(`jb-${i}`, state),
    )
  }
}

/** Fills an empty store; a few minutes. Returns how much is in it. */
export const fillStore = async (
  { store, url, log }: { store: Store; url: string; log: string },
  note: (words: string) => void,
): Promise<{ series: number; results: number }> => {
  for (let i = 0; i < 10; i++) await putJob(store, { of: undefined, i, at: firstAt + i * 8_000_000, log })
  for (let i = 0; i < baseSeries; i++) await putSeries(store, i, log)
  note('what is copied is there')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query("set maintenance_work_mem = '256MB'")
    await multiply(client, note)
    await putBusy(store, Date.now())
    await client.query('vacuum analyze')
    const counted = await client.query<{ series: string; results: string }>(
      "select (select count(*) from series) as series, (select sum((data::json -> 'count')::text::bigint) from sample) as results",
    )
    return { series: Number(counted.rows[0]?.series), results: Number(counted.rows[0]?.results) }
  } finally {
    await client.end()
  }
}

export const idOf = (copy: number, i: number): string =>
  `s-17${firstCopy + (copy % copies)}-${i % baseSeries}`
