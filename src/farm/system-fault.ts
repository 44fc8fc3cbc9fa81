// What the operating system said to one of the farm's own file operations or programs, as a Fault: no error number goes further up.
import { Fault } from '../model/fault.ts'
import { errnoFault } from '../text/errno.ts'

/** The same error, but as a Fault that names the file, if it came from the operating system; any other error as it is. */
export const systemFault = (error: unknown, what: string): unknown => {
  if (!(error instanceof Error) || error instanceof Fault || !('errno' in error)) return error
  const path = 'path' in error ? String(error.path) : 'farm.data'
  return errnoFault(error, `${what}:`, path)
}

/** The promise's value; an error of the operating system as a Fault that begins with `what`. */
export const asFault = async <T>(what: string, promise: Promise<T>): Promise<T> => {
  try {
    return await promise
  } catch (error) {
    throw systemFault(error, what)
  }
}
