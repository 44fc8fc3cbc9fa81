// The few lines of a build's log that say what is wrong. Used by the run stage for `build-failed`.
import { cleanLine, logLines } from './clean.ts'

/** Errors in the source, from gcc, clang, the assembler and most other compilers: `x.c:3:5: error: …`. */
const inSource = /^(?!\s)[^\s:][^:]*:\d+(?::\d+)?: (?:fatal |internal compiler )?(?:error|Error)\b/
/** What a linker cannot find or has twice; what a tool says of itself. */
const others = [
  /: (?:more )?undefined reference to [`'‘]/,
  /: multiple definition of [`'‘]/,
  /\bld(?:\.\w+)?: (?:error: |cannot find |.*: file not recognized)/,
  /^error(?:\[E\d+\])?: (?!aborting due to|could not compile)/,
  /^(?:configure|g?cc|clang|g\+\+|clang\+\+|cc1\w*|as): (?:fatal )?error: /,
  /^CMake Error\b/,
  /^make(?:\[\d+\])?: \*\*\* No rule to make target/,
  /^(?:Makefile|[\w./-]+\.mk):\d+: \*\*\* /,
  /^(?:\/bin\/)?(?:ba|da)?sh: .*: (?:command )?not found$/,
]
/** True, but the reason was said before. */
const consequences =
  /^collect2: error: ld returned|^make(?:\[\d+\])?: \*\*\* .*(?:Error \d+|Waiting for unfinished jobs)|linker command failed|all warnings being treated as errors|^compilation terminated/

const maxLineLength = 200
const maxShownLength = 110
/** Source line, caret, and what a compiler suggests instead. */
const maxExcerpt = 3

const isError = (line: string): boolean =>
  !consequences.test(line) && (inSource.test(line) || others.some(pattern => pattern.test(line)))

/** The source line and the caret below an error: with gcc's gutter (` 12 | x`), or clang's bare ones. Nothing if they are too long to read. */
const excerpt = (after: string[]): string[] => {
  const gutter = after.findIndex(line => !/^\s*\d* \|/.test(line))
  const shown = after.slice(0, gutter < 0 ? after.length : gutter)
  const bare = shown.length === 0 && /^\s*[~^][\s~^]*$/.test(after[1] ?? '') ? after.slice(0, 2) : shown
  return bare.every(line => line.length <= maxShownLength) ? bare : []
}

/** The same error in another file's words: of a header that many files include, of a symbol that is missing everywhere. */
const sameness = (line: string): string =>
  (/undefined reference to .*|multiple definition of [`'‘][^`'’]+/.exec(line)?.[0] ?? line).replace(
    /\s+/g,
    ' ',
  )

/** The first real errors of a build, oldest first, each with its source and caret lines if they are short. Where no error is
 *  recognised: the last lines that were printed. `max`: how many. */
export const firstErrors = (log: string, max = 5): string[] => {
  const lines = logLines(log)
  const found = new Map<string, string>()
  for (const [index, line] of lines.entries()) {
    if (found.size >= max) break
    if (!isError(line) || found.has(sameness(line))) continue
    const after = excerpt(lines.slice(index + 1, index + 1 + maxExcerpt))
    found.set(sameness(line), [cleanLine(line, maxLineLength), ...after].join('\n'))
  }
  if (found.size > 0) return [...found.values()]
  const said = lines.filter(line => line.trim() !== '')
  const plain = said.filter(line => !consequences.test(line))
  return (plain.length > 0 ? plain : said).slice(-max).map(line => cleanLine(line, maxLineLength))
}
