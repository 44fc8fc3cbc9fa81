// Two incidents of one outage: whoever was told of the one need not be told of the other as well. Pure; beside the flow, for notices.
import type { Incident, Trouble } from './incident.ts'
import type { SeriesId } from './series.ts'

/** By these work waits. */
const delays: ReadonlySet<Trouble> = new Set<Trouble>([
  ...(['host-lost', 'host-unqualified', 'disk-reserve', 'image-damaged', 'image-unserved'] as const),
  ...(['infra-repeats', 'queue-stuck', 'redis-unreachable', 'database-unreachable'] as const),
])

/** These may come of others, and say no more to those who wait than that they wait. */
const follows: ReadonlySet<Trouble> = new Set<Trouble>([
  ...(['host-lost', 'host-unqualified', 'disk-reserve', 'image-unserved'] as const),
  ...(['infra-repeats', 'queue-stuck', 'queue-old'] as const),
])

/** Without these nothing moves at all. */
const ofAll: ReadonlySet<Trouble> = new Set<Trouble>(['redis-unreachable', 'database-unreachable'])

const within = (some: string[], all: string[]): boolean =>
  some.length > 0 && some.every(one => all.includes(one))

/** Images that nobody runs because of it. */
const imagesOf = ({ trouble, about, affects }: Incident): string[] =>
  trouble === 'image-unserved' ? [...affects.images, about] : affects.images

/**
 * Is what `told` tells why the series wait that the other one is about? Then that need not be told while `told` is not over. `waiting`: those that
 * wait for the other one.
 */
export const isCoveredBy = (other: Incident, told: Incident, waiting: ReadonlySet<SeriesId>): boolean => {
  if (other.id === told.id || told.state.at === 'suspected' || told.state.at === 'resolved') return false
  if (!follows.has(other.trouble) || !delays.has(told.trouble)) return false
  if (ofAll.has(told.trouble) || within(imagesOf(other), imagesOf(told))) return true
  // Images that the same hosts have, and that none of them runs now.
  const isOneOutage = other.trouble === 'image-unserved' && told.trouble === 'image-unserved'
  if (isOneOutage && other.affects.hosts.some(host => told.affects.hosts.includes(host))) return true
  return within([...waiting], told.affects.series)
}
