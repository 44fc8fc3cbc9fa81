// Hosts that hang are power-cycled, if it is wanted and nothing speaks against it (model/power.ts); and what does not prove itself
// after a power-on is drained. Always announced. Beside the flow.
import { type Hold, holdsNow } from '../../model/host.ts'
import type { Alarm } from '../../model/incident.ts'
import { dayMs, type Instant, type Millis } from '../../model/instant.ts'
import { type HostRequest, type Maintenance, restOf } from '../../model/maintenance.ts'
import {
  byItself,
  type CycleCase,
  type PowerAction,
  type PowerPolicy,
  whyNotCycle,
} from '../../model/power.ts'
import type { Log } from '../../ports/log.ts'
import type { Power } from '../../ports/power.ts'
import { requestOf, type SwitchPorts, switchPower } from './switch.ts'

export type PowerPorts = SwitchPorts & {
  log: Log
  alarmOf: (host: string) => Alarm
  /** Of a host that can be switched; undefined: it cannot. */
  powerOf: (host: string) => Power | undefined
  /** How long we have listened to a host in vain; undefined: it is heard of, or it is not known yet whether it is. */
  silentMs: (host: string) => Millis | undefined
  /** Has it been heard of since this process began, and lately? */
  isHeard: (host: string) => boolean
  /** Word to the operators; once for each `reason`. */
  tell: (alert: { reason: string; subject: string; text: string }) => Promise<void>
  policy: PowerPolicy
}

/** What was said already. `isRecalled`: also by processes before this one. */
export type PowerMemory = { atLimit: Set<string>; said: Map<string, string>; isRecalled: boolean }

export const powerMemory = (): PowerMemory => ({ atLimit: new Set(), said: new Map(), isRecalled: false })

/** One look. Repeatable, also by a process that knows nothing of the one before. Throws the store's Faults. */
export const tendPower = async (ports: PowerPorts, memory: PowerMemory): Promise<void> => {
  const { store, clock } = ports
  const recent = await store.powerActions({ since: clock.now() - dayMs })
  await followUp(ports, recent)
  await recall(ports, memory)
  if (ports.policy.afterMs === undefined && memory.atLimit.size === 0) return
  for (const given of await cases(ports)) await decide(ports, { given, recent, memory })
}

const recall = async ({ store }: PowerPorts, memory: PowerMemory): Promise<void> => {
  if (memory.isRecalled) return
  for (const { trouble, about } of await store.incidents({ open: true }))
    if (trouble === 'power-cycled') memory.atLimit.add(about)
  memory.isRecalled = true
}

/** Hosts with a switch that should be heard of. */
const cases = async ({ store, clock, silentMs, powerOf, policy }: PowerPorts): Promise<CycleCase[]> => {
  const now = clock.now()
  const hosts = (await store.hosts()).filter(host => host.stoppedAt === undefined)
  const silent = new Set(hosts.filter(({ name }) => silentMs(name) !== undefined).map(({ name }) => name))
  const holds = silent.size === 0 ? [] : await store.holds()
  const windows = silent.size === 0 ? [] : await store.maintenances({ live: true })
  const held = (name: string) => heldAs(holds, name, now) ?? restsAs(windows, name)
  return hosts
    .filter(({ name }) => powerOf(name) !== undefined)
    .map(({ name }) => ({
      ...{ host: name, now, silentMs: silentMs(name), held: held(name), silent, policy },
      ...{ isAnyHeard: silent.size < hosts.length, expected: hosts.length },
    }))
}

const heldAs = (holds: Hold[], name: string, now: Instant): string | undefined => {
  const mine = holds.find(hold => hold.on.kind === 'host' && hold.on.name === name && holdsNow(hold, now))
  return mine && `${mine.reason} (${mine.by})`
}

/** Of maintenance of the whole service no host is held by itself. */
const restsAs = (windows: Maintenance[], name: string): string | undefined => {
  const window = restOf(name, windows)
  return window && `maintenance ${window.id}: ${window.reason} (${window.by})`
}

type Decision = { given: CycleCase; recent: PowerAction[]; memory: PowerMemory }

