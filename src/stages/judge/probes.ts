// The runs that are made besides the first ones, as tasks. Their ids follow from what they are for, so that a crash makes none of them twice.
import { avoidMs, type Job, type Probe, type Task } from '../../model/job.ts'
import { contentId } from '../../text/digest.ts'
import type { Case } from './case.ts'

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

export const isAnew = (job: Job, { probe }: Task): boolean =>
  probe?.build !== undefined && Object.values(anewIds(job)).includes(probe.build)

/** The number of the round that comes after those of these runs. */
export const nextRound = (probes: Task[]): number =>
  Math.max(0, ...probes.map(({ probe }) => probe?.round ?? 0)) + 1

/** Rather not where the first ones were made: a machine that builds wrongly does so again. */
export const anewBuilds = (given: Pick<Case, 'job' | 'runs' | 'now'>): Task[] => {
  const { job, runs, now } = given
  const [ids, first] = [anewIds(job), buildIds(job)]
  const build = (side: 'with' | 'without', upTo: number): Task => {
    const host = runs.findLast(run => run.task === first[side] && run.outcome?.kind === 'built')?.host
    return {
      ...{ id: ids[side], job: job.id, project: job.project, kind: 'build', upTo },
      ...{ image: job.recipe.build.image, priority: job.priority * 10 + 1 },
      state: { at: 'queued', attempt: 1, ...(host ? { avoid: { host, until: now + avoidMs } } : {}) },
    }
  }
  return [build('with', job.parts.length), build('without', 0)]
}
