import { describe, expect, test } from 'vitest'
import { parseDiff, readDiff, unsafePath } from '../../src/text/diff.ts'

/** `modify a → b +1 -2 (binary)`, one line for each file. */
const say = (patch: string): string[] =>
  parseDiff(patch).map(
    file =>
      `${file.kind} ${file.before ?? '∅'} → ${file.after ?? '∅'} +${file.added} -${file.removed}${file.binary ? ' binary' : ''}`,
  )

const hunk = '@@ -1,2 +1,3 @@ int x;\n one\n+two\n three\n'

describe('a diff', () => {
  test('of git, with a signature and a footer behind it', () => {
    const patch = `diff --git a/src/a.c b/src/a.c\nindex 1234567..89abcde 100644\n--- a/src/a.c\n+++ b/src/a.c\n${hunk}-- \n2.39.5\n\n-- \nA list footer\n`
    expect(say(patch)).toEqual(['modify src/a.c → src/a.c +1 -0'])
    expect(parseDiff(patch)[0]?.blobs).toEqual({ before: '1234567', after: '89abcde' })
    expect(readDiff(patch).broken).toBeUndefined()
  })

  test.each([
    [
      'diff --git a/new b/new\nnew file mode 100644\nindex 0000000..1111111\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+x\n',
      ['add ∅ → new +1 -0'],
    ],
    ['diff --git a/empty b/empty\nnew file mode 100644\nindex 0000000..e69de29\n', ['add ∅ → empty +0 -0']],
    [
      'diff --git a/old b/old\ndeleted file mode 100644\nindex 1111111..0000000\n--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n',
      ['delete old → ∅ +0 -1'],
    ],
    [
      'diff --git a/one two b/three\nsimilarity index 100%\nrename from one two\nrename to three\n',
      ['rename one two → three +0 -0'],
    ],
    ['diff --git a/x b/y\nsimilarity index 90%\ncopy from x\ncopy to y\n', ['copy x → y +0 -0']],
    ['diff --git a/run b/run\nold mode 100644\nnew mode 100755\n', ['mode run → run +0 -0']],
    [
      'diff --git a/with blank b/with blank\nold mode 100644\nnew mode 100755\n',
      ['mode with blank → with blank +0 -0'],
    ],
    [
      'diff --git "a/\\303\\244.c" "b/\\303\\244.c"\nindex 1111111..2222222 100644\n--- "a/\\303\\244.c"\n+++ "b/\\303\\244.c"\n@@ -1 +1 @@\n-x\n+y\n',
      ['modify ä.c → ä.c +1 -1'],
    ],
    [
      'diff --git a/i.png b/i.png\nindex 1111111..2222222 100644\nGIT binary patch\nliteral 3\nKcmZzz\n\nliteral 0\nHcmV?d\n\ndiff --git a/z b/z\nold mode 100644\nnew mode 100755\n',
      ['modify i.png → i.png +0 -0 binary', 'mode z → z +0 -0'],
    ],
    [
      'diff --git a/i.png b/i.png\nindex 1111111..2222222 100644\nBinary files a/i.png and b/i.png differ\n',
      ['modify i.png → i.png +0 -0 binary'],
    ],
    [
      'diff --git pixel.bmp pixel.bmp\nindex 1111111..2222222 100644\nBinary files x and y differ\n',
      ['modify pixel.bmp → pixel.bmp +0 -0 binary'],
    ],
    [
      `--- a/one.c\t2020-01-01\n+++ b/one.c\t2020-01-02\n${hunk}--- a/two.c\n+++ b/two.c\n${hunk}`,
      ['modify one.c → one.c +1 -0', 'modify two.c → two.c +1 -0'],
    ],
    [`--- linux.orig/one.c\n+++ linux/one.c\n${hunk}`, ['modify one.c → one.c +1 -0']],
    [
      `Index: tools/one.c\n=====\nRCS file: /cvs/one.c,v\nretrieving revision 1.1\ndiff -u -r1.1 one.c\n--- tools/one.c\t1.1\n+++ tools/one.c\t2 Jan\n${hunk}`,
      ['modify tools/one.c → tools/one.c +1 -0'],
    ],
    [
      `Index: linux-2.6/net/one.c\n=====\n--- linux-2.6.orig/net/one.c\n+++ linux-2.6/net/one.c\n${hunk}`,
      ['modify net/one.c → net/one.c +1 -0'],
    ],
    [
      `\r\ndiff --git a/x b/x\r\n--- a/x\r\n+++ b/x\r\n${hunk.replaceAll('\n', '\r\n')}`,
      ['modify x → x +1 -0'],
    ],
    ['no diff at all\n---\n a.c | 2 +-\n', []],
    ['', []],
  ])('%j', (patch, expected) => expect(say(patch)).toEqual(expected))

  test('lines of a hunk that look like headers are lines of a hunk', () => {
    const patch =
      'diff --git a/x.sql b/x.sql\n--- a/x.sql\n+++ b/x.sql\n@@ -1,3 +1,3 @@\n--- a/old\n+++ b/new\n diff --git a/y b/y\n \n'
    expect(say(patch)).toEqual(['modify x.sql → x.sql +1 -1'])
  })

  test.each([
    [
      'wrapped',
      'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n one\n+two words\nwrapped\n three\n',
      7,
    ],
    ['cut', 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n one', 6],
    ['nbsp', 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n\u00a0one\n-a\n+b\n', 5],
  ])('a hunk that was %s on the way is told', (_, patch, line) => {
    expect(readDiff(patch).broken).toMatchObject({ file: 'x', line })
  })

  test.each([
    [
      'diff --git a/../../etc/passwd b/../../etc/passwd\nold mode 100644\nnew mode 100755\n',
      '../../etc/passwd',
    ],
    [`--- /etc/passwd\n+++ /etc/passwd\n${hunk}`, '/etc/passwd'],
    [`--- a//etc/passwd\n+++ b//etc/passwd\n${hunk}`, '/etc/passwd'],
    [`diff --git a/.git/config b/.git/config\n--- a/.git/config\n+++ b/.git/config\n${hunk}`, '.git/config'],
    [`--- a/x/.GIT/hooks/y\n+++ b/x/.GIT/hooks/y\n${hunk}`, 'x/.GIT/hooks/y'],
    ['diff --git a/x b/x\nrename from x\nrename to ../x\n', '../x'],
    [`--- a/..\\x\n+++ b/..\\x\n${hunk}`, '..\\x'],
    [`--- a/.gitignore\n+++ b/.gitignore\n${hunk}`, undefined],
    [`--- a/a..b/c\n+++ b/a..b/c\n${hunk}`, undefined],
  ])('a path out of the tree is unsafe: %j', (patch, path) => expect(unsafePath(parseDiff(patch))).toBe(path))
})
