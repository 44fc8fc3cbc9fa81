// Trouble with the infrastructure that a person should hear of: noticed by a detector, or said by an operator; watched until it is over.
//
//   suspected ──it goes on──▶ open ──over──▶ monitoring ──quiet for a while──▶ resolved
//       │                      ▲                │  └──merged into another, or resolved by an operator──▶ resolved
//       └──over──▶ (forgotten) └───it is back───┘  (flapping is one incident)
import type { Instant, Millis } from './instant.ts'
import type { SeriesId } from './series.ts'

/** What is wrong; `about` of the incident says with which thing. */
export type Trouble =
  | 'host-unqualified'
  | 'host-lost'
  | 'disk-reserve'
  | 'disk-error'
  | 'template-damaged'
  | 'image-damaged'
  | 'image-unserved'
  | 'backup-damaged'
  | 'task-kills-workers'
  | 'source-unreachable'
  | 'mail-capped'
  | 'mail-refused'
  | 'mail-unconfirmed'
  | 'mail-unreachable'
  | 'base-broken'
  | 'alike-failures'
  | 'host-fails-more'
  /** Guests of an image or host remount their disk read-only, or panic, more than usual. */
  | 'guests-failing'
  /** The same outcome that is ours, many times. */
  | 'infra-repeats'
  | 'queue-stuck'
  | 'queue-old'
  | 'database-unreachable'
  | 'redis-unreachable'
  | 'tracker-unreachable'
  /** Of a server that we use, or ours. */
  | 'certificate-expires'
  | 'key-expires'
  | 'maintenance-overrun'
  | 'power-cycled'
  /** Said by an operator. */
  | 'other'

/** minor: work waits, or is repeated; nothing wrong was said · major: what was told may be wrong, or a person must judge before others hear of it */
export type Severity = 'minor' | 'major'

/** suspected: may pass; opens at `until` · monitoring: it is over (`how`), and watched until `until` · resolved: see Incident.resolved */
export type IncidentState =
  | { at: 'suspected'; until: Instant }
  | { at: 'open' }
  | { at: 'monitoring'; since: Instant; until: Instant; how: string }
  | { at: 'resolved' }

/** What was observed or done, for people; the oldest first. */
export type LogEntry = {
  at: Instant
  /** 'grapevine', or who did it. */
  by: string
  what: string
}

export type Resolution = {
  at: Instant
  how: string
  /** Of failures that are alike: an operator says that the patches do it. */
  real?: true
}

export type IncidentId = string

export type Incident = {
  /** Content id of trouble, host, `about` and `since`. */
  id: IncidentId
  trouble: Trouble
  /** undefined: no single host's. */
  host: string | undefined
  /** The image, template, back-up, disk or task. */
  about: string
  since: Instant
  /** One line for people, with the remedy if there is one. */
  detail: string
  state: IncidentState
  /** Said by an operator or by the trouble's rule (model/trouble.ts). */
  severity: Severity
  /** Why it happened, in an operator's words; undefined: not known. Contributors read it. */
  cause: string | undefined
  /** What is being done, in an operator's words. Contributors read it. */
  doing: string | undefined
  /** Who looks after it; undefined: nobody yet. */
  owner: string | undefined
  /** An operator says that notices of it may go to contributors. */
  confirmed: { at: Instant; by: string } | undefined
  affects: Affects
  /** How often it came back while it was watched. */
  flaps: number
  /** The incident that it is a part of; it is resolved then, and sends no notices. */
  mergedInto: IncidentId | undefined
  /** Address of the bug that tells of it; undefined: none. */
  bug: string | undefined
  /** At most 200: those in the middle go first. */
  log: LogEntry[]
  /** Set if, and only if, `state` is `resolved`. */
  resolved: Resolution | undefined
}

/** What an incident touches, as far as it is known; names sorted. */
export type Affects = {
  hosts: string[]
  images: string[]
  projects: string[]
  /** Series that wait for it, or ran in its shadow and are run again. */
  series: SeriesId[]
}

export const affectsNothing: Affects = { hosts: [], images: [], projects: [], series: [] }

/** One that is open at once; how bad it is follows from the trouble's rule (model/trouble.ts), unless it is said. */
export const newIncident = (
  given: Pick<Incident, 'id' | 'trouble' | 'host' | 'about' | 'since' | 'detail'> & Partial<Incident>,
): Incident => ({
  state: { at: 'open' },
  severity: 'minor',
  affects: { ...affectsNothing, hosts: given.host === undefined ? [] : [given.host] },
  flaps: 0,
  log: [],
  ...noWords,
  ...given,
})

const noWords = {
  cause: undefined,
  doing: undefined,
  owner: undefined,
  confirmed: undefined,
  mergedInto: undefined,
  bug: undefined,
  resolved: undefined,
}

/** Does the trouble hold now, as far as we know? */
export const holds = ({ state }: Pick<Incident, 'state'>): boolean =>
  state.at === 'suspected' || state.at === 'open'

/** What a detector, a clock or an operator says of an incident. */
export type IncidentEvent =
  /** It still is so, or is so again. */
  | { on: 'raised'; detail: string }
  /** It is over. `settleMs`: watched for so long, instead of what is usual for what may come back. */
  | { on: 'cleared'; how: string; settleMs?: Millis }
  /** Time passes. */
  | { on: 'looked' }
  | { on: 'affects'; affects: Affects }
  | { on: 'noted'; by: string; what: string }
  | {
      on: 'amended'
      by: string
      cause?: string
      doing?: string
      severity?: Severity
      owner?: string
      detail?: string
    }
  | { on: 'confirmed'; by: string }
  | { on: 'resolved'; by: string; how: string; real?: true }
  | { on: 'merged'; by: string; into: IncidentId }
  | { on: 'tracked'; bug: string }

/** How the farm and the workers say it: the same trouble with the same thing is one incident, however often it is said. */
export type Alarm = {
  raise(trouble: Trouble, about: string, detail: string): Promise<void>
  /** It is over: what is open of it is watched for a while, and resolved then. */
  clear(trouble: Trouble, about: string, how: string): Promise<void>
}
