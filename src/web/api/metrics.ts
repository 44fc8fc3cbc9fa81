// What Prometheus asks for: how things stand by the store, at each scrape; and how long pages took. The number of series of numbers is
// bounded by what stands in the configuration, and by hosts.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { Fault } from '../../model/fault.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { RunEnd } from '../../model/run-end.ts'
import { standingOf } from '../../model/standing.ts'
import type { Store } from '../../ports/store.ts'
import type { WebParts } from '../parts.ts'
import { roomOf } from './room.ts'

const numbers = (registry: Registry) => {
  const registers = [registry]
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `grapevine_${name}`, help, labelNames, registers })
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name: `grapevine_${name}`, help, labelNames, registers })
  return {
    database: gauge('database_up', '1 if the database answers'),
    waiting: gauge('queue_tasks', 'Tasks that wait to be run', ['image']),
    oldest: gauge('queue_oldest_seconds', 'Since when the oldest of them waits', ['image']),
    tasks: gauge('tasks', 'Tasks that are not over', ['state']),
    hosts: gauge('hosts', 'Hosts by how they stand', ['state']),
    slots: gauge('host_slots', 'Guests that a host can run at once', ['host']),
    busy: gauge('host_slots_busy', 'Guests that it runs', ['host']),
    incidents: gauge('incidents', 'Incidents that are not resolved', ['severity', 'state']),
    replies: gauge('mails', 'Mails of ours that are not out', ['state']),
    hooks: gauge('webhooks', 'Webhooks of ours that are not out', ['state']),
    diskFree: gauge('data_free_bytes', 'Free room where data is kept'),
    diskSize: gauge('data_size_bytes', 'Size of the disk where data is kept'),
    runs: counter('runs_total', 'Runs that ended since this process began', ['outcome', 'image', 'host']),
    verdicts: counter('verdicts_total', 'Verdicts that were given', ['project', 'kind']),
    http: new Histogram({
      ...{ name: 'grapevine_http_request_duration_seconds', help: 'How long answers took' },
      ...{ labelNames: ['method', 'route', 'status'], registers },
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    }),
  }
}

type Numbers = ReturnType<typeof numbers>

/** What was saved late is still counted, and nothing twice. */
const overlapMs: Millis = 10 * 60_000
const most = 5_000

/** What is new of a list that is read again and again. */
const tally = (from: Instant) => {
  let known = new Map<string, Instant>()
  let newest = from
  return {
    since: () => newest - overlapMs,
    fresh<T>(all: T[], keyOf: (one: T) => { key: string; at: Instant }): T[] {
      const found = all.filter(one => {
        const { key, at } = keyOf(one)
        if (at < from || known.has(key)) return false
        known.set(key, at)
        newest = Math.max(newest, at)
        return true
      })
      const enough = newest - 2 * overlapMs
      known = new Map([...known].filter(([, at]) => at > enough))
      return found
    },
  }
}

type Tally = ReturnType<typeof tally>

/** All that ended since then: more than once, if there are many. */
const endsSince = async (store: Store, since: Instant): Promise<RunEnd[]> => {
  for (let limit = most; ; limit *= 4) {
    const ends = await store.runEnds({ since, limit })
    if (ends.length < limit) return ends
  }
}

const countRuns = async (store: Store, to: Numbers, runs: Tally): Promise<void> => {
  const ends = await endsSince(store, runs.since())
  const fresh = runs.fresh(ends, ({ run, endedAt }) => ({ key: run, at: endedAt }))
  for (const { kind, image, host } of fresh) to.runs.inc({ outcome: kind, image, host })
}

const countVerdicts = async (store: Store, to: Numbers): Promise<void> => {
  const counts = await store.reads.verdictCounts()
  to.verdicts.reset()
  for (const { project, kind, count } of counts) to.verdicts.inc({ project, kind }, count)
}

const sum = (numbers: number[]): number => numbers.reduce((all, one) => all + one, 0)

