// Which bugs a patch names in its trailers, and what only looks like one.
import { expect, test } from 'vitest'
import { mailAddress } from '../../src/text/archive.ts'
import { readBugs } from '../../src/text/bug-trailers.ts'

const trailers = ['Bug', 'Wine-Bug', 'Closes', 'Fixes', 'BugLink', 'Bug-Url']
const address = 'https://bugs.example.org/show_bug.cgi?id=4711'

test.each([
  ['Bug: 123', ['123']],
  ['bug: #123', ['123']],
  ['Bug:123', ['123']],
  [`Wine-Bug: ${address}`, [address]],
  [`BugLink: <${address}>`, [address]],
  [`Closes: ${address} [1]`, [address]],
  [`Closes: ${address}.`, [address]],
  ['Closes: #12, #13 and #14', ['12', '13', '14']],
  ['Bug: 123 # optional', ['123']],
  ['Bug: bug 123 (crash)', ['123']],
  [`Fixes: ${address}`, [address]],
  ['Fixes: #99', ['99']],
  ['Fixes: 0123456789ab ("tally: count")', []],
  ['Fixes: 12345678 ("tally: count")', []],
  ['Fixes: 12345678', []],
  ['Bug: 3 tests fail since yesterday', []],
  ['Bug: 0', []],
  ['Bug: CVE-2026-0001', ['CVE-2026-0001']],
  ['Bug: tally_2.0 ', ['tally_2.0']],
  ['Bug: fixed', []],
  ['Bug: CVE-2026-0001 is back', []],
  ['Bug: ../../etc', []],
  ['Fixes: v2.0-rc1', []],
  ['  Bug: 123', []],
  ['> Bug: 123', []],
  ['+Bug: 123', []],
  ['Debug: 123', []],
  ['Link: https://lore.example.org/x/', []],
  ['Bug: javascript:alert(1)', []],
  ['Bug: 1\nSigned-off-by: Ann\nBug: 2\r\nBug: 1', ['1', '2']],
])('%j', (text, expected) => {
  expect(readBugs(`A patch.\n\n${text}\n---\n a.c | 2 +-\n`, trailers)).toEqual(expected)
})

test('a mail of nothing but trailers is read in no time, and few of them are kept', () => {
  const many = Array.from({ length: 50_000 }, (_, n) => `Bug: ${n + 1}, ${'#'.repeat(50)}`).join('\n')
  expect(readBugs(many, trailers)).toEqual([])
  expect(readBugs(many.replaceAll(/, #+/g, ''), trailers)).toHaveLength(16)
  expect(readBugs(`Bug: ${'1 '.repeat(1_000_000)}`, trailers)).toEqual(['1'])
})

test('no trailer, no bug', () => {
  expect(readBugs('Bug: 1', [])).toEqual([])
})

test('a mail has its address in the archive, whatever its Message-ID holds', () => {
  const archive = 'https://lore.example.org/{id}/'
  expect(mailAddress(archive, '<a+b.c@example.org>')).toBe('https://lore.example.org/a+b.c@example.org/')
  expect(mailAddress(archive, '<a/../?b#c$&@example.org>')).toBe(
    'https://lore.example.org/a%2F..%2F%3Fb%23c%24%26@example.org/',
  )
  expect(mailAddress(undefined, '<a@b>')).toBeUndefined()
  expect(mailAddress(archive, undefined)).toBeUndefined()
})
