// Who may do what by mail: the configuration's rules, and what it takes to be sure who asks. Pure.

import { type Command, isForOperators, proofAgeMs, proofAheadMs, type Request } from '../../model/command.ts'
import type { Instant } from '../../model/instant.ts'
import type { Mail } from '../../model/mail.ts'
import type { Series } from '../../model/series.ts'
import { listed } from '../../model/words.ts'
import type { DkimSignature, MailProof } from '../../ports/mail-auth.ts'

/** `author`, `anyone`, an address, or `@domain`. */
export type Rules = Partial<Record<Request['do'], string[]>>

const fits = (rule: string, sender: string, series: Series | undefined): boolean => {
  const wanted = rule.toLowerCase()
  if (wanted === 'anyone') return true
  if (wanted === 'author') return series?.author.address.toLowerCase() === sender
  return wanted.startsWith('@') ? sender.endsWith(wanted) : sender === wanted
}

export const isOperator = (operators: string[], sender: string): boolean =>
  operators.some(rule => rule !== 'anyone' && rule !== 'author' && fits(rule, sender, undefined))

/** For everybody, about themselves or about nothing. */
const free: ReadonlySet<Request['do']> = new Set([
  ...(['subscribe', 'unsubscribe', 'confirm', 'unknown', 'too-many'] as const),
])

export type Asked = {
  request: Request
  /** Lower case. */
  sender: string
  series: Series | undefined
  rules: Rules
  operators: string[]
}

/** `who`: in words, to whom it is allowed. */
export const permit = ({
  request,
  sender,
  series,
  rules,
  operators,
}: Asked): { may: true } | { may: false; who: string } => {
  if (isOperator(operators, sender) || free.has(request.do)) return { may: true }
  if (isForOperators(request)) return { may: false, who: 'the operators' }
  const allowed = rules[request.do] ?? []
  return allowed.some(rule => fits(rule, sender, series))
    ? { may: true }
    : { may: false, who: sayRules(allowed) }
}

/** `the author of the series, anyone at example.org and the operators`. Single addresses are nobody's business. */
const sayRules = (rules: string[]): string => {
  const named = rules.filter(rule => rule !== 'author' && rule !== 'anyone' && !rule.startsWith('@'))
  const words = [
    ...(rules.includes('author') ? ['the author of the series'] : []),
    ...rules.filter(rule => rule.startsWith('@')).map(rule => `anyone at ${rule.slice(1)}`),
    ...(named.length > 0 ? ['some people whom the configuration names'] : []),
    'the operators',
  ]
  return listed(words)
}

/** What a command hangs on besides its text: where it stands tells what it is about. */
const isThreaded = ({ request }: Pick<Command, 'request'>): boolean =>
  ['cancel', 'retest', 'test', 'release', 'track', 'untrack'].includes(request.do)

const vouches = (signature: DkimSignature, given: ProofInput): boolean => {
  const { result, aligned, whole, uncovered, signedAt } = signature
  const { mail, command, now } = given
  if (result !== 'pass' || !aligned || !whole) return false
  const needed = [
    'from',
    'subject',
    'message-id',
    ...(isThreaded(command) ? ['in-reply-to', 'references'] : []),
  ]
  if (uncovered.some(name => needed.includes(name))) return false
  const when = signedAt ?? (uncovered.includes('date') ? undefined : mail.parsed?.date)
  return when !== undefined && now - when <= proofAgeMs && when - now <= proofAheadMs
}

type ProofInput = { mail: Mail; proof: MailProof; command: Command; now: Instant }

/** Do the mail's signatures prove that the sender wrote this, here, and lately? A Message-ID that is not signed could be a new one on an old
 *  mail; threading that is not signed could be another series. */
export const isProven = (given: ProofInput): boolean => {
  const { mail, proof, command } = given
  if (proof.aligned !== true || mail.parsed?.messageId === undefined) return false
  if (mail.parsed.from?.address.toLowerCase() !== command.sender) return false
  return proof.dkim.some(signature => vouches(signature, given))
}

/** Where an answer goes if the sender asks for it elsewhere: only what is signed counts. */
export const mayUseReplyTo = (proof: MailProof): boolean =>
  proof.aligned === true &&
  proof.dkim.some(
    ({ result, aligned, whole, uncovered }) =>
      result === 'pass' && aligned && whole && !uncovered.includes('reply-to'),
  )
