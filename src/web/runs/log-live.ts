// A piece of a log that grows, shown as the kept log is (log-text.ts). Pieces follow each other: a colour goes on until it is changed. Pure.
import { codesOf, tonesOf, uncoloured, visible } from './log-text.ts'

/** How a terminal stands: codes of SGR, like `31;1`; '' if nothing was set (ECMA-48 §8.3.117). */
export type Pen = string

/** Where somebody is in a log: before that character, 0-based, and how a terminal stands there. */
export type Place = { at: number; pen: Pen }

/** Plain text, or one with names of classes, apart by blanks. */
export type LivePart = string | [text: string, classes: string]

export const sayPlace = ({ at, pen }: Place): string => (pen === '' ? String(at) : `${at}.${pen}`)

/** undefined: it is none. */
export const placeOf = (text: string | undefined): Place | undefined => {
  const found = /^(\d{1,15})(?:\.(\d{1,2}(?:;\d{1,2}){0,3}))?$/.exec(text ?? '')
  return found ? { at: Number(found[1]), pen: found[2] ?? '' } : undefined
}

/** So many for each character of a piece a browser shows without trouble; a log that has more is no text. */
const mostTones = (length: number): number => 100 + length / 12

/** No log has it: control characters are pictures by then. */
const end = '\0'

/** `pen`: where it begins; given back is where it ends. */
export const showPiece = (text: string, pen: Pen): { parts: LivePart[]; pen: Pen } => {
  const shown = text.split('\n').map(visible).join('\n')
  if (pen === '' && !shown.includes('\u001b')) return { parts: [shown], pen }
  const tones = tonesOf(`\u001b[${pen}m${shown}${end}`)
  const after = codesOf(tones.at(-1)?.tones ?? [])
  if (tones.length > mostTones(text.length)) return { parts: [uncoloured(shown)], pen: after }
  const parts = tones.flatMap(({ text: all, tones: names }): LivePart[] => {
    const own = all.replace(end, '')
    return own === '' ? [] : names.length === 0 ? [own] : [[own, names.join(' ')]]
  })
  return { parts, pen: after }
}
