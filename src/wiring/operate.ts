// What operators do, from wherever they say it: done in one place by the same rules, and written into the audit log. Beside the flow.
import { randomUUID } from 'node:crypto'
import type { Audit } from '../model/access.ts'
import type { Hold } from '../model/host.ts'
import type { Instant } from '../model/instant.ts'
import type { PowerAct } from '../model/power.ts'
import type { Decision } from '../stages/known/decide.ts'
import type { Amendment, IncidentDecision } from './incident-acts.ts'
import type { Wired } from './wire.ts'

/** One thing that an operator does. */
export type Deed =
  /** Take nothing new; stop: what runs goes back into the queue as well. The queue knows only `drain`. */
  | { do: 'drain' | 'stop'; on: Hold['on']; until?: Instant | undefined }
  | { do: 'resume'; on: Hold['on'] }
  /** Of a series, a job or a task. */
  | { do: 'cancel'; id: string }
  | { do: 'retest'; series: string; images?: string[]; against?: string | undefined }
  | { do: 'release'; series: string }
  /** `force`: also while tasks run there. */
  | { do: 'power'; host: string; act: PowerAct; force?: boolean }
  | { do: 'open-incident'; about: string; words?: Amendment; hosts?: string[]; projects?: string[] }
  | { do: 'incident'; id: string; decision: IncidentDecision }
  | { do: 'known'; id: string; decision: Decision }
  /** The reason is the window's. `repeat`: daily, weekly, monthly or an RRULE. No hosts: the whole service. */
  | { do: 'plan-maintenance'; hosts: string[]; from: Instant; to: Instant; repeat?: string | undefined }
  | { do: 'move-maintenance'; id: string; from?: Instant | undefined; to?: Instant | undefined }
  | { do: 'finish-maintenance'; id: string; unproven?: boolean }
  /** `whole`: nor will any later one of its series be. */
  | { do: 'cancel-maintenance'; id: string; whole?: boolean }

export type Operation = {
  /** Who does it, as the audit log says it. */
  who: string
  by: Audit['by']
  deed: Deed
  /** Why; others will read it. */
  reason: string
}

/** `did`: a sentence without its full stop. `no` says why not, likewise; nothing was done then. */
export type Operated = { did: string } | { no: string; remedy: string }

/** Does it, if it can be done, and writes it down with what came of it. Repeatable. Throws the store's Faults, and the power switch's. */
export const operate = async (wired: Wired, { who, by, deed, reason }: Operation): Promise<Operated> => {
  void [wired, who, by, deed, reason, randomUUID]
  return { no: 'nothing can be done yet', remedy: '' }
}
