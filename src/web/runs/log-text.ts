// Lines of a log as they are shown: colours of terminals as words for classes, control characters visible, so many bytes at most. Pure.
import Anser from 'anser'

/** `tones`: names of classes; none for plain text. */
export type Tone = { text: string; tones: string[] }

export type ShownLine = {
  number: number
  tones: Tone[] /** So many characters were left out at its end. */
  cut: number
}

/** Colours (SGR 30–37, 90–97; ECMA-48 §8.3.117) that have a class. Backgrounds and what hides text are left out: everything stays readable. */
const colours = new Map(
  ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'].flatMap((name, i) => [
    [`ansi-${name}`, 30 + i],
    [`ansi-bright-${name}`, 90 + i],
  ]),
)

const decorations = new Map([
  ['ansi-bold', 1],
  ['ansi-italic', 3],
  ['ansi-underline', 4],
])

/** An escape that begins no colour. */
const strayEscape = /\u001b(?!\[[\d;]{0,40}m)/g

// C0 but tab and escape, DEL, C1, line breaks of Unicode, and what turns the direction of text around or hides in it (CVE-2021-42574).
const hiddenSigns =
  /[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

const sign = (char: string): string => {
  const code = char.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  if (code === 0x7f) return '\u2421'
  return `[U+${code.toString(16).toUpperCase().padStart(4, '0')}]`
}

/** Control characters as their pictures (U+2400 …), what turns or hides text as its number; escapes of colours stay. */
export const visible = (text: string): string =>
  text.replace(strayEscape, '\u241b').replace(hiddenSigns, sign).toWellFormed()

/** The same without colours: for text that is not a terminal's. */
export const visiblePlain = (text: string): string => visible(text).replaceAll('\u001b', '\u241b')

/** The codes of SGR that lead to these tones, like `31;1`. */
export const codesOf = (tones: string[]): string =>
  tones.flatMap(name => colours.get(name) ?? decorations.get(name) ?? []).join(';')

const classesOf = ({ fg, decorations: all }: Anser.AnserJsonEntry): string[] => [
  ...(colours.has(fg) ? [fg] : []),
  ...new Set(all.map(name => `ansi-${name}`).filter(name => decorations.has(name))),
]

/** Anser notes a decoration as often as it is said, and copies all of them for each text: what is bold ten thousand times would take minutes. */
const forgetRepeated = (terminal: Anser & { decorations?: string[] }): void => {
  terminal.decorations = [...new Set(terminal.decorations)]
}

/** Of visible text. `terminal`: goes on from how it stands. */
export const tonesOf = (text: string, terminal = new Anser()): Tone[] =>
  text.split(/(?=\u001b\[)/).flatMap(part => {
    const entries = terminal.ansiToJson(part, { use_classes: true, remove_empty: true })
    forgetRepeated(terminal)
    return entries.map(entry => ({ text: entry.content, tones: classesOf(entry) }))
  })

/** Without the sequences of colours. */
export const uncoloured = (text: string): string => text.replace(/\u001b\[[\d;]{0,40}m/g, '')

/** Bytes that it takes in a page, about: escaped, in UTF-8, each tone with its element. */
const costOf = (lines: ShownLine[]): number =>
  lines.reduce(
    (sum, { tones }) =>
      sum +
      60 +
      tones.reduce((all, tone) => all + escapedBytes(tone.text) + (tone.tones.length > 0 ? 60 : 0), 0),
    0,
  )

const escapedBytes = (text: string): number =>
  Buffer.byteLength(text) + 5 * (text.match(/[&<>"'`]/g)?.length ?? 0)

/** Less and less of each line, until all fit. */
const levels: { length: number; colours: boolean }[] = [
  ...[2000, 800, 300].map(length => ({ length, colours: true })),
  ...[300, 120, 40, 10].map(length => ({ length, colours: false })),
]

const shownAt = (lines: string[], first: number, level: (typeof levels)[number]): ShownLine[] => {
  const terminal = new Anser()
  return lines.map((line, i) => {
    const text = visible(
      (level.colours ? line : uncoloured(line.slice(0, 4 * level.length))).slice(0, level.length),
    )
    const tones = text.includes('\u001b') ? tonesOf(text, terminal) : text === '' ? [] : [{ text, tones: [] }]
    return { number: first + i, tones, cut: Math.max(0, line.length - level.length) }
  })
}

/** No page of a log is larger than this, whatever is in it. */
const maxBytes = 110_000
/** With more codes of colours than this it would be larger, or they colour nothing: neither is worth to be read. */
const maxCodes = 5_000

const codesIn = (lines: string[], length: number): number =>
  lines.reduce((sum, line) => sum + line.slice(0, length).split('\u001b').length - 1, 0)

/** `first`: number of the first of these lines, 1-based. */
export const showLines = (lines: string[], first: number): ShownLine[] => {
  for (const level of levels) {
    if (level.colours && codesIn(lines, level.length) > maxCodes) continue
    const shown = shownAt(lines, first, level)
    if (costOf(shown) <= maxBytes) return shown
  }
  return shownAt(lines, first, { length: 0, colours: false })
}
