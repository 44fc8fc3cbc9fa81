// The same outcome that is ours, again and again: something is wrong that nobody has named yet. Pure.
import type { Incident, Trouble } from '../../model/incident.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { RunEnd } from '../../model/run-end.ts'
import { stable } from '../../model/sameness.ts'
import { isCalm } from './calm.ts'
import type { Found, Over } from './found.ts'

const trouble = 'infra-repeats'

export const repeatsWindowMs: Millis = 3_600_000

const minRuns = 5
const minJobs = 3

/** What somebody wanted, what has an incident of its own, or what is put off and costs nothing. */
const toldElsewhere: ReadonlySet<string> = new Set([
  ...['stopped', 'cancelled', 'taken', 'host-lost', 'worker-died', 'overloaded'],
  ...['disk-error', 'template-damaged'],
])

/** These say why runs on a host, or anywhere, end as ours. */
const explains: ReadonlySet<Trouble> = new Set<Trouble>([
  ...(['disk-reserve', 'disk-error', 'image-damaged', 'host-unqualified', 'host-lost'] as const),
  ...(['database-unreachable', 'redis-unreachable', 'guests-failing'] as const),
])

const isExplained = ({ host }: RunEnd, incidents: Incident[]): boolean =>
  incidents.some(one => explains.has(one.trouble) && (one.host === undefined || one.host === host))

const isOurs = (end: RunEnd): boolean =>
  end.kind === 'ours' && end.what !== undefined && !toldElsewhere.has(end.what)

const nameOf = ({ what = '' }: RunEnd): string => stable(what)

/** What repeats now. `incidents`: those that are live; what they explain is not told twice. */
export const repeatsIn = (
  ends: RunEnd[],
  { incidents, now }: { incidents: Incident[]; now: Instant },
): Found[] => {
  const recent = ends.filter(
    end => now - end.endedAt < repeatsWindowMs && isOurs(end) && !isExplained(end, incidents),
  )
  return [...Map.groupBy(recent, nameOf)].flatMap(([about, own]) => {
    const jobs = new Set(own.map(({ job }) => job))
    const all = new Set(own)
    const isOver = isCalm(ends, end => all.has(end), { now, windowMs: repeatsWindowMs })
    if (isOver || own.length < minRuns || jobs.size < minJobs) return []
    const hosts = [...new Set(own.map(({ host }) => host))].sort()
    const images = [...new Set(own.map(({ image }) => image))].sort()
    const detail =
      `${own.length} runs of the last hour, for ${jobs.size} jobs, ended by trouble of ours: ${about}; on ${hosts.length === 1 ? 'host' : 'hosts'} ${hosts.join(', ')}, ` +
      `${images.length === 1 ? 'image' : 'images'} ${images.join(', ')}; look at one of them: grapevine series show ${own[0]?.job ?? ''}`
    return [{ trouble, host: undefined, about, detail }]
  })
}

export const repeatsOver =
  (ends: RunEnd[], now: Instant): Over =>
  ({ about }) => {
    const isBad = (end: RunEnd) => isOurs(end) && nameOf(end) === about
    return isCalm(ends, isBad, { now, windowMs: repeatsWindowMs }) ? 'runs end so no more' : undefined
  }
