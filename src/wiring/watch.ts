// Looks after everything that can fail beside the flow, and raises the alarm: the queue, guests, trackers, Redis, certificates and keys. A loop
// of the bot's own, as some of it waits for other people's servers.
import { pingRedis } from '../adapters/bullmq/ping.ts'
import { certificateEnd, type TlsServer } from '../adapters/tls/look.ts'
import { Fault } from '../model/fault.ts'
import { holds, type Incident, type Trouble } from '../model/incident.ts'
import { dayMs, type Instant, type Millis } from '../model/instant.ts'
import type { JobId, Task } from '../model/job.ts'
import type { RunEnd } from '../model/run-end.ts'
import type { Series, SeriesId } from '../model/series.ts'
import { holdOn } from '../model/standing.ts'
import type { Tracker } from '../ports/bugs.ts'
import { waitingProjects } from '../stages/maintenance/plan.ts'
import { readyTasks } from '../stages/run/ready.ts'
import { currentJobs } from '../stages/upkeep/sweep.ts'
import { withheldJobs } from '../stages/upkeep/withheld.ts'
import { disksOver, failingDisks } from '../stages/watch/disks.ts'
import { type Ending, endingSoon, expiryOver } from '../stages/watch/expiry.ts'
import { tellFound } from '../stages/watch/found.ts'
import { guestsOver, sickGuests } from '../stages/watch/guests.ts'
import {
  oldOver,
  oldQueues,
  type QueueFacts,
  stuckOver,
  stuckQueue,
  type Waiting,
  waitingUntold,
} from '../stages/watch/queue.ts'
import { repeatsIn, repeatsOver } from '../stages/watch/repeats.ts'
import { openAlarm } from './alarm.ts'
import { tlsServers } from './tls-servers.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'config' | 'store' | 'clock' | 'log'> & {
  redis?: Wired['redis'] | undefined
  trackers?: Tracker[]
}

/** How the world outside is asked; tests ask another one. */
export type Outside = {
  certificateEnd: (server: TlsServer) => Promise<Instant>
  pingRedis: (redis: Wired['redis']) => Promise<void>
}

const outside: Outside = { certificateEnd, pingRedis }

/** What this process has seen; lost with it, at no harm. */
export type WatchMemory = {
  ready: () => Promise<Task[]>
  /** Of the last days, by run. */
  ends: Map<string, RunEnd>
  readTo: Instant | undefined
  owners: Map<JobId, string>
  dueSince: Instant | undefined
  waitsSince: Map<SeriesId, Instant>
  /** When each of these was looked at last. */
  lookedAt: Map<string, Instant>
  certificates: Map<string, Ending>
  /** Why a look did not come to its end the last time. */
  failed: Map<string, unknown>
}

export const watchMemory = (ports: Pick<Ports, 'store' | 'clock'>): WatchMemory => ({
  ready: readyTasks(ports),
  ends: new Map(),
  readTo: undefined,
  owners: new Map(),
  dueSince: undefined,
  waitsSince: new Map(),
  lookedAt: new Map(),
  certificates: new Map(),
  failed: new Map(),
})

const minuteMs: Millis = 60_000

const everyMs = { farm: minuteMs / 2, redis: minuteMs / 2, trackers: 5 * minuteMs, certificates: dayMs / 4 }

/** Tells by it what is usual. */
const backMs: Millis = 3 * dayMs
const maxEnds = 20_000
/** Hosts' clocks differ. */
const lateMs: Millis = 10 * minuteMs

const readEnds = async ({ store, clock }: Ports, memory: WatchMemory): Promise<RunEnd[]> => {
  const now = clock.now()
  const since = memory.readTo === undefined ? now - backMs : memory.readTo - lateMs
  for (const end of await store.runEnds({ since, limit: maxEnds })) memory.ends.set(end.run, end)
  memory.readTo = now
  for (const [run, { endedAt }] of memory.ends) if (endedAt < now - backMs) memory.ends.delete(run)
  if (memory.owners.size > maxEnds) memory.owners.clear()
  return [...memory.ends.values()]
}

const newest = (times: Instant[]): Instant | undefined =>
  times.length === 0 ? undefined : Math.max(...times)

const queueFacts = async (ports: Ports, memory: WatchMemory, ends: RunEnd[]): Promise<QueueFacts> => {
  const { store, clock } = ports
  const now = clock.now()
  const due = await memory.ready()
  const running = await store.tasksAt('running')
  memory.dueSince = due.length === 0 ? undefined : (memory.dueSince ?? now)
  const begun = running.flatMap(({ state }) => (state.at === 'running' ? [state.since] : []))
  return {
    ...{ due, running, now, dueSince: memory.dueSince ?? now },
    ...{ hosts: await store.hosts(), holds: await store.holds() },
    movedAt: newest([...begun, ...ends.map(({ endedAt }) => endedAt)].filter(at => at <= now)),
  }
}

