// Who vouches for a mail: the DKIM signatures in it (RFC 6376). From: alone proves nothing.
import type { Instant } from '../model/instant.ts'

/** What one signature says. */
export type DkimSignature = {
  /** `d=`, lower case. */
  domain: string
  /** none: the mail is not signed · unknown: the key could not be asked for; another time it may. */
  result: 'pass' | 'fail' | 'none' | 'unknown'
  /** Lower-case names of the headers that it covers. */
  headers: string[]
  /** Covers the whole body; false for one with `l=` that leaves something out. */
  whole: boolean
  /** `t=`; undefined: it does not say. */
  signedAt: Instant | undefined
}

export type MailProof = {
  dkim: DkimSignature[]
  /** true: a signature of From:'s domain, or of its organisation, passes and covers From:, Subject: and the whole body, and there is one
   *  From: only. unknown: a key could not be asked for. */
  aligned: boolean | 'unknown'
}

export type MailAuth = {
  /** Never throws, whatever the bytes are; takes seconds at most. The same mail is asked for once while it is remembered. */
  verify(raw: Buffer): Promise<MailProof>
}
