// Comments of ours: what they look like, where they are cut, and how they are known again.
import { expect, test } from 'vitest'
import { markedComment, markOf } from '../../src/text/bug-comment.ts'

const marked = (text: string, more: { max?: number; link?: string } = {}) =>
  markedComment(text, { mark: 'grapevine-1', link: more.link, max: more.max ?? 1000 })

test.each([
  ['All is well.\n', 'All is well.\n\n[grapevine-1]'],
  ['  indented\r\nlines  \n\n', '  indented\nlines\n\n[grapevine-1]'],
  ['', '[grapevine-1]'],
  ['bell\u0007 \u001b[31mred\u0000 \u202egnirts \ud800', 'bell [31mred gnirts \ufffd\n\n[grapevine-1]'],
])('%j becomes %j', (text, expected) => {
  expect(marked(text)).toBe(expected)
})

test('what is too long ends with a whole line, and says where the rest is', () => {
  const text = 'a line of twenty-five chars\n'.repeat(20)
  const comment = marked(text, { max: 300, link: 'https://lists.test/1' })
  expect(comment.length).toBeLessThanOrEqual(300)
  expect(comment).toMatch(
    /\na line of twenty-five chars\n\n\(cut: it was too long; all of it: https:\/\/lists\.test\/1\)\n\n\[grapevine-1\]$/,
  )
  expect(marked('x'.repeat(500), { max: 100 })).toMatch(/^x+\n\n\(cut: it was too long\)\n\n\[grapevine-1\]$/)
})

test('a comment fits to the last character, and no character is cut in two', () => {
  const end = '\n\n[grapevine-1]'.length
  expect(marked('x'.repeat(100 - end), { max: 100 })).toHaveLength(100)
  const cut = marked('🍇'.repeat(100), { max: 60 })
  expect(cut.isWellFormed()).toBe(true)
  expect([...cut].length).toBeLessThanOrEqual(60)
})

test('only a mark at the very end is one', () => {
  expect(markOf('text\n\n[grapevine-1]\n')).toBe('grapevine-1')
  expect(markOf('> text\n> [grapevine-1]\nI do not think so')).toBeUndefined()
  expect(markOf('see [1] and [a b]')).toBeUndefined()
  expect(markOf(`[${'['.repeat(100_000)}`)).toBeUndefined()
})
