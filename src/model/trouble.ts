// What is known of each kind of trouble: how long it must last, how long it is watched afterwards, how bad it is, and who hears of it.
import type { Severity, Trouble } from './incident.ts'
import type { Millis } from './instant.ts'

export type TroubleRule = {
  /** So long it is only suspected. 0: it is a fact at once, or its detector has waited already. */
  suspectMs: Millis
  /** So long it must have been quiet before it is resolved; what comes back until then is the same incident. 0: when it is over, it is over. */
  settleMs: Millis
  severity: Severity
  /** contributors: whenever it is open · waiting: contributors, if series wait for it or are run again · operators: nobody else */
  hear: 'contributors' | 'waiting' | 'operators'
}

const minute: Millis = 60_000

const rule = (
  hear: TroubleRule['hear'],
  { suspect = 0, settle = 0, severity = 'minor' as Severity } = {},
): TroubleRule => ({ suspectMs: suspect * minute, settleMs: settle * minute, severity, hear })

const hour: Millis = 60 * minute

/** What detectors say again and again while it lasts: so long an operator is believed who says that it is over. */
export const believedMs: Partial<Record<Trouble, Millis>> = {
  'host-lost': hour,
  'disk-reserve': hour,
  'disk-error': hour,
  'image-unserved': hour,
  'source-unreachable': hour,
  'mail-unreachable': hour,
  'guests-failing': hour,
  'infra-repeats': hour,
  'queue-stuck': hour,
  'queue-old': hour,
  'redis-unreachable': hour,
  'tracker-unreachable': hour,
  'certificate-expires': 24 * hour,
  'key-expires': 24 * hour,
}

export const troubleRules: Record<Trouble, TroubleRule> = {
  'host-unqualified': rule('waiting', { settle: 10 }),
  'host-lost': rule('waiting', { suspect: 1, settle: 10 }),
  'disk-reserve': rule('waiting', { settle: 10 }),
  'disk-error': rule('operators'),
  'template-damaged': rule('operators'),
  'image-damaged': rule('waiting'),
  'image-unserved': rule('waiting', { settle: 5 }),
  'backup-damaged': rule('operators'),
  'task-kills-workers': rule('operators'),
  'source-unreachable': rule('contributors', { settle: 5 }),
  'mail-capped': rule('operators'),
  'mail-refused': rule('operators'),
  'mail-unconfirmed': rule('operators'),
  'mail-unreachable': rule('contributors', { settle: 5 }),
  // Each reply that it concerns says so.
  'base-broken': rule('waiting'),
  'alike-failures': rule('waiting', { severity: 'major' }),
  'host-fails-more': rule('waiting', { severity: 'major' }),
  'guests-failing': rule('waiting', { settle: 30, severity: 'major' }),
  'infra-repeats': rule('waiting', { settle: 30 }),
  'queue-stuck': rule('waiting', { settle: 10 }),
  'queue-old': rule('contributors', { settle: 30 }),
  'database-unreachable': rule('contributors', { suspect: 2, settle: 5 }),
  'redis-unreachable': rule('contributors', { suspect: 2, settle: 5 }),
  'tracker-unreachable': rule('operators', { suspect: 10, settle: 10 }),
  'certificate-expires': rule('operators'),
  'key-expires': rule('operators'),
  'maintenance-overrun': rule('operators'),
  'power-cycled': rule('operators', { settle: 10 }),
  other: rule('contributors'),
}
