// Power of hosts: what was done to it, by whom, and when it may be done without a person.
import { dayMs, type Instant, type Millis } from './instant.ts'

export type PowerAct = 'on' | 'off' | 'cycle'

/** Saved before it is done: what may have been done counts. */
export type PowerAction = {
  id: string
  host: string
  act: PowerAct
  at: Instant
  /** 'grapevine', or an operator. */
  by: string
  why: string
  state: { at: 'begun' } | { at: 'done'; when: Instant } | { at: 'failed'; when: Instant; why: string }
}

export type PowerPolicy = {
  /** A host that is lost for so long is power-cycled; undefined: never without a person. */
  afterMs: Millis | undefined
  /** So long after the last power action on a host nothing is done to it by itself. */
  cooldownMs: Millis
  /** In 24 hours, for each host. */
  perDay: number
}

/** Who switches when no person does. */
export const byItself = 'grapevine'

/** A host that comes back from a power cycle needs its time; meanwhile no other one is switched. */
export const comeBackMs: Millis = 15 * 60_000

/** A host that may hang, and what is known when it is to be decided. */
export type CycleCase = {
  host: string
  now: Instant
  /** How long we have listened to it in vain; undefined: it is heard of. */
  silentMs: Millis | undefined
  /** An operator's hold on it, in words; undefined: none. */
  held: string | undefined
  /** Hosts that should be heard of now, and are not; this one may be among them. */
  silent: ReadonlySet<string>
  /** Does any host give signs of life? */
  isAnyHeard: boolean
  /** All that should be heard of now. */
  expected: number
  policy: PowerPolicy
}

/** limit: it was cycled as often as it may be, and is silent all the same: a person is needed. */
export type WhyNot = { because: 'early' | 'limit' | 'hands-off'; says: string }

const minutes = (span: Millis): string => `${Math.round(span / 60_000)} min`

/** Why a host is not power-cycled by itself now; undefined: it is to be. `recent`: what was done in the last 24 hours, to any host. */
export const whyNotCycle = (given: CycleCase, recent: PowerAction[]): WhyNot | undefined =>
  notYet(given, recent) ?? handsOff(given, recent) ?? limit(given, recent)

const early = (says: string): WhyNot => ({ because: 'early', says })
const keepOff = (says: string): WhyNot => ({ because: 'hands-off', says })

const notYet = ({ host, now, silentMs, policy }: CycleCase, recent: PowerAction[]): WhyNot | undefined => {
  if (policy.afterMs === undefined) return keepOff('it is not to be done without a person')
  if (silentMs === undefined) return early('it is heard of')
  if (silentMs < policy.afterMs) return early(`it is silent for ${minutes(silentMs)} only`)
  const last = Math.max(...recent.filter(action => action.host === host).map(({ at }) => at))
  return now - last < policy.cooldownMs
    ? early(`its power was switched ${minutes(now - last)} ago`)
    : undefined
}

/** Another host, a person, or something else is at it. */
const handsOff = (
  { host, now, held, silent, isAnyHeard, expected }: CycleCase,
  recent: PowerAction[],
): WhyNot | undefined => {
  const other = recent.find(
    action =>
      action.host !== host &&
      action.act !== 'off' &&
      now - action.at < comeBackMs &&
      (action.state.at === 'begun' || silent.has(action.host)),
  )
  if (other) return early(`${other.host} is on its way back: never two at once`)
  if (held !== undefined) return keepOff(`it is held: ${held}`)
  const [last] = recent.filter(action => action.host === host).sort((a, b) => b.at - a.at)
  if (last?.act === 'off') return keepOff(`${last.by} has switched it off`)
  return expected > 1 && !isAnyHeard
    ? keepOff('every host is silent: the network or this machine is more likely the cause')
    : undefined
}

const limit = ({ host, now, policy }: CycleCase, recent: PowerAction[]): WhyNot | undefined => {
  const own = recent.filter(
    action => action.host === host && action.by === byItself && now - action.at < dayMs,
  )
  return own.length >= policy.perDay
    ? { because: 'limit', says: `it was power-cycled ${own.length} times in 24 h` }
    : undefined
}
