// What the system's error codes mean for us. Used by every adapter that touches files or starts programs.
import { Fault, type FaultKind, type Retry } from '../model/fault.ts'

/** The `code` of a system error (errno(3)): `ENOENT`, `ENOSPC` …; undefined for anything else. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

type Meaning = { kind: FaultKind; retry: Retry; words: string; remedy: (path: string) => string }

const meanings: Record<string, Meaning> = {
  ENOENT: {
    kind: 'refused',
    retry: 'later',
    words: 'no such file or folder',
    remedy: path => `check the path in the configuration, or make ${path}`,
  },
  EACCES: {
    kind: 'refused',
    retry: 'later',
    words: 'permission denied',
    remedy: path => `let the user that runs grapevine access ${path}`,
  },
  EISDIR: {
    kind: 'refused',
    retry: 'later',
    words: 'is a folder',
    remedy: path => `name a file, not ${path}`,
  },
  ENOTDIR: {
    kind: 'refused',
    retry: 'later',
    words: 'a part of the path is not a folder',
    remedy: path => `check the path ${path}`,
  },
  EROFS: {
    kind: 'refused',
    retry: 'later',
    words: 'the file system is read-only',
    remedy: path => `choose a folder that can be written, or remount the one of ${path}`,
  },
  ENOSPC: {
    kind: 'exhausted',
    retry: 'later',
    words: 'no space left on the disk',
    remedy: path => `free space on the disk that holds ${path}`,
  },
  EDQUOT: {
    kind: 'exhausted',
    retry: 'later',
    words: 'the disk quota is used up',
    remedy: path => `free space or raise the quota for ${path}`,
  },
  EMFILE: {
    kind: 'exhausted',
    retry: 'soon',
    words: 'too many open files',
    remedy: () => 'raise the limit of open files (ulimit -n)',
  },
  ENOMEM: {
    kind: 'exhausted',
    retry: 'later',
    words: 'this host is out of memory',
    remedy: () => 'let it do less at once: fewer slots, or less memory for its guests',
  },
  EAGAIN: {
    kind: 'exhausted',
    retry: 'later',
    words: 'no more processes can be started',
    remedy: () => 'raise the limit of processes (ulimit -u), or let the host do less at once',
  },
  EIO: {
    kind: 'damaged',
    retry: 'later',
    words: 'the disk reports an input/output error',
    remedy: path => `check the disk that holds ${path}`,
  },
}

const synonyms: Record<string, string> = { EPERM: 'EACCES', ENFILE: 'EMFILE', ESTALE: 'EIO' }

/** The Fault for a failed system call. `doing`: what was tried, as a noun ("mbox", "blob store"); `path`: on what. A Fault stays as it is. */
export const errnoFault = (error: unknown, doing: string, path: string): Fault => {
  if (error instanceof Fault) return error
  const code = errnoOf(error)
  const meaning = code === undefined ? undefined : meanings[synonyms[code] ?? code]
  if (meaning !== undefined)
    return new Fault(meaning.kind, meaning.retry, `${doing} ${path}: ${meaning.words}`, {
      cause: error,
      remedy: meaning.remedy(path),
    })
  const words = error instanceof Error ? error.message : String(error)
  return new Fault('unreachable', 'later', `${doing} ${path}: ${words}`, { cause: error })
}
