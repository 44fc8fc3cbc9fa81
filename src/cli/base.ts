// `grapevine base`: the branches without any patch: what was tested, whether one is broken, and one more run by hand.

import { Command } from 'commander'
import { branchesOf } from '../config/branches.ts'
import {
  aboutBase,
  type BaseHealth,
  type BrokenTest,
  brokenSince,
  isBroken,
  type Since,
} from '../model/base-health.ts'
import { Fault, UsageError } from '../model/fault.ts'
import { failureRates, type Rate } from '../model/history.ts'
import { firstTasks, isOver, type Job, priority, type Task, testedSteps } from '../model/job.ts'
import { isFailure } from '../model/report.ts'
import type { Store } from '../ports/store.ts'
import { healthOf, testedBases } from '../stages/upkeep/base-health.ts'
import { cleanLine } from '../text/clean.ts'
import { sayOutcome } from '../text/outcome.ts'
import type { CliDeps } from './deps.ts'
import { projectCalled, sayShare } from './history.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

type Options = { json?: boolean }

const named = async (deps: CliDeps, project: string, branch: string | undefined) => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const found = projectCalled(config, project)
  const all = branchesOf(found)
  if (branch !== undefined && !all.includes(branch))
    throw new UsageError(`${project} has no branch "${branch}" here`, `There are ${all.join(', ')}`)
  return { config, project: found, branch: branch ?? found.recipe.branch }
}

const maxListed = 50

/** Tests that failed in the first runs, on all images. */
const failedIn = (tasks: Task[]): number =>
  firstTasks(tasks)
    .tests.flatMap(testedSteps)
    .flatMap(({ report }) => report.tests)
    .filter(({ outcome }) => isFailure(outcome)).length

const sayTask = (task: Task | undefined): string => {
  if (task === undefined) return ''
  const { state } = task
  if (state.at === 'done') return state.outcome.kind === 'built' ? 'built' : sayOutcome(state.outcome)
  return state.at === 'cancelled' ? `cancelled: ${state.why}` : state.at
}

const sayTests = (tasks: Task[]): string => {
  const { tests } = firstTasks(tasks)
  const done = tests.filter(({ state }) => state.at === 'done')
  if (tests.length === 0) return ''
  const on = done.length === tests.length ? `${tests.length}` : `${done.length} of ${tests.length}`
  const images = `${on} ${tests.length === 1 ? 'image' : 'images'}`
  return done.length === 0 ? (tests[0]?.state.at ?? '') : `${failedIn(tasks)} failed on ${images}`
}

/** One by one: reports of large projects are large. */
const summaries = async (store: Store, jobs: Job[]) => {
  const found: { job: Job; build: string; tests: string; failed: number }[] = []
  for (const job of jobs) {
    const tasks = await store.tasksOf(job.id)
    const { build } = firstTasks(tasks)
    found.push({ job, build: sayTask(build), tests: sayTests(tasks), failed: failedIn(tasks) })
  }
  return found
}

const list = (deps: CliDeps): Command =>
  new Command('list')
    .summary('list the base lines of a project')
    .description(
      'Lists the base lines of a project, the newest first: commits that were tested without any patch.',
    )
    .argument('<project>')
    .argument('[branch]', 'only of this branch')
    .option('--json', 'JSON lines')
    .addHelpText('after', '\nExample:\n  $ grapevine base list tally main')
    .action(async (name: string, branch: string | undefined, options: Options) => {
      const { project } = await named(deps, name, branch)
      await withStore(deps, async store => {
        const of = branch === undefined ? {} : { baseName: branch }
        const jobs = await store.baselines({ project: project.name, ...of, limit: maxListed })
        const all = await summaries(store, jobs)
        if (options.json) {
          for (const { job, ...rest } of all) deps.stdout.write(`${JSON.stringify({ ...job, ...rest })}\n`)
          return
        }
        if (all.length === 0) return void deps.stdout.write('no base was tested yet\n')
        const rows = all.map(({ job, build, tests }) => [
          sayInstant(job.createdAt),
          job.baseName,
          job.base.slice(0, 12),
          job.night === undefined ? '' : 'night',
          build,
          tests,
          job.id,
        ])
        deps.stdout.write(`${table([['planned', 'branch', 'base', '', 'build', 'tests', 'job'], ...rows])}\n`)
      })
    })

const saySince = ({ since, after }: Since): string =>
  after === undefined
    ? `since ${since.slice(0, 12)} at the latest`
    : `since ${since.slice(0, 12)}, between ${after.slice(0, 12)}..${since.slice(0, 12)}`

const brokenLine = ({ image, step, test, failed, history, ...since }: BrokenTest): string =>
  `  ${test === '' ? `step ${step}` : test} on ${image}: ${failed} failures in a row ${saySince(since)}; ${history.failed}/${history.runs} before`

/** `told`: of an incident. It knows the order of commits from the repository, which is not asked here. */
const healthLines = (health: BaseHealth, told: boolean): string[] => {
  if (health.build)
    return [
      `It does not build ${saySince(health.build)}:`,
      ...health.build.errors.flatMap(one => one.split('\n').map(line => `  ${line}`)),
    ]
  if (health.tests.length === 0) return [told ? 'It builds.' : 'It builds, and nothing fails newly in it.']
  return ['It builds; these fail newly:', ...health.tests.map(brokenLine)]
}

