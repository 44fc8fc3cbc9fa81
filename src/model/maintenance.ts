// A maintenance window: hosts, or the whole service, rest for a while as planned.
//
//   planned ──told──▶ announced ──from──▶ running ──to, and each host proved itself──▶ done
//      ├──from──▶ running   └──cancelled──▶ cancelled      running ──to, not over yet──▶ running (overrun is told)
//      └──cancelled──▶ cancelled
//   Whatever is changed after it was told is told again: `told` is the sequence that people know.
import type { Incident, Trouble } from './incident.ts'
import type { Instant, Millis } from './instant.ts'

export type MaintenanceId = string

/** reminded: also if there was no time to · proving: since then its hosts are asked to prove themselves · unproven: who ends it without
 *  that · untold: people know of it, and that it is cancelled was not said yet · whole: nor will any later one of its series be */
export type MaintenanceState =
  | { at: 'planned' }
  | { at: 'announced'; when: Instant; told?: number; reminded?: true }
  | {
      at: 'running'
      since: Instant
      told?: number
      proving?: Instant
      unproven?: string
      overrunTold?: Instant
    }
  | { at: 'done'; when: Instant; how: string }
  | { at: 'cancelled'; when: Instant; by: string; why: string; untold?: true; whole?: true }

export type Maintenance = {
  /** Content id of hosts, from and who planned it. */
  id: MaintenanceId
  /** Empty: the whole service. */
  hosts: string[]
  from: Instant
  to: Instant
  reason: string
  by: string
  createdAt: Instant
  /** RFC 5545 RRULE (without DTSTART), in UTC, of which this is one occurrence: the next one is planned when this one is over. undefined: once. */
  repeat: string | undefined
  /** Of a repeated one: the first of them, when that begins and how long it takes, and when the rule has this one begin, wherever it is
   *  moved to. */
  series?: { id: MaintenanceId; start: Instant; lengthMs: Millis; slot: Instant }
  /** RFC 5545 SEQUENCE of its invitation: grows with each change that people must hear of. */
  sequence: number
  state: MaintenanceState
}

/** What a host's worker is asked to do: prove that its guests work (`host verify`), also after a power-on. */
export type HostRequest = {
  id: string
  host: string
  ask: 'verify'
  /** Why: `maintenance ID`, `power-on`. */
  why: string
  at: Instant
  state:
    | { at: 'asked' }
    | { at: 'running'; since: Instant }
    | { at: 'passed'; when: Instant }
    | { at: 'failed'; when: Instant; why: string }
}

/** told: in its present form · over: its hosts take work again · moved, finished, cancelled: by a person. */
export type MaintenanceEvent =
  | { on: 'told' }
  | { on: 'reminded' }
  | { on: 'begun' }
  | { on: 'proving' }
  | { on: 'overran' }
  | { on: 'over'; how: string }
  /** Of one that runs, only its end. */
  | { on: 'moved'; from?: Instant; to?: Instant; reason?: string }
  /** Its hosts prove themselves now, also if they were asked already; `unproven`: who ends it without. */
  | { on: 'finished'; unproven?: string }
  | { on: 'cancelled'; by: string; why: string; whole?: true }

/** Where an event takes it; the same one back: it came too late, or does not concern it. done and cancelled are final. */
export const nextMaintenance = (window: Maintenance, event: MaintenanceEvent, now: Instant): Maintenance => {
  const { state } = window
  switch (event.on) {
    case 'told':
      return afterTold(window, now)
    case 'reminded':
      return state.at === 'announced' ? { ...window, state: { ...state, reminded: true } } : window
    case 'begun':
      return begun(window, now)
    case 'proving':
      return state.at === 'running' ? { ...window, state: { ...state, proving: now } } : window
    case 'overran':
      return state.at === 'running' ? { ...window, state: { ...state, overrunTold: now } } : window
    case 'over':
      return state.at === 'running' ? { ...window, state: { at: 'done', when: now, how: event.how } } : window
    case 'moved':
      return moved(window, event)
    case 'finished':
      return finished(window, event.unproven, now)
    case 'cancelled':
      return cancelled(window, event, now)
  }
}

const afterTold = (window: Maintenance, now: Instant): Maintenance => {
  const { state, sequence } = window
  switch (state.at) {
    case 'planned':
      return { ...window, state: { at: 'announced', when: now, told: sequence } }
    case 'announced':
    case 'running':
      return { ...window, state: { ...state, told: sequence } }
    case 'cancelled': {
      const { untold: _, ...rest } = state
      return { ...window, state: rest }
    }
    case 'done':
      return window
  }
}

const begun = (window: Maintenance, now: Instant): Maintenance => {
  const { state, sequence } = window
  if (state.at !== 'planned' && state.at !== 'announced') return window
  const told = state.at === 'announced' ? (state.told ?? 0) : sequence
  return { ...window, state: { at: 'running', since: now, told } }
}

const moved = (window: Maintenance, event: Extract<MaintenanceEvent, { on: 'moved' }>): Maintenance => {
  const { state } = window
  const { to = window.to, reason = window.reason } = event
  if (state.at === 'done' || state.at === 'cancelled') return window
  const from = state.at === 'running' ? window.from : (event.from ?? window.from)
  const isSame = from === window.from && to === window.to && reason === window.reason
  if (isSame || to <= from) return window
  const changed = { ...window, from, to, reason }
  const sequence = window.sequence + 1
  if (state.at === 'planned') return isInCalendars(window) ? { ...changed, sequence } : unheard(changed)
  if (state.at === 'announced') {
    const { reminded: _, ...rest } = state
    return { ...changed, sequence, state: rest }
  }
  const { proving: _, overrunTold: __, ...rest } = state
  return { ...changed, sequence, state: rest }
}