/** Since when somebody waits: since it was posted. What was old already when we first saw it, of an archive, waits since then. */
const waitsSince = (series: Series, { seenAt, oldestMs }: { seenAt: Instant; oldestMs: Millis }): Instant =>
  // One that is tested once more waits since that was asked for.
  series.round === undefined && seenAt - series.lastAt < oldestMs ? series.lastAt : seenAt

/** Series that wait to be planned or judged, and not for the end of an incident. */
const waitingSeries = async ({ store, clock, config }: Ports, memory: WatchMemory): Promise<Waiting[]> => {
  const { oldestMs } = config.watch
  const jobs = await currentJobs(store)
  const held = await withheldJobs(store, clock, jobs)
  const planned = await Promise.all(
    jobs
      .filter(({ id }) => !held.has(id))
      .map(async job => ({
        job,
        series: job.series === undefined ? undefined : await store.series(job.series),
      })),
  )
  const complete = await store.seriesIn({ at: 'complete' })
  const found = [
    ...complete.map(series => ({ series, at: clock.now() })),
    ...planned.flatMap(({ job, series }) => (series ? [{ series, at: job.createdAt }] : [])),
  ]
  const before = memory.waitsSince
  memory.waitsSince = new Map(found.map(({ series, at }) => [series.id, before.get(series.id) ?? at]))
  return found.map(({ series, at }) => ({
    ...{ series: series.id, project: series.project, title: series.title },
    since: waitsSince(series, { seenAt: before.get(series.id) ?? at, oldestMs }),
  }))
}

/** Until when the work of each project rested as planned; `now` while it does. */
const restedUntil = async (
  { store, config }: Ports,
  { oldestMs, now }: { oldestMs: Millis; now: Instant },
): Promise<Map<string, Instant>> => {
  const rested = new Map<string, Instant>()
  const windows = (await store.maintenances({ since: now - oldestMs })).flatMap(window => {
    const { state } = window
    const until = state.at === 'running' ? now : state.at === 'done' ? state.when : undefined
    return until === undefined ? [] : [{ window, until }]
  })
  if (windows.length === 0) return rested
  const hosts = await store.hosts()
  for (const { window, until } of windows)
    for (const name of waitingProjects(window, { projects: config.projects, hosts, now }))
      rested.set(name, Math.max(until, rested.get(name) ?? 0))
  return rested
}

const isPaused = ({ holds, now }: QueueFacts): boolean => holdOn(holds, { kind: 'queue' }, now) !== undefined

const watchFarm = async (ports: Ports, memory: WatchMemory): Promise<void> => {
  const { store, clock, config } = ports
  const { stuckMs, oldestMs } = config.watch
  const now = clock.now()
  const alarmOf = (host: string | undefined) => openAlarm(ports, host)
  const incidents = await store.incidents({ live: true })
  const ends = await readEnds(ports, memory)
  const guests = await sickGuests(store, { ends, now, owners: memory.owners })
  const tell = (given: Omit<Parameters<typeof tellFound>[1], 'incidents'>) =>
    tellFound(alarmOf, { ...given, incidents })
  await tell({ troubles: ['guests-failing'], found: guests, over: guestsOver(ends, now) })
  await tell({ troubles: ['disk-error'], found: failingDisks(ends, now), over: disksOver(ends, now) })
  const repeats = repeatsIn(ends, { incidents, now })
  await tell({ troubles: ['infra-repeats'], found: repeats, over: repeatsOver(ends, now) })
  const facts = await queueFacts(ports, memory, ends)
  await tell({ troubles: ['queue-stuck'], found: stuckQueue(facts, stuckMs), over: stuckOver(facts) })
  const waiting = waitingUntold(await waitingSeries(ports, memory), {
    incidents: await store.incidents({ since: now - oldestMs }),
    rested: await restedUntil(ports, { oldestMs, now }),
  })
  // Who paused the queue knows that it waits.
  const old = isPaused(facts) ? [] : oldQueues(waiting, { oldestMs, incidents, now })
  await tell({ troubles: ['queue-old'], found: old, over: oldOver(waiting, { oldestMs, now }) })
}

const inWords = ({ message, remedy }: Fault): string =>
  remedy === undefined ? message : `${message}; ${remedy}`

const asFault = (error: unknown): Fault => {
  if (error instanceof Fault) return error
  throw error
}

/** Throws the store's Faults: while that does not answer, nobody knows whether there is anything to end. */
const endTrouble = async (ports: Ports, trouble: Trouble, about: string, how: string): Promise<void> => {
  if (await ports.store.liveIncident({ trouble, host: undefined, about }))
    await openAlarm(ports, undefined).clear(trouble, about, how)
}

