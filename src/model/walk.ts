// Which beginnings of a series are built, besides the whole of it: to see whether each patch builds, and to find out which one does it.
import type { Job, Task, TaskId } from './job.ts'

/** Longer series are not looked at patch by patch. */
export const maxWalked = 64

/** The task that builds after each patch but the last. undefined: there is nothing between base and series, or too much. */
export const walkTask = (job: Job): Task | undefined =>
  job.series !== undefined && job.parts.length > 1 && job.parts.length <= maxWalked
    ? { ...buildOf(job, 'each'), each: true }
    : undefined

/** The build of the first so many patches. */
export const beginningTask = (job: Job, upTo: number): Task => ({ ...buildOf(job, `build-${upTo}`), upTo })

/** The build whose artifact has the first so many patches in; all of them: the first one. */
export const beginningId = (job: Job, upTo: number): TaskId =>
  upTo >= job.parts.length ? `${job.id}-build` : beginningTask(job, upTo).id

const buildOf = (job: Job, name: string): Task => ({
  id: `${job.id}-${name}`,
  job: job.id,
  project: job.project,
  kind: 'build',
  image: job.recipe.build.image,
  priority: job.priority * 10 + 1,
  state: { at: 'queued', attempt: 1 },
})