/** A later one of a series is known before it is announced. */
const isInCalendars = ({ series }: Maintenance): boolean =>
  series !== undefined && series.slot !== series.start

/** Of what nobody has heard nothing has changed. */
const unheard = (window: Maintenance): Maintenance => {
  const { series, from, to } = window
  return series === undefined
    ? window
    : { ...window, series: { ...series, start: from, slot: from, lengthMs: to - from } }
}

const finished = (window: Maintenance, unproven: string | undefined, now: Instant): Maintenance => {
  const { state } = window
  if (state.at !== 'running') return window
  const { proving: _, ...rest } = state
  return {
    ...window,
    to: Math.min(window.to, now),
    state: { ...rest, ...(unproven === undefined ? {} : { unproven }) },
  }
}

const cancelled = (
  window: Maintenance,
  { by, why, whole }: Extract<MaintenanceEvent, { on: 'cancelled' }>,
  when: Instant,
): Maintenance => {
  const { at } = window.state
  if (at !== 'planned' && at !== 'announced') return window
  const untold = at === 'announced' || isInCalendars(window) ? ({ untold: true } as const) : {}
  const sequence = window.sequence + 1
  return {
    ...window,
    sequence,
    state: { at: 'cancelled', when, by, why, ...untold, ...(whole ? { whole } : {}) },
  }
}

/** When people hear of a window; see the configuration's `notices`. */
export type WindowPolicy = { announceMs: Millis; remindMs: Millis; everyMs: Millis }

/** What a state obliges us to do; each may be repeated.
 *  tell: announce it, or what changed of it · begin: hosts rest from now on (`isNews`: nobody was told) · prove: ask its hosts to ·
 *  watch: look whether they have · end: without · tell-cancelled: it was announced, and will not be */
export type MaintenanceDuty =
  | { do: 'tell' }
  | { do: 'remind' }
  | { do: 'begin'; isNews: boolean }
  | { do: 'prove' }
  | { do: 'watch'; since: Instant }
  | { do: 'end'; by: string }
  | { do: 'tell-cancelled' }

/** Is there time for a reminder that says something new? */
export const isReminded = ({ from }: Maintenance, announced: Instant, remindMs: Millis): boolean =>
  announced <= from - 2 * remindMs

/** What is planned once is news at once; what comes again and again is not. */
export const announcedFrom = ({ repeat, from, createdAt }: Maintenance, announceMs: Millis): Instant =>
  repeat === undefined ? createdAt : from - announceMs

export const maintenanceDuty = (
  window: Maintenance,
  policy: WindowPolicy,
  now: Instant,
): MaintenanceDuty | undefined => {
  const { state, from, to, sequence } = window
  switch (state.at) {
    case 'planned':
      if (now >= from) return { do: 'begin', isNews: true }
      return now >= announcedFrom(window, policy.announceMs) ? { do: 'tell' } : undefined
    case 'announced': {
      if ((state.told ?? 0) !== sequence) return { do: 'tell' }
      if (now >= from) return { do: 'begin', isNews: false }
      const isDue = !state.reminded && now >= from - policy.remindMs
      return isDue && isReminded(window, state.when, policy.remindMs) ? { do: 'remind' } : undefined
    }
    case 'running':
      if ((state.told ?? 0) !== sequence) return { do: 'tell' }
      if (now < to) return undefined
      if (state.unproven !== undefined) return { do: 'end', by: state.unproven }
      return state.proving === undefined ? { do: 'prove' } : { do: 'watch', since: state.proving }
    case 'cancelled':
      return state.untold ? { do: 'tell-cancelled' } : undefined
    case 'done':
      return undefined
  }
}

/** So long after its end hosts may prove themselves before it is said that it takes longer. */
const proveMs: Millis = 10 * 60_000

/** Must people hear that it takes longer? Once a host did not pass, or at all after a while; and then every `everyMs`. */
export const isOverrun = (
  { state, to }: Maintenance,
  { hasFailed, everyMs, now }: { hasFailed: boolean; everyMs: Millis; now: Instant },
): boolean => {
  if (state.at !== 'running' || now < to) return false
  if (state.overrunTold !== undefined) return now >= state.overrunTold + everyMs
  return hasFailed || now >= to + proveMs
}

export const isLive = ({ state }: Maintenance): boolean => state.at !== 'done' && state.at !== 'cancelled'

/** Does the host rest for a window now? Nobody should be told of its silence then, nor switch it. */
export const restOf = (host: string, windows: Maintenance[]): Maintenance | undefined =>
  windows.find(({ state, hosts }) => state.at === 'running' && (hosts.length === 0 || hosts.includes(host)))

/** What follows from hosts that rest, or from a service that does. */
const ofHosts: ReadonlySet<Trouble> = new Set<Trouble>(['host-lost', 'host-unqualified'])
const ofService: ReadonlySet<Trouble> = new Set<Trouble>(['image-unserved', 'queue-stuck', 'queue-old'])

/**
 * The window that explains an incident: people were told of that already, and hear nothing more of it while it runs. `images`: what
 * each host serves, by its last word.
 */
export const excusedBy = (
  { trouble, host, about }: Pick<Incident, 'trouble' | 'host' | 'about'>,
  windows: Maintenance[],
  images: { name: string; images: string[] }[],
): Maintenance | undefined => {
  if (ofHosts.has(trouble) && host !== undefined) return restOf(host, windows)
  if (!ofService.has(trouble)) return undefined
  const whole = windows.find(({ state, hosts }) => state.at === 'running' && hosts.length === 0)
  if (whole || trouble !== 'image-unserved') return whole
  const serving = images.filter(one => one.images.includes(about))
  return serving.map(({ name }) => restOf(name, windows)).find(window => window !== undefined)
}
