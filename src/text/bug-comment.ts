// A comment of ours as a bug gets it: fit for people, cut to what the tracker takes, and with a mark at its end by which it is found again.

/** C0 and C1 but tab and line feed, what turns the direction of text around, lone surrogates: trackers keep them as they come. */
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** The mark as it stands at the end of a comment. */
const markLine = (mark: string): string => `[${mark}]`

/** The mark that a comment ends with; undefined: none, so it is not one of ours. Marks in quoted text do not count. */
export const markOf = (comment: string): string | undefined => {
  const end = comment.trimEnd().slice(-202)
  return /\[([^\s[\]]{1,200})\]$/.exec(end)?.[1]
}

/** Text of others without what hides in it. */
const printable = (text: string): string =>
  text.replaceAll('\r\n', '\n').replace(unprintable, '').toWellFormed()

export type Marked = {
  mark: string
  /** Where all of it can be read, if only a part of it fits. */
  link: string | undefined
  /** At most so much, in the measure of `sizeOf`. */
  max: number
  /** What a character counts for. Default: 1. */
  sizeOf?: (character: string) => number
}

/** The longest start of the text that fits, ending with a whole line if one ends in its last quarter. */
const startOf = (text: string, max: number, sizeOf: (character: string) => number): string => {
  let [size, end] = [0, 0]
  for (const character of text) {
    size += sizeOf(character)
    if (size > max) {
      const line = text.lastIndexOf('\n', end)
      return text.slice(0, line > end * 0.75 ? line : end).trimEnd()
    }
    end += character.length
  }
  return text
}

/** The comment as it is written: the text, or its start and where the rest is; the mark stands alone on the last line. */
export const markedComment = (text: string, { mark, link, max, sizeOf = () => 1 }: Marked): string => {
  const whole = printable(text).trimEnd()
  const end = whole === '' ? markLine(mark) : `\n\n${markLine(mark)}`
  const room = max - end.length
  if (startOf(whole, room, sizeOf) === whole) return `${whole}${end}`
  const rest =
    link === undefined ? '(cut: it was too long)' : `(cut: it was too long; all of it: ${printable(link)})`
  return `${startOf(whole, room - rest.length - 2, sizeOf)}\n\n${rest}${end}`
}
