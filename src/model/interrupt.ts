// A run that is stopped from outside before its end: why, and what that costs.
import type { Outcome } from './job.ts'

/** stopped: by a hold, or its worker ends · cancelled: by an operator, or pointless by now · taken: its worker was thought dead, and
 *  the task is elsewhere · timeout: it did not end in its time. */
export type InterruptKind = 'stopped' | 'cancelled' | 'taken' | 'timeout'

/** The reason of a run's aborted signal. */
export class Interrupt extends Error {
  readonly what: InterruptKind
  constructor(what: InterruptKind, detail: string) {
    super(detail)
    this.name = 'Interrupt'
    this.what = what
  }
}

/** What is noted of a run that was stopped. A reason that is no Interrupt is the end of its process. */
export const interrupted = (reason: unknown): Extract<Outcome, { kind: 'ours' }> => {
  const what = reason instanceof Interrupt ? reason.what : 'stopped'
  return { kind: 'ours', what, detail: reason instanceof Error ? reason.message : String(reason) }
}

/** How a run ended that its worker did not live to tell. */
export type CutOff = 'host-lost' | 'worker-died'

/** Is it no fault of the task's, so that it costs no try? Running out of time is not among these: it would go on for ever. */
export const costsNoTry = (outcome: Outcome): boolean =>
  outcome.kind === 'ours' && ['stopped', 'cancelled', 'taken'].includes(outcome.what)

/** Did its worker or host die under it? */
export const wasCutOff = (outcome: Outcome | undefined): boolean =>
  outcome?.kind === 'ours' && ['host-lost', 'worker-died'].includes(outcome.what)
