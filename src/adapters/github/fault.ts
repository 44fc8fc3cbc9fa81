// GitHub's refusals and silences as Faults. No message holds the token: it stands in a header only, and what the server says is cleaned.
import { Fault, type Retry } from '../../model/fault.ts'
import type { Instant } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'

/** A clear no, with the HTTP status. */
export class Refusal extends Fault {
  readonly status: number

  constructor(status: number, retry: Retry, message: string, remedy?: string) {
    super('refused', retry, message, remedy === undefined ? {} : { remedy })
    this.status = status
  }
}

/** Not there, deleted, moved, or not for us: GitHub does not tell these apart. */
export const isGone = (error: unknown): boolean =>
  error instanceof Refusal && [301, 302, 307, 308, 404, 410].includes(error.status)

/** undefined: what was asked for is not there. */
export const orGone = <T>(asked: Promise<T>): Promise<T | undefined> =>
  asked.catch(error => {
    if (isGone(error)) return undefined
    throw error
  })

export type Said = { status: number; headers: Record<string, unknown>; message: string }

const header = ({ headers }: Said, name: string): string => String(headers[name] ?? '')

const minute = 60_000

/** Until when nothing is to be asked; undefined: it is no matter of limits. GitHub says 403 or 429 for both kinds of limit, and of the
 *  secondary one not always how long it lasts: a minute at least. */
export const limitedUntil = (said: Said, now: Instant): Instant | undefined => {
  if (said.status !== 403 && said.status !== 429) return undefined
  const after = Number(header(said, 'retry-after'))
  if (header(said, 'retry-after') !== '' && after >= 0) return now + Math.min(after * 1000, 120 * minute)
  if (header(said, 'x-ratelimit-remaining') === '0') {
    const reset = Number(header(said, 'x-ratelimit-reset')) * 1000
    return Number.isFinite(reset)
      ? Math.max(now + 1000, Math.min(reset + 1000, now + 120 * minute))
      : now + minute
  }
  return said.status === 429 || /rate limit|abuse detection/i.test(said.message) ? now + minute : undefined
}

/** Nothing is asked before that moment: who goes on asking is shut out. */
export const limited = (name: string, until: Instant): Fault =>
  new Fault(
    'exhausted',
    'later',
    `${name}: GitHub takes no more requests before ${new Date(until).toISOString().slice(0, 19)}Z`,
  )

/** What a person can do, by who asks: with a token, or as an App. */
export type Remedies = { login: string; ca: string; api: string }

export const trackerRemedies: Remedies = {
  login:
    'Make a new token that may read and write issues of the repository, and put it where trackers.….token says.',
  ca: 'trackers.….ca names the authority that signed its certificate.',
  api: 'Is trackers.….api the base of the REST API? For GitHub Enterprise Server it ends in /api/v3.',
}

export type AskedOf = { what: string; isWrite: boolean; remedies: Remedies }

/** `what`: the name of who asks, and what was asked. */
export const refusalOf = ({ what, isWrite, remedies }: AskedOf, { status, message }: Said): Fault => {
  const says = `${what}: HTTP ${status}: ${oneLine(message, 300)}`
  if (status === 401) return new Refusal(status, 'later', says, remedies.login)
  if (status >= 300 && status < 400)
    return new Refusal(status, 'never', `${says}; it has moved, which is not followed`)
  if (status === 408 || status >= 500)
    return isWrite
      ? new Fault('timeout', 'soon', `${says}; it may have been done or not`)
      : new Fault('unreachable', 'soon', says)
  return new Refusal(status, 'never', says)
}

const neverReached = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'],
])

const causes = (error: unknown, depth = 0): Error[] =>
  error instanceof Error && depth < 5 ? [error, ...causes(error.cause, depth + 1)] : []

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '')

/** No answer came. Of a write that may have reached it, nobody knows whether it was done. */
export const noAnswer = ({ what, isWrite, remedies }: AskedOf, error: unknown): Fault => {
  const all = causes(error)
  const code = all.map(codeOf).find(one => one !== '') ?? ''
  const why = oneLine(all.at(-1)?.message ?? String(error), 200)
  const says = `${what}: ${why}${code === '' ? '' : ` (${code})`}`
  const isTls = /CERT|TLS|SSL|SIGNATURE/.test(code)
  if (isTls || neverReached.has(code))
    return new Fault('unreachable', isTls ? 'later' : 'soon', says, {
      ...(isTls ? { remedy: remedies.ca } : {}),
    })
  return isWrite
    ? new Fault('timeout', 'soon', `${says}; it may have been done or not`)
    : new Fault('unreachable', 'soon', says)
}
