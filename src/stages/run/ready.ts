// ready: which tasks may be run now, in the order in which they should be. Read from the store each time: nothing else decides.
import type { Instant } from '../../model/instant.ts'
import { isBuilt, isFirstBuild, type JobId, type Task, type TaskId } from '../../model/job.ts'
import { inOrder, type JobFacts, noTurns } from '../../model/order.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'

type ReadyPorts = { store: Store; clock: Clock }

const factsOf = async (store: Store, id: JobId): Promise<JobFacts | undefined> => {
  const job = await store.job(id)
  if (!job) return undefined
  const { priority, createdAt, baseline } = job
  const series = job.series === undefined ? undefined : await store.series(job.series)
  const author = job.series === undefined ? undefined : (series?.author.address.toLowerCase() ?? job.series)
  return { id, priority, createdAt, baseline, author }
}

const isDue = ({ state }: Task, now: Instant): boolean =>
  state.at === 'queued' && (state.notBefore === undefined || state.notBefore <= now)

/** Tests are due once there is a build of theirs. */
const builtJobs = async (store: Store, jobs: JobId[]): Promise<Set<JobId>> => {
  const tasks = await store.tasksOfJobs(jobs)
  return new Set(tasks.filter(task => isFirstBuild(task) && isBuilt(task)).map(task => task.job))
}

/** The builds that probes wait for, as far as they are there. */
const builtFor = async (store: Store, probes: Task[], seen: Set<TaskId>): Promise<Set<TaskId>> => {
  const needed = new Set(probes.flatMap(({ probe }) => probe?.build ?? []))
  // A build that is there stays.
  for (const id of seen) if (!needed.has(id)) seen.delete(id)
  for (const id of needed) {
    if (seen.has(id)) continue
    const build = await store.task(id)
    if (build && isBuilt(build)) seen.add(id)
  }
  return seen
}

/** Keeps what never changes of the jobs that it has seen, and whose turn it was. Throws the store's Faults. */
export const readyTasks = ({ store, clock }: ReadyPorts): (() => Promise<Task[]>) => {
  const known = new Map<JobId, JobFacts>()
  const seen = new Set<TaskId>()
  let last = noTurns
  return async () => {
    const queued = await store.tasksAt('queued')
    if (queued.length === 0) return []
    const unfinished = [...queued, ...(await store.tasksAt('running'))]
    const ids = new Set(unfinished.map(task => task.job))
    for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
    for (const id of ids) {
      const facts = known.get(id) ?? (await factsOf(store, id))
      if (facts) known.set(id, facts)
    }
    const building = new Set(unfinished.filter(isFirstBuild).map(task => task.job))
    const tests = queued.filter(task => task.kind === 'test' && !task.probe && !building.has(task.job))
    const built = await builtJobs(store, [...new Set(tests.map(task => task.job))])
    const probes = queued.filter(({ probe }) => probe !== undefined)
    const builds = await builtFor(store, probes, seen)
    const due = queued.filter(task => {
      if (task.kind === 'build') return true
      return task.probe ? builds.has(task.probe.build) : built.has(task.job)
    })
    const now = clock.now()
    const ready = due.filter(task => isDue(task, now))
    const { tasks, turns } = inOrder(ready, [...known.values()], { last, now })
    last = turns
    return tasks
  }
}
