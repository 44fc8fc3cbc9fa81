// What a build warns of, by names that stay the same when lines move: for information in replies, never against a patch.
import { cleanLine, logLines } from './clean.ts'

/** More than these are not kept: the first ones in the alphabet, so that two builds keep the same. */
const maxWarnings = 300
const maxLength = 200
const maxLine = 600

const msbuild = /^ {0,40}(?:\d{1,4}>)? {0,40}| \[[^[\]]{1,300}proj(?:::[^[\]]{0,200})?\]\s{0,9}$/g
/** gcc, clang, gfortran, the assembler, make: `x.c:3:5: warning: … [-Wunused]`. */
const unix = /^(?!\s)([^\s:][^:]{0,300}):(\d+)(?::\d+)?: (?:Warning|warning): (.*)$/
/** cl, clang-cl: `src\x.c(3): warning C4101: …`. */
const microsoft = /^([^\s()][^()]{0,300})\((\d{1,7})(?:,\d{1,5})?\) ?: warning ?([A-Z]{1,5}\d{2,5})? ?: (.*)$/
/** `LINK : warning LNK4098: …`. */
const tool = /^([\w.-]{1,60}) : warning ([A-Z]{1,5}\d{2,5}) ?: (.*)$/
const linker = /^(?:\S*\/)?((?:ld|lld|mold)(?:[.-][\w.-]{1,20})?): (?:(?:\S{1,300}): )?warning: (.*)$/
const rustc = /^warning(?:\[[\w:]{1,60}\])?: (.*)$/
const rustPlace = /^ {0,9}--> ([^\s:][^:]{0,300}):(\d+):\d+$/
/** Counts of warnings, and words about words. */
const noise = /\bgenerated \d+ warnings?\b|^\d+ warnings? emitted|^build failed, waiting/
const temporary = /(?:\/tmp\/)?\bcc[A-Za-z0-9]{6}\.(?:o|s|ltrans\d*\.o)\b/g

type Warning = { name: string; file?: string | undefined; line?: number }

const at = (file = '', line = '', text = ''): Warning => ({
  name: `${file}: ${text}`,
  file,
  line: Number(line),
})

const warningIn = (line: string, next: string): Warning | undefined => {
  const own = unix.exec(line)
  if (own) return at(own[1], own[2], own[3])
  const windows = microsoft.exec(line)
  if (windows) return at(windows[1], windows[2], `${windows[3] ? `${windows[3]}: ` : ''}${windows[4]}`)
  const program = tool.exec(line)
  if (program) return { name: `${program[1]}: ${program[2]}: ${program[3]}` }
  const linked = linker.exec(line)
  if (linked) return { name: `${linked[1]}: ${linked[2]}` }
  const rust = rustc.exec(line)?.[1]
  if (rust === undefined || noise.test(rust)) return undefined
  const place = rustPlace.exec(next)
  return place ? at(place[1], place[2], rust) : { name: rust }
}

/** Lines of files in the tree, from and to, 1-based. */
export type ChangedLines = Map<string, [number, number][]>

/** What `git diff -U0` says is there now and was not before. */
export const changedLines = (diff: string): ChangedLines => {
  const changed: ChangedLines = new Map()
  let open: [number, number][] | undefined
  for (const line of diff.split('\n')) {
    const file = /^\+\+\+ b\/(.{1,4096}?)\t?$/.exec(line)?.[1]
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@/.exec(line)
    if (line.startsWith('diff --git ')) open = undefined
    else if (file !== undefined) {
      open = []
      changed.set(file, open)
    } else if (hunk) open?.push([Number(hunk[1]), Number(hunk[1]) + Number(hunk[2] ?? 1) - 1])
  }
  return changed
}

/** A compiler names a file as seen from the folder that it was called in. */
const isIn = ({ file, line }: Warning, changed: ChangedLines): boolean => {
  if (file === undefined || line === undefined) return false
  const plain = file.replaceAll('\\', '/').replace(/^(?:\.{1,2}\/)+/, '')
  const ranges =
    changed.get(plain) ??
    [...changed].find(([path]) => path.endsWith(`/${plain}`) || plain.endsWith(`/${path}`))?.[1]
  return ranges?.some(([from, to]) => line >= from && line <= to) ?? false
}

/** Warnings of gcc, clang, cl, rustc and linkers in a build's log, by file and words, without line numbers; each once, sorted, at most 300.
 *  `changed`: only those about these lines. */
export const warningsOf = (log: string, changed?: ChangedLines): string[] => {
  const lines = logLines(log)
  const found = new Set<string>()
  for (const [index, raw] of lines.entries()) {
    if (!/warning/i.test(raw)) continue
    const warning = warningIn(raw.slice(0, maxLine).replace(msbuild, ''), lines[index + 1] ?? '')
    if (!warning || (changed && !isIn(warning, changed))) continue
    found.add(cleanLine(warning.name.replace(temporary, 'object'), maxLength).replace(/\s+/g, ' ').trim())
  }
  return [...found].sort().slice(0, maxWarnings)
}

/** Several steps' warnings together, as one build's. */
export const allWarnings = (lists: string[][]): string[] =>
  [...new Set(lists.flat())].sort().slice(0, maxWarnings)

/**
 * Those that the base does not have. Both lists as `warningsOf` gives them. `base`: of a build of the unpatched base; undefined: there is none,
 * and nothing is called new. As that build compiles only what is not built yet, it may be short of warnings: a series' own list has to be of the
 * lines that it changes. What a cut list of the base cannot tell of is not called new either.
 */
export const newWarnings = (warnings: string[], base: string[] | undefined): string[] => {
  if (!base) return []
  const known = new Set(base)
  const last = base.length >= maxWarnings ? base.at(-1) : undefined
  return warnings.filter(warning => !known.has(warning) && (last === undefined || warning < last))
}
