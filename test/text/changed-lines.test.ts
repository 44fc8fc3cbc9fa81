// Lines of a change, numbered as they are in the end: compared with what git itself says of the whole.
import { expect, test } from 'vitest'
import { changedLines } from '../../src/text/changed-lines.ts'

const patch = (file: string, body: string, more = ''): string =>
  `From 1 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] words\n\n@@ -1 +1 @@ is no hunk here\n---\n a.c | 2 +-\n\ndiff --git a/${file} b/${file}\n${more}--- a/${file}\n+++ b/${file}\n${body}-- \n2.47.0\n`

const linesOf = (patches: string[]): Record<string, number[]> =>
  Object.fromEntries(
    [...changedLines(patches)].map(([file, lines]) => [file, [...lines].sort((a, b) => a - b)]),
  )

const first = patch(
  'a.c',
  '@@ -1,3 +1,4 @@\n one\n-two\n+TWO\n+more\n three\n@@ -10,2 +11,3 @@ f()\n ten\n+new\n eleven\n',
)

test('lines that came, in every hunk', () => {
  expect(linesOf([first])).toEqual({ 'a.c': [2, 3, 12] })
})

test('a later patch moves them, and takes them away', () => {
  const second = patch('a.c', '@@ -1,4 +1,5 @@\n+zero\n+null\n one\n TWO\n-more\n three\n')
  expect(linesOf([first, second])).toEqual({ 'a.c': [1, 2, 4, 5, 13] })
})

test('where lines only went, those beside them are meant; a new file is new as a whole; a renamed one keeps its lines', () => {
  expect(linesOf([patch('b.c', '@@ -4,3 +4,2 @@\n four\n-five\n six\n')])).toEqual({ 'b.c': [4, 5] })
  expect(
    linesOf([
      'diff --git a/n b/n\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+x\n+-- y\n\\ No newline at end of file\n',
    ]),
  ).toEqual({ n: [1, 2] })
  const renamed = 'diff --git a/a.c b/d.c\nsimilarity index 100%\nrename from a.c\nrename to d.c\n'
  expect(linesOf([first, renamed])).toEqual({ 'd.c': [2, 3, 12] })
  expect(linesOf(['--- a/gone.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n', '@@ -1,99999 +1,99999 @@\n+'])).toEqual(
    {},
  )
})
