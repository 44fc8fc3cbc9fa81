// The maintenance stage, first half: a window as it is planned, the one that follows it by its rule, and whose work rests with it.
import type { Host } from '../../model/host.ts'
import type { Instant } from '../../model/instant.ts'
import type { Maintenance } from '../../model/maintenance.ts'
import type { Recipe } from '../../model/recipe.ts'
import { nextOccurrence } from '../../text/calendar.ts'
import { contentId } from '../../text/digest.ts'

export type Planned = Pick<Maintenance, 'hosts' | 'from' | 'to' | 'reason' | 'by' | 'repeat'>

const idOf = ({ hosts, from, by }: Planned): string => `m${contentId(15, hosts, from, by)}`

/** `hosts`: none for the whole service · `repeat`: as repeatRule gives it. */
export const plannedMaintenance = (planned: Planned, now: Instant): Maintenance => {
  const { from, to, repeat } = planned
  const given = { ...planned, hosts: [...new Set(planned.hosts)].sort() }
  const id = idOf(given)
  return {
    ...{ id, ...given, createdAt: now, sequence: 0, state: { at: 'planned' } },
    ...(repeat === undefined ? {} : { series: { id, start: from, lengthMs: to - from, slot: from } }),
  }
}

/** The next one of its series that is not over yet; undefined: there is none. The same window gives the same one. */
export const followingMaintenance = (window: Maintenance, now: Instant): Maintenance | undefined => {
  const { repeat, series } = window
  if (repeat === undefined || series === undefined) return undefined
  const slot = nextOccurrence(repeat, { start: series.start, after: Math.max(series.slot, now) })
  if (slot === undefined) return undefined
  const { hosts, reason, by } = window
  const planned = { hosts, reason, by, repeat, from: slot, to: slot + series.lengthMs }
  return {
    ...plannedMaintenance(planned, now),
    series: { ...series, slot },
  }
}

/** A host that was not heard of for so long serves nobody. */
const livesMs = 86_400_000

/** The projects whose work waits for the window: those with an image that no other host serves. Of hosts by their last word. */
export const waitingProjects = (
  { hosts: resting }: Pick<Maintenance, 'hosts'>,
  { projects, hosts, now }: { projects: { name: string; recipe: Recipe }[]; hosts: Host[]; now: Instant },
): string[] => {
  if (resting.length === 0) return projects.map(({ name }) => name)
  const rests = (host: Host) => resting.includes(host.name)
  const lives = (host: Host) => host.stoppedAt === undefined && now - host.seenAt < livesMs
  const away = new Set(hosts.filter(rests).flatMap(({ images }) => images))
  const served = new Set(hosts.filter(host => !rests(host) && lives(host)).flatMap(({ images }) => images))
  const waits = ({ recipe }: { recipe: Recipe }) =>
    [recipe.build.image, ...recipe.test.images].some(image => away.has(image) && !served.has(image))
  return projects.filter(waits).map(({ name }) => name)
}
