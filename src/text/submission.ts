// Is the diff in an answer a patch that somebody submits, or a remark? Part of receive: an answer is a patch only where its own words say so.
import type { Address, MessageId } from '../model/mail.ts'
import { readAddress } from './author.ts'

/** A diff begins here: git's, a plain one, cvs's. Quoted ones do not match. */
export const diffStart = /^(?:diff --git |Index: \S|--- \S.*\n\+\+\+ \S|GIT binary patch$)/m

/** What a patch that is enclosed in an answer says of itself. */
export type Enclosed = {
  /** The subject that stands above its message, with its brackets. */
  subject: string | undefined
  author: Address | undefined
  /** Several patches, each made by `git format-patch`, are in or attached to the one mail; git takes them for one. */
  several: boolean
}

/** Ids that `git send-email`, `git format-patch --thread` and b4 make. */
const gitId = /-git-send-email-|\.git\.|^<\d{14}\.\d+-\d+-|^<\d{8}-[\w.-]+-v\d+-\d+-[0-9a-f]+@/

export const sentByGit = (messageId: MessageId | undefined): boolean => gitId.test(messageId ?? '')

const formatPatchLine = /^From [0-9a-f]{40} /
/** As in git's mailinfo.c: perforation with a pair of scissors in it. */
const isScissors = (line: string): boolean =>
  line.length <= 200 &&
  /(?:>[8%]|[8%]<)/.test(line) &&
  /^[\s\->8%<]+$/.test(line.replace(/\bcut here\b/i, ' '))
/** Below it stands somebody else's mail without quotation marks. */
const foreign =
  /^(?:-{2,} ?(?:Original Message|Forwarded message|Original-Nachricht|Ursprüngliche Nachricht|原始邮件) ?-{2,}|_{20,}|Begin forwarded message:)\s*$/i
const outlookHeader = /^From: .*\n(?:Sent: .*|Date: .*\nTo: )/m

/** `From:`, `Date:`, `Subject:` at the top of a message; a bare `[PATCH] title` is a subject too. */
const ownHeaders = (lines: string[]): Pick<Enclosed, 'subject' | 'author'> => {
  let subject: string | undefined
  let author: Address | undefined
  let inSubject = false
  for (const line of lines.slice(lines.findIndex(each => each.trim() !== ''))) {
    const header = /^(From|Subject|Date): (.{1,500})$/i.exec(line)
    if (header?.[1] === undefined) {
      if (inSubject && /^[ \t]+\S/.test(line)) subject = `${subject} ${line.trim()}`.slice(0, 1000)
      else if (subject === undefined && /^\[PATCH\b/i.test(line)) subject = line.slice(0, 500)
      else break
    } else {
      inSubject = /^subject$/i.test(header[1])
      if (inSubject) subject = header[2]
      else if (/^from$/i.test(header[1])) author = readAddress(header[2] ?? '')
    }
  }
  return { subject, author }
}

/**
 * The patch that an answer submits; undefined where its diff is a remark. An answer submits a patch if git sent it, or if an unquoted
 * diff has a message of its own that is signed off and ends with `---`, or that begins with its own `Subject:` below a scissors line.
 * A bare diff below "how about this?" is none, nor is anything that is quoted.
 */
export const enclosedPatch = (text: string, messageId: MessageId | undefined): Enclosed | undefined => {
  const start = diffStart.exec(text)
  if (start === null) return undefined
  const before = text.slice(0, start.index).split('\n')
  if (before.some(line => foreign.test(line)) || outlookHeader.test(text.slice(0, start.index)))
    return undefined
  const from = before.findLastIndex(
    line => formatPatchLine.test(line) || isScissors(line) || /^[>|]/.test(line),
  )
  const cut = from >= 0 && isScissors(before[from] ?? '')
  const own = before.slice(from + 1)
  const headers = ownHeaders(own)
  const signed = own.findLastIndex(line => /^Signed-off-by: \S/i.test(line))
  const complete = signed >= 0 && own.slice(signed).some(line => /^---\s*$/.test(line))
  const several = (text.match(/^From [0-9a-f]{40} /gm) ?? []).length > 1
  return sentByGit(messageId) || complete || (cut && headers.subject !== undefined)
    ? { ...headers, several }
    : undefined
}
