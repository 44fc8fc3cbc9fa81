// What each line of a patch is, for its colour: told by the counts of the hunks' headers, so that no line of a message is taken for a change. Pure.

export type DiffKind = 'text' | 'file' | 'hunk' | 'added' | 'removed' | 'context'

export type DiffLine = { kind: DiffKind; text: string }

const hunkHeader = /^@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@/
const fileHeader =
  /^(?:diff --git |Index: |--- \S|\+\+\+ \S|index [0-9a-f]{4}|(?:old|new|deleted) (?:file )?mode |(?:rename|copy) (?:from|to) |similarity index )/

type Hunk = { old: number; now: number }

/** How a line counts within a hunk; undefined: it is none of its lines. */
const inHunk = (line: string, hunk: Hunk): DiffKind | undefined => {
  const sign = line[0] ?? ' '
  if (sign === '\\') return 'context'
  if (sign === '+' && hunk.now > 0) return 'added'
  if (sign === '-' && hunk.old > 0) return 'removed'
  return (sign === ' ' || line === '\r') && hunk.old > 0 && hunk.now > 0 ? 'context' : undefined
}

const counted = (kind: DiffKind, line: string, { old, now }: Hunk): Hunk =>
  line.startsWith('\\')
    ? { old, now }
    : { old: kind === 'added' ? old : old - 1, now: kind === 'removed' ? now : now - 1 }

/** All lines of a mail's text, in order. */
export const diffLines = (lines: string[]): DiffLine[] => {
  let hunk: Hunk = { old: 0, now: 0 }
  let isInDiff = false
  return lines.map((text, i) => {
    const kind = hunk.old > 0 || hunk.now > 0 || text.startsWith('\\') ? inHunk(text, hunk) : undefined
    if (isInDiff && kind !== undefined) {
      hunk = counted(kind, text, hunk)
      return { kind, text }
    }
    hunk = { old: 0, now: 0 }
    const header = isInDiff ? hunkHeader.exec(text) : null
    if (header) {
      hunk = { old: Number(header[1] ?? 1), now: Number(header[2] ?? 1) }
      return { kind: 'hunk', text }
    }
    const begins =
      /^(?:diff --git |Index: )/.test(text) ||
      (text.startsWith('--- ') && (lines[i + 1] ?? '').startsWith('+++ '))
    isInDiff ||= begins
    return { kind: begins || (isInDiff && fileHeader.test(text)) ? 'file' : 'text', text }
  })
}

/** The changes alone, fit to be compared with those of another version: without line numbers and ids of blobs. */
export const changesIn = (lines: string[]): string[] =>
  diffLines(lines)
    .filter(({ kind, text }) => kind !== 'text' && !text.startsWith('index '))
    .map(({ kind, text }) => (kind === 'hunk' ? text.replace(hunkHeader, '@@') : text))

/** What its author wrote above the changes. */
export const wordsIn = (lines: string[]): string[] => {
  const end = lines.findIndex(line => line === '---' || line.startsWith('diff --git '))
  return (end === -1 ? lines : lines.slice(0, end)).map(line => line.trimEnd())
}
