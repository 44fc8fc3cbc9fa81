// A host's side: its farm, and the tasks that it holds. One worker process for each host name and farm folder.
import { createFarm } from '../farm/farm.ts'
import type { Farm } from '../ports/farm.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import type { Wired } from './wire.ts'

export const openFarm = ({ config, log }: Pick<Wired, 'config' | 'log'>): Promise<Farm> => {
  const { data, slots, accelerator, images } = config.farm
  return createFarm({ folder: data, slots, accelerator, images, log: line => log('info', line) })
}

/** What an earlier process of this host held when it died goes back into the queue; it costs no try. */
export const freeOwnTasks = async ({ store, queue, config, log }: Wired): Promise<void> => {
  for (const task of await store.tasksAt('running')) {
    if (task.state.at !== 'running' || task.state.host !== config.host) continue
    const queued = { at: 'queued' as const, attempt: task.state.attempt }
    if (!(await store.moveTask(task.id, task.state, queued))) continue
    log('warn', 'a run was cut off when this worker last ended; it goes back into the queue', {
      task: task.id,
    })
    await queue.push(pushes.run({ ...task, state: queued }))
  }
}
