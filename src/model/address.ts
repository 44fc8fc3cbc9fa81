// What is known of a mail address besides what it says itself: whether mail to it comes back, and whether it wants any. Beside the flow.
import type { Instant, Millis } from './instant.ts'
import type { MessageId } from './mail.ts'

/** A mail of ours that came back for good. */
export type Failure = { mail: MessageId; at: Instant /** RFC 3463, like 5.1.1. */; status: string }

/** bounced: mail to it comes back · unsubscribed: its owner said so · operator: one of us did */
export type SilenceReason = 'bounced' | 'unsubscribed' | 'operator'

export type Silence = {
  since: Instant /** undefined: until somebody ends it. */
  until: Instant | undefined
  why: SilenceReason
  detail: string
}

export type KnownAddress = {
  /** In lower case. */
  address: string
  /** The last few, oldest first. */
  failures: Failure[]
  silence: Silence | undefined
}

const day: Millis = 86_400_000
export const deadForMs: Millis = 90 * day
const keptFailures = 5

/** Does it get no mail now? Of whom nothing is known does. */
export const isSilenced = (known: KnownAddress | undefined, now: Instant): boolean =>
  known?.silence !== undefined && (known.silence.until === undefined || now < known.silence.until)

/** RFC 3463 §3.2: the mailbox does not exist, or moved without a word; 5.1.2: its domain cannot take mail. */
const isGone = ({ status }: Failure): boolean => /^5\.1\.(?:1|2|6|10)$/.test(status)

/** RFC 3463 §3: what speaks of the mailbox or the way to it; size (2.3, 3.4), the sender (1.7, 1.8), protocol, content and policy do not. */
const isOfAddress = (status: string): boolean =>
  /^5\.[0-4]\.\d+$/.test(status) && !/^5\.(?:1\.[78]|2\.[34]|3\.4)$/.test(status)

/** What came back, for operators. */
export const sayStatus = (status: string): string =>
  /^5\.1\.[16]$/.test(status) ? `there is no such mailbox (${status})` : status

const dayOf = ({ at }: Failure): number => Math.floor(at / day)

/** Two mails that came back on two days, or one word that there is no such mailbox. */
const isDead = (failures: Failure[]): boolean =>
  failures.some(isGone) || failures.some(a => failures.some(b => a.mail !== b.mail && dayOf(a) !== dayOf(b)))

/** One more mail came back. The same mail counts once, what is older than 90 days no more, and what is not about the address not at all. */
export const withFailure = (known: KnownAddress, failure: Failure): KnownAddress => {
  if (!isOfAddress(failure.status) || known.failures.some(({ mail }) => mail === failure.mail)) return known
  const recent = known.failures.filter(({ at }) => at > failure.at - deadForMs)
  const failures = [...recent, failure].slice(-keptFailures)
  if (isSilenced(known, failure.at) || !isDead(failures)) return { ...known, failures }
  const silence: Silence = {
    since: failure.at,
    until: failure.at + deadForMs,
    why: 'bounced',
    detail: `mail came back: ${sayStatus(failure.status)}`,
  }
  return { ...known, failures, silence }
}

export const unknownAddress = (address: string): KnownAddress => ({
  address: address.toLowerCase(),
  failures: [],
  silence: undefined,
})
