// The few lines of a build's log that say what is wrong. Used by the run stage for `build-failed`.
import { cleanLine, logLines } from './clean.ts'

/** What MSBuild puts before a line and behind it. */
const msbuild = /^ {0,40}(?:\d{1,4}>)? {0,40}| \[[^[\]]{1,300}proj(?:::[^[\]]{0,200})?\]\s{0,9}$/g

const sources = [
  // gcc, clang, the assembler and most other compilers: `x.c:3:5: error: …`.
  /^(?!\s)[^\s:][^:]*:\d+(?::\d+)?: (?:fatal |internal compiler )?(?:error|Error)\b/,
  // cl, clang-cl: `src\x.c(3,5): error C2065: …`.
  /^[^\s()][^()]{0,300}\(\d{1,7}(?:,\d{1,5})?\) ?: (?:fatal )?error(?: [A-Z]{1,5}\d{2,5})? ?:/,
  // The Go compiler has no word for it.
  /^(?:vet: )?(?!\s)[^\s:]{1,300}\.go:\d+:\d+: (?!warning)/,
]
/** What a linker cannot find or has twice; what a tool says of itself. */
const others = [
  /: (?:more )?undefined reference to [`'‘]/,
  /: multiple definition of [`'‘]/,
  /\b(?:ld|ld64|lld|mold|lld-link)(?:[.-][\w.-]{1,20})?: (?:error: |cannot find |.{1,300}: file not recognized)/,
  /^[\w.\\/:+~-][\w.\\/: +~-]{0,300} ?: (?:fatal |Command line )?error [A-Z]{1,5}\d{2,5} ?:/,
  /^error(?:\[E\d+\])?: (?!aborting due to|could not compile|build failed)/,
  /^(?:configure|g?cc|clang|g\+\+|clang\+\+|cc1\w*|as)(?:-\d+)?: (?:fatal )?error: /,
  /^CMake Error\b/,
  /^make(?:\[\d+\])?: \*\*\* No rule to make target/,
  /^ninja: error: /,
  /^(?:Makefile|[\w./-]+\.mk):\d+: \*\*\* /,
  /^(?:\/bin\/)?(?:ba|da)?sh: .*: (?:command )?not found$/,
  /^(?:go: |package \S+: )?(?:no required module provides package|cannot find (?:package|module)) /,
]
/** True, but the reason was said before. */
const consequences =
  /^collect2: error: ld returned|^make(?:\[\d+\])?: \*\*\* .*(?:Error \d+|Waiting for unfinished jobs)|^make(?:\[\d+\])?: Target .* not remade|linker command failed|all warnings being treated as errors|^compilation terminated|^ninja: build stopped|: fatal error LNK1120:|^NMAKE : fatal error U1077:|: error MSB(?:6006|3073|8066):/
/** From here on others still run, and speak. */
const failedJob = /^make(?:\[\d+\])?: \*\*\* \[.*\] (?:Error \d+|[A-Z][a-z]+)/
/** A command that failed: ninja prints the line, the command, and what it said, all at once. */
const failedBlock = /^FAILED: /
const ninjaStep = /^\[\d+\/\d+\] |^ninja: /

/** No error is recognised by what stands behind this. */
const maxLooked = 600
const maxLineLength = 200
const maxShownLength = 110
/** Source line, caret, and what a compiler suggests instead. */
const maxExcerpt = 3

const isError = (whole: string): boolean => {
  const line = whole.slice(0, maxLooked)
  if (consequences.test(line)) return false
  return sources.some(pattern => pattern.test(line)) || others.some(pattern => pattern.test(line))
}

/** The source line and the caret below an error: with gcc's gutter (` 12 | x`), or clang's bare ones. Nothing if they are too long to read. */
const excerpt = (line: string, after: string[]): string[] => {
  const place = /^ {0,9}--> /.test(after[0] ?? '') ? after.slice(0, 1) : []
  // What is wrong stands in the warning that follows.
  if (/\berror C2220\b/.test(line)) return /\bwarning C\d+/.test(after[0] ?? '') ? after.slice(0, 1) : []
  // lld and rustc say where, on lines of their own.
  const pointers = after.filter(text => /^>>> referenced by /.test(text)).slice(0, 1)
  if (pointers.length > 0 && after[0] === pointers[0])
    return pointers.map(text => cleanLine(text, maxLineLength))
  const rest = after.slice(place.length).filter(text => place.length === 0 || !/^\s*\|\s*$/.test(text))
  const gutter = rest.findIndex(text => !/^\s*\d* \|/.test(text))
  const shown = (gutter < 0 ? rest : rest.slice(0, gutter)).slice(0, maxExcerpt)
  const bare = shown.length === 0 && /^\s*[~^][\s~^]*$/.test(rest[1] ?? '') ? rest.slice(0, 2) : shown
  const all = [...place, ...bare]
  return all.every(text => text.length <= maxShownLength) ? all : place
}

/** The same error in another file's words: of a header that many files include, of a symbol that is missing everywhere. */
const sameness = (line: string): string =>
  (
    /undefined reference to .*|multiple definition of [`'‘][^`'’]+|undefined symbol: .*/.exec(line)?.[0] ??
    /unresolved external symbol .{1,500}?(?= referenced in |$)/.exec(line)?.[0] ??
    line
  ).replace(/\s+/g, ' ')

/** What ninja's failed commands said; all lines where it is another tool's log. */
const failing = (lines: string[]): string[] => {
  if (!lines.some(line => failedBlock.test(line))) return lines
  let inside = false
  const kept = lines.filter(line => {
    if (failedBlock.test(line)) inside = true
    else if (ninjaStep.test(line)) inside = line.startsWith('ninja: error')
    return inside
  })
  return kept.some(isError) || !lines.some(isError) ? kept : lines
}

/** The last lines before the first job failed; else the last ones. */
const lastWords = (lines: string[], max: number): string[] => {
  const job = lines.findIndex(line => failedJob.test(line))
  const block = lines.findIndex(line => failedBlock.test(line))
  // Below "FAILED:" stands the command, then what it said.
  const end = block < 0 ? -1 : lines.findIndex((line, index) => index > block && failedBlock.test(line))
  const part =
    block >= 0 ? lines.slice(block, end < 0 ? undefined : end) : job > 0 ? lines.slice(0, job) : lines
  const said = part.filter(line => line.trim() !== '')
  const plain = said.filter(line => !consequences.test(line))
  const words = plain.length > 0 ? plain : lines.filter(line => line.trim() !== '')
  return words.slice(-max)
}

const forPeople = (line: string): string => line.replace(msbuild, '')

/** The first real errors of a build, oldest first, each with its source and caret lines if they are short. Where no error is
 *  recognised: the last lines that were printed before a job failed. `max`: how many. */
export const firstErrors = (log: string, max = 5): string[] => {
  const lines = failing(logLines(log))
  const found = new Map<string, string>()
  for (const [index, raw] of lines.entries()) {
    if (found.size >= max) break
    const line = forPeople(raw)
    if (!isError(line) || found.has(sameness(line))) continue
    const after = excerpt(line, lines.slice(index + 1, index + 2 + 2 * maxExcerpt))
    found.set(sameness(line), [cleanLine(line, maxLineLength), ...after].join('\n'))
  }
  if (found.size > 0) return [...found.values()]
  return lastWords(lines, max).map(line => cleanLine(line, maxLineLength))
}