const decide = async (ports: PowerPorts, { given, recent, memory }: Decision): Promise<void> => {
  const { host, silentMs } = given
  const { log, alarmOf } = ports
  const power = ports.powerOf(host)
  const whyNot = whyNotCycle(given, recent)
  if (whyNot?.because === 'limit') {
    if (memory.atLimit.has(host)) return
    memory.atLimit.add(host)
    const detail = `${host}: ${whyNot.says} and is silent all the same; nothing more is done by itself: look after it, then: grapevine host power cycle ${host}`
    return await alarmOf(host).raise('power-cycled', host, detail)
  }
  if (ports.isHeard(host) && memory.atLimit.delete(host))
    await alarmOf(host).clear('power-cycled', host, 'it is heard of again')
  if (whyNot?.because === 'hands-off' && silentMs !== undefined && memory.said.get(host) !== whyNot.says)
    log('warn', `the host ${host} is silent, but its power is left alone: ${whyNot.says}`, { host })
  if (whyNot) return void memory.said.set(host, whyNot.says)
  if (power) await cycle(ports, given, power)
}

const minutes = (span: Millis): string => `${Math.round(span / 60_000)} minutes`

const cycle = async (ports: PowerPorts, given: CycleCase, power: Power): Promise<void> => {
  const { host, silentMs = 0 } = given
  const { log, tell } = ports
  const why = `nothing was heard of it for ${minutes(silentMs)}`
  log('warn', `the host ${host} is power-cycled: ${why}`, { host })
  const switched = await switchPower(ports, {
    ...{ host, power, act: 'cycle', by: byItself, why },
    may: recent => whyNotCycle(given, recent) === undefined,
    announce: action =>
      tell({
        reason: `power ${action.id}`,
        subject: `${host} is power-cycled`,
        text: announcement({ host, why, policy: given.policy }),
      }),
  })
  if (switched.at !== 'failed') return
  const { fault } = switched
  log('error', `the host ${host} could not be power-cycled: ${fault.message}`, { host })
  await tell({
    reason: `power failed ${host}: ${fault.message}`,
    subject: `${host} could not be power-cycled`,
    text: [`The host ${host} is silent, and its power could not be switched:`, fault.message, fault.remedy]
      .filter(Boolean)
      .join('\n'),
  })
}

const announcement = ({
  host,
  why,
  policy,
}: {
  host: string
  why: string
  policy: PowerPolicy
}): string => `The host ${host} is power-cycled now: ${why}.
What it ran goes on elsewhere. When it is back it proves that its guests work, and then takes work again.
If it stays silent, this is repeated after ${minutes(policy.cooldownMs)}, at most ${policy.perDay} times in 24 hours.
To keep the power of this host as it is: grapevine host drain ${host} --reason "..."`

/** A host that came back and did not prove itself takes nothing until a person has looked. */
const followUp = async ({ store, clock, log, tell }: PowerPorts, recent: PowerAction[]): Promise<void> => {
  const now = clock.now()
  for (const action of recent) {
    if (action.act === 'off' || action.state.at !== 'done') continue
    const failed = (await store.hostRequests({ host: action.host })).findLast(isAfter(action))
    if (failed?.state.at !== 'failed') continue
    const { host } = action
    const why = `it did not prove itself after its power-on: ${failed.state.why}`
    const isHeld = heldAs(await store.holds(), host, now) !== undefined
    const on = { kind: 'host', name: host } as const
    if (!isHeld)
      await store.setHold({ on, how: 'drain', reason: why, by: byItself, since: now, until: undefined })
    await tell({
      reason: `power verify ${action.id}`,
      subject: `${host} takes no work after its power-on`,
      text: `The host ${host} is back, but ${why}\nIt takes no work until you say so:\n  grapevine host verify (on ${host})\n  grapevine host resume ${host}`,
    })
    log('error', `the host ${host} takes no work: ${why}`, { host })
    // Said last: until then it is done again.
    await store.endPowerAction(action.id, { at: 'failed', when: now, why })
  }
}

const isAfter =
  (action: PowerAction) =>
  ({ id }: HostRequest): boolean =>
    id.startsWith(requestOf(action))
