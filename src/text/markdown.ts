// Words of others in Markdown: they show as they are, mention nobody, refer to nothing, and open no HTML. For comments and checks on forges.
import { cleanLine, oneLine } from './clean.ts'

const longestRun = (text: string): number => Math.max(0, ...(text.match(/`+/g) ?? []).map(run => run.length))

/** A code span (CommonMark 0.31 §6.1): neither mentions nor references are looked for in it. '' for nothing. */
export const code = (text: string, max = 140): string => {
  const line = oneLine(text, max)
  if (line === '') return ''
  const fence = '`'.repeat(longestRun(line) + 1)
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : ''
  return `${fence}${pad}${line}${pad}${fence}`
}

/** A fenced block; what is too long is cut. `max`: characters of a line. */
export const block = (lines: readonly string[], max = 200): string => {
  const shown = lines.map(line => cleanLine(line, max))
  const fence = '`'.repeat(Math.max(3, longestRun(shown.join('\n')) + 1))
  return [`${fence}text`, ...shown, fence].join('\n')
}

/** A link of ours; without an address the words alone. `words` are ours, too. */
export const link = (words: string, url: string | undefined): string =>
  url === undefined ? words : `[${words}](<${url.replace(/[<>\s]/g, encodeURIComponent)}>)`

/** At most so many characters, cut between lines, with a word that it was cut; open fences are closed. */
export const fitted = (text: string, max: number): string => {
  if (text.length <= max) return text
  const end = '\n\n[…]'
  const kept: string[] = []
  let size = 0
  let fence = ''
  for (const line of text.split('\n')) {
    size += line.length + 1
    if (size + end.length + fence.length + 40 > max) break
    kept.push(line)
    const mark = /^`{3,}/.exec(line)?.[0]
    if (mark !== undefined) fence = fence === '' ? mark : mark.length >= fence.length ? '' : fence
  }
  return [...kept, ...(fence === '' ? [] : [fence])].join('\n') + end
}
