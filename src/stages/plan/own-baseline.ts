// A base line that no series asked for: of a branch that moved, of a night, or by an operator's wish. Shared with series that need the same.
import type { Instant } from '../../model/instant.ts'
import type { Commit, Job, Task } from '../../model/job.ts'
import { contentId } from '../../text/digest.ts'
import { baselineId, type PlanProject, tasksOf } from './plan.ts'

export type OwnBaseline = {
  base: Commit
  branch: string
  priority: number
  now: Instant
  /** The night that it is for. */
  night?: string
  /** Once more, for this reason, which makes another job. */
  again?: string
}

/** The same base, recipe and reason give the same job; without a reason it is the one that series compare with. */
export const ownBaseline = (project: PlanProject, of: OwnBaseline): { job: Job; tasks: Task[] } => {
  const { base, branch, priority, now, night, again = night } = of
  const first = baselineId(project.name, base, project.recipe)
  const job: Job = {
    ...{ project: project.name, base, baseName: branch, recipe: project.recipe, createdAt: now, priority },
    ...{ series: undefined, baseline: undefined, parts: [] },
    id: again === undefined ? first : `b${contentId(15, first, again)}`,
    ...(night === undefined ? {} : { night }),
  }
  return { job, tasks: tasksOf(job) }
}
