// plan: a complete series → a job of one build task and a test task on each image, and the same for the base without it, so that there is
// something to compare with. A series with nothing to test, or that cannot be, gets its verdict here.
//
//   survey (what goes before, which base: may fetch and search) ──▶ plan (in turn: reads and saves only)
import { matchesGlob } from 'node:path'
import type { Millis } from '../../model/instant.ts'
import type { Before, Commit, Job, JobId, Task } from '../../model/job.ts'
import { avoidMs, priority } from '../../model/job.ts'
import type { FileChange, Mail } from '../../model/mail.ts'
import type { Recipe } from '../../model/recipe.ts'
import type { Series } from '../../model/series.ts'
import { isCancelled, type Verdict } from '../../model/verdict.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Mirror } from '../../ports/git.ts'
import type { Store } from '../../ports/store.ts'
import { contentId } from '../../text/digest.ts'
import { type Base, findBase } from './base.ts'
import { type Stack, stackOf } from './before.ts'
import { type BranchRule, branchFor, pathsOf } from './branch.ts'
import { dropTasks } from './withdraw.ts'

export type PlanPorts = { store: Store; mirror: Mirror; clock: Clock }

export type PlanProject = { name: string; recipe: Recipe; branches: BranchRule[] }

export type PlanSettings = {
  /** So long after its newest part a series waits for what it says that it needs, and that is not here. */
  dependencyMs: Millis
}

/** What was found out before planning, and of which content. */
export type Survey =
  | { kind: 'surveyed'; of: string; stack: Stack; branch: string; base: Base | undefined }
  /** Something that it needs is not here, and may come. */
  | { kind: 'wait' }
  /** There is nothing to survey: it is not to be planned, or its verdict needs no base. */
  | { kind: 'none' }

export type Planned =
  | { kind: 'job'; job: Job; baseline: Job }
  | { kind: 'verdict'; verdict: Verdict }
  /** The series changed since the survey. */
  | { kind: 'moved' }
  /** Not complete, superseded, or planned already. */
  | { kind: 'nothing' }

/** A series of more files is built, whatever they are: to compare all with globs takes its time. */
const maxFiles = 5_000

