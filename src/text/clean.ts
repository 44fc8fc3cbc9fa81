// Untrusted bytes made fit for people: logs of guests and words of mails. Used by every parser of logs, and by replies.
import { stripVTControlCharacters } from 'node:util'
import { cutEnd } from './cut-end.ts'

/** Longer lines of a log are cut: no rule of any format needs more, and regular expressions must stay quick. */
const maxLineLength = 2000

// C0 but tab, DEL, C1, the Unicode line breaks, and what turns the direction of text around or hides in it (CVE-2021-42574).
const unprintable =
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

/** What sets titles and links. Taken out first, each on its own: looking for the end of each of many that have none takes the square of their
 *  number. What is left in their place is unprintable, so that nothing new is made of what stood around them. */
const titles = /\u001b\](?:[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c))?/g

/** One line without terminal sequences, control and bidirectional characters; tabs stay, what is too long is cut and says so. */
export const cleanLine = (line: string, max = maxLineLength): string => {
  const short = line.length > 4 * max ? line.slice(0, 4 * max) : line
  const plain = stripVTControlCharacters(short.replace(titles, '\0')).replace(unprintable, '').toWellFormed()
  return plain.length > max || short !== line
    ? `${plain.slice(0, max).toWellFormed()} … (${line.length} characters)`
    : plain
}

/** White space of any kind, line breaks among it, as single blanks. */
export const collapsed = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** Words of a mail or a program, fit for a line of ours. */
export const oneLine = (text: string, max = 140): string => cleanLine(collapsed(text), max)

/** The lines of a log as a terminal would leave them: what a carriage return overwrote is gone. Index + 1 is the line number. */
export const logLines = (log: string): string[] => {
  const lines = log.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map(line => cleanLine(afterLastReturn(line)))
}

const afterLastReturn = (line: string): string => {
  const shown = cutEnd(line, '\r')
  return shown.slice(shown.lastIndexOf('\r') + 1)
}
