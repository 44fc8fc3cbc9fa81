// A piece of a log, made fit for a page while it grows: no colours, and control characters shown instead of obeyed.
import { stripVTControlCharacters } from 'node:util'

/** Control characters but tab and line feed; what turns the direction of text around or hides in it (CVE-2021-42574). */
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

const shown = (character: string): string => {
  const code = character.charCodeAt(0)
  if (code === 0x0d) return ''
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '␡' : '\ufffd'
}

/** Terminal sequences go, other control characters become pictures of themselves (U+2400), carriage returns go. */
export const readable = (text: string): string =>
  stripVTControlCharacters(text).replace(hidden, shown).toWellFormed()