/** Does every changed file match one of the globs? Renames count on both sides. */
export const onlyTouches = (files: Pick<FileChange, 'before' | 'after'>[], globs: string[]): boolean => {
  if (files.length > maxFiles) return false
  const paths = pathsOf(files)
  return paths.length > 0 && paths.every(path => globs.some(glob => matchesGlob(path, glob)))
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

const mailsOf = (before: Before[]): string[] => before.flatMap(one => one.parts.map(part => part.blob))

/** The job of the base, with what goes before a series but without it: one for each base, recipe and such patches, whoever asks. After an
 *  incident it is made anew, once for all that the incident made wait. */
export const baselineId = (
  project: string,
  base: Commit,
  recipe: Recipe,
  { before = [], incident }: { before?: Before[]; incident?: string | undefined } = {},
): JobId => {
  const more = before.length === 0 && incident === undefined ? [] : [mailsOf(before)]
  return `b${contentId(15, project, base, recipe, ...more, ...(incident === undefined ? [] : [incident]))}`
}

/** The recipe with only those of its images that were asked for; with all where it has none of them. */
const forImages = (recipe: Recipe, images: string[] | undefined): Recipe => {
  const some = recipe.test.images.filter(image => images?.includes(image))
  return some.length === 0 ? recipe : { ...recipe, test: { ...recipe.test, images: some } }
}

type Ground = { base: Base; stack: Stack }

const jobsFor = (
  project: PlanProject,
  series: Series,
  { base, stack }: Ground,
  now: number,
): { job: Job; baseline: Job } => {
  const { before, lacking } = stack
  const common = {
    ...{ project: project.name, base: base.commit, baseName: base.name, createdAt: now },
    ...(before.length === 0 ? {} : { before }),
  }
  const baseline: Job = {
    ...common,
    id: baselineId(project.name, base.commit, project.recipe, { before, incident: series.again?.incident }),
    recipe: project.recipe,
    series: undefined,
    baseline: undefined,
    parts: [],
    priority: priority.baseline,
  }
  const recipe = forImages(project.recipe, series.wish?.images)
  const parts = series.parts.map(part => part.mail)
  const again = series.round === undefined && before.length === 0 ? [] : [series.round ?? 0, mailsOf(before)]
  const job: Job = {
    ...common,
    id: `j${contentId(15, series.id, parts, base.commit, recipe, ...again)}`,
    recipe,
    series: series.id,
    baseline: baseline.id,
    baseHow: base.how,
    of: contentOf(series),
    parts: series.parts.map(part => ({
      position: part.position,
      title: part.title,
      messageId: part.messageId,
      blob: part.mail,
    })),
    priority: series.origin.from === 'hand' ? priority.hand : priority.mail,
    ...(base.wanted === undefined ? {} : { wantedBase: base.wanted }),
    ...(lacking.length === 0 ? {} : { lacking }),
  }
  return { job, baseline }
}

/** What was run on a host that is in doubt is run elsewhere, if there is another host. */
const elsewhere = (tasks: Task[], { again }: Series, now: number): Task[] =>
  again?.avoid === undefined
    ? tasks
    : tasks.map(task => ({
        ...task,
        state: { at: 'queued', attempt: 1, avoid: { host: again.avoid ?? '', until: now + avoidMs } },
      }))

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

const replanned = 'the series was planned anew'

/** Another plan was made meanwhile and given up again: what was dropped for it is due after all. */
const revive = async (store: Store, job: JobId): Promise<void> => {
  for (const { id, state } of await store.tasksOf(job))
    if (state.at === 'cancelled' && state.why === replanned && state.by === undefined)
      await store.moveTask(id, state, { at: 'queued', attempt: 1 })
}

/** What a plan is made of: two series with the same content get the same plan. */
const contentOf = ({ parts, cover, links, wish, round, baseCommit }: Series): string =>
  contentId(32, parts, cover ?? 0, links ?? 0, wish ?? 0, round ?? 0, baseCommit ?? 0)

const mailsOfSeries = async (store: Store, { cover, parts }: Series): Promise<Mail[]> => {
  const mails = await Promise.all([...(cover ? [cover] : []), ...parts].map(part => store.mail(part.mail)))
  return mails.filter(mail => mail !== undefined)
}

const filesOf = (mails: Mail[]): FileChange[] => mails.flatMap(mail => mail.patch?.files ?? [])

/** What can be said of a series without testing it. */
const early = (series: Series, mails: Mail[], { recipe }: PlanProject): Verdict['finding'] | undefined => {
  const mailOf = (id: string) => mails.find(mail => mail.id === id)
  for (const { position, title, mail, unusable } of series.parts) {
    const why = unusable ?? mailOf(mail)?.patch?.unusable
    if (why) return { kind: why.kind, position, title, why: why.why }
  }
  return onlyTouches(filesOf(mails), recipe.ignore) ? { kind: 'nothing-to-test' } : undefined
}

/** Mails of what goes before are in the project as well. */
const filesBefore = async (store: Store, before: Before[]): Promise<FileChange[]> => {
  const mails = await Promise.all(mailsOf(before).map(id => store.mail(id)))
  return filesOf(mails.filter(mail => mail !== undefined))
}

/** Was it planned like this already? */
const isSame = ({ before = [], lacking = [] }: Job, stack: Stack): boolean =>
  JSON.stringify([mailsOf(before), lacking]) === JSON.stringify([mailsOf(stack.before), stack.lacking])

const baseOf = ({ base, baseName, baseHow, wantedBase }: Job): Base => ({
  ...{ commit: base, name: baseName, how: baseHow ?? 'head' },
  ...(wantedBase === undefined ? {} : { wanted: wantedBase }),
})

/** Finds out what goes before a series, and on which commit. Changes nothing that is kept but the mirror. Throws the mirror's and the store's Faults. */
export const survey =
  ({ store, mirror, clock }: PlanPorts, { dependencyMs }: PlanSettings) =>
  async (project: PlanProject, seriesId: string): Promise<Survey> => {
    const series = await store.series(seriesId)
    if (series?.state.at !== 'complete') return { kind: 'none' }
    const mails = await mailsOfSeries(store, series)
    if (early(series, mails, project)) return { kind: 'none' }
    const of = contentOf(series)
    const { repository } = project.recipe
    const earlier = (await store.jobsOf(series.id)).filter(
      job => job.of === of && job.recipe.repository === repository,
    )
    const used = new Set(earlier.flatMap(job => (job.before ?? []).map(one => one.series)))
    const stack = await stackOf(store)(series, used)
    const mayCome = stack.lacking.some(({ why }) => why === 'unknown' || why === 'incomplete')
    // Who hands in patches hands in what they need.
    if (mayCome && series.origin.from !== 'hand' && clock.now() < series.lastAt + dependencyMs)
      return { kind: 'wait' }
    const same = earlier.findLast(job => isSame(job, stack))
    if (same) return { kind: 'surveyed', of, stack, branch: same.baseName, base: baseOf(same) }
    const own = filesOf(mails)
    const branch = branchFor(project.branches, mails) ?? project.recipe.branch
    const base = await findBase(mirror, {
      ...{ repository, branch, own },
      asked: series.wish?.against,
      named: series.baseCommit,
      files: [...(await filesBefore(store, stack.before)), ...own],
      arrivedAt: series.firstAt,
    })
    return { kind: 'surveyed', of, stack, branch, base }
  }

/** Plans one series on what `survey` found. Repeatable: ids follow from content, and what is saved already stays. Throws the store's Faults. */
export const plan =
  ({ store, clock }: Pick<PlanPorts, 'store' | 'clock'>) =>
  async (project: PlanProject, seriesId: string, surveyed: Survey): Promise<Planned> => {
    const series = await store.series(seriesId)
    if (series?.state.at !== 'complete' || surveyed.kind === 'wait') return { kind: 'nothing' }
    const verdict = async (finding: Verdict['finding']): Promise<Planned> => {
      await dropOthers(store, series, undefined)
      const none = { job: undefined, base: undefined, buildLog: undefined, images: [] }
      const round = series.round === undefined ? {} : { round: series.round }
      return {
        kind: 'verdict',
        verdict: { ...none, series: series.id, decidedAt: clock.now(), ...round, finding },
      }
    }
    const said = await store.verdict(series.id)
    if (said && isCancelled(said, series)) return { kind: 'verdict', verdict: said }
    const finding = early(series, await mailsOfSeries(store, series), project)
    if (finding) return verdict(finding)
    if (surveyed.kind === 'none' || surveyed.of !== contentOf(series)) return { kind: 'moved' }
    const { base, stack } = surveyed
    if (!base) return verdict({ kind: 'base-unknown', wanted: surveyed.branch })
    const { job, baseline } = jobsFor(project, series, { base, stack }, clock.now())
    await store.addJob(baseline, elsewhere(tasksOf(baseline), series, clock.now()))
    await retryOurs(store, baseline.id)
    await dropOthers(store, series, job.id)
    await store.addJob(job, elsewhere(tasksOf(job), series, clock.now()))
    await revive(store, job.id)
    return { kind: 'job', job, baseline }
  }

const dropOthers = async (store: Store, { id }: Series, own: JobId | undefined): Promise<void> => {
  for (const other of await store.jobsOf(id))
    if (other.id !== own) await dropTasks(store, other.id, replanned)
}

/** The state after planning; saved last, when all that follows from it is safe. */
export const planned = (series: Series, result: Planned): Series =>
  result.kind === 'nothing' || result.kind === 'moved'
    ? series
    : { ...series, state: { at: 'planned', job: result.kind === 'job' ? result.job.id : undefined } }
