// What Bugzilla's errors mean for us. It says them in the body, whatever the status is: HTTP 200 and 201 carry errors, too.
import { Fault, type FaultKind, type Retry } from '../../model/fault.ts'
import { oneLine } from '../../text/clean.ts'

/** A clear answer with Bugzilla's number (Bugzilla/WebService/Constants.pm; a string in 5.3). */
export class Refusal extends Fault {
  readonly code: number
  constructor(code: number, retry: Retry, message: string, remedy?: string) {
    super('refused', retry, message, remedy === undefined ? {} : { remedy })
    this.code = code
  }
}

/** 101: no such bug · 100: no such alias · 102: it is restricted */
const goneCodes = new Set([100, 101, 102])
/** 300, 301: login · 306: key · 410: nobody is logged in. HTTP 401 says none of this: it is "not for you". */
const keyCodes = new Set([300, 301, 306, 410])
const notLoggedIn = 410
/** An error of Perl or of the database, like a deadlock. */
const uncaught = 100_500

/** Is the bug not there, or not for us to see? */
export const isGone = (error: unknown): boolean => error instanceof Refusal && goneCodes.has(error.code)

/** Did it not see our key? Nothing was done. */
export const isAnonymous = (error: unknown): boolean => error instanceof Refusal && error.code === notLoggedIn

/** Bugzilla's word `error: true`, as a Fault. `what`: what was asked, without the key. */
export const refusalOf = (
  what: string,
  { code, message }: { code: number; message: string },
  { name, login }: { name: string; login: string },
): Fault => {
  const says = `${what}: ${oneLine(message, 300)} (${code})`
  if (code >= uncaught && code < uncaught + 100)
    return new Fault('malformed', 'soon', `${says}; it may have been done or not`)
  if (keyCodes.has(code))
    return new Refusal(
      code,
      'later',
      says,
      `Make a new API key for ${login} in its preferences there, and put it where trackers.${name}.key says.`,
    )
  return new Refusal(code, 'never', says)
}

const statusKinds: Record<number, [FaultKind, Retry]> = {
  408: ['timeout', 'soon'],
  429: ['exhausted', 'later'],
  500: ['malformed', 'later'],
  502: ['unreachable', 'soon'],
  503: ['unreachable', 'soon'],
  504: ['timeout', 'soon'],
}

/** An answer that is not Bugzilla's: of a proxy, of its web server, or a page for people. */
export const strangeAnswer = (what: string, status: number, about: string): Fault => {
  const [kind, retry] = statusKinds[status] ?? (status < 400 ? ['malformed', 'later'] : ['refused', 'later'])
  return new Fault(kind, retry, `${what}: HTTP ${status}, and ${about}`, {
    ...(status < 400 || status === 404
      ? {
          remedy:
            'Is its url in the configuration the address where show_bug.cgi is? REST is looked for at rest/ below it.',
        }
      : {}),
  })
}

const neverReached = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'],
])

const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return codeOf(error.cause)
}

const wordsOf = (error: unknown): string =>
  oneLine(error instanceof Error ? error.message : String(error), 200)

/** No answer came. A write that had left may have been done: `timeout`. */
export const noAnswer = (
  what: string,
  error: unknown,
  { isWrite, key }: { isWrite: boolean; key: string },
): Fault => {
  const code = codeOf(error)
  // It may have stood in the address.
  const says = `${what}: ${wordsOf(error).replaceAll(key, '***')}${code === '' ? '' : ` (${code})`}`
  if (/CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO/.test(code))
    return new Fault('unreachable', 'later', says, {
      remedy:
        'If its certificate is of an authority of your own: ca, beside its url in the configuration, names the file.',
    })
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return new Fault('malformed', 'later', says)
  if (neverReached.has(code)) return new Fault('unreachable', 'soon', says)
  return isWrite
    ? new Fault('timeout', 'soon', `${says}; it may have been done or not`)
    : new Fault('unreachable', 'soon', says)
}
