// Which lines a change adds or alters, as they are numbered when all of its patches are in: for marks on the lines of a change. Reads what
// git itself wrote (`git format-patch`); what does not look so is skipped.

type Hunk = { old: number; oldCount: number; shift: number; kept: Map<number, number> }
type Lines = Map<string, Set<number>>

const hunkHeader = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@/

/** `a/…` or `b/…`; undefined: /dev/null, or a name that git quotes. */
const nameIn = (line: string): string | undefined => /^(?:---|\+\+\+) [ab]\/([^\t]*)/.exec(line)?.[1]

type Read = { hunk: Hunk; marked: number[]; next: number }

/** The hunk whose header is at `at`; undefined: there is none. */
const readHunk = (lines: readonly string[], at: number): Read | undefined => {
  const header = hunkHeader.exec(lines[at] ?? '')
  if (!header) return undefined
  const [old, oldCount, start, count] = [1, 2, 3, 4].map(n => Number(header[n] ?? 1))
  const hunk: Hunk = { old: old ?? 0, oldCount: oldCount ?? 0, shift: 0, kept: new Map() }
  hunk.shift = (count ?? 0) - hunk.oldCount
  const marked: number[] = []
  let [before, after, next, isGone] = [hunk.old, start ?? 0, at + 1, false]
  const [oldEnd, end] = [hunk.old + hunk.oldCount, (start ?? 0) + (count ?? 0)]
  // Where lines went and none came, those beside them are what changed.
  const beside = () => {
    if (isGone) marked.push(...[after - 1, after].filter(line => line > 0))
    isGone = false
  }
  for (; before < oldEnd || after < end; next++) {
    const sign = lines[next]?.[0] ?? ' '
    if (next >= lines.length || !'+- \\'.includes(sign)) break
    if (sign === '+') {
      marked.push(after++)
      isGone = false
    } else if (sign === '-') {
      before++
      isGone = true
    } else if (sign === ' ') {
      beside()
      hunk.kept.set(before++, after++)
    }
  }
  beside()
  return { hunk, marked, next }
}

/** Where a line is after the hunks; undefined: it is gone. */
const moved = (line: number, hunks: readonly Hunk[]): number | undefined => {
  let to = line
  for (const { old, oldCount, shift, kept } of hunks) {
    if (line >= old && line < old + oldCount) return kept.get(line)
    if (oldCount === 0 ? line > old : line >= old + oldCount) to += shift
  }
  return to
}

const addPatch = (known: Lines, patch: string): void => {
  const lines = patch.split('\n')
  let renamed: string | undefined
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const [, way, name = ''] = /^rename (from|to) (.*)$/.exec(line) ?? []
    if (way === 'from') renamed = name
    if (way === 'to' && renamed !== undefined) {
      known.set(name, known.get(renamed) ?? new Set())
      known.delete(renamed)
    }
    if (!line.startsWith('--- ') || !lines[at + 1]?.startsWith('+++ ')) continue
    const path = nameIn(lines[at + 1] ?? '')
    const hunks: Hunk[] = []
    const marked: number[] = []
    for (let read = readHunk(lines, at + 2); read; read = readHunk(lines, at + 1)) {
      hunks.push(read.hunk)
      for (const one of read.marked) marked.push(one)
      at = read.next - 1
    }
    if (path === undefined) continue
    const stay = [...(known.get(path) ?? [])].flatMap(one => moved(one, hunks) ?? [])
    known.set(path, new Set([...stay, ...marked]))
  }
}

/** By the name that each file has in the end. `patches`: in order, each on top of the one before. */
export const changedLines = (patches: readonly string[]): ReadonlyMap<string, ReadonlySet<number>> => {
  const known: Lines = new Map()
  for (const patch of patches) addPatch(known, patch)
  return known
}
