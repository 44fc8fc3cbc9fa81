// A host's side: its farm, and the tasks that it holds. One worker process for each host name and farm folder.
import { createFarm } from '../farm/farm.ts'
import { loadImage } from '../farm/image/manifest.ts'
import type { Farm } from '../ports/farm.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import type { Wired } from './wire.ts'

/** Throws a Fault if an image that a recipe names was not built on this host: no task could ever end well. */
export const openFarm = async ({ config, log }: Pick<Wired, 'config' | 'log'>): Promise<Farm> => {
  const { data, slots, pool, accelerator, images } = config.farm
  const named = new Set(config.projects.flatMap(({ recipe }) => [recipe.build.image, ...recipe.test.images]))
  for (const name of named) await loadImage(data, name)
  return createFarm({ folder: data, slots, pool, accelerator, images, log: line => log('info', line) })
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
