// `grapevine series`: what runs were made for a series, what they gave, and what was said.
import { Command } from 'commander'
import { wasRefused } from '../model/attempts.ts'
import { UsageError } from '../model/fault.ts'
import { costsNoTry, wasCutOff } from '../model/interrupt.ts'
import { type Job, type RunRecord, type Task, testedSteps } from '../model/job.ts'
import type { Series } from '../model/series.ts'
import type { Told } from '../model/verdict.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Store } from '../ports/store.ts'
import { cleanLine } from '../text/clean.ts'
import { sayOutcome, sayTask } from '../text/outcome.ts'
import type { CliDeps } from './deps.ts'
import { sayState } from './mail.ts'
import { release } from './series-release.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { probeLines, verdictLines } from './verdict-lines.ts'

const sayCancel = ({ why, by }: { why: string; by?: string }): string =>
  by === undefined ? why : `${why} (${by})`

/** Who heard of a verdict, and why not everybody did. */
const sayTold = ({ author, list, digest, silence }: Told): string => {
  const who = [
    ...(author ? ['the author'] : []),
    ...(list ? ['the list'] : []),
    ...(digest ? ['the list, in its next digest'] : []),
  ]
  return `${who.length === 0 ? 'nobody' : who.join(' and ')}${silence ? `: ${silence.why}` : ''}`
}

const taskLine = (task: Task): string => {
  const { state } = task
  const how =
    state.at === 'done' ? sayOutcome(state.outcome) : state.at === 'cancelled' ? sayCancel(state) : ''
  return `  ${sayTask(task)} on ${task.image}: ${state.at}${how === '' ? '' : `, ${how}`}`
}

/** How a run ended, where the task's own line does not say it. */
const sayRun = ({ outcome }: RunRecord, isTold: boolean): string => {
  if (outcome === undefined) return ', which runs'
  if (outcome.kind === 'ours' && (costsNoTry(outcome) || wasCutOff(outcome) || wasRefused(outcome)))
    return `, not counted (${outcome.detail})`
  return isTold ? '' : `, ${sayOutcome(outcome)}`
}

const taskLines = async (store: Store, blobs: Blobs, task: Task): Promise<string[]> => {
  const runs = await store.runsOf(task.id)
  const logs = runs.map(run => {
    const log = run.evidence.log ? blobs.where(run.evidence.log) : 'no log'
    return `    try ${run.attempt} on ${run.host}${sayRun(run, runs.length === 1 && task.state.at === 'done')}: ${log}`
  })
  return [taskLine(task), ...logs]
}

const testLines = (task: Task): string[] =>
  testedSteps(task).flatMap(step => [
    `    ${step.name}: report ${step.report.state}`,
    ...step.report.tests.map(test => `      ${test.outcome.padEnd(11)} ${test.test}`),
  ])

const sayHow = ({ baseHow, wantedBase }: Job): string =>
  [
    baseHow === 'blobs' ? ', as its files are those of the patches' : '',
    wantedBase === undefined ? '' : `, as ${cleanLine(wantedBase, 60)} was not found`,
  ].join('')

const groundLines = ({ before = [], lacking = [] }: Job): string[] => [
  ...before.map(one => `  after series ${one.series}  ${cleanLine(one.title, 100)}`),
  ...lacking.map(({ id, why }) => `  without ${cleanLine(id, 100)}: ${why}`),
]

const sayWithheld = async (store: Store, { state }: Series): Promise<string> => {
  const job = state.at === 'planned' && state.job !== undefined ? await store.job(state.job) : undefined
  if (!job) return ''
  const { systemClock } = await import('../adapters/clock/system.ts')
  const { withheldJobs } = await import('../stages/upkeep/withheld.ts')
  const withheld = await withheldJobs(store, systemClock, [job])
  return withheld.has(job.id) ? ': it waits for the end of an incident; see: grapevine incident list' : ''
}