const measureQueue = async (store: Store, to: Numbers, now: Instant): Promise<void> => {
  const waiting = await store.reads.waiting()
  for (const { image, tasks, oldest } of waiting) {
    to.waiting.set({ image }, tasks)
    to.oldest.set({ image }, Math.max(0, now - oldest) / 1000)
  }
  to.tasks.set({ state: 'queued' }, sum(waiting.map(({ tasks }) => tasks)))
  to.tasks.set({ state: 'running' }, (await store.tasksAt('running')).length)
}

const measureFarm = async (store: Store, to: Numbers, now: Instant): Promise<void> => {
  const holds = await store.holds()
  for (const state of ['works', 'paused', 'held', 'unfit', 'lost', 'ended']) to.hosts.set({ state }, 0)
  for (const host of await store.hosts()) {
    to.hosts.inc({ state: standingOf(host, holds, now).at })
    to.slots.set({ host: host.name }, host.slots)
    to.busy.set({ host: host.name }, host.busy)
  }
  for (const { severity, state } of await store.incidents({ live: true }))
    to.incidents.inc({ severity, state: state.at })
}

const measureMail = async (store: Store, to: Numbers): Promise<void> => {
  for (const state of ['pending', 'sending', 'unconfirmed'] as const)
    to.replies.set({ state }, (await store.repliesAt(state)).length)
  for (const state of ['pending', 'failed'] as const)
    to.hooks.set({ state }, (await store.hookDeliveries({ at: state, limit: most })).length)
}

const gauges = ({ waiting, oldest, tasks, hosts, slots, busy, incidents, replies, hooks }: Numbers) => [
  ...[waiting, oldest, tasks, hosts, slots, busy, incidents, replies, hooks],
]

export type Metrics = {
  /** In Prometheus' text format. Asks the store at most once in some seconds. */
  text(): Promise<{ type: string; text: string }>
  /** `route`: its pattern, never an address. */
  took(what: { method: string; route: string; status: number; ms: Millis }): void
}

const freshMs: Millis = 2_000
/** A look that takes longer never ends. */
const longestMs: Millis = 60_000

const opened = new WeakMap<WebParts, Metrics>()

/** One for each set of pages. */
export const metricsOf = (parts: WebParts): Metrics => {
  const made = opened.get(parts) ?? openMetrics(parts)
  opened.set(parts, made)
  return made
}

const openMetrics = (parts: WebParts): Metrics => {
  const registry = new Registry()
  const to = numbers(registry)
  const begun = parts.clock.now()
  const runs = tally(begun)
  let last: { at: Instant; looked: Promise<void>; isOver: boolean } | undefined
  let hasDefaults = false
  const look = async () => {
    const now = parts.clock.now()
    for (const gauge of gauges(to)) gauge.reset()
    const room = await roomOf(parts.config.data)
    if (room) to.diskFree.set(room.free)
    if (room) to.diskSize.set(room.size)
    try {
      const { store } = await parts.wired()
      await measureQueue(store, to, now)
      await measureFarm(store, to, now)
      await measureMail(store, to)
      await countRuns(store, to, runs)
      await countVerdicts(store, to)
      to.database.set(1)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      to.database.set(0)
    }
  }
  const lookAt = (at: Instant) => {
    const looked = look()
    const one = { at, looked, isOver: false }
    const end = () => {
      one.isOver = true
    }
    looked.then(end, end)
    return one
  }
  return {
    async text() {
      if (!hasDefaults) collectDefaultMetrics({ register: registry })
      hasDefaults = true
      const now = parts.clock.now()
      // Two looks at once would count hosts twice.
      if (!last || now - last.at >= (last.isOver ? freshMs : longestMs)) last = lookAt(now)
      await last.looked
      return { type: registry.contentType, text: await registry.metrics() }
    },
    took: ({ method, route, status, ms }) =>
      to.http.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, ms / 1000),
  }
}