const watchRedis = async (ports: Ports, { pingRedis }: Outside): Promise<void> => {
  const { redis } = ports
  if (!redis) return
  const fault = await pingRedis(redis).then(() => undefined, asFault)
  if (fault === undefined) return endTrouble(ports, 'redis-unreachable', 'redis', 'it answers again')
  await openAlarm(ports, undefined).raise('redis-unreachable', 'redis', inWords(fault))
}

const keysOf = ({ trackers }: Ports['config']): Ending[] =>
  trackers.flatMap(({ name, kind, keyExpires }) =>
    keyExpires === undefined
      ? []
      : [
          {
            trouble: 'key-expires' as const,
            about: name,
            what: `the ${kind === 'github' ? 'token' : 'key'} of tracker ${name}`,
            until: keyExpires,
            remedy: `make a new one, and change trackers.${name} in the configuration`,
          },
        ],
  )

/** How a tracker stands. `refused`: it answers, but our key is no good there. */
type Probed = 'well' | { unreachable: Fault } | { refused: Fault }

const probed = async (tracker: Tracker): Promise<Probed> => {
  try {
    await tracker.probe()
    return 'well'
  } catch (error) {
    const fault = asFault(error)
    return fault.kind === 'refused' ? { refused: fault } : { unreachable: fault }
  }
}

const watchTracker = async (ports: Ports, tracker: Tracker): Promise<void> => {
  const { clock, config } = ports
  const { name } = tracker
  const alarm = openAlarm(ports, undefined)
  const how = await probed(tracker)
  if (how !== 'well' && 'unreachable' in how)
    return alarm.raise('tracker-unreachable', name, inWords(how.unreachable))
  await endTrouble(ports, 'tracker-unreachable', name, 'it answers again')
  if (how !== 'well')
    return alarm.raise('key-expires', name, `tracker ${name} refuses us: ${inWords(how.refused)}`)
  const keys = keysOf(config).filter(({ about }) => about === name)
  const [soon] = endingSoon(keys, { expiresMs: config.watch.expiresMs, now: clock.now() })
  if (soon) await alarm.raise('key-expires', name, soon.detail)
  else await endTrouble(ports, 'key-expires', name, 'the key is good')
}

const watchTrackers = async (ports: Ports): Promise<void> => {
  const { trackers = [], store } = ports
  await Promise.all(trackers.map(tracker => watchTracker(ports, tracker)))
  const names = new Set(trackers.map(({ name }) => name))
  for (const { trouble, about } of (await store.incidents({ live: true })).filter(holds))
    if ((trouble === 'tracker-unreachable' || trouble === 'key-expires') && !names.has(about))
      await openAlarm(ports, undefined).clear(trouble, about, 'the configuration does not name it any more')
}

/** One that cannot be reached is another detector's; what was seen of it before still stands. */
const watchCertificates = async (ports: Ports, memory: WatchMemory, ask: Outside): Promise<void> => {
  const { config, clock, store, log } = ports
  const servers = tlsServers(config)
  await Promise.all(
    servers.map(async server => {
      const { about, what } = server
      try {
        const until = await ask.certificateEnd(server)
        const remedy = 'it has to be renewed there'
        memory.certificates.set(about, { trouble: 'certificate-expires', about, what, until, remedy })
      } catch (error) {
        log('warn', asFault(error).message)
      }
    }),
  )
  const used = new Set(servers.map(({ about }) => about))
  const seen = [...memory.certificates.values()].filter(({ about }) => used.has(about))
  const incidents: Incident[] = await store.incidents({ live: true })
  await tellFound(host => openAlarm(ports, host), {
    troubles: ['certificate-expires'],
    found: endingSoon(seen, { expiresMs: config.watch.expiresMs, now: clock.now() }),
    incidents,
    over: expiryOver(seen, used),
  })
}

/**
 * Looks at what it is time to look at; harmless at any time. What is asked of other servers is bounded in time. Throws the store's Faults, once
 * everything has been looked at; and again until that look has come to its end.
 */
export const tendWatch = async (ports: Ports, memory: WatchMemory, ask: Outside = outside): Promise<void> => {
  const now = ports.clock.now()
  const lookAt = async (what: keyof typeof everyMs, act: () => Promise<void>): Promise<void> => {
    if (now - (memory.lookedAt.get(what) ?? Number.NEGATIVE_INFINITY) < everyMs[what]) return
    memory.lookedAt.set(what, now)
    try {
      await act()
      memory.failed.delete(what)
    } catch (error) {
      memory.failed.set(what, error)
    }
  }
  await Promise.all([
    lookAt('farm', () => watchFarm(ports, memory)),
    lookAt('redis', () => watchRedis(ports, ask)),
    lookAt('trackers', () => watchTrackers(ports)),
    lookAt('certificates', () => watchCertificates(ports, memory, ask)),
  ])
  for (const reason of memory.failed.values()) throw reason
}
