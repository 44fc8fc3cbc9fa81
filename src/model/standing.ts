// How a host stands: does it take work, and if not, why? From its last word and what operators hold.
import { type Hold, type Host, heartbeatLostMs, holdsNow } from './host.ts'
import type { Instant } from './instant.ts'

/** In the order in which they hide each other: a host that is lost takes no work, whatever else is said of it. */
export type Standing =
  | { at: 'ended'; since: Instant }
  | { at: 'lost'; since: Instant }
  | { at: 'unfit'; why: string }
  | { at: 'held'; hold: Hold }
  | { at: 'paused'; hold: Hold }
  | { at: 'works' }

/** The hold in force on one thing. */
export const holdOn = (holds: Hold[], on: Hold['on'], now: Instant): Hold | undefined =>
  holds.find(
    hold =>
      holdsNow(hold, now) &&
      hold.on.kind === on.kind &&
      (hold.on.kind === 'queue' || on.kind === 'queue' || hold.on.name === on.name),
  )

export const standingOf = (host: Host, holds: Hold[], now: Instant): Standing => {
  if (host.stoppedAt !== undefined) return { at: 'ended', since: host.stoppedAt }
  if (now - host.seenAt > heartbeatLostMs) return { at: 'lost', since: host.seenAt }
  if (host.unfit !== undefined) return { at: 'unfit', why: host.unfit }
  const hold = holdOn(holds, { kind: 'host', name: host.name }, now)
  if (hold) return { at: 'held', hold }
  const pause = holdOn(holds, { kind: 'queue' }, now)
  return pause ? { at: 'paused', hold: pause } : { at: 'works' }
}
