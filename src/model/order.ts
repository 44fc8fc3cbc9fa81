// In which order waiting tasks are taken: by urgency, then so that every author gets a share, then by arrival.
import type { Instant } from './instant.ts'
import type { JobId, Task } from './job.ts'

/** What of a job decides its turn. */
export type JobFacts = {
  id: JobId
  /** Whose job it is; undefined: of a base, which goes with those who wait for it. */
  author: string | undefined
  /** Lower goes first; see `priority` in job.ts. */
  priority: number
  createdAt: Instant
  baseline: JobId | undefined
}

type Turn = { priority: number; rank: number; createdAt: Instant; id: JobId; step: number }

const byTurn = (a: Turn, b: Turn): number =>
  a.priority - b.priority ||
  a.rank - b.rank ||
  a.createdAt - b.createdAt ||
  (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) ||
  a.step - b.step

/** How many unfinished jobs of the same author go before each job. */
const ranks = (jobs: JobFacts[]): Map<JobId, number> => {
  const found = new Map<JobId, number>()
  for (const own of Map.groupBy(jobs, job => job.author).values()) {
    const inTurn = own.map(job => ({ ...job, rank: 0, step: 0 })).sort(byTurn)
    for (const [rank, job] of inTurn.entries()) found.set(job.id, rank)
  }
  return found
}

const turns = (jobs: JobFacts[]): Map<JobId, Turn> => {
  const rank = ranks(jobs.filter(job => job.author !== undefined))
  const found = new Map<JobId, Turn>()
  for (const { id, priority, createdAt } of jobs)
    found.set(id, { priority, createdAt, id, rank: rank.get(id) ?? 0, step: 1 })
  // A base goes right before the first of those who wait for it; if none of them has a task left, by itself.
  for (const base of jobs.filter(job => job.author === undefined)) {
    const waiters = jobs.filter(job => job.baseline === base.id).flatMap(job => found.get(job.id) ?? [])
    const [first] = waiters.sort(byTurn)
    if (first) found.set(base.id, { ...first, step: 0 })
  }
  return found
}

/** Puts tasks in order. `jobs`: all that have a waiting or running task. Urgent classes go first (by hand, mail, nightly); in a class,
 *  jobs that are the first of their author go before those that are the second, and so on, whoever has handed in how many; among those
 *  it goes by arrival, so that the tests of a series that was begun go before the build of a later one. */
export const inOrder = (tasks: Task[], jobs: JobFacts[]): Task[] => {
  const turn = turns(jobs)
  const kind = (task: Task) => (task.kind === 'build' ? 0 : 1)
  return tasks
    .flatMap(task => {
      const when = turn.get(task.job)
      return when ? [{ task, when }] : []
    })
    .sort((a, b) => byTurn(a.when, b.when) || kind(a.task) - kind(b.task))
    .map(({ task }) => task)
}
