// What an SMTP conversation that failed means for the mail: nodemailer's errors → Faults.

import { z } from 'zod'
import { Fault, type FaultKind, type Retry } from '../../model/fault.ts'
import { collapsed } from '../../text/clean.ts'

/** How far a conversation got: before the server let us in, with the envelope, or with every byte of the mail handed over. */
export type Progress = { at: 'connecting' | 'talking' | 'sent' }

/** The parts of nodemailer's errors that are looked at. */
const Refusal = z.object({ responseCode: z.number().optional().catch(undefined) })
const SmtpError = Refusal.extend({
  code: z.string().optional().catch(undefined),
  rejectedErrors: z.array(Refusal).optional().catch(undefined),
}).catch({})
type SmtpError = z.infer<typeof SmtpError>

const loginCodes = new Set(['EAUTH', 'ENOAUTH', 'EOAUTH2'])
/** RFC 4954 §6: they speak of who we are, not of the mail. */
const loginAnswers = new Set([530, 534, 535, 538])
const lostCodes = new Set([
  'ECONNECTION',
  'ESOCKET',
  'ETIMEDOUT',
  'EDNS',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPROTOCOL',
])

/** Node's and OpenSSL's words: nodemailer's code is that of any lost connection. */
const speaksOfTls = /certificate|self[- ]signed|altnames|\b(?:tls|ssl)\b|wrong version number/i

const inWords = (error: unknown): string => collapsed(error instanceof Error ? error.message : String(error))

export const smtpFault = (error: unknown, place: string, { at }: Progress): Fault => {
  if (error instanceof Fault) return error
  const details = SmtpError.parse(error)
  const fault = (kind: FaultKind, retry: Retry, words: string, remedy?: string): Fault =>
    new Fault(kind, retry, `${place}: ${words}`, {
      cause: error,
      ...(remedy === undefined ? {} : { remedy }),
    })
  const words = inWords(error)
  const code = details.code ?? ''
  if (loginCodes.has(code)) return fault('refused', 'later', words, remedies.login)
  if (code === 'ETLS' || (at === 'connecting' && speaksOfTls.test(words))) {
    const [plain, remedy] = tlsMeaning(words)
    return fault('refused', 'later', plain, remedy)
  }
  const answer = answerCode(details)
  if (loginAnswers.has(answer)) return fault('refused', 'later', words, remedies.login)
  if (answer >= 400 && at === 'connecting') return fault('refused', 'later', words, remedies.greeting)
  if (answer >= 400) return fault('refused', answer >= 500 ? 'never' : 'later', words)
  if (at === 'sent')
    return fault('timeout', 'later', `handed over, but no answer came: ${words}`, remedies.sent)
  return lostCodes.has(code)
    ? fault('unreachable', 'soon', words, remedies.lost)
    : fault('refused', 'never', words)
}

const remedies = {
  login: 'check user and password or token in mail.smtp: the server does not accept them',
  tls: "check mail.smtp: whether the port wants `secure`, and whether the server's certificate is valid for the host; `ca` names the authority that signed it, if that is your own",
  authority: 'name the file of the authority that signed it (PEM) as `ca` in mail.smtp, or check that file',
  greeting: 'ask the operator of the mail server why it turns this host away',
  sent: 'look on the list whether the mail arrived before it is sent again',
  lost: 'check that the mail server runs, and host and port in mail.smtp',
}

/** OpenSSL's words for the mistakes that are made most, as an operator understands them; and what to do. */
const tlsMeaning = (words: string): [words: string, remedy: string] => {
  if (/wrong version number|packet length too long/i.test(words))
    return ['the server speaks no TLS here', 'say `secure: false` in mail.smtp: the port begins without TLS']
  if (/unable to (?:verify|get)|self[- ]signed|unknown ca/i.test(words))
    return ["nobody who is trusted has signed the server's certificate", remedies.authority]
  return [words, remedies.tls]
}

/** The server's reply code (RFC 5321 §4.2); 0: none came. Where one of several recipients may be taken later, all wait. 503 speaks of the session, not of the mail. */
const answerCode = ({ responseCode, rejectedErrors }: SmtpError): number => {
  const codes = (rejectedErrors ?? [{ responseCode }])
    .map(one => one.responseCode ?? 0)
    .filter(code => code > 0)
  if (codes.length === 0) return 0
  return codes.some(code => code < 500 || code === 503) ? 451 : Math.max(...codes)
}
