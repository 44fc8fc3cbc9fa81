// Logs as they are shown: hostile ones stay small, and nothing in them is hidden.
import { expect, test } from 'vitest'
import { logBlock } from '../../src/web/runs/log-markup.ts'
import { showLines, visible } from '../../src/web/runs/log-text.ts'
import { diffLines } from '../../src/web/series/diff-lines.ts'

const page = async (lines: string[]): Promise<string> =>
  String(await logBlock(showLines(lines, 99_501), 'log'))
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

test.each([
  ['quotes', '"'.repeat(9000)],
  ['a colour for each letter', '\u001b[31mx\u001b[32my'.repeat(900)],
  ['control characters', '\u202e\u0000'.repeat(4000)],
  ['escapes that end nowhere', '\u001b['.repeat(4000)],
  ['wide letters', '語'.repeat(4000)],
])('a page full of %s is small', async (_, line) => {
  expect(Buffer.byteLength(await page(times(500, line)))).toBeLessThan(140_000)
})

test('control characters show, and hide nothing', () => {
  expect(visible('a\u0007b\rc\u202ed\u001b]0;title\u0007\u009b31m')).toBe(
    'a␇b␍c[U+202E]d␛]0;title␇[U+009B]31m',
  )
})

test('colours are classes; concealed text is plain', async () => {
  const text = await page(['\u001b[1;31mred\u001b[0m \u001b[8mhidden\u001b[0m \u001b[30;40mblack\u001b[0m'])
  expect(text).toContain('<span class="ansi-red ansi-bold">red</span>')
  expect(text).toMatch(/ hidden/)
  expect(text).not.toMatch(/style=|ansi-hidden|bg/)
})

test('a line of a message is no change, and a signature no removal', () => {
  const kinds = (text: string) => diffLines(text.split('\n')).map(({ kind }) => kind)
  expect(kinds('- a list\n+ more\n---\n')).toEqual(['text', 'text', 'text', 'text'])
  expect(kinds('--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39')).toEqual([
    ...(['file', 'file', 'hunk', 'removed', 'added', 'text', 'text'] as const),
  ])
})
