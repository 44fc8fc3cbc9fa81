// The DKIM signatures of a mail, checked by mailauth. Keys come from the DNS; an answer that does not come in time is `unknown`, for a while.
import { Resolver } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import type { Millis } from '../../model/instant.ts'
import type { DkimSignature, MailAuth, MailProof } from '../../ports/mail-auth.ts'
import { sha256 } from '../../text/digest.ts'

/** As `dns.promises.resolve`; throws errors with a `code` (ENOTFOUND, ENODATA, ETIMEOUT …). */
export type ResolveDns = (name: string, type: string) => Promise<string[][] | string[]>

const dnsTimeoutMs: Millis = 800
const dnsTries = 2
/** All signatures of a mail together, from when it was first asked about: a DNS that is dead holds nobody up for longer, and not twice. */
const verifyTimeoutMs: Millis = 2000
/** So long `unknown` is the answer before the DNS is asked again. */
const unknownForMs: Millis = 30_000
/** Whoever puts more on a mail is not helped: each may cost a question to the DNS. */
const maxSignatures = 8
/** A bigger mail carries no commands. */
const maxBytes = 10 << 20
const remembered = 500

/** The system's own servers, with short timeouts. */
export const systemDns = (): ResolveDns => {
  const resolver = new Resolver({ timeout: dnsTimeoutMs, tries: dnsTries })
  return async (name, type) => {
    if (type !== 'TXT') throw Object.assign(new Error(`DKIM needs no ${type} record`), { code: 'ENODATA' })
    return resolver.resolveTxt(name)
  }
}

type Results = Awaited<ReturnType<typeof dkimVerify>>
type Result = Results['results'][number]

/** Header names in their order, from the top of a mail to its first empty line. */
const headerNames = (raw: Buffer): string[] => {
  const end = /\r?\n\r?\n/.exec(raw.toString('latin1', 0, 1 << 20))?.index
  const top = raw.toString('latin1', 0, end ?? raw.length)
  return top.split(/\r?\n/).flatMap(line => {
    const name = /^([^\s:]{1,80})[ \t]*:/.exec(line)?.[1]
    return name === undefined ? [] : [name.toLowerCase()]
  })
}

const counted = (names: string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** `h=` names a header once for each time that it is signed, from the bottom up (RFC 6376 §5.4.2): what stands above those is not. */
const uncoveredHeaders = (keys: string, inMail: Map<string, number>): string[] => {
  const signed = counted(keys.split(':').map(name => name.trim().toLowerCase()))
  return [...inMail].filter(([name, times]) => (signed.get(name) ?? 0) < times).map(([name]) => name)
}

const resultOf = ({ status }: Result): DkimSignature['result'] => {
  // RFC 6376 §3.6.1, t=y: a domain that only tries DKIM out is treated as if it had not signed.
  if (status.result === 'pass') return 'testing' in status && status.testing ? 'none' : 'pass'
  return status.result === 'temperror' ? 'unknown' : status.result === 'none' ? 'none' : 'fail'
}

const toSignature = (result: Result, inMail: Map<string, number>): DkimSignature => {
  const total = result.canonBodyLengthTotal ?? 0
  const covered = result.canonBodyLength ?? 0
  const signedAt = result.signTime ? Date.parse(result.signTime) : Number.NaN
  return {
    domain: (result.signingDomain ?? '').toLowerCase(),
    result: resultOf(result),
    aligned: Boolean(result.status.aligned),
    uncovered: uncoveredHeaders(String(result.signingHeaders?.keys ?? ''), inMail),
    whole: result.canonBodyLengthLimited !== true || covered >= total,
    signedAt: Number.isNaN(signedAt) ? undefined : signedAt,
  }
}

const nothing: MailProof = { dkim: [], aligned: false }
const unknown: MailProof = { dkim: [], aligned: 'unknown' }

const isProof = ({ result, aligned, uncovered, whole }: DkimSignature): boolean =>
  result === 'pass' && aligned && whole && !uncovered.some(name => name === 'from' || name === 'subject')

const judge = (found: Results, names: string[]): MailProof => {
  const inMail = counted(names)
  const dkim = found.results
    .filter(result => result.signingDomain !== undefined)
    .map(result => toSignature(result, inMail))
  const oneAuthor = found.fromFields === 1 && found.headerFrom.length === 1
  if (!oneAuthor) return { dkim, aligned: false }
  if (dkim.some(isProof)) return { dkim, aligned: true }
  return { dkim, aligned: dkim.some(one => one.result === 'unknown' && one.aligned) ? 'unknown' : false }
}

const verifyOne = async (raw: Buffer, resolver: ResolveDns): Promise<MailProof> => {
  const names = headerNames(raw)
  const signatures = names.filter(name => name === 'dkim-signature').length
  if (signatures === 0 || signatures > maxSignatures || raw.length > maxBytes) return nothing
  // DKIM is over lines that end in CRLF (RFC 6376 §5.3); what a Maildir holds ends in LF.
  const wire = Buffer.from(raw.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1')
  // A big library, and only the bot looks at signatures.
  const { dkimVerify } = await import('mailauth/lib/dkim/verify.js')
  return judge(await dkimVerify(wire, { resolver, strict: true }), names)
}

type Asked = { proof: Promise<MailProof>; at: Millis; answer?: MailProof }

/** `unknown` if it takes too long; the answer that comes later is for who asks next. */
const within = async (ms: Millis, act: Promise<MailProof>): Promise<MailProof> => {
  const over = new AbortController()
  const late = sleep(Math.max(0, ms), unknown, { signal: over.signal })
  late.catch(() => {})
  try {
    return await Promise.race([act, late])
  } finally {
    over.abort()
  }
}

/** Verifies by the system's DNS, or by `resolve`. `now`: of a clock that never goes back, in milliseconds. */
export const dkimAuth = (given: { resolve?: ResolveDns; now?: () => Millis } = {}): MailAuth => {
  const { resolve = systemDns(), now = () => performance.now() } = given
  const known = new Map<string, Asked>()

  const ask = (key: string, raw: Buffer): Asked => {
    const oldest = known.size < remembered ? undefined : known.keys().next().value
    if (oldest !== undefined) known.delete(oldest)
    // Whatever a hostile mail provokes in the library is no proof.
    const asked: Asked = { proof: verifyOne(raw, resolve).catch(() => nothing), at: now() }
    asked.proof.then(answer => {
      asked.answer = answer
    })
    known.set(key, asked)
    return asked
  }
  /** The DNS may answer the next time. */
  const isOld = ({ answer, at }: Asked): boolean =>
    (answer === undefined || answer.aligned === 'unknown') && now() - at >= unknownForMs

  return {
    async verify(raw) {
      const key = sha256(raw)
      const before = known.get(key)
      const asked = before === undefined || isOld(before) ? ask(key, raw) : before
      return asked.answer ?? within(asked.at + verifyTimeoutMs - now(), asked.proof)
    },
  }
}
