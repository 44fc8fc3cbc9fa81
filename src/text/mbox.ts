// The lines of an mbox file: which of them part two mails, and how quoted ones are read (RFC 4155; mbox(5) of qmail).
import { findAsctime } from './arrival.ts'

/** mboxrd: every `>From `, `>>From ` … has one `>` too many · mboxo: only `>From ` has. */
export type Quoting = 'mboxrd' | 'mboxo'

// Senders as programs write them: an address, a commit id, "-", nothing, `"quoted local"@host`, and "name at host" of web archives.
const beforeDate = /^From\s+(?:(?:"[^"\n]*"\S*|\S+(?: at \S+)?)\s+)?$/
const longestSeparator = 1000

/** Is this line (without its line break) what parts two mails? Prose that starts with "From " is not: it has no sender and date. */
export const isSeparator = (line: string): boolean => {
  const date = line.length < longestSeparator ? findAsctime(line) : undefined
  return date !== undefined && beforeDate.test(line.slice(0, date.at))
}

const lf = 0x0a
const cr = 0x0d
const gt = 0x3e
const from = Buffer.from('From ')
const quotedFrom = Buffer.from('>From ')

/** Where the quoting of a line begins if it is quoted and must lose a `>`; `at` is where its "From " stands. */
const quoteStart = (bytes: Buffer, at: number, quoting: Quoting): number | undefined => {
  let start = at
  while (start > 0 && bytes[start - 1] === gt) start--
  const marks = at - start
  const lineStart = start === 0 || bytes[start - 1] === lf
  if (!lineStart || marks === 0 || (quoting === 'mboxo' && marks > 1)) return undefined
  return start
}

/** Takes the quoting off `>From ` lines. */
export const unquote = (bytes: Buffer, quoting: Quoting): Buffer => {
  const parts: Buffer[] = []
  let done = 0
  for (let at = bytes.indexOf(quotedFrom); at !== -1; at = bytes.indexOf(quotedFrom, at + 1)) {
    const start = quoteStart(bytes, at + 1, quoting)
    if (start === undefined) continue
    parts.push(bytes.subarray(done, start))
    done = start + 1
  }
  return done === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(done)])
}

/** The blank line before a separator belongs to the mbox, not to the mail. */
export const withoutBlankEnd = (bytes: Buffer): Buffer => {
  const n = bytes.length
  if (n >= 4 && bytes[n - 1] === lf && bytes[n - 2] === cr && bytes[n - 3] === lf)
    return bytes.subarray(0, n - 2)
  return n >= 2 && bytes[n - 1] === lf && bytes[n - 2] === lf ? bytes.subarray(0, n - 1) : bytes
}

const afterBlankLine = (bytes: Buffer, at: number): boolean =>
  bytes[at - 1] === lf && (bytes[at - 2] === lf || (bytes[at - 2] === cr && bytes[at - 3] === lf))

export type Found =
  | { kind: 'separator'; at: number; lineEnd: number }
  /** From `at` on the bytes may be the beginning of a separator; more are needed to tell. */
  | { kind: 'maybe'; at: number }
  | { kind: 'none' }

/** The next separator in `bytes` at or after `start`, after a blank line; `lineEnd` is just past its line break. */
export const findSeparator = (bytes: Buffer, start: number): Found => {
  for (let at = bytes.indexOf(from, start); at !== -1; at = bytes.indexOf(from, at + 1)) {
    if (!afterBlankLine(bytes, at)) continue
    const lineEnd = bytes.indexOf(lf, at)
    if (lineEnd === -1 && bytes.length - at < longestSeparator) return { kind: 'maybe', at }
    if (lineEnd === -1) continue
    if (isSeparator(bytes.toString('latin1', at, lineEnd).trimEnd()))
      return { kind: 'separator', at, lineEnd: lineEnd + 1 }
  }
  // "F", "Fr", "Fro", "From" at the very end: the line is still being written, or the next chunk goes on with it.
  for (let length = Math.min(from.length - 1, bytes.length - start); length > 0; length--) {
    const at = bytes.length - length
    if (afterBlankLine(bytes, at) && bytes.subarray(at).equals(from.subarray(0, length)))
      return { kind: 'maybe', at }
  }
  return { kind: 'none' }
}
