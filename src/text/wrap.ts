// Text that fits a mail: 78 columns (RFC 5322 §2.1.1). Used by replies, after their template was rendered.
//
// The rule: lines that begin in the first column are prose; a paragraph of them is filled. Lines that are indented are data
// (names, log lines, commands): each stays a line, and one that is too long goes on below itself, two columns further in.
import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

/** Columns of a line in a mail. */
export const mailWidth = 78
/** Prose is easier to read, and to quote, when it is narrower. */
const proseWidth = 72

const indentOf = (line: string): string => /^ */.exec(line)?.[0] ?? ''

/** A data line as one line or more, none wider than `width` columns; the indentation is repeated, two deeper. */
export const fold = (line: string, width = mailWidth): string[] => {
  const flat = line.replaceAll('\t', '    ')
  if (stringWidth(flat) <= width) return [flat]
  const indent = indentOf(flat).slice(0, width / 2)
  const deeper = `${indent}  `
  const rows = wrapAnsi(flat.trimStart(), width - deeper.length, { hard: true, trim: false }).split('\n')
  return rows.map((row, i) => (i === 0 ? indent : deeper) + (i === 0 ? row : row.trimStart()))
}

/** A command as lines for a shell: goes on after a backslash where that cannot change its meaning. */
export const foldCommand = (command: string, width: number): string[] => {
  if (command.length <= width || /['"\\#]/.test(command)) return [command]
  const rows = wrapAnsi(command, width - 6, { hard: false, trim: true }).split('\n')
  return rows.map((row, i) => (i === 0 ? '' : '    ') + row + (i < rows.length - 1 ? ' \\' : ''))
}

/** A rendered mail: prose filled, data folded, no more than one empty line in a row, none at the ends. */
export const fitMail = (text: string): string[] => {
  const lines: string[] = []
  let prose: string[] = []
  const fill = (): void => {
    if (prose.length > 0) lines.push(...wrapAnsi(prose.join(' '), proseWidth, { hard: true }).split('\n'))
    prose = []
  }
  for (const line of text.split('\n').map(line => line.trimEnd())) {
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
