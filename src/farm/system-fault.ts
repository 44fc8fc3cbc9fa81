// What the operating system said to one of the farm's own file operations, as a Fault: no error number goes further up.
import { Fault, type FaultKind, type Retry } from '../model/fault.ts'

type Said = { kind: FaultKind; retry: Retry; words: string; remedy: string }

const full = 'make room there, or set farm.data to a larger disk'
const rights = 'give the user that the worker runs as the rights to all of farm.data'

/** errno(3) names that a person can do something about. */
const known: Record<string, Said> = {
  ENOSPC: { kind: 'exhausted', retry: 'later', words: 'no room is left on the disk', remedy: full },
  EDQUOT: { kind: 'exhausted', retry: 'later', words: "the user's disk quota is used up", remedy: full },
  EFBIG: { kind: 'exhausted', retry: 'later', words: 'the file would be too large', remedy: full },
  EMFILE: {
    ...{ kind: 'exhausted', retry: 'later', words: 'this process has too many files open' },
    remedy: 'raise the limit of open files (ulimit -n), or lower farm.slots',
  },
  ENFILE: {
    ...{ kind: 'exhausted', retry: 'later', words: 'this host has too many files open' },
    remedy: 'raise fs.file-max (sysctl)',
  },
  ENOMEM: {
    ...{ kind: 'exhausted', retry: 'later', words: 'this host is out of memory' },
    remedy: 'lower farm.slots or farm.memory',
  },
  EAGAIN: {
    ...{ kind: 'exhausted', retry: 'later', words: 'no more processes can be started' },
    remedy: 'raise the limit of processes (ulimit -u), or lower farm.slots',
  },
  EACCES: { kind: 'refused', retry: 'later', words: 'permission denied', remedy: rights },
  EPERM: { kind: 'refused', retry: 'later', words: 'not permitted', remedy: rights },
  EROFS: {
    ...{ kind: 'refused', retry: 'later', words: 'the file system is read-only' },
    remedy: 'look into the kernel log (dmesg) for errors of the disk',
  },
  EIO: {
    ...{ kind: 'unreachable', retry: 'later', words: 'the disk failed (I/O error)' },
    remedy: 'look into the kernel log (dmesg) for errors of the disk',
  },
}

/** The same error, but as a Fault that names the file, if it came from the operating system; any other error as it is. */
export const systemFault = (error: unknown, what: string): unknown => {
  if (!(error instanceof Error) || error instanceof Fault || !('code' in error)) return error
  const said = known[String(error.code)]
  if (said) {
    const { kind, retry, words, remedy } = said
    return new Fault(kind, retry, `${what}: ${fileOf(error)}${words}`, { cause: error, remedy })
  }
  // Others that have an error number: no remedy is known, but they are ours as well.
  if (!('errno' in error) || !('syscall' in error)) return error
  return new Fault('refused', 'soon', `${what}: ${error.message}`, { cause: error })
}

const fileOf = (error: Error): string => ('path' in error && error.path ? `${error.path}: ` : '')

/** The promise's value; an error of the operating system as a Fault that begins with `what`. */
export const asFault = async <T>(what: string, promise: Promise<T>): Promise<T> => {
  try {
    return await promise
  } catch (error) {
    throw systemFault(error, what)
  }
}
