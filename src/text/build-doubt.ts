// Is it plainly the code that does not build? Else it may be the machine, and another clone has to have its say. Used by the run stage.
import { logLines } from './clean.ts'

/** A compiler names a place in a file of the tree (`src/x.c:3:5: error: …`); a linker, what is missing or there twice; rustc, its error's number. */
const complaints = [
  /^(?!\s)[^\s:/][^:]{0,300}:\d+(?::\d+)?: (?:fatal )?(?:error|Error)\b/,
  /^\/grapevine\/[^:]{1,300}:\d+(?::\d+)?: (?:fatal )?(?:error|Error)\b/,
  /^[^\s:()][^:()]{0,300}\(\d+(?:,\d+)?\) ?: (?:fatal )?error [A-Z]+\d+\b/,
  /: (?:more )?undefined reference to [`'‘]/,
  /: multiple definition of [`'‘]/,
  /\bundefined symbol: \S/,
  /\bunresolved external symbol \S/,
  /^error\[E\d+\]: /,
  /^(?:\.\/)?[\w./-]{1,300}\.go:\d+:\d+: \S/,
]

/** What a machine in trouble says, and what programs say when their own files are damaged. Seen once too often it costs another run, and no more. */
const signs = [
  /\binternal compiler error\b|\bPLEASE submit a (?:full )?bug report\b|\bcompiler unexpectedly panicked\b/i,
  /\b(?:Killed|Segmentation fault|Bus error|Illegal instruction|Aborted|Floating point exception)\b/,
  /\bterminated (?:by )?signal\b|\bsignal: \d+|\bfatal signal\b/i,
  /\bNo space left on device\b|\bDisk quota exceeded\b|\bFile too large\b/,
  /\b(?:Cannot allocate memory|out of memory|virtual memory exhausted|memory exhausted|bad_alloc)\b/i,
  /\bcannot fork\b|\bfork: |\bvfork: |\bResource temporarily unavailable\b|\bToo many open files\b/i,
  /\bInput\/output error\b|\bRead-only file system\b|\bStructure needs cleaning\b|\bStale file handle\b/,
  /\bText file busy\b|\bBad file descriptor\b|\bExec format error\b|\bPermission denied\b/,
  /\bClock skew detected\b|\bmodification time .{0,60} in the future\b/,
  /\bcommand not found\b|: not found$|\bcannot execute\b|\bcannot exec\b/,
  /\bfile truncated\b|\bfile format not recognized\b|\bmalformed archive\b|\bfile not recognized\b/i,
  /\bunexpected end of file\b|\bUnterminated quoted string\b|\bmissing separator\b/i,
  /\bstray '\\(?:0|[0-7]{3})' in program\b|\bnull character(?:s|\(s\))? (?:ignored|preserved)\b/i,
  /\bCould not resolve host\b|\bConnection (?:refused|reset|timed out)\b|\bNetwork is unreachable\b/,
]

/** Errors of a header or library of the system are not told from its damage. */
const inSystem = /^\/(?!grapevine\/)[^:]{1,300}:\d+(?::\d+)?: (?:fatal )?error\b/

/** A long log is looked at from both ends. */
const maxLines = 10_000
const maxLength = 600

const looked = (log: string): string[] => {
  const lines = logLines(log)
  const some = lines.length <= 2 * maxLines ? lines : [...lines.slice(0, maxLines), ...lines.slice(-maxLines)]
  return some.map(line => line.slice(0, maxLength))
}

/**
 * Does a failed build's log hold a compiler's or linker's complaint about the code, and no sign of trouble of the machine? `exitCode`:
 * of the step. From 126 on it is the shell's word of a command that it could not run, or of a signal (POSIX.1-2024, 2.8.2).
 */
export const isPlainComplaint = (log: string, exitCode: number): boolean => {
  if (exitCode <= 0 || exitCode >= 126) return false
  const lines = looked(log)
  if (lines.some(line => inSystem.test(line) || signs.some(sign => sign.test(line)))) return false
  return lines.some(line => complaints.some(complaint => complaint.test(line)))
}
