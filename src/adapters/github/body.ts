// What we write, as GitHub shows it: our lines as they are, with links; nobody is mentioned, no issue is referred to, and nothing in it is
// Markdown or HTML. The mark does not show.
import { markedComment } from '../../text/bug-comment.ts'

/** GitHub's limit, in characters. */
const maxBody = 65_536
const wrapping = 100

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const characters = new Map(Object.entries(entities).map(([character, entity]) => [entity, character]))

const escaped = (text: string): string => text.replace(/[&<>"]/g, character => entities[character] ?? '')
const unescaped = (html: string): string =>
  html.replace(/&(?:amp|lt|gt|quot);/g, entity => characters.get(entity) ?? '')

const address = /https?:\/\/[^\s<>"'`]{1,1000}/g

/** The end of a sentence is not of the address. */
const linked = (text: string): string => {
  let html = ''
  let at = 0
  for (const match of text.matchAll(address)) {
    const url = match[0].replace(/[.,;:!?)\]]{1,5}$/, '')
    html += `${escaped(text.slice(at, match.index))}<a href="${escaped(url)}">${escaped(url)}</a>`
    at = match.index + url.length
  }
  return html + escaped(text.slice(at))
}

const isOwn = /^<pre>\n([\s\S]*)\n<\/pre>\n\n<!-- (\[[^\s[\]]{1,200}\]) -->$/

const sizeOf = (character: string): number => entities[character]?.length ?? character.length

/** Marks are ids of ours. What could end the comment that hides them has no place in one. */
const markWord = (mark: string): string => mark.replace(/[^\w.:-]|--+/g, '-')

/** The body of an issue or a comment; cut where it is too long, with the link to the rest. */
export const toBody = (text: string, { mark, link }: { mark: string; link: string | undefined }): string => {
  const end = `\n\n[${markWord(mark)}]`
  const max = maxBody - wrapping - (link === undefined ? 0 : 2 * link.length)
  const whole = markedComment(text, { mark: markWord(mark), link, max, sizeOf }).slice(0, -end.length)
  // A preformatted block goes on over empty lines, until its end (CommonMark 4.6); mentions and references are not looked for in it.
  const wrap = (html: string) => `<pre>\n${html}\n</pre>\n\n<!-- [${markWord(mark)}] -->`
  const withLinks = wrap(linked(whole))
  return withLinks.length <= maxBody ? withLinks : wrap(escaped(whole))
}

/** The text of a body as it was given to `toBody`, with its mark on the last line; what others wrote, as it is. */
export const fromBody = (body: string): string => {
  const plain = body.replaceAll('\r\n', '\n')
  const [, html, mark] = isOwn.exec(plain.trimEnd()) ?? []
  if (html === undefined || mark === undefined) return plain
  return `${unescaped(html.replace(/<a href="[^"<>]*">|<\/a>/g, ''))}\n\n${mark}`
}

/** Does the body end with that mark? */
export const hasMark = (body: string, mark: string): boolean =>
  isOwn.exec(body.trimEnd())?.[2] === `[${markWord(mark)}]`
