// Hosts that are not heard of any more: their tasks go on elsewhere. And tasks that no host would take: somebody should know.
import { afterTry } from '../../model/attempts.ts'
import { type Host, heartbeatLostMs, holdsNow } from '../../model/host.ts'
import type { Alarm } from '../../model/incident.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import { avoidMs, type Outcome, type Task, type TaskState } from '../../model/job.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'
import { closeRun, cutOff } from './cut-off.ts'

export type HostPorts = {
  store: Store
  clock: Clock
  log: Log
  /** Of a host; undefined: of none. */
  alarmOf: (host: string | undefined) => Alarm
}

/** `noticed`: when its newest word came, by our clock · `isFirst`: it is the first one that we know · `toldAt`: when its silence was said to be an incident. */
type Word = { word: string; noticed: Instant; isFirst: boolean; toldAt?: Instant }

/** What this process has noticed itself: hosts' clocks may be wrong, and nobody is lost before we have listened for long enough. */
export type HostWatch = {
  words: Map<string, Word>
  /** When we looked last. */
  lookedAt: Instant | undefined
  /** Since when tasks wait for an image that no living host serves. */
  unserved: Map<string, { since: Instant; toldAt: Instant | undefined }>
  /** Are the incidents known that an earlier process opened? */
  knowsIncidents: boolean
}

export const hostWatch = (): HostWatch => ({
  words: new Map(),
  lookedAt: undefined,
  unserved: new Map(),
  knowsIncidents: false,
})

/** So long a task may overrun: its worker should have ended it by itself. */
const graceMs: Millis = 120_000

/** So often it is said again what still is so: an operator may have said that it is over. */
const sayAgainMs: Millis = 60_000

const isSaid = (toldAt: Instant | undefined, now: Instant): boolean =>
  toldAt !== undefined && now - toldAt < sayAgainMs

/** So long tasks of an image wait in silence. */
const unservedMs: Millis = 180_000

type Running = Task & { state: Extract<TaskState, { at: 'running' }> }

const isRunning = (task: Task): task is Running => task.state.at === 'running'

/** So much of the time between two looks counts as listening. */
const listenedMs: Millis = 10_000

/** Where we could not look for a while (the database was away, the machine slept), nobody was silent: maybe we were deaf. */
const forgiveDeafness = (watch: HostWatch, now: Instant): void => {
  const deafMs = now - (watch.lookedAt ?? now) - listenedMs
  watch.lookedAt = now
  if (deafMs <= 0) return
  for (const [name, word] of watch.words) watch.words.set(name, { ...word, noticed: word.noticed + deafMs })
}

const isSilent = (word: Word | undefined, now: Instant): boolean =>
  word !== undefined && now - word.noticed >= heartbeatLostMs

/** How long this process has listened to a host in vain, as of its last look; undefined: it is heard of, or we have not looked yet. */
export const silenceOf = (watch: HostWatch, name: string): Millis | undefined => {
  const word = watch.words.get(name)
  if (word === undefined || watch.lookedAt === undefined || !isSilent(word, watch.lookedAt)) return undefined
  return watch.lookedAt - word.noticed
}

/** Has this process itself heard a word of the host, and lately? */
export const isHeardOf = (watch: HostWatch, name: string): boolean => {
  const word = watch.words.get(name)
  return word !== undefined && !word.isFirst && !isSilent(word, watch.lookedAt ?? word.noticed)
}

/** Takes note of a host's newest word. `isBack`: it may have been an incident until now. */
const listenTo = (
  watch: HostWatch,
  host: { name: string; word: string },
  now: Instant,
): Word & { isBack: boolean } => {
  const last = watch.words.get(host.name)
  if (last?.word === host.word) return { ...last, isBack: false }
  const heard = { word: host.word, noticed: now, isFirst: last === undefined }
  watch.words.set(host.name, heard)
  return { ...heard, isBack: last !== undefined && (last.isFirst || isSilent(last, now)) }
}

const overran = async ({ store, clock, log }: HostPorts, task: Running): Promise<void> => {
  const { attempt, run, host } = task.state
  const outcome: Outcome = { kind: 'ours', what: 'timeout', detail: `no end of it was heard from ${host}` }
  const after = afterTry(outcome, await store.runsOf(task.id), attempt)
  const to: TaskState = after.decided
    ? { at: 'done', attempts: attempt, outcome: after.outcome }
    : { at: 'queued', attempt: attempt + 1, avoid: { host, until: clock.now() + avoidMs } }
  if (!(await store.moveTask(task.id, task.state, to))) return
  await closeRun({ store, clock }, await store.run(run), outcome)
  log('warn', `a run on ${host} did not end in its time; the try counts`, { task: task.id, run })
}

