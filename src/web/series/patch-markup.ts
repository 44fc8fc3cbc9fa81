// Lines of a patch as HTML: escaped, coloured by what they are, control characters visible, bounded.
import { html } from 'hono/html'
import type { Html } from '../layout.ts'
import { visiblePlain } from '../runs/log-text.ts'
import type { DiffLine } from './diff-lines.ts'

const maxLength = 1000

const shown = (text: string): string => {
  const line = text.replace(/\r$/, '')
  return line.length > maxLength
    ? `${visiblePlain(line.slice(0, maxLength))} … ${line.length - maxLength} more`
    : visiblePlain(line)
}

/** Bytes that it takes in a page, about. */
export const costOf = ({ kind, text }: DiffLine): number => {
  const line = text.slice(0, maxLength)
  return (
    (kind === 'added' || kind === 'removed' || kind === 'file' || kind === 'hunk' ? 30 : 2) +
    Buffer.byteLength(line) +
    5 * (line.match(/[&<>"'`]/g)?.length ?? 0) +
    7 * (line.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/g)?.length ?? 0)
  )
}

/** Only as many lines as cost so much. */
export const within = (lines: DiffLine[], budget: number): DiffLine[] => {
  let left = budget
  const end = lines.findIndex(line => {
    left -= costOf(line)
    return left < 0
  })
  return end === -1 ? lines : lines.slice(0, end)
}

const line = ({ kind, text }: DiffLine): Html => {
  const words = shown(text)
  if (kind === 'added') return html`<ins>${words}</ins>\n`
  if (kind === 'removed') return html`<del>${words}</del>\n`
  if (kind === 'file') return html`<b>${words}</b>\n`
  return kind === 'hunk' ? html`<i>${words}</i>\n` : html`${words}\n`
}

export const diffBlock = (lines: DiffLine[], label: string): Html =>
  html`<pre class="diff" tabindex="0" aria-label="${label}">${lines.map(line)}</pre>`
