// Words that go from a mail to a bug, or from a bug to a list: without addresses, without what everybody has read already.
import type { MessageId } from '../model/mail.ts'
import { collapsed, oneLine } from './clean.ts'
import { diffStart } from './submission.ts'

const address = /[^\s<>()[\]{}"',;:@|`]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}/gu

/** Longer words are no words; a rule must not look at them for long. */
const longestWord = 2000

const maskedWord = (word: string): string => {
  const cut = word.length > longestWord ? `${word.slice(0, longestWord).toWellFormed()}…` : word
  return cut.includes('@') && !cut.includes('://') ? cut.replace(address, '[address]') : cut
}

/** Without e-mail addresses: `Ann <ann@example.org>` becomes `Ann`. Links stay as they are. */
export const masked = (text: string): string =>
  text.replace(/\S+/g, maskedWord).replace(/(?: |^)<(?:mailto:)?\[address\]>/gm, '')

/** A name for people; '' and addresses are none. */
export const shownName = (name: string): string => {
  const clean = oneLine(masked(name).replaceAll('[address]', ' '), 60).replace(/^["'\s]+|["'\s]+$/g, '')
  return clean === '' || clean.includes('@') ? 'Somebody' : clean
}

const isQuote = (line: string): boolean => line.startsWith('>')

/** Of a longer quotation only its end is kept: that is what the answer below it is to. */
const mostQuoted = 12
const keptQuoted = 8

const shortQuote = (lines: string[]): string[] =>
  lines.length <= mostQuoted
    ? lines
    : [`> [… ${lines.length - keptQuoted} lines]`, ...lines.slice(-keptQuoted)]

const blocksOf = (lines: string[]): string[][] => {
  const blocks: string[][] = []
  for (const line of lines) {
    const last = blocks.at(-1)
    if (last && isQuote(last[0] ?? '') === isQuote(line)) last.push(line)
    else blocks.push([line])
  }
  return blocks
}

/** `On Monday Ann wrote:`, over one line or two. */
const isAttribution = (line: string): boolean =>
  line.length < 300 &&
  /^(?:On|Am|Le|El|In) .*:$|.{1,200} (?:wrote|writes|schrieb|a écrit|escribió):$/.test(line)

const withoutEmptyEnd = (lines: string[]): string[] => {
  const end = lines.findLastIndex(line => line.trim() !== '')
  return lines.slice(0, end + 1)
}

/** Without what is quoted behind the last word of its own, and with long quotations cut. */
const trimmedQuotes = (lines: string[]): string[] => {
  let kept = withoutEmptyEnd(lines)
  if (isQuote(kept.at(-1) ?? '')) {
    kept = withoutEmptyEnd(
      kept.slice(0, kept.findLastIndex(line => !isQuote(line) && line.trim() !== '') + 1),
    )
    if (isAttribution(kept.at(-1) ?? '')) kept = withoutEmptyEnd(kept.slice(0, -1))
  }
  return blocksOf(kept).flatMap(block => (isQuote(block[0] ?? '') ? shortQuote(block) : block))
}

const footers = [
  /^-- ?$/,
  /^_{20,}$/,
  /^You received this message because you are subscribed to/i,
  /^-----BEGIN PGP SIGNATURE-----$/,
]
const longestFooter = 20

/** A signature (RFC 3676 §4.3), or what a list puts below. */
const withoutFooter = (lines: string[]): string[] => {
  const at = lines.findIndex(
    (line, n) => n >= lines.length - longestFooter && footers.some(one => one.test(line)),
  )
  return at < 0 ? lines : lines.slice(0, at)
}

/** So much of a diff is part of what somebody says; more is a patch. */
const mostDiffLines = 60
const maxText = 200_000

const cleanLines = (text: string): string[] =>
  text
    .slice(0, maxText)
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2066-\u2069\ufeff]/g, '')
    .split('\n')
    .map(line => line.trimEnd())

/** What a mail says, for a bug: '' if that is nothing. `isPatch`: its diff is left out. */
export const mailWords = (text: string, isPatch: boolean): string => {
  const bounded = text.slice(0, maxText).replace(/\r\n?/g, '\n')
  const start = diffStart.exec(bounded)?.index ?? -1
  const diffLines = start < 0 ? 0 : bounded.slice(start).split('\n').length
  const cuts = start >= 0 && (isPatch || diffLines > mostDiffLines)
  const lines = cleanLines(cuts ? bounded.slice(0, start) : bounded).filter(
    line => !/^\/grapevine\b/i.test(line),
  )
  const said = trimmedQuotes(cuts ? lines : withoutFooter(lines))
  const words = masked(said.join('\n')).trim()
  return cuts ? `${words}\n\n(The patch itself is in the mail.)` : words
}

/** What a comment says, for a list; no line of it is a command to a bot, or ends the mail for a mail program. */
export const commentWords = (text: string): string => {
  const lines = trimmedQuotes(cleanLines(text)).map(sayReply)
  return masked(lines.join('\n'))
    .trim()
    .split('\n')
    .map(line => (/^(?:\/\S|-- ?$|From )/.test(line) ? ` ${line}` : line))
    .join('\n')
}

const replyLine = /^\(In reply to (?:(.{1,200}?) from )?comment #(\d{1,7})\)/

/** Bugzilla writes a login there where somebody has no name. */
const sayReply = (line: string): string => {
  const [whole = '', name, number] = replyLine.exec(line) ?? []
  if (number === undefined) return line
  const who = name === undefined || name.includes('@') ? '' : `${shownName(name)} from `
  return `(In reply to ${who}comment #${number})${line.slice(whole.length)}`
}

/** The comment that a comment answers, by its number. */
export const answered = (text: string): number | undefined => {
  for (const line of text.split('\n', 50)) {
    const number = replyLine.exec(line.slice(0, 400))?.[2]
    if (number !== undefined) return Number(number)
  }
  return undefined
}

/** What somebody wrote, and did not quote, with all white space the same: to see whether two texts are one. */
const plainWords = (text: string): string =>
  collapsed(
    cleanLines(text)
      // Who is answered is said in another way on the other side.
      .filter(line => !isQuote(line) && !replyLine.test(line))
      .map(masked)
      .join(' '),
  )

const comparedLength = 200

/** So much of a text is looked through for its first words. */
const mostSought = 20_000

/** Does a text hold the words of others, unquoted? Of a long one its beginning counts, as the rest may be cut. */
export const wordsIn = (whole: string): ((part: string) => boolean) => {
  let all: string | undefined
  return part => {
    const words = plainWords(part.slice(0, mostSought)).slice(0, comparedLength).trim()
    if (words === '') return false
    all ??= plainWords(whole)
    return all.includes(words)
  }
}

export const holdsWords = (whole: string, part: string): boolean => wordsIn(whole)(part)

const maxIds = 20

const decodedWord = (word: string): string => {
  try {
    return decodeURIComponent(word)
  } catch {
    return word
  }
}

/** Message-IDs that a text names outside of quotations, as they stand or in links to an archive. */
export const namedIds = (text: string): MessageId[] => {
  const lines = text
    .slice(0, maxText)
    .split('\n')
    .filter(line => !isQuote(line) && (line.includes('@') || line.includes('%40')))
  const words = lines.flatMap(line => line.slice(0, longestWord).split(/[\s<>()"]+/))
  const parts = words
    .filter(word => word.includes('@') || word.includes('%40'))
    .slice(0, maxIds)
    .flatMap(word => word.split('/').filter(part => part.includes('@') || part.includes('%40')))
  return [...new Set(parts.map(part => `<${decodedWord(part)}>`))]
}

/** Rendered lines with what must stay whole, links, in place of those that name it in brackets: `[comment]`. */
export const withRaw = (lines: string[], raw: Record<string, string>): string[] =>
  lines.map(line => {
    const name = /^( *)\[([a-z-]+)\]$/.exec(line)
    const text = name && raw[name[2] ?? '']
    return text ? `${name[1]}${text}` : line
  })