const sayLost = (name: string): string =>
  `no word of it for ${heartbeatLostMs / 1000} s; its tasks go on elsewhere. Start its worker again, or if it is gone for good: grapevine host forget ${name}`

const free = async ({ store, clock, log, alarmOf }: HostPorts, task: Running): Promise<void> => {
  const to = await cutOff({ store, clock, alarm: alarmOf(undefined) })(task, 'host-lost')
  if (to?.at !== 'queued') return
  const about = { task: task.id, run: task.state.run }
  log('warn', `the host ${task.state.host} is lost; what it ran goes back into the queue`, about)
}

/** Gives lost hosts' tasks back, at no cost, and ends what overran. Repeatable. Throws the store's Faults. */
export const tendHosts =
  (ports: HostPorts) =>
  async (watch: HostWatch): Promise<void> => {
    const { store, clock, alarmOf } = ports
    const now = clock.now()
    const hosts = await store.hosts()
    const running = (await store.tasksAt('running')).filter(isRunning)
    forgiveDeafness(watch, now)
    const names = new Set([...hosts.map(host => host.name), ...running.map(task => task.state.host)])
    for (const name of names) {
      const host = hosts.find(one => one.name === name)
      const word = host ? `${host.worker} ${host.seenAt}` : 'never seen'
      const heard = listenTo(watch, { name, word }, now)
      if (heard.isBack) await alarmOf(name).clear('host-lost', name, 'its worker is back')
      if (!isSilent(heard, now)) continue
      const mine = running.filter(task => task.state.host === name)
      // One that was stopped as it should be is not missed.
      if (!isSaid(heard.toldAt, now) && (host?.stoppedAt === undefined || mine.length > 0)) {
        watch.words.set(name, { ...heard, toldAt: now })
        await alarmOf(name).raise('host-lost', name, sayLost(name))
      }
      for (const task of mine) await free(ports, task)
    }
    for (const task of running) {
      const heard = watch.words.get(task.state.host)
      // Of one that may be lost it is not known whether it overran.
      const lives = heard !== undefined && !heard.isFirst && !isSilent(heard, now)
      if (lives && now > task.state.until + graceMs) await overran(ports, task)
    }
  }

/** Why nobody serves an image, host by host. */
const excuses = (hosts: Host[], lost: (host: Host) => boolean): string =>
  hosts.length === 0
    ? 'no worker has ever been started'
    : hosts
        .map(host => {
          if (host.stoppedAt !== undefined) return `the worker of ${host.name} is not running`
          if (lost(host)) return `${host.name} is lost`
          if (host.unfit !== undefined) return `${host.name} is unfit (${host.unfit})`
          return `${host.name} does not have it (there: ${host.images.join(', ') || 'none'})`
        })
        .join('; ')

const recall = async (store: Store, watch: HostWatch): Promise<void> => {
  if (watch.knowsIncidents) return
  for (const { trouble, about, since } of await store.incidents({ open: true }))
    if (trouble === 'image-unserved') watch.unserved.set(about, { since, toldAt: since })
  watch.knowsIncidents = true
}

/** Raises an incident for each image whose tasks wait while no living host serves it, and clears it when one does. `images`: of the tasks that wait. */
export const tendImages =
  ({ store, clock, alarmOf }: HostPorts) =>
  async (watch: HostWatch, images: ReadonlySet<string>): Promise<void> => {
    await recall(store, watch)
    const now = clock.now()
    const hosts = await store.hosts()
    const held = (await store.holds()).filter(hold => hold.on.kind === 'image' && holdsNow(hold, now))
    const lost = (host: Host) => isSilent(watch.words.get(host.name), now)
    const serves = (host: Host) => host.stoppedAt === undefined && !lost(host) && host.unfit === undefined
    const served = new Set(hosts.filter(serves).flatMap(host => host.images))
    for (const image of held.flatMap(({ on }) => (on.kind === 'image' ? [on.name] : []))) served.add(image)
    for (const [image, { toldAt }] of watch.unserved) {
      if (images.has(image) && !served.has(image)) continue
      watch.unserved.delete(image)
      if (toldAt === undefined) continue
      await alarmOf(undefined).clear(
        'image-unserved',
        image,
        'a host takes its tasks, or none waits any more',
      )
    }
    for (const image of images) {
      if (served.has(image)) continue
      const { since, toldAt } = watch.unserved.get(image) ?? { since: now, toldAt: undefined }
      const isDue = now - since >= unservedMs && !isSaid(toldAt, now)
      watch.unserved.set(image, { since, toldAt: isDue ? now : toldAt })
      if (!isDue) continue
      const why = `no host takes tasks of image ${image}: ${excuses(hosts, lost)}`
      await alarmOf(undefined).raise('image-unserved', image, why)
    }
  }
