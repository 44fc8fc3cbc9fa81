// Text that fits a mail: RFC 5322 §2.1.1 allows 78 columns; of 76 and less, MIME needs no encoding (RFC 2045 §6.7). Used by replies, after their template was rendered.
//
// The rule: lines that begin in the first column are prose; a paragraph of them is filled. Lines that are indented are data
// (names, log lines, commands): each stays a line, and one that is too long goes on below itself, two columns further in. An address
// or a Message-ID is never broken.
import stringWidth from 'string-width'

/** Columns of a line in a mail. */
export const mailWidth = 76
/** Prose is easier to read, and to quote, when it is narrower. */
const proseWidth = 72

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

const widths = new Map<string, number>()
const maxWidths = 4096

/** Remembered: a hostile log is long, but has few different characters; one that has many is forgotten again. */
const widthOf = (grapheme: string): number => {
  const known = widths.get(grapheme)
  if (known !== undefined) return known
  if (widths.size >= maxWidths) widths.clear()
  const width = stringWidth(grapheme)
  widths.set(grapheme, width)
  return width
}

/** Columns on a terminal: East Asian wide characters take two. */
const columns = (text: string): number => {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += widthOf(segment)
  return width
}

/** So many marks on one letter are writing; more are a tower that no column holds (and a row of a million bytes). */
const towers = /(\p{M}{4})\p{M}+/gu

/** Code units of a row: what takes no column has bytes, too, and a line may have 998 of them (RFC 5322 §2.1.1). */
const longest = 300
/** What is one character for people; more is somebody's trick. */
const longestGrapheme = 60
const pieceOfTrick = /.{1,30}/gsu

/** A word that is too wide or too long, cut between characters as people see them. */
const cut = (word: string, width: number): string[] => {
  const pieces: string[] = []
  let [piece, used] = ['', 0]
  const add = (some: string): void => {
    const more = widthOf(some)
    if (piece !== '' && (used + more > width || piece.length + some.length > longest)) {
      pieces.push(piece)
      ;[piece, used] = ['', 0]
    }
    piece += some
    used += more
  }
  for (const { segment } of graphemes.segment(word))
    for (const some of segment.length > longestGrapheme ? (segment.match(pieceOfTrick) ?? []) : [segment])
      add(some)
  return [...pieces, piece]
}

/** Of a sentence: around an address it belongs to the word. */
const [opening, closing] = [/^["'(<[]{1,3}/, /[\])>"'.,;:!?]{1,4}$/]

/** Broken, it would lead nowhere. Mail programs that must break it encode it so that it is whole again. */
const isAddress = (word: string): boolean => {
  if (word.length > 510) return false
  const bare = word.replace(opening, '').replace(closing, '')
  return (
    /^https?:\/\/[\x21-\x7e]{1,500}$/.test(bare) ||
    (word.includes('<') && word.includes('>') && /^[\x21-\x7e]{1,250}@[\x21-\x7e]{1,250}$/.test(bare))
  )
}

const fits = (text: string, width: number): boolean => text.length <= longest && columns(text) <= width

/** Rows of at most `width` columns, broken at spaces; a word that is wider is cut, an address is not. Spaces inside a row stay as
 *  they are. */
const rowsOf = (text: string, width: number): string[] => {
  const rows: { text: string; width: number }[] = []
  const words = text
    .split(' ')
    .flatMap(word => (fits(word, width) || isAddress(word) ? [word] : cut(word, width)))
  for (const word of words) {
    const last = rows.at(-1)
    const more = columns(word)
    if (last && last.width + 1 + more <= width && last.text.length + word.length < longest) {
      last.text += ` ${word}`
      last.width += 1 + more
    } else rows.push({ text: word, width: more })
  }
  return rows.map(row => row.text)
}

const indentOf = (line: string): string => /^ */.exec(line)?.[0] ?? ''

/** A data line as one line or more, none wider than `width` columns; the indentation is repeated, two deeper. */
export const fold = (line: string, width = mailWidth): string[] => {
  const flat = line.replaceAll('\t', '    ').replace(towers, '$1')
  if (fits(flat, width)) return [flat]
  const indent = indentOf(flat).slice(0, width / 2)
  const deeper = `${indent}  `
  const rows = rowsOf(flat.trimStart(), width - deeper.length)
  // Where it is broken may be the space between two columns.
  const filled = rows.filter(row => row.trim() !== '')
  return filled.map((row, i) => (i === 0 ? indent : deeper) + (i === 0 ? row : row.trimStart()).trimEnd())
}

/** A command as lines for a shell: goes on after a backslash where that cannot change its meaning. */
export const foldCommand = (command: string, width: number): string[] => {
  if (command.length <= width || /['"\\#]|\S{60}/.test(command)) return [command]
  const rows = rowsOf(command, width - 6)
  return rows.map((row, i) => (i === 0 ? '' : '    ') + row + (i < rows.length - 1 ? ' \\' : ''))
}

/** Quoted words may come to stand at the start of a row: there they must not be a command to a bot, a quotation, or mbox's `From `. */
const harmless = (row: string): string => (/^(?:[#@.>]|--|From )/.test(row) ? ` ${row}` : row)

/** A rendered mail: prose filled, data folded, no more than one empty line in a row, none at the ends. */
export const fitMail = (text: string): string[] => {
  const lines: string[] = []
  let prose: string[] = []
  const fill = (): void => {
    if (prose.length > 0) lines.push(...rowsOf(prose.join(' '), proseWidth).map(harmless))
    prose = []
  }
  for (const line of text.split('\n').map(line => line.trimEnd().replace(towers, '$1'))) {
    if (line !== '' && !line.startsWith(' ')) {
      prose.push(line)
      continue
    }
    fill()
    if (line !== '') lines.push(...fold(line))
    else if (lines.length > 0 && lines.at(-1) !== '') lines.push('')
  }
  fill()
  while (lines.at(-1) === '') lines.pop()
  return lines
}