const rateLine = ({ image, step, test, failed, runs }: Rate): string =>
  `  ${failed}/${runs} (${sayShare({ failed, runs })})  ${image}  ${step}  ${test === '' ? '(the step itself)' : test}`

const show = (deps: CliDeps): Command =>
  new Command('show')
    .summary('show the newest base line of a branch, and whether it is broken')
    .description(
      'Shows the newest commit of a branch that was tested without any patch: whether it is broken and since when, and what failed on it.',
    )
    .argument('<project>')
    .argument('[branch]', 'default: the branch of the recipe')
    .option('--json', 'one JSON line')
    .addHelpText('after', '\nExample:\n  $ grapevine base show tally main')
    .action(async (name: string, given: string | undefined, options: Options) => {
      const { project, branch } = await named(deps, name, given)
      await withStore(deps, async store => {
        const of = { project: project.name, branch, bases: project.proof.bases }
        // Commits in order of time: what the repository says is not asked for.
        const tested = await testedBases(store, of, { log: [] })
        const [newest] = tested
        const health = await healthOf(store, project.name, tested)
        const since = isBroken(health) ? brokenSince(health, tested) : undefined
        const incidents = await store.incidents({ open: true })
        const about = aboutBase(project.name, branch)
        const incident = incidents.find(one => one.trouble === 'base-broken' && one.about === about)
        const samples = await store.samples({ project: project.name, patched: false, limit: 2_000 })
        const rates = failureRates(samples.filter(({ base }) => base === newest?.base))
        if (options.json)
          return void deps.stdout.write(
            `${JSON.stringify({ project: project.name, branch, base: newest?.base ?? null, since: since ?? null, ...health, build: health.build ?? null, incident: incident ?? null, rates })}\n`,
          )
        if (newest === undefined) return void deps.stdout.write(`no base line of ${branch} is over yet\n`)
        const [last] = await summaries(store, [newest.job])
        const lines = [
          `${project.name}, ${branch} at ${newest.base.slice(0, 12)}`,
          `  ${sayInstant(newest.job.createdAt)}: ${(health.build ? last?.build : last?.tests) ?? ''}`,
          ...healthLines(health, incident !== undefined),
          ...(incident ? [`incident ${incident.id}: ${incident.detail}`] : []),
          ...(rates.length > 0 ? [`Failed on this commit, of so many runs:`] : []),
          ...rates.slice(0, maxListed).map(rateLine),
          ...(rates.length > maxListed ? [`  and ${rates.length - maxListed} more: --json shows all`] : []),
        ]
        deps.stdout.write(`${lines.map(line => cleanLine(line)).join('\n')}\n`)
      })
    })

const run = (deps: CliDeps): Command =>
  new Command('run')
    .summary('test a branch without any patch now')
    .description(
      'Has the newest commit of a branch tested without any patch, once more if it was already. It goes before mail.\nThe bot and a worker do the rest.',
    )
    .argument('<project>')
    .argument('[branch]', 'default: the branch of the recipe')
    .addHelpText('after', '\nExample:\n  $ grapevine base run tally main')
    .action(async (name: string, given: string | undefined) => {
      const { config, project, branch } = await named(deps, name, given)
      const { wire } = await import('../wiring/wire.ts')
      const { quietLog } = await import('../wiring/log.ts')
      const { ownBaseline } = await import('../stages/plan/own-baseline.ts')
      const { pushes } = await import('../stages/upkeep/sweep.ts')
      const wired = await wire(config, quietLog)
      try {
        const { repository } = project.recipe
        await wired.mirror.fetch(repository)
        const base = await wired.mirror.resolve(repository, branch)
        if (base === undefined) throw new Fault('refused', 'never', `${repository} has no branch ${branch}`)
        const now = wired.clock.now()
        const of = { base, branch, priority: priority.hand, now }
        const first = ownBaseline(project, of)
        const before = await wired.store.tasksOf(first.job.id)
        if (before.some(task => !isOver(task)))
          return void deps.stdout.write(
            `${branch} at ${base.slice(0, 12)} is at work already: job ${first.job.id}\n`,
          )
        const { job, tasks } =
          before.length === 0 ? first : ownBaseline(project, { ...of, again: `hand ${now}` })
        await wired.store.addJob(job, tasks)
        await wired.queue.push(pushes.judge(job.id, 'hand'))
        deps.stdout.write(
          `${branch} at ${base.slice(0, 12)} is tested: job ${job.id}\n  grapevine base show ${project.name} ${branch}\n`,
        )
      } finally {
        await wired.close()
      }
    })

export const base = (deps: CliDeps): Command =>
  new Command('base')
    .description('Looks after the branches without any patch: what was tested, and whether one is broken.')
    .addCommand(list(deps))
    .addCommand(show(deps))
    .addCommand(run(deps))
    .addHelpText('after', '\nExample:\n  $ grapevine base show tally')
