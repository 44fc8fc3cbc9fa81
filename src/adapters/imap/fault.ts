// What an IMAP conversation that failed means for us, and what a person can do about it: imapflow's errors → Faults.

import { z } from 'zod'
import type { ImapSourceConfig } from '../../config/config.ts'
import { Fault, type FaultKind, type Retry } from '../../model/fault.ts'
import { collapsed } from '../../text/clean.ts'

/** The parts of imapflow's errors that are looked at. */
const Trouble = z
  .object({
    code: z.string().optional().catch(undefined),
    /** NO or BAD: the server's answer to a command. */
    responseStatus: z.string().optional().catch(undefined),
    responseText: z.string().optional().catch(undefined),
    serverResponseCode: z.string().optional().catch(undefined),
    authenticationFailed: z.boolean().optional().catch(undefined),
    mailboxMissing: z.boolean().optional().catch(undefined),
    tlsFailed: z.boolean().optional().catch(undefined),
  })
  .catch({})

/** For people: user, server and mailbox. */
export const placeOf = ({ login, host, port, mailbox }: ImapSourceConfig): string =>
  `imap ${login.user}@${host}:${port}, ${mailbox}`

/** Did the server answer a command with a clear no? Then the connection can be used further. */
export const isAnswer = (error: unknown): boolean =>
  ['NO', 'BAD'].includes(Trouble.parse(error).responseStatus ?? '')

const unknownSigner = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
])
const late = new Set(['CONNECT_TIMEOUT', 'GREETING_TIMEOUT', 'UPGRADE_TIMEOUT', 'ETIMEOUT', 'ETIMEDOUT'])
const nobody = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
])

type Meaning = { kind: FaultKind; retry: Retry; words: string; remedy?: string }

/** The Fault for an error of imapflow; a Fault stays as it is. */
export const imapFault = (error: unknown, config: ImapSourceConfig): Fault => {
  if (error instanceof Fault) return error
  const { kind, retry, words, remedy } = meaningOf(error, config)
  return new Fault(kind, retry, `${placeOf(config)}: ${words}`, {
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  })
}

const meaningOf = (error: unknown, config: ImapSourceConfig): Meaning => {
  const { code = '', ...said } = Trouble.parse(error)
  const text = oneLine(said.responseText ?? (error instanceof Error ? error.message : String(error)))
  if (said.authenticationFailed) return loginMeaning(said.serverResponseCode, text, config)
  if (said.mailboxMissing)
    return {
      kind: 'refused',
      retry: 'later',
      words: 'there is no such mailbox',
      remedy: `check \`mailbox\` in the configuration, or make it on the server; ${config.login.user} must be allowed to see it`,
    }
  const tls = tlsMeaning(code, said.tlsFailed === true, config)
  if (tls !== undefined) return tls
  if (late.has(code)) return { kind: 'timeout', retry: 'soon', words: 'the server did not answer in time' }
  if (nobody.has(code))
    return {
      kind: 'unreachable',
      retry: 'soon',
      words: `nobody answers (${code})`,
      remedy: 'check that the mail server runs, and `host` and `port` in the configuration',
    }
  if (said.responseStatus !== undefined)
    return { kind: 'refused', retry: 'later', words: `the server says ${said.responseStatus}: ${text}` }
  return { kind: 'unreachable', retry: 'soon', words: `the connection was lost: ${text}` }
}

const loginMeaning = (answer: string | undefined, text: string, { login }: ImapSourceConfig): Meaning => {
  // RFC 5530: the server itself cannot check it now.
  if (answer === 'UNAVAILABLE')
    return { kind: 'unreachable', retry: 'soon', words: `nobody can log in now: ${text}` }
  const remedy =
    'token' in login
      ? `renew the access token of ${login.user}: it is read anew from its file at each login`
      : `check user and password of ${login.user}; some providers take only a token, or a password made for one program`
  return { kind: 'refused', retry: 'later', words: `the login was refused: ${text}`, remedy }
}

const tlsMeaning = (code: string, tlsFailed: boolean, config: ImapSourceConfig): Meaning | undefined => {
  const refused = (words: string, remedy: string): Meaning => ({
    kind: 'refused',
    retry: 'later',
    words,
    remedy,
  })
  if (unknownSigner.has(code))
    return refused(
      "nobody who is trusted has signed the server's certificate",
      config.ca === undefined
        ? 'name the file of the authority that signed it (PEM) as `ca`'
        : `check that ${config.ca} holds the authority that signed it`,
    )
  if (code === 'CERT_HAS_EXPIRED') return refused("the server's certificate has expired", 'renew it')
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return refused(
      `the server's certificate is not for ${config.host}`,
      'give `host` as it stands in the certificate',
    )
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return refused(
      'the server speaks no TLS here',
      config.secure
        ? 'say `secure: false` for a port that begins without TLS, as 143 does'
        : 'check `port`: TLS could not be started on it',
    )
  if (tlsFailed)
    return refused(
      'the server offers no STARTTLS, and without TLS no password leaves this host',
      'say `secure: true` with the port for it, mostly 993',
    )
  return undefined
}

const oneLine = (text: string): string => collapsed(text).slice(0, 200)
