// Which files a patch touches, for planning and display. What is applied is the raw mail, by git in a guest; nothing is applied from here.
import type { FileChange } from '../model/mail.ts'

/** Where the counts of a hunk's header do not agree with its lines: wrapped, flowed or cut on the way. */
export type BrokenHunk = { file: string; line: number; why: string }
/** `strip`: leading folders that its names carry before those of the source; 0 for one that was made with --no-prefix, or by cvs. */
export type Diff = { files: FileChange[]; broken: BrokenHunk | undefined; strip: 0 | 1 }

type Draft = FileChange & { from?: string | undefined; to?: string | undefined; mode: boolean }

const hunkHeader = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/
const indexLine = /^index ([0-9a-f]{4,64})(?:,[0-9a-f]+)*\.\.([0-9a-f]{4,64})/

/** git quotes unusual names the way C does: octal bytes of UTF-8, and a few letters. */
const unquote = (name: string): string => {
  if (!/^".*"$/.test(name)) return name
  const letters: Record<string, number> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11 }
  const bytes = [...name.slice(1, -1).matchAll(/\\([0-7]{1,3})|\\(.)|([^\\]+)/gs)].map(
    ([, octal, escaped, plain]) =>
      octal !== undefined
        ? Buffer.from([Number.parseInt(octal, 8) & 255])
        : escaped !== undefined
          ? Buffer.from(letters[escaped] === undefined ? escaped : [letters[escaped]])
          : Buffer.from(plain ?? ''),
  )
  return Buffer.concat(bytes).toString('utf8')
}

/** The file name of a `---` or `+++` line: without the tab and date that diff(1) puts after it. */
const named = (rest: string): string => unquote((rest.split('\t', 1)[0] ?? '').trimEnd())

const isPrefixed = (name: string): boolean => /^[abciow]\//.test(name)
const isNull = (name: string | undefined): boolean => name === undefined || name === '/dev/null'

