// Series that wait because the branch was broken without them: when a base line of it is good again, they are planned once more. Their author
// was told that they wait; what is found then is told in the same thread.
import type { Instant, Millis } from '../../model/instant.ts'
import {
  firstTasks,
  isOver,
  type Job,
  outcomeOf,
  type Task,
  type TestedStep,
  testedSteps,
} from '../../model/job.ts'
import type { Series } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'

export type BasePorts = { store: Store; clock: Clock; log: Log }

/** Longer nobody waits for a base. */
const waitMs: Millis = 30 * 86_400_000

/** Would a series that is planned anew get another base? A commit that somebody named stays the same, and so does what goes before. */
export const mayWait = ({ baseHow = 'head', before = [] }: Pick<Job, 'baseHow' | 'before'>): boolean =>
  (baseHow === 'head' || baseHow === 'blobs') && before.length === 0

/** The verdict as it is told: one on a broken base says whether the series waits for a good one. */
export const withWait = (verdict: Verdict, job: Pick<Job, 'baseHow' | 'before'>): Verdict =>
  verdict.finding.kind === 'base-broken' && mayWait(job)
    ? { ...verdict, finding: { ...verdict.finding, waits: true } }
    : verdict

const cameToGoodEnd = ({ ending, report }: TestedStep): boolean =>
  ending.kind === 'finished' && report.state === 'whole'

/** Does what these tasks of a base line did mend what the verdict tells of? A base that builds mends a build; a step is mended where it came to a good end on all images. */
export const mends = (
  finding: Extract<Verdict['finding'], { kind: 'base-broken' }>,
  tasks: Task[],
): boolean => {
  const { build, tests } = firstTasks(tasks)
  if (outcomeOf(build)?.kind !== 'built') return false
  const own = tests.flatMap(testedSteps).filter(({ name }) => name === finding.step)
  // A step of the build, or one of which nothing was said.
  if (own.length === 0) return tests.every(isOver)
  return own.length === tests.length && own.every(cameToGoodEnd)
}

type Line = { job: Job; tasks: Task[] }

/** The newest base line of each branch of which something is known. */
const newestLines = async (store: Store, project: string): Promise<Line[]> => {
  const found = new Map<string, Line>()
  for (const job of await store.baselines({ project, limit: 30 })) {
    if (found.has(job.baseName) || (job.before ?? []).length > 0) continue
    const tasks = await store.tasksOf(job.id)
    const outcome = outcomeOf(firstTasks(tasks).build)
    if (outcome && outcome.kind !== 'ours') found.set(job.baseName, { job, tasks })
  }
  return [...found.values()]
}

/** On the same commit as the time before: another plan gives the same once more. */
const isStuck = (verdicts: Verdict[]): boolean => {
  const [before, last] = verdicts.filter(({ finding }) => finding.kind === 'base-broken').slice(-2)
  return before !== undefined && last !== undefined && before.base?.commit === last.base?.commit
}

const isMended = async (store: Store, series: Series, line: Line): Promise<boolean> => {
  if (series.state.at !== 'planned' || series.state.job === undefined) return false
  const verdict = await store.verdict(series.id)
  if (verdict?.finding.kind !== 'base-broken' || verdict.job !== series.state.job) return false
  const { base, finding } = verdict
  const isOther = base?.name === line.job.baseName && base.commit !== line.job.base
  if (!isOther || finding.waits !== true || !mends(finding, line.tasks)) return false
  return !isStuck(await store.verdictsOf(series.id))
}

/** What was looked at already, by project: base lines, and how far each of them was. */
export type BaseWatch = Map<string, Set<string>>

const hour: Millis = 3_600_000

/** One that was judged on an older base after the good one was seen is found within an hour. */
const stageOf = ({ job, tasks }: Line, now: Instant): string =>
  `${job.id} ${tasks.filter(isOver).length} ${Math.floor(now / hour)}`

const builds = ({ tasks }: Line): boolean => outcomeOf(firstTasks(tasks).build)?.kind === 'built'

/**
 * Returns the series that are to be planned again. All planned ones are read, but only when a task of a base line came to its end, and once an hour.
 * Repeatable. Call it in turn. Throws the store's Faults.
 */
export const tendBases =
  ({ store, clock, log }: BasePorts) =>
  async (project: string, watch: BaseWatch): Promise<Series[]> => {
    const now = clock.now()
    const lines = (await newestLines(store, project)).filter(builds)
    const fresh = lines.filter(line => !watch.get(project)?.has(stageOf(line, now)))
    const since: Instant = now - waitMs
    const found: Series[] = []
    const all = fresh.length > 0 ? await store.seriesIn({ project, at: 'planned' }) : []
    for (const series of all.filter(({ lastAt }) => lastAt >= since)) {
      const [line] = await firstThat(fresh, one => isMended(store, series, one))
      if (!line) continue
      const next: Series = { ...series, round: (series.round ?? 0) + 1, state: { at: 'complete' } }
      await store.saveSeries([next])
      found.push(next)
      log('info', `the base ${line.job.baseName} is good again: tested after all`, { series: series.id })
    }
    watch.set(project, new Set(lines.map(line => stageOf(line, now))))
    return found
  }

const firstThat = async <T>(all: T[], isIt: (one: T) => Promise<boolean>): Promise<T[]> => {
  for (const one of all) if (await isIt(one)) return [one]
  return []
}
