// Who vouches for a mail: the DKIM signatures in it (RFC 6376). From: alone proves nothing.
import type { Instant } from '../model/instant.ts'

/** What one signature says. */
export type DkimSignature = {
  /** `d=`, lower case. */
  domain: string
  /** none: there is no signature, or one that counts as none · unknown: the key could not be asked for; another time it may. */
  result: 'pass' | 'fail' | 'none' | 'unknown'
  /** Its domain is that of From:, or of the same organisation (RFC 9989, relaxed). */
  aligned: boolean
  /** Lower-case names of headers of the mail that it does not cover, or not each of that name: somebody else may have put them there. */
  uncovered: string[]
  /** Covers the whole body; false for one with `l=` that leaves something out. */
  whole: boolean
  /** `t=`; undefined: it does not say. */
  signedAt: Instant | undefined
}

export type MailProof = {
  dkim: DkimSignature[]
  /** true: an aligned signature passes and covers From:, Subject: and the whole body, and From: is one address. unknown: there is an aligned
   *  one whose key could not be asked for. */
  aligned: boolean | 'unknown'
}

export type MailAuth = {
  /** Never throws, whatever the bytes are; takes seconds at most. A mail that was asked for lately is remembered. */
  verify(raw: Buffer): Promise<MailProof>
}
