// withdraw: a series that a newer version replaced (or that somebody cancelled) → its tasks end, queued or running.
import type { Task } from '../../model/job.ts'
import type { Store } from '../../ports/store.ts'

/** Returns the tasks that were taken away; those that were running still have to be told. `by`: the operator who said so. Repeatable. */
export const withdraw =
  ({ store }: { store: Store }) =>
  async (series: string, why: string, by?: string): Promise<string[]> => {
    const gone: string[] = []
    for (const job of await store.jobsOf(series)) gone.push(...(await dropTasks(store, job.id, why, by)))
    return gone
  }

/** Ends a task, whatever happens to it meanwhile; false: it is over already. */
export const dropTask = async (store: Store, task: Task, why: string, by?: string): Promise<boolean> => {
  let now: Task | undefined = task
  while (now && (now.state.at === 'queued' || now.state.at === 'running')) {
    const cancelled = { at: 'cancelled' as const, why, ...(by === undefined ? {} : { by }) }
    if (await store.moveTask(now.id, now.state, cancelled)) return true
    now = await store.task(task.id)
  }
  return false
}

/** Ends a job's tasks that are not over yet; returns those. */
export const dropTasks = async (store: Store, job: string, why: string, by?: string): Promise<string[]> => {
  const gone: string[] = []
  for (const task of await store.tasksOf(job)) if (await dropTask(store, task, why, by)) gone.push(task.id)
  return gone
}
