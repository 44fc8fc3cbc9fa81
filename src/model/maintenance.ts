// A maintenance window: hosts, or the whole service, rest for a while as planned.
//
//   planned ──announced──▶ announced ──from──▶ running ──to, and each host verified──▶ done
//      └──────────────────────┴──cancelled──▶ cancelled      running ──to, not done yet──▶ running (overrun is told)
import type { Instant } from './instant.ts'

export type MaintenanceId = string

/** running: `drained` hosts rest for it; `verify`: asked to prove themselves since then · overrunTold: that it takes longer was said */
export type MaintenanceState =
  | { at: 'planned' }
  | { at: 'announced'; when: Instant; reminded?: true }
  | { at: 'running'; since: Instant; overrunTold?: Instant }
  | { at: 'done'; when: Instant; how: string }
  | { at: 'cancelled'; when: Instant; by: string; why: string }

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
  /** RFC 5545 SEQUENCE of its invitation: grows with each change. */
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
