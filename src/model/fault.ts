// What happened to us, never to a patch. Adapters and the farm make Faults; stages pass them on; workers map them to a retry.

/** unreachable: nobody answers · timeout: no answer in time · refused: a clear no · malformed: an answer that makes no
 *  sense · exhausted: no room left (disk, memory, slots) · damaged: stored bytes are not what was stored */
export type FaultKind = 'unreachable' | 'timeout' | 'refused' | 'malformed' | 'exhausted' | 'damaged'

/** soon: seconds · later: minutes, somebody may have to act · never: asking again gives the same answer */
export type Retry = 'soon' | 'later' | 'never'

/** An error of the infrastructure. `message` says what was tried and what came back; `remedy` what a person can do. */
export class Fault extends Error {
  readonly kind: FaultKind
  readonly retry: Retry
  readonly remedy: string | undefined

  constructor(
    kind: FaultKind,
    retry: Retry,
    message: string,
    more: { cause?: unknown; remedy?: string } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'Fault'
    this.kind = kind
    this.retry = retry
    this.remedy = more.remedy
  }
}

/** A mistake of the person at the keyboard: a wrong option, a file that is not there. One line and a remedy, no stack. */
export class UsageError extends Error {
  readonly remedy: string | undefined
  constructor(message: string, remedy?: string) {
    super(message)
    this.name = 'UsageError'
    this.remedy = remedy
  }
}
