// What a program says of a line of a file, by file and line: for marks on the lines of a change. Words and names are untrusted.
import { cleanLine } from './clean.ts'

/** `path`: as the program names the file, seen from wherever it ran. */
export type Place = { path: string; line: number; level: 'warning' | 'failure'; message: string }

const maxLine = 600
const msbuild = /^ {0,40}(?:\d{1,4}>)? {0,40}| \[[^[\]]{1,300}proj(?:::[^[\]]{0,200})?\]\s{0,9}$/g
/** gcc, clang, the assembler: `x.c:3:5: error: …`. */
const unix =
  /^([^\s:][^:]{0,300}):(\d{1,7})(?::\d{1,5})?: (?:fatal |internal compiler )?(error|Error|warning|Warning): (.*)$/
/** cl, clang-cl: `src\x.c(3,5): error C2065: …`. */
const microsoft =
  /^([^\s()][^()]{0,300})\((\d{1,7})(?:,\d{1,5})?\) ?: (?:fatal )?(error|warning)(?: ([A-Z]{1,5}\d{2,5}))? ?: (.*)$/
const go = /^(?:vet: )?([^\s:]{1,300}\.go):(\d{1,7}):\d{1,5}: (?!warning)(.*)$/
const rustc = /^(error|warning)(?:\[[\w:]{1,60}\])?: (.*)$/
const rustPlace = /^ {0,9}--> ([^\s:][^:]{0,300}):(\d{1,7}):\d{1,5}$/

const levelOf = (word: string): Place['level'] => (/^w/i.test(word) ? 'warning' : 'failure')

const place = (path = '', line = '', word = '', message = ''): Place => ({
  ...{ path, line: Number(line), level: levelOf(word), message: cleanLine(message, 400) },
})

const placeIn = (line: string, next: string): Place | undefined => {
  const own = unix.exec(line)
  if (own) return place(own[1], own[2], own[3], own[4])
  const windows = microsoft.exec(line)
  if (windows)
    return place(windows[1], windows[2], windows[3], `${windows[4] ? `${windows[4]}: ` : ''}${windows[5]}`)
  const plain = go.exec(line)
  if (plain) return place(plain[1], plain[2], 'error', plain[3])
  const rust = rustc.exec(line)
  const where = rust && rustPlace.exec(next)
  return where ? place(where[1], where[2], rust[1], rust[2]) : undefined
}

const isNew = (seen: Set<string>, { path, line, message }: Place): boolean => {
  const key = `${path}:${line}:${message}`
  return !seen.has(key) && seen.add(key) !== undefined
}

/** What compilers say, each once, in order; at most `max`. `lines`: of a log, without terminal sequences. */
export const compilerPlaces = (lines: readonly string[], max = 500): Place[] => {
  const found: Place[] = []
  const seen = new Set<string>()
  for (const [at, raw] of lines.entries()) {
    if (found.length >= max) break
    const one = placeIn(raw.slice(0, maxLine).replace(msbuild, ''), (lines[at + 1] ?? '').slice(0, maxLine))
    if (one && isNew(seen, one)) found.push(one)
  }
  return found
}

/** Every `file.ext:12` in a text, in order. */
export const placesNamed = (text: string): { path: string; line: number }[] =>
  [
    ...text
      .slice(0, 1000)
      .matchAll(/(?<![\w./\\-])([\w./\\-]{1,200}\.[A-Za-z]\w{0,9})(?::|", line |\()(\d{1,7})\b/g),
  ].map(([, path = '', line = '']) => ({ path, line: Number(line) }))

/** Which of the files is meant; undefined: none, or more than one could be. */
export const fileMeant = (path: string, files: readonly string[]): string | undefined => {
  const plain = path.replaceAll('\\', '/').replace(/^(?:\.{1,2}\/)+/, '')
  if (files.includes(plain)) return plain
  const [one, ...more] = files.filter(file => file.endsWith(`/${plain}`) || plain.endsWith(`/${file}`))
  return more.length === 0 ? one : undefined
}
