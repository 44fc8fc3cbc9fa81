// The bot's look at the branches of all projects: base lines after each move and by night, whether a base is broken, and what a night brought.
// Beside the flow, in a loop of its own: a repository may take half an hour to answer.
import { branchesOf } from '../config/branches.ts'
import type { ProjectConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { Commit } from '../model/job.ts'
import type { Verdict } from '../model/verdict.ts'
import { ownBaseline } from '../stages/plan/own-baseline.ts'
import { brokenOn, type HealthMemory, newHealthMemory, tendHealth } from '../stages/upkeep/base-health.ts'
import { isPaused, tendBranch } from '../stages/upkeep/baselines.ts'
import { tellNights } from '../stages/upkeep/night.ts'
import { pruneHistory } from '../stages/upkeep/prune.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { openAlarm } from './alarm.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'store' | 'mirror' | 'clock' | 'log' | 'queue' | 'config'>

export type BaseMemory = { health: HealthMemory; nights: Set<string>; prunedAt: Instant | undefined }

export const newBaseMemory = (): BaseMemory => ({
  health: newHealthMemory(),
  nights: new Set(),
  prunedAt: undefined,
})

/** How often branches are looked at, and how old what is known of a repository may be. */
export const basesEveryMs: Millis = 60_000
const freshMs: Millis = 4 * 60_000
const pruneEveryMs: Millis = 6 * 3_600_000

/** Where its branches are now. A repository that cannot be reached is as it was seen last; one that was never seen has none. */
const tipsOf = async (
  { mirror }: Ports,
  project: ProjectConfig,
  complain: (what: string) => void,
): Promise<{ branch: string; tip: Commit }[]> => {
  const { repository } = project.recipe
  await mirror.fetch(repository, { ifOlderThanMs: freshMs }).catch(error => {
    if (!(error instanceof Fault)) throw error
    complain(`${project.name}: ${error.message}; its bases are taken as they were last seen`)
  })
  const found: { branch: string; tip: Commit }[] = []
  for (const branch of branchesOf(project)) {
    const tip = await mirror.resolve(repository, branch).catch(error => {
      if (!(error instanceof Fault)) throw error
      return undefined
    })
    if (tip !== undefined) found.push({ branch, tip })
  }
  return found
}

const tendProject = async (
  ports: Ports,
  project: ProjectConfig,
  { memory, complain }: { memory: BaseMemory; complain: (what: string) => void },
): Promise<void> => {
  const { store, log, queue } = ports
  const { name, recipe, proof } = project
  const health = tendHealth({ ...ports, alarm: openAlarm(ports, undefined) }, memory.health)
  const tips = await tipsOf(ports, project, complain)
  for (const { branch, tip } of tips) {
    const job = await tendBranch(ports)({
      ...{ project: name, branch, tip, nightlyAt: proof.nightlyAt },
      jobOf: of => ownBaseline(project, of),
    })
    if (job !== undefined) {
      log('info', `${name}: ${branch} is tested at ${tip.slice(0, 12)} without any patch`, { job })
      await queue.push(pushes.judge(job, 'base'))
    }
    await health({ project: name, repository: recipe.repository, branch, tip, bases: proof.bases })
  }
  if (proof.nightlyAt !== undefined && project.reply.list === 'digest')
    await tellNights(
      { store, clock: ports.clock },
      memory.nights,
    )({
      ...{ project: name, nightlyAt: proof.nightlyAt, branches: tips.length, bases: proof.bases },
    })
}

/** One look at all of them. Repeatable; nothing is planned while the queue is paused. Throws the store's Faults. */
export const tendBranches = async (
  ports: Ports,
  memory: BaseMemory,
  complain: (what: string) => void,
): Promise<void> => {
  if (await isPaused(ports)) return
  for (const project of ports.config.projects) {
    try {
      await tendProject(ports, project, { memory, complain })
    } catch (error) {
      // One that is damaged, or whose history cannot be read, does not hold up the others.
      if (!(error instanceof Fault)) throw error
      complain(`${project.name}: its bases cannot be looked after: ${error.message}`)
    }
  }
  const now = ports.clock.now()
  if (memory.prunedAt !== undefined && now - memory.prunedAt < pruneEveryMs) return
  for (const { name, proof } of ports.config.projects)
    await pruneHistory(ports, { project: name, bases: proof.bases })
  memory.prunedAt = now
}

/** The verdict with the first commit that was seen broken, where it tells of a broken base and that is known. Throws the store's Faults. */
export const withSince = async (
  { store, mirror }: Pick<Wired, 'store' | 'mirror'>,
  verdict: Verdict,
  { name, recipe, proof }: ProjectConfig,
): Promise<Verdict> => {
  const { finding, base } = verdict
  if (finding.kind !== 'base-broken' || finding.since !== undefined || base === undefined) return verdict
  // A convenience: no verdict waits for a repository.
  const log = await mirror.log(recipe.repository, base.commit, 2_000).catch(error => {
    if (error instanceof Fault) return []
    throw error
  })
  const of = { project: name, branch: base.name, bases: proof.bases }
  const found = await brokenOn(store, of, { base: base.commit, step: finding.step, log })
  // Where no good one is known before it, it may have been so for long.
  return found?.after === undefined ? verdict : { ...verdict, finding: { ...finding, since: found.since } }
}
