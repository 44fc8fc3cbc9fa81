// The runs that are made besides the first ones, as tasks. Their ids follow from what they are for, so that a crash makes none of them twice.
import type { Job, Probe, Task } from '../../model/job.ts'
import { contentId } from '../../text/digest.ts'

/** A run of some tests, or of a whole step, in a clone of its own. `rank`: lower goes first, in steps of the job's. */
export const probeTask = (job: Job, image: string, probe: Probe, rank = 0): Task => {
  const { why, side, build, step, round, turn } = probe
  return {
    id: `${job.id}-p${contentId(15, job.id, image, step, why, side, build, round, turn)}`,
    ...{ job: job.id, project: job.project, kind: 'test', image },
    priority: job.priority * 10 + rank,
    state: { at: 'queued', attempt: 1 },
    probe,
  }
}

/** The build of all patches, and that of the base. */
export const buildIds = (job: Job) => ({ with: `${job.id}-build`, without: `${job.baseline ?? ''}-build` })

/** The same two, made once more in this job: what shows only with one build is no patch's doing. */
export const anewIds = (job: Job) => ({ with: `${job.id}-anew-with`, without: `${job.id}-anew-without` })

export const anewBuilds = (job: Job): Task[] => {
  const build = (id: string, upTo: number): Task => ({
    ...{ id, job: job.id, project: job.project, kind: 'build', image: job.recipe.build.image, upTo },
    priority: job.priority * 10 + 1,
    state: { at: 'queued', attempt: 1 },
  })
  const ids = anewIds(job)
  return [build(ids.with, job.parts.length), build(ids.without, 0)]
}
