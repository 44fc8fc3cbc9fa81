// Power of hosts: what was done to it, by whom, and when it may be done without a person.
import type { Instant, Millis } from './instant.ts'

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
