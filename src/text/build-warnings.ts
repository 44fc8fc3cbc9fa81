// What a build warns of, by names that stay the same when lines move: for information in replies, never against a patch.
import { cleanLine, logLines } from './clean.ts'

/** More than these are not kept: the first ones in the alphabet, so that two builds keep the same. */
const maxWarnings = 300
const maxLength = 200
const maxLine = 600

const msbuild = /^ {0,40}(?:\d{1,4}>)? {0,40}| \[[^[\]]{1,300}proj(?:::[^[\]]{0,200})?\]\s{0,9}$/g
/** gcc, clang, gfortran, the assembler, make: `x.c:3:5: warning: … [-Wunused]`. */
const unix = /^(?!\s)([^\s:][^:]{0,300}):\d+(?::\d+)?: (?:Warning|warning): (.*)$/
/** cl, clang-cl: `src\x.c(3): warning C4101: …`. */
const microsoft = /^([^\s()][^()]{0,300})\(\d{1,7}(?:,\d{1,5})?\) ?: warning ?([A-Z]{1,5}\d{2,5})? ?: (.*)$/
/** `LINK : warning LNK4098: …`. */
const tool = /^([\w.-]{1,60}) : warning ([A-Z]{1,5}\d{2,5}) ?: (.*)$/
const linker = /^(?:\S*\/)?((?:ld|lld|mold)(?:[.-][\w.-]{1,20})?): (?:(?:\S{1,300}): )?warning: (.*)$/
const rustc = /^warning(?:\[[\w:]{1,60}\])?: (.*)$/
const rustPlace = /^ {0,9}--> ([^\s:][^:]{0,300}):\d+:\d+$/
/** Counts of warnings, and words about words. */
const noise = /\bgenerated \d+ warnings?\b|^\d+ warnings? emitted|^build failed, waiting/
const temporary = /(?:\/tmp\/)?\bcc[A-Za-z0-9]{6}\.(?:o|s|ltrans\d*\.o)\b/g

const nameOf = (line: string, next: string): string | undefined => {
  const own = unix.exec(line)
  if (own) return `${own[1]}: ${own[2]}`
  const windows = microsoft.exec(line)
  if (windows) return `${windows[1]}: ${windows[2] === undefined ? '' : `${windows[2]}: `}${windows[3]}`
  const program = tool.exec(line)
  if (program) return `${program[1]}: ${program[2]}: ${program[3]}`
  const linked = linker.exec(line)
  if (linked) return `${linked[1]}: ${linked[2]}`
  const rust = rustc.exec(line)?.[1]
  if (rust === undefined || noise.test(rust)) return undefined
  const place = rustPlace.exec(next)?.[1]
  return place === undefined ? rust : `${place}: ${rust}`
}

/** Warnings of gcc, clang, cl, rustc and linkers in a build's log, by file and words, without line numbers; each once, sorted, at most 300. */
export const warningsOf = (log: string): string[] => {
  const lines = logLines(log)
  const found = new Set<string>()
  for (const [index, raw] of lines.entries()) {
    if (!/warning/i.test(raw)) continue
    const name = nameOf(raw.slice(0, maxLine).replace(msbuild, ''), lines[index + 1] ?? '')
    if (name === undefined) continue
    found.add(cleanLine(name.replace(temporary, 'object'), maxLength).replace(/\s+/g, ' ').trim())
  }
  return [...found].sort().slice(0, maxWarnings)
}

/** Several steps' warnings together, as one build's. */
export const allWarnings = (lists: string[][]): string[] =>
  [...new Set(lists.flat())].sort().slice(0, maxWarnings)

/**
 * Those that the base does not have. Both lists as `warningsOf` gives them; `base`: of a build of the unpatched base that compiled the same
 * files, undefined: there is none, and nothing is called new. What a cut list of the base cannot tell of is not called new either.
 */
export const newWarnings = (warnings: string[], base: string[] | undefined): string[] => {
  if (!base) return []
  const known = new Set(base)
  const last = base.length >= maxWarnings ? base.at(-1) : undefined
  return warnings.filter(warning => !known.has(warning) && (last === undefined || warning < last))
}
