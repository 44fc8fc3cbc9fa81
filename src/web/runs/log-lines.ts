// Some lines of a log that may be long, read without keeping the rest.
import type { Readable } from 'node:stream'

export type Lines = { lines: string[] /** Of the whole log. */; total: number }

/** More of one line is not kept; nobody reads it. */
const longest = 8192

/** Lines `from` (1-based) and following, `count` at most; a line ends at LF. */
export const linesIn = async (
  stream: Readable,
  { from, count }: { from: number; count: number },
): Promise<Lines> => {
  const decoder = new TextDecoder()
  const lines: string[] = []
  let [number, open] = [1, '']
  let isOpen = false
  const add = (text: string) => {
    let at = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', at)) {
      if (number >= from && lines.length < count) lines.push(open + text.slice(at, end))
      ;[open, isOpen, at] = ['', false, end + 1]
      number++
    }
    if (at === text.length) return
    isOpen = true
    if (number >= from && open.length < longest) open += text.slice(at, at + longest)
  }
  for await (const chunk of stream) add(decoder.decode(chunk as Buffer, { stream: true }))
  add(decoder.decode())
  if (isOpen && number >= from && lines.length < count) lines.push(open)
  return { lines, total: isOpen ? number : number - 1 }
}