const describe = async (
  store: Store,
  blobs: Blobs,
  { series, tests }: { series: Series; tests: boolean },
): Promise<string[]> => {
  const verdict = await store.verdict(series.id)
  const lines = [
    `series ${series.id}  ${series.title}`,
    `  by ${series.author.name} <${series.author.address}>, v${series.version}, ${series.parts.length} of ${series.total} parts`,
    `  ${sayState(series, verdict)}`,
  ]
  for (const job of await store.jobsOf(series.id)) {
    lines.push(
      `job ${job.id} on ${job.base.slice(0, 12)} (${job.baseName}${sayHow(job)})`,
      ...groundLines(job),
    )
    const tasks = await store.tasksOf(job.id)
    // Each of them only for whoever wants to see every test.
    for (const task of tests ? tasks : tasks.filter(({ probe }) => probe === undefined)) {
      lines.push(...(await taskLines(store, blobs, task)), ...(tests ? testLines(task) : []))
    }
    if (!tests) lines.push(...probeLines(tasks))
  }
  if (verdict === undefined) lines.push(`verdict none yet${await sayWithheld(store, series)}`)
  else if (verdict.finding.kind === 'cancelled')
    lines.push(`verdict cancelled: ${sayCancel(verdict.finding)}`)
  else lines.push(...verdictLines(verdict, series, tests))
  if (verdict?.told !== undefined) lines.push(`told ${sayTold(verdict.told)}`)
  for (const reply of await store.repliesOf(series.id)) {
    const why = reply.state.at === 'failed' ? `: ${reply.state.why}` : ''
    lines.push(`reply ${reply.mail.messageId} ${reply.state.at}${why}`)
  }
  // Titles are of mails, and names of tests of guests.
  return lines.map(line => cleanLine(line))
}

const json = (deps: CliDeps, value: unknown) => deps.stdout.write(`${JSON.stringify(value)}\n`)

const show = (deps: CliDeps): Command =>
  new Command('show')
    .summary('show one series: runs, results, verdict, reply')
    .description(
      'Shows everything that was done for a series: runs with their logs, results, verdict and reply.',
    )
    .argument('<series>', 'its id; see `grapevine series list`')
    .option('--tests', 'with every single test, and every run for proof')
    .option('--json', 'one JSON line')
    .addHelpText('after', '\nExample:\n  $ grapevine series show s3f2a91c07be4d5a --tests')
    .action((id: string, options: { tests?: boolean; json?: boolean }) =>
      withStore(deps, async store => {
        const series = await store.series(id)
        if (!series)
          throw new UsageError(`there is no series ${id}`, 'See what there is: grapevine series list')
        if (options.json) {
          const jobs = await store.jobsOf(id)
          const tasks = (await Promise.all(jobs.map(job => store.tasksOf(job.id)))).flat()
          const runs = (await Promise.all(tasks.map(task => store.runsOf(task.id)))).flat()
          return void json(deps, {
            series,
            jobs,
            tasks,
            runs,
            verdict: await store.verdict(id),
            replies: await store.repliesOf(id),
          })
        }
        const config = await deps.config({ repositories: 'later', secrets: 'later' })
        const { fileBlobs } = await import('../adapters/blobs/files.ts')
        const { join } = await import('node:path')
        const blobs = fileBlobs({ folder: join(config.data, 'blobs') })
        const lines = await describe(store, blobs, { series, tests: options.tests === true })
        deps.stdout.write(`${lines.join('\n')}\n`)
      }),
    )

const states: Series['state']['at'][] = [
  ...(['collecting', 'complete', 'held', 'incomplete', 'planned', 'superseded'] as const),
]

const list = (deps: CliDeps): Command =>
  new Command('list')
    .summary('list series with state and verdict')
    .description('Lists series in order of arrival, with state and verdict.')
    .option('--project <name>', 'only of this project')
    .option('--state <state>', `only in this state: ${states.join(', ')}`)
    .option('--json', 'JSON lines')
    .addHelpText('after', '\nExample:\n  $ grapevine series list --state held')
    .action((options: { project?: string; state?: string; json?: boolean }) =>
      withStore(deps, async store => {
        const { project, state } = options
        const at = states.find(one => one === state)
        if (state !== undefined && at === undefined)
          throw new UsageError(`--state: there is no state "${state}"`, `There are: ${states.join(', ')}`)
        const all = await store.seriesIn({ ...(project ? { project } : {}), ...(at ? { at } : {}) })
        const rows: string[][] = []
        for (const series of all) {
          const verdict = await store.verdict(series.id)
          if (options.json) json(deps, { ...series, verdict: verdict?.finding.kind ?? null })
          rows.push([
            series.id,
            `v${series.version}`,
            sayState(series, verdict),
            verdict?.finding.kind ?? '',
            series.title.slice(0, 60),
          ])
        }
        if (!options.json)
          deps.stdout.write(`${table([['series', 'version', 'state', 'verdict', 'title'], ...rows])}\n`)
      }),
    )

export const series = (deps: CliDeps): Command =>
  new Command('series')
    .description('Looks up series, their runs and verdicts, and lets go what was held.')
    .addCommand(list(deps))
    .addCommand(show(deps))
    .addCommand(release(deps))
    .addHelpText('after', '\nExample:\n  $ grapevine series list')
