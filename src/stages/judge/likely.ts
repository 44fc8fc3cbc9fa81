// Tests that are worth running more often than once for a series: what its build found out when it was done.
import type { StepLikely } from '../../model/concern.ts'
import { firstTasks } from '../../model/job.ts'
import type { Case } from './case.ts'

/** Of one image, by step; the likeliest first. None while the build is not done. */
export const likelyTests = ({ tasks }: Pick<Case, 'tasks'>, image: string): StepLikely[] => {
  const state = firstTasks(tasks).build?.state
  if (state?.at !== 'done' || state.outcome.kind !== 'built') return []
  const likely = state.outcome.likely ?? []
  return likely.filter(one => one.image === image).map(({ image: _, ...one }) => one)
}
