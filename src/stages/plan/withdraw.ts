// withdraw: a series that a newer version replaced (or that somebody cancelled) → its tasks end, queued or running.
import type { Store } from '../../ports/store.ts'

/** Returns the tasks that were taken away; those that were running still have to be told. Repeatable. */
export const withdraw =
  ({ store }: { store: Store }) =>
  async (series: string, why: string): Promise<string[]> => {
    const gone: string[] = []
    for (const job of await store.jobsOf(series)) gone.push(...(await dropTasks(store, job.id, why)))
    return gone
  }

/** Ends a job's tasks that are not over yet; returns those. */
export const dropTasks = async (store: Store, job: string, why: string): Promise<string[]> => {
  const gone: string[] = []
  for (const task of await store.tasksOf(job)) {
    if (task.state.at !== 'queued' && task.state.at !== 'running') continue
    if (await store.moveTask(task.id, task.state, { at: 'cancelled', why })) gone.push(task.id)
  }
  return gone
}
