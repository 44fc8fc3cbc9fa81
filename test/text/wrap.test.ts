// Text that fits a mail: what is filled, what is folded, what stays.
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { cleanLine, logLines } from '../../src/text/clean.ts'
import { fitMail, fold, foldCommand } from '../../src/text/wrap.ts'

test('prose is filled, data lines stay lines', () => {
  expect(fitMail('\none\ntwo three\n\n\n\n  data  one\n  data two\nfour\n\n')).toEqual([
    'one two three',
    '',
    '  data  one',
    '  data two',
    'four',
  ])
})

test.each([
  ['words', `    ${'word '.repeat(30).trim()}`],
  ['one long word', `  ${'x'.repeat(300)}`],
  ['wide characters', `  ${'漢字'.repeat(100)}`],
  ['families', `  ${'👩‍👩‍👧‍👦'.repeat(80)}`],
  ['indented too far', `${' '.repeat(200)}x y`],
  ['tabs', '\t\t\tx'.repeat(30)],
  ['columns', `  build       /${'x'.repeat(68)}`],
  ['more space than a row holds', `  a${' '.repeat(300)}b`],
])('folding: %s', (_, line) => {
  const rows = fold(line)
  expect(Math.max(...rows.map(row => stringWidth(row)))).toBeLessThanOrEqual(76)
  expect(rows.join('').replace(/\s/g, '')).toBe(line.replace(/\s/g, ''))
  expect(rows.slice(1).every(row => row.startsWith('  '))).toBe(true)
  expect(rows.filter(row => / $/.test(row))).toEqual([])
})

test('an address is not broken; it may go on below its name', () => {
  const address = `https://grapevine.example.org/login/link?token=${'x'.repeat(43)}`
  expect(fold(`    ${address}`)).toEqual([`    ${address}`])
  expect(fold(`    console ${address}`)).toEqual(['    console', `      ${address}`])
  expect(fitMail(`See ${address} for more.`)).toEqual(['See', address, 'for more.'])
  expect(fold(`    ${address}${'x'.repeat(1000)}`).length).toBeGreaterThan(1)
})

test('a Message-ID is not broken: whoever copies it needs the whole', () => {
  const id = `<${'0123456789'.repeat(7)}.git.carl@contrib.example>`
  expect(fold(`    ${id}`)).toEqual([`    ${id}`])
  expect(fold(`    0001.eml  ${id}`)).toEqual(['    0001.eml', `      ${id}`])
  expect(fold(`    <${'x'.repeat(400)}@example.org>`).length).toBeGreaterThan(1)
})

test('what a sentence puts around an address is no reason to break it', () => {
  const id = `<${'x'.repeat(90)}@contrib.example>`
  const url = `https://grapevine.example.org/${'x'.repeat(90)}`
  for (const word of [`${id},`, `(${id}).`, `"${url}"`, `(${url})`, `<${url}>`, `${url}).`]) {
    expect(fitMail(`See ${word} and more`)).toEqual(['See', word, 'and more'])
    expect(fold(`    ${word}`)).toEqual([`    ${word}`])
  }
})

test.each([
  ['characters that take no column', `a${'\u200b'.repeat(100_000)}`],
  ['one character without end', '\u1100'.repeat(100_000)],
  ['joined without end', '👩\u200d'.repeat(30_000)],
  ['a far indented address', `${' '.repeat(5_000)}https://example.org/${'x'.repeat(80)}`],
  ['many of them', `<${'x@y>'.repeat(120)} `.repeat(200)],
  ['no space at all', 'x'.repeat(300_000)],
])('no line is longer than mail allows: %s', (_, text) => {
  for (const row of [...fitMail(text), ...fold(`  ${text}`)])
    expect(Buffer.byteLength(row)).toBeLessThanOrEqual(998)
})

test('marks that stand on each other without end do not', () => {
  const tower = `e${'\u0301\u0316'.repeat(5000)}`
  for (const row of [...fold(`    ${tower} ${tower.repeat(50)}`), ...fitMail(tower.repeat(200))]) {
    expect(stringWidth(row)).toBeLessThanOrEqual(76)
    expect(Buffer.byteLength(row)).toBeLessThan(998)
  }
  expect(fold('  नमस्ते, tiếng Việt, שָׁלוֹם')).toEqual(['  नमस्ते, tiếng Việt, שָׁלוֹם'])
})

test('a row of prose never begins like a command, a quotation or a mail', () => {
  const [first, second] = fitMail(`${'a'.repeat(70)} #syz fix`)
  expect(first).toHaveLength(70)
  expect(second).toBe(' #syz fix')
  expect(fitMail('From me')).toEqual([' From me'])
})

test('a command goes on behind a backslash, and stays whole where that could change it', () => {
  const long = `make ${'A=1 '.repeat(30)}all`
  const rows = foldCommand(long, 74)
  expect(rows.length).toBeGreaterThan(1)
  expect(rows.map(row => row.replace(/ \\$/, ' ').trimStart()).join('')).toBe(long)
  expect(foldCommand(`sh -c '${'a '.repeat(60)}'`, 74)).toHaveLength(1)
})

test('log lines as a terminal leaves them', () => {
  expect(logLines('10%\r20%\rdone\r\n\u001b[1mbold\u001b[0m\n\u202ex\u0000y\n')).toEqual([
    'done',
    'bold',
    'xy',
  ])
  expect(cleanLine('x'.repeat(5000))).toMatch(/^x{2000} … \(5000 characters\)$/)
})
