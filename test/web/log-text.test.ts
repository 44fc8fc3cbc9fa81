// Logs as they are shown: hostile ones stay small, and nothing in them is hidden.
import { describe, expect, test } from 'vitest'
import { type LivePart, placeOf, sayPlace, showPiece } from '../../src/web/runs/log-live.ts'
import { logBlock } from '../../src/web/runs/log-markup.ts'
import { showLines, visible } from '../../src/web/runs/log-text.ts'
import { diffLines } from '../../src/web/series/diff-lines.ts'

const page = async (lines: string[]): Promise<string> =>
  String(await logBlock(showLines(lines, 99_501), 'log'))
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

test.each([
  ['quotes', '"'.repeat(9000)],
  ['a colour for each letter', '\u001b[31mx\u001b[32my'.repeat(900)],
  ['letters that are bold again and again', '\u001b[1mx'.repeat(400)],
  ['lines that are bold again and again', `${'\u001b[1;1;1;1;1;1;1;1;1;1m'.repeat(8)}x`],
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

describe('a log that grows', () => {
  const grown = (pieces: string[]) => {
    let pen = ''
    return pieces.flatMap(text => {
      const shown = showPiece(text, pen)
      pen = shown.pen
      return shown.parts
    })
  }
  const join = (parts: LivePart[]) =>
    parts
      .map(part => (typeof part === 'string' ? part : `{${part[1].replaceAll('ansi-', '')}:${part[0]}}`))
      .join('')

  test.each([
    ['plain\n', 'plain\n'],
    ['\u001b[31mred\nstill', '{red:red\nstill}'],
    ['\u001b[1m|\u001b[32mboth|\u001b[0m.', '{green bold:both}.'],
    ['\u001b[4;36m|a\u001b[39mb|c', '{cyan underline:a}{underline:b}{underline:c}'],
    ['\u001b[38;5;99m\u001b[3m|x\u001b[23m', '{italic:x}'],
    ['a\u0007\r\n\u001b]0;t\u0007<b>\u202e|\u001b[', 'a␇␍\n␛]0;t␇<b>[U+202E]␛['],
  ])('%j', (log, shown) => {
    expect(join(grown(log.split('|')))).toBe(shown)
  })

  test('has no more colours than a browser can bear, and goes on in its last', () => {
    const { parts, pen } = showPiece('\u001b[31mx\u001b[32my'.repeat(5_000), '')
    expect(parts).toEqual(['xy'.repeat(5_000)])
    expect(pen).toBe('32')
  })

  test('is bold once, however often that is said', () => {
    const bold = '\u001b[1;1;1;1;1;1;1;1;1;1m'
    expect(showPiece(`${`${bold}x`.repeat(3)}\u001b[22my`, bold.slice(2, 5)).parts).toEqual([
      ...times(3, ['x', 'ansi-bold']),
      'y',
    ])
    expect(showPiece(`${bold}x`.repeat(2500), '').pen).toBe('1')
  })

  test('is gone on with from a place; what is none says nothing', () => {
    const place = { at: 4711, pen: '31;1' }
    expect(placeOf(sayPlace(place))).toEqual(place)
    expect(placeOf('12')).toEqual({ at: 12, pen: '' })
    const wrong = ['', '-1', '1.', '1.m', '1.31;', '1.1;2;3;4;5', `1.${'1;'.repeat(99)}1`, '9'.repeat(16)]
    expect(wrong.filter(text => placeOf(text) !== undefined)).toEqual([])
  })
})
