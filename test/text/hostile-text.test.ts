// Megabytes of one character, where a pattern could try every beginning with every end: hours of work, if it did.
import { expect, test } from 'vitest'
import { readAddress, whoWrote } from '../../src/text/author.ts'
import { logLines } from '../../src/text/clean.ts'
import { findCommands } from '../../src/text/command.ts'
import { cutEnd } from '../../src/text/cut-end.ts'
import { readDiff } from '../../src/text/diff.ts'
import { enclosedPatch } from '../../src/text/submission.ts'

const mega = 1 << 20
const many = (text: string) => text.repeat(Math.ceil(mega / text.length))
const hunk = '@@ -1 +1 @@\n-a\n+b\n'

test('marks at the end, and only there', () => {
  expect(cutEnd('a.,b.,.', '.,')).toBe('a.,b')
  expect(cutEnd('...', '.')).toBe('')
  expect(cutEnd(`${many('.')}x`, '.')).toHaveLength(mega + 1)
})

test('a name of quotation marks', () => {
  const from = { name: `x${many("'")}x`, address: 'a@example.org' }
  const nobody = { original: undefined, replyTo: [], cc: [], text: '' }
  expect(whoWrote({ from, ...nobody })).toEqual(from)
})

test('an address behind a megabyte of spaces', () => {
  expect(readAddress(`${many(' ')}x`)).toBeUndefined()
  expect(readAddress(`${many(' ')}"Ann B" <Ann@example.org> `)).toEqual({
    name: 'Ann B',
    address: 'ann@example.org',
  })
  const lines = many(`From: ${' '.repeat(490)}x\n`)
  const id = '<20210204161158.643-2-me@example.com>'
  expect(enclosedPatch(`${lines}diff --git a/a b/a\n`, id)).toMatchObject({ author: undefined })
})

test('a diff of names that no file has', () => {
  const files = (patch: string) => readDiff(patch).files.length
  expect(files(`--- a/x${many(' ')}y\n+++ b/x\n${hunk}`)).toBe(1)
  expect(files(`diff --git "${'a'.repeat(16 * mega)}\n--- a/x\n+++ b/x\n${hunk}`)).toBe(1)
  expect(files(`diff --git "${many('\\a')}" "b\n--- a/x\n+++ b/x\n${hunk}`)).toBe(1)
})

test('lines of a log and of commands', () => {
  expect(logLines(`${many('\r')}x\r\r\n`)).toEqual(['x'])
  const esc = '\u001b'
  expect(logLines(`a${esc}]0;title\u0007b${esc}]8;;http://x${esc}\\c${esc}[31md${esc}]e`)).toEqual(['abcde'])
  for (const begun of [`${esc}]`, `${esc}${esc}]]`, `${esc}]0;x`])
    expect(logLines(`${begun.repeat(4000)}\n`.repeat(1500))).toHaveLength(1500)
  const words = findCommands(`/grapevine test\n${many(`/grapevine ${'.'.repeat(900)}x\n`)}`)
  expect(words[0]?.request).toEqual({ do: 'test', images: [] })
  expect(findCommands(`/grapevine status\n${many(`${' '.repeat(900)}x\n`)}`)).toHaveLength(1)
})
