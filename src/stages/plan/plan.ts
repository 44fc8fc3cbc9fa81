// plan: a complete series → a job of one build task and a test task on each image, and the same for the unpatched base, so that
// there is something to compare with. A series with nothing to test gets its verdict here.
import { matchesGlob } from 'node:path'
import type { Commit, Job, JobId, Task } from '../../model/job.ts'
import { priority } from '../../model/job.ts'
import type { FileChange } from '../../model/mail.ts'
import type { Recipe } from '../../model/recipe.ts'
import type { Series } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Mirror } from '../../ports/git.ts'
import type { Store } from '../../ports/store.ts'
import { contentId } from '../../text/digest.ts'
import { dropTasks } from './withdraw.ts'

export type PlanPorts = { store: Store; mirror: Mirror; clock: Clock }

export type PlanProject = { name: string; recipe: Recipe }

export type Planned =
  | { kind: 'job'; job: Job; baseline: Job }
  | { kind: 'verdict'; verdict: Verdict }
  /** Not complete, superseded, or planned already. */
  | { kind: 'nothing' }

/** Does every changed file match one of the globs? Renames count on both sides. */
export const onlyTouches = (files: FileChange[], globs: string[]): boolean => {
  const paths = files.flatMap(file => [file.before, file.after]).filter(path => path !== undefined)
  return paths.length > 0 && paths.every(path => globs.some(glob => matchesGlob(path, glob)))
}

type Base = { commit: Commit; name: string; wanted?: string }

/** The base that the series names, fetched if need be, else the recipe's branch. undefined: not even that is there. */
const findBase = async (
  mirror: Mirror,
  recipe: Recipe,
  named: string | undefined,
): Promise<Base | undefined> => {
  const { repository, branch } = recipe
  let fetched = false
  const find = async (name: string) => {
    const here = await mirror.resolve(repository, name)
    if (here || fetched) return here
    fetched = true
    await mirror.fetch(repository)
    return mirror.resolve(repository, name)
  }
  const wanted = named === undefined ? undefined : await find(named)
  if (wanted) return { commit: wanted, name: 'base-commit' }
  const commit = await find(branch)
  if (!commit) return undefined
  return named === undefined ? { commit, name: branch } : { commit, name: branch, wanted: named }
}

/** One build task, and a test task on each image; their ids follow from the job's. */
export const tasksOf = (job: Job): Task[] => {
  const task = (kind: Task['kind'], image: string, id: string): Task => ({
    id: `${job.id}-${id}`,
    job: job.id,
    project: job.project,
    kind,
    image,
    // What is begun is ended first: a job's tests go before the next one's build.
    priority: job.priority * 10 + (kind === 'build' ? 1 : 0),
    state: { at: 'queued', attempt: 1 },
  })
  const { build, test } = job.recipe
  return [
    task('build', build.image, 'build'),
    ...test.images.map(image => task('test', image, `test-${image}`)),
  ]
}

/** The job of the unpatched base: one for each base and recipe, whoever asks. */
export const baselineId = (project: string, base: Commit, recipe: Recipe): JobId =>
  `b${contentId(15, project, base, recipe)}`

const jobsFor = (
  project: PlanProject,
  series: Series,
  base: Base,
  now: number,
): { job: Job; baseline: Job } => {
  const { recipe } = project
  const common = { project: project.name, base: base.commit, baseName: base.name, recipe, createdAt: now }
  const baseline: Job = {
    ...common,
    id: baselineId(project.name, base.commit, recipe),
    series: undefined,
    baseline: undefined,
    parts: [],
    priority: priority.baseline,
  }
  const parts = series.parts.map(part => part.mail)
  const job: Job = {
    ...common,
    id: `j${contentId(15, series.id, parts, base.commit, recipe)}`,
    series: series.id,
    baseline: baseline.id,
    parts: series.parts.map(part => ({
      position: part.position,
      title: part.title,
      messageId: part.messageId,
      blob: part.mail,
    })),
    priority: series.origin.from === 'hand' ? priority.hand : priority.mail,
    ...(base.wanted === undefined ? {} : { wantedBase: base.wanted }),
  }
  return { job, baseline }
}

/** A base line that ended by trouble of ours, or that an operator cancelled, says nothing about the base: whoever needs it next has it done again. */
const retryOurs = async (store: Store, baseline: JobId): Promise<void> => {
  const tasks = await store.tasksOf(baseline)
  const isOurs = ({ state }: Task) =>
    (state.at === 'done' && state.outcome.kind === 'ours') ||
    (state.at === 'cancelled' && state.by !== undefined)
  if (!tasks.some(isOurs)) return
  for (const task of tasks) {
    if (!isOurs(task) && task.state.at !== 'cancelled') continue
    await store.moveTask(task.id, task.state, { at: 'queued', attempt: 1 })
  }
}

/** Plans one series. Repeatable: ids follow from content, and what is saved already stays. Throws the mirror's and the store's Faults. */
export const plan =
  ({ store, mirror, clock }: PlanPorts) =>
  async (project: PlanProject, seriesId: string): Promise<Planned> => {
    const series = await store.series(seriesId)
    if (series?.state.at !== 'complete') return { kind: 'nothing' }
    const verdict = (finding: Verdict['finding']): Planned => ({
      kind: 'verdict',
      verdict: {
        series: series.id,
        job: undefined,
        base: undefined,
        decidedAt: clock.now(),
        buildLog: undefined,
        images: [],
        finding,
      },
    })
    const said = await store.verdict(series.id)
    if (said?.finding.kind === 'cancelled') return { kind: 'verdict', verdict: said }
    const mails = await Promise.all(series.parts.map(part => store.mail(part.mail)))
    const files = mails.flatMap(mail => mail?.patch?.files ?? [])
    if (onlyTouches(files, project.recipe.ignore)) return verdict({ kind: 'nothing-to-test' })
    const base = await findBase(mirror, project.recipe, series.baseCommit)
    if (!base) return verdict({ kind: 'base-unknown', wanted: project.recipe.branch })
    const { job, baseline } = jobsFor(project, series, base, clock.now())
    await store.addJob(baseline, tasksOf(baseline))
    await retryOurs(store, baseline.id)
    for (const other of await store.jobsOf(series.id)) {
      if (other.id !== job.id) await dropTasks(store, other.id, 'the series was planned anew')
    }
    await store.addJob(job, tasksOf(job))
    return { kind: 'job', job, baseline }
  }

/** The state after planning; saved last, when all that follows from it is safe. */
export const planned = (series: Series, result: Planned): Series =>
  result.kind === 'nothing'
    ? series
    : { ...series, state: { at: 'planned', job: result.kind === 'job' ? result.job.id : undefined } }
