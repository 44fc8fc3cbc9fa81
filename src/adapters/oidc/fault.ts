// What goes wrong between us and whoever vouches for people, as Faults.
import { Fault } from '../../model/fault.ts'
import { oneLine } from '../../text/clean.ts'
import { errnoOf } from '../../text/errno.ts'

const wordsIn = (error: unknown): string[] => {
  if (!(error instanceof Error)) return []
  const said = error as { error?: unknown; error_description?: unknown }
  const more = [said.error, said.error_description].filter(text => typeof text === 'string')
  return [...(more.length > 0 ? more : [error.message]), ...wordsIn(error.cause)]
}

const sayError = (error: unknown): string => oneLine([...new Set(wordsIn(error))].join(': '), 300)

const isTimeout = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'TimeoutError' || isTimeout(error.cause))

const hasErrno = (error: unknown): boolean =>
  errnoOf(error)?.match(/^(E[A-Z]+|UND_ERR_\w+|CERT_\w+|\w*CERT\w*)$/) != null ||
  (error instanceof Error && error.cause !== undefined && hasErrno(error.cause))

/** Of a request that failed, or of an answer that is not what it should be. */
export const loginFault = (who: string, error: unknown): Fault => {
  if (error instanceof Fault) return error
  const message = `log in by ${who}: ${sayError(error)}`
  if (isTimeout(error)) return new Fault('timeout', 'soon', message, { cause: error })
  if (hasErrno(error) || error instanceof TypeError)
    return new Fault('unreachable', 'soon', message, {
      ...{ cause: error, remedy: `check that ${who} can be reached from here` },
    })
  return new Fault('refused', 'never', message, { cause: error })
}