/** One leading folder off, as `git am` does, except where both names are the same without any: made with --no-prefix, or by cvs. */
const strip = (name: string, other: string | undefined): string =>
  name.startsWith('/') || (!isPrefixed(name) && (name === other || isNull(other)))
    ? name
    : name.replace(/^[^/]*\//, '')

/** `a/x y b/x y`: the same name twice, or two quoted ones; anything else is said again in rename lines. */
const gitNames = (rest: string): [string, string] | undefined => {
  const quoted = /^("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)$/.exec(rest)
  if (quoted !== null) return [unquote(quoted[1] ?? ''), unquote(quoted[2] ?? '')]
  const half = (rest.length - 1) / 2
  const [left, right] = [rest.slice(0, half), rest.slice(half + 1)]
  return Number.isInteger(half) && left.replace(/^a\//, '') === right.replace(/^b\//, '')
    ? [left, right]
    : undefined
}

/** Its names have no `a/` and `b/`, or whatever else stands for them. */
const isBare = ({ from, to }: Draft): boolean =>
  !(isNull(from) && isNull(to)) &&
  [isNull(from) || strip(from ?? '', to) === from, isNull(to) || strip(to ?? '', from) === to].every(
    bare => bare,
  )

const draft = (names: [string, string] | undefined): Draft => ({
  before: undefined,
  after: undefined,
  kind: 'modify',
  binary: false,
  blobs: undefined,
  added: 0,
  removed: 0,
  from: names?.[0],
  to: names?.[1],
  mode: false,
})

const finish = ({ from, to, mode, ...file }: Draft): FileChange => {
  const old = isNull(from) ? undefined : strip(from ?? '', to)
  const now = isNull(to) ? undefined : strip(to ?? '', from)
  const changed = file.added + file.removed > 0 || file.binary
  const kind =
    file.kind !== 'modify'
      ? file.kind
      : isNull(from)
        ? 'add'
        : isNull(to)
          ? 'delete'
          : mode && !changed
            ? 'mode'
            : 'modify'
  return {
    ...file,
    kind,
    before: kind === 'add' ? undefined : (file.before ?? old),
    after: kind === 'delete' ? undefined : (file.after ?? now),
  }
}

/** What a line between `diff` and the first hunk says; false if it belongs to no header. */
const readHeader = (line: string, file: Draft): boolean => {
  const moved = /^(rename|copy) (from|to) (.*)$/.exec(line)
  const index = indexLine.exec(line)
  if (moved !== null) {
    file.kind = moved[1] === 'copy' ? 'copy' : 'rename'
    if (moved[2] === 'from') file.before = unquote(moved[3] ?? '')
    else file.after = unquote(moved[3] ?? '')
  } else if (index !== null) file.blobs = { before: index[1] ?? '', after: index[2] ?? '' }
  else if (line.startsWith('new file mode ')) file.kind = 'add'
  else if (line.startsWith('deleted file mode ')) file.kind = 'delete'
  else if (/^(?:old|new) mode /.test(line)) file.mode = true
  else if (/^(?:GIT binary patch$|Binary files .* differ$)/.test(line)) file.binary = true
  else return /^(?:(?:dis)?similarity index |=+$|RCS file: |retrieving revision |diff )/.test(line)
  return true
}

/** Goes over the lines of one hunk from `at` on. Returns the line after it, and why it is broken, if it is. */
const readHunk = (
  lines: string[],
  at: number,
  want: { old: number; now: number; file: Draft },
): { next: number; why?: string } => {
  let { old, now } = want
  let next = at
  while (old > 0 || now > 0) {
    const line = lines[next]
    if (line === undefined) return { next, why: 'it ends in the middle of a hunk' }
    const sign = line[0] ?? ' '
    if (sign === '+') now -= 1
    else if (sign === '-') old -= 1
    else if (sign === ' ' || line === '\r') [old, now] = [old - 1, now - 1]
    else if (sign !== '\\') return { next, why: 'a line in a hunk is neither context nor added nor removed' }
    if (sign === '+') want.file.added += 1
    if (sign === '-') want.file.removed += 1
    if (old < 0 || now < 0) return { next, why: 'a hunk has more lines than its header says' }
    next += 1
  }
  return { next }
}

/** Two names that a file can have (4096 bytes, each as `\\ooo` if need be) and more; on megabytes the patterns of names run out of stack. */
const longestLine = 1 << 16

/** More are no patch that anybody could read; the rest is left out. */
export const maxFiles = 10_000

/**
 * Reads a patch: git's extended headers (renames, copies, modes, binary), plain `---`/`+++`, and `Index:` (cvs, svn, quilt).
 * Text around the diffs is skipped. Never throws. Ends after `maxFiles` files and one. `broken` is the first hunk that cannot be right.
 */
export const readDiff = (patch: string | Buffer): Diff => {
  const lines = (typeof patch === 'string' ? patch : patch.toString('utf8')).split('\n')
  if (lines.at(-1) === '') lines.pop()
  const drafts: Draft[] = []
  let broken: BrokenHunk | undefined
  let file: Draft | undefined
  /** The names are settled: a further `---` starts the next file. */
  let settled = true
  const start = (names: [string, string] | undefined): Draft => {
    settled = false
    const made = draft(names)
    drafts.push(made)
    return made
  }
  for (let at = 0; at < lines.length && drafts.length <= maxFiles; at += 1) {
    const line = (lines[at] ?? '').slice(0, longestLine).replace(/\r$/, '')
    const following = (lines[at + 1] ?? '').slice(0, longestLine)
    const hunk = file === undefined ? null : hunkHeader.exec(line)
    if (line.startsWith('diff --git ')) file = start(gitNames(line.slice(11)))
    else if (line.startsWith('Index: ')) file = start([line.slice(7).trim(), line.slice(7).trim()])
    else if (line.startsWith('--- ') && following.startsWith('+++ ')) {
      if (file === undefined || settled) file = start(undefined)
      file.from = named(line.slice(4))
      file.to = named(following.slice(4))
      settled = true
      at += 1
    } else if (hunk !== null && file !== undefined) {
      const want = { old: Number(hunk[1] ?? 1), now: Number(hunk[2] ?? 1), file }
      const read = readHunk(lines, at + 1, want)
      if (read.why !== undefined)
        broken ??= { file: finish(file).after ?? '', line: read.next + 1, why: read.why }
      settled = true
      at = read.next - 1
    } else if (file !== undefined && !settled) {
      if (!readHeader(line, file)) settled = !/^(?:literal|delta) \d+$/.test(line) && line !== ''
    }
  }
  const files = drafts.map(finish).filter(made => (made.before ?? made.after ?? '') !== '')
  return { files, broken, strip: drafts.length > 0 && drafts.every(isBare) ? 0 : 1 }
}

/** The files that a patch touches, in its order. */
export const parseDiff = (patch: string | Buffer): FileChange[] => readDiff(patch).files

const isUnsafe = (path: string): boolean => {
  const parts = path.split(/[/\\]/)
  return (
    path.includes('\0') ||
    /^(?:[/\\]|[a-z]:[/\\])/i.test(path) ||
    parts.includes('..') ||
    // git's own list (verify_path): what Windows and HFS+ take for .git
    parts.some(part =>
      /^(?:\.git|git~\d+)[\s.:]*$/i.test(
        part.replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, ''),
      ),
    )
  )
}

/** The first path that leads out of the source folder or into `.git`; undefined if there is none. */
export const unsafePath = (files: readonly FileChange[]): string | undefined =>
  files.flatMap(({ before, after }) => [before ?? '', after ?? '']).find(isUnsafe)
