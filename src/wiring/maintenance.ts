// Maintenance windows in the bot's loop: what is due of each is done, then saved; whoever dies in between does it again, to the same end.
import { type Hold, type Host, holdsNow } from '../model/host.ts'
import type { Millis } from '../model/instant.ts'
import {
  type HostRequest,
  isOverrun,
  type Maintenance,
  type MaintenanceEvent,
  maintenanceDuty,
  nextMaintenance,
} from '../model/maintenance.ts'
import { followingMaintenance } from '../stages/maintenance/plan.ts'
import { contentId } from '../text/digest.ts'
import { sayTime } from '../text/span.ts'
import { openAlarm } from './alarm.ts'
import { tellWindow } from './maintenance-told.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'store' | 'journal' | 'clock' | 'log' | 'config'>

/** A window that was cancelled so long ago is told of no more. */
const backMs: Millis = 7 * 86_400_000

/** Does what is due of each window. Cheap when nothing is. Repeatable. Throws Faults of store and journal; the next round goes on. */
export const tendMaintenance = async (ports: Ports): Promise<void> => {
  const { store, clock, config } = ports
  const windows = await store.maintenances({ since: clock.now() - backMs })
  for (const window of windows) {
    const duty = maintenanceDuty(window, config.notices, clock.now())
    if (duty) await doIt(ports, window, duty)
  }
}

type Duty = NonNullable<ReturnType<typeof maintenanceDuty>>

const doIt = async (ports: Ports, window: Maintenance, duty: Duty): Promise<void> => {
  switch (duty.do) {
    case 'tell':
      return tellChange(ports, window)
    case 'remind':
      await tellWindow(ports, window, 'reminder')
      return change(ports, window, { on: 'reminded' })
    case 'begin':
      return begin(ports, window, duty.isNews)
    case 'prove':
      return change(ports, window, { on: 'proving' })
    case 'watch':
      return watch(ports, window, duty.since)
    case 'end':
      return end(ports, window, `ended by ${duty.by}, without a proof of its hosts`)
    case 'tell-cancelled':
      await tellWindow(ports, window, 'cancelled')
      return change(ports, window, { on: 'told' })
  }
}

const tellChange = async (ports: Ports, window: Maintenance): Promise<void> => {
  const isRunning = window.state.at === 'running'
  await tellWindow(ports, window, isRunning ? 'overrun' : 'announced')
  if (isRunning) await openAlarm(ports, undefined).clear('maintenance-overrun', window.id, 'it was extended')
  await change(ports, window, { on: 'told' })
}

/** What was changed by a person meanwhile is seen in the next round: an event that came too late changes nothing. */
const change = async (
  { store, clock }: Ports,
  window: Maintenance,
  event: MaintenanceEvent,
): Promise<void> => {
  await store.changeMaintenance(window.id, kept =>
    // Of another sequence something else must be told, and at another time.
    kept.sequence === window.sequence && kept.to === window.to
      ? nextMaintenance(kept, event, clock.now())
      : kept,
  )
}

const thingsOf = ({ hosts }: Maintenance): Hold['on'][] =>
  hosts.length === 0 ? [{ kind: 'queue' }] : hosts.map(name => ({ kind: 'host', name }))

const ofWindow = ({ id }: Maintenance): string => `maintenance ${id}: `

const reasonOf = (window: Maintenance): string => `${ofWindow(window)}${window.reason}`

const isSame = (a: Hold['on'], b: Hold['on']): boolean =>
  a.kind === b.kind && (a.kind === 'queue' || b.kind === 'queue' || a.name === b.name)

/** What a person holds already, and for longer, stays that person's. */
const hold = async (
  { store, clock }: Pick<Ports, 'store' | 'clock'>,
  window: Maintenance,
  on: Hold['on'],
): Promise<void> => {
  const now = clock.now()
  const there = (await store.holds()).find(one => isSame(one.on, on) && holdsNow(one, now))
  if (there && (there.until === undefined || there.until >= window.to)) return
  const { by } = window
  await store.setHold({ on, how: 'drain', reason: reasonOf(window), by, since: now, until: undefined })
}

/** Only what this window holds; its reason may have been put in other words since. */
const release = async (store: Ports['store'], window: Maintenance, on: Hold['on']): Promise<void> => {
  const ours = (await store.holds()).find(one => isSame(one.on, on))
  if (ours?.reason.startsWith(ofWindow(window))) await store.endHold(on)
}

const begin = async (ports: Ports, window: Maintenance, isNews: boolean): Promise<void> => {
  const { clock, log } = ports
  for (const on of thingsOf(window)) await hold(ports, window, on)
  if (isNews && clock.now() < window.to) await tellWindow(ports, window, 'begun')
  log('info', `maintenance ${window.id} begins: ${window.reason}`)
  await change(ports, window, { on: 'begun' })
}

/** Those that must prove themselves: of a window for all, the hosts that lived when it began. One that was forgotten is gone for good. */
const resting = (hosts: Host[], { hosts: names, state }: Maintenance): string[] => {
  if (names.length > 0) return hosts.filter(({ name }) => names.includes(name)).map(({ name }) => name)
  const since = state.at === 'running' ? state.since - 60_000 : 0
  return hosts.filter(host => (host.stoppedAt ?? host.seenAt) >= since).map(({ name }) => name)
}

const requestOf = (window: Maintenance, host: string, at: number): HostRequest => ({
  id: `q${contentId(15, window.id, host, at)}`,
  ...{ host, ask: 'verify', why: `maintenance ${window.id}`, at, state: { at: 'asked' } },
})

/** Each host takes work again as it has proved itself; the window is over when all have. */
const watch = async (ports: Ports, window: Maintenance, since: number): Promise<void> => {
  const { store } = ports
  const names = resting(await store.hosts(), window)
  const states: { host: string; state: HostRequest['state'] }[] = []
  for (const host of names) {
    const wanted = requestOf(window, host, since)
    const request = (await store.hostRequests({ host })).find(({ id }) => id === wanted.id)
    // One host that does not pass must not keep back all the others.
    if (!request && window.hosts.length === 0) await hold(ports, window, { kind: 'host', name: host })
    if (!request) await store.addHostRequest(wanted)
    if (request?.state.at === 'passed') await release(store, window, { kind: 'host', name: host })
    states.push({ host, state: (request ?? wanted).state })
  }
  if (window.hosts.length === 0) await release(store, window, { kind: 'queue' })
  if (states.every(({ state }) => state.at === 'passed')) return end(ports, window, 'all its hosts work')
  await tellOverrun(ports, window, states)
}

const sayState = ({ host, state }: { host: string; state: HostRequest['state'] }): string => {
  switch (state.at) {
    case 'failed':
      return `${host} did not prove itself: ${state.why}`
    case 'running':
      return `${host} is proving itself`
    case 'asked':
      return `${host} has not answered yet; is its worker running?`
    case 'passed':
      return `${host} works`
  }
}

/** Operators hear by an incident what is to be done; lists, that it takes longer. */
const tellOverrun = async (
  ports: Ports,
  window: Maintenance,
  states: { host: string; state: HostRequest['state'] }[],
): Promise<void> => {
  const { clock, config } = ports
  const hasFailed = states.some(({ state }) => state.at === 'failed')
  if (!isOverrun(window, { hasFailed, everyMs: config.notices.everyMs, now: clock.now() })) return
  const missing = states.filter(({ state }) => state.at !== 'passed').map(sayState)
  const detail = `it was to end on ${sayTime(window.to)}: ${missing.join('; ')}. When that is mended: grapevine maintenance finish ${window.id}`
  await openAlarm(ports, undefined).raise('maintenance-overrun', window.id, detail)
  await tellWindow(ports, window, 'overrun', to => to !== 'operators')
  await change(ports, window, { on: 'overran' })
}

/** Of windows that overlap, the end of one must not end the rest of the other. */
const holdForOthers = async (ports: Ports, { id }: Maintenance): Promise<void> => {
  for (const other of await ports.store.maintenances({ live: true }))
    if (other.id !== id && other.state.at === 'running' && other.state.proving === undefined)
      for (const on of thingsOf(other)) await hold(ports, other, on)
}

const end = async (ports: Ports, window: Maintenance, how: string): Promise<void> => {
  const { store, clock, log } = ports
  const hosts = (await store.hosts()).map(({ name }): Hold['on'] => ({ kind: 'host', name }))
  for (const on of [...thingsOf(window), ...hosts]) await release(store, window, on)
  await holdForOthers(ports, window)
  await openAlarm(ports, undefined).clear('maintenance-overrun', window.id, 'the maintenance is over')
  const following = followingMaintenance(window, clock.now())
  if (following) await store.addMaintenance(following)
  await tellWindow(ports, window, 'done')
  log('info', `maintenance ${window.id} is over: ${how}`)
  await change(ports, window, { on: 'over', how })
}
