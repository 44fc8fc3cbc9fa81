// What is a patch: one table, a line for each way in which people and programs send one, and for what only looks like one.
import { describe, expect, test } from 'vitest'
import { gitMail } from '../../src/adapters/git/mail.ts'
import type { Mail } from '../../src/model/mail.ts'
import { understand } from '../../src/stages/receive/understand.ts'
import { diff } from '../fakes/list.ts'

const head = 'From: Ann <ann@example.org>\nMessage-ID: <a@example.org>\n'
const tagged = `${head}Subject: [PATCH] x\n`
const patch = `Why.\n\nSigned-off-by: Ann <ann@example.org>\n${diff('a.c')}`
const utf8 = 'Content-Type: text/plain; charset=utf-8\n'

type Understood = Pick<Mail, 'tags' | 'patch' | 'disposition'>
const read = async (raw: string | Buffer): Promise<Understood | undefined> =>
  (await understand({ gitMail: gitMail() })([Buffer.from(raw)], ['LTP']))[0]

/** `patch a.c, b.c`, `damaged: why`, `unsafe: why`, `not-a-patch: why`. */
const say = async (raw: string | Buffer): Promise<string> => {
  const { patch, disposition } = (await read(raw)) ?? {}
  if (disposition === undefined) return 'nothing'
  if (patch?.unusable !== undefined)
    return `${disposition.kind} ${patch.unusable.kind}: ${patch.unusable.why}`
  const files = (patch?.files ?? []).map(file => file.after ?? file.before).join(', ')
  return disposition.kind === 'new' ? `patch ${files}` : Object.values(disposition).join(': ')
}

const encoded = (text: string | Buffer, encoding: 'base64' | 'quoted-printable'): string =>
  encoding === 'base64'
    ? (
        Buffer.from(text)
          .toString('base64')
          .match(/.{1,76}/g) ?? []
      ).join('\n')
    : Buffer.from(text)
        .toString('latin1')
        .replace(
          /[=\x80-\xff]|[ \t](?=\n)|\r/g,
          c => `=${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
        )

const cte = (encoding: string): string => `Content-Transfer-Encoding: ${encoding}\n`
const parts = (...bodies: string[]): string =>
  `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n${bodies.map(body => `--b\n${body}\n`).join('')}--b--\n`
const attachment = (name: string, content: string): string =>
  `Content-Type: text/x-patch; name=${name}\nContent-Disposition: attachment; filename=${name}\n\n${content}`
const formatted = (title: string, file: string): string =>
  `From ${'0123456789'.repeat(4)} Mon Sep 17 00:00:00 2001\nFrom: Ann <ann@example.org>\nDate: Mon, 5 Jan 2026 12:00:00 +0000\nSubject: ${title}\n\nWhy.\n\nSigned-off-by: Ann <ann@example.org>\n${diff(file)}\n`
const git = (...lines: string[]): string => `${tagged}\nWhy.\n---\n${lines.join('\n')}\n-- \n2.39.5\n`

describe('carried in', () => {
  test.each([
    ['the body', `${tagged}\n${patch}`],
    ['base64', `${tagged}${cte('base64')}\n${encoded(patch, 'base64')}\n`],
    [
      'base64 with CRLF in it',
      `${tagged}${cte('base64')}\n${encoded(patch.replaceAll('\n', '\r\n'), 'base64')}\n`,
    ],
    ['quoted-printable', `${tagged}${cte('quoted-printable')}\n${encoded(patch, 'quoted-printable')}\n`],
    [
      'quoted-printable with CR in it',
      `${tagged}${cte('quoted-printable')}\n${encoded(patch.replaceAll('\n', '\r\n'), 'quoted-printable')}\n`,
    ],
    ['a mail with CRLF', `${tagged}\n${patch}`.replaceAll('\n', '\r\n')],
    ['an mbox', `From x Mon Jan  5 12:00:00 2026\n${tagged}\n${patch}`],
    ['an attachment', tagged + parts('\nSee there.', attachment('x.patch', diff('a.c')))],
    [
      'a base64 attachment that is called binary',
      tagged +
        parts(
          '\nSee there.',
          `Content-Type: application/octet-stream; name=x.patch\n${cte('base64')}Content-Disposition: attachment; filename=x.patch\n\n${encoded(patch, 'base64')}`,
        ),
    ],
    [
      'plain text beside HTML',
      `${tagged}MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n${utf8}\n${patch}\n--b\nContent-Type: text/html\n\n<p>Why.</p>\n--b--\n`,
    ],
    ['a list with a footer', `${tagged}\n${patch}\n-- \nMailing list info: https://lists.example.org/dev\n`],
    [
      'a list with a footer of underscores',
      `${tagged}\n${patch}\n_______________________________________________\nDev mailing list\nDev@example.org\n`,
    ],
    [
      'Google Groups',
      `${tagged}\n${patch}\n-- \nYou received this message because you are subscribed to the Google Groups "Dev" group.\n`,
    ],
    [
      'a list with a footer of its own part',
      `${tagged}${parts(`${utf8}\n${patch}`, `${utf8}Content-Disposition: inline\n\n_____\nDev mailing list`)}`,
    ],
    ['a mail with a signature above the patch', `${tagged}\nWhy.\n\n-- \nAnn\n${diff('a.c')}`],
    ['UTF-8', `${tagged}${utf8}\nGrüße.\n${diff('a.c', 'grün')}`],
    [
      'Latin-1',
      Buffer.from(
        `${tagged}${utf8.replace('utf-8', 'iso-8859-1')}\nGrüße.\n${diff('a.c', 'grün')}`,
        'latin1',
      ),
    ],
    [
      'Latin-1 that calls itself UTF-8',
      Buffer.from(`${tagged}${utf8}\nGrüße.\n${diff('a.c', 'grün')}`, 'latin1'),
    ],
    [
      'UTF-8 that calls itself ASCII',
      `${tagged}${utf8.replace('utf-8', 'us-ascii')}\n${diff('a.c', 'grün')}`,
    ],
    ['a charset that is none', `${tagged}Content-Type: text/plain; charset="y"\n\n${patch}`],
    ['NUL bytes', `${tagged}\n${diff('a.c', 'n\0w')}`],
    [
      'format=flowed that harmed nothing',
      `${tagged}Content-Type: text/plain; format=flowed\n\n${patch.replace(/^ /gm, '  ')}`,
    ],
    ['non-breaking spaces in the message alone', `${tagged}${utf8}\n\u00a0 Why.\n${diff('a.c')}`],
    ['a signed mail without [PATCH]', `${head}Subject: x: y\n\n${patch}`],
    ['no subject, but signed', `${head}\n${patch}`],
    [
      'a mail of git send-email without [PATCH]',
      `${head.replace('<a@', '<20260105120000.1234-1-a@')}Subject: x: y\n\n${diff('a.c')}`,
    ],
    ['a mail with the message below scissors', `${tagged}\nHello.\n\n-- >8 --\nSubject: y\n\n${patch}`],
    ['a mail that replies to a discussion', `${tagged}In-Reply-To: <b@example.org>\n\n${patch}`],
  ])('%s', async (_, raw) => expect(await say(raw)).toBe('patch a.c'))

  test('the same patch has the same id whatever carried it', async () => {
    const raws = [
      `${tagged}\n${patch}`,
      `${tagged}${cte('base64')}\n${encoded(patch.replaceAll('\n', '\r\n'), 'base64')}\n`,
      tagged + parts('\nSee there.', attachment('x.patch', diff('a.c'))),
    ]
    const ids = await Promise.all(raws.map(async raw => (await read(raw))?.patch?.patchId))
    expect(ids).toEqual(ids.map(() => expect.stringMatching(/^[0-9a-f]{40}$/)))
    expect(new Set(ids).size).toBe(1)
  })

  test('a quoted From at the start of a line of an mbox', async () => {
    const said = await read(`From x Mon Jan  5 12:00:00 2026\n${tagged}\n>From here on.\n${patch}`)
    expect(said?.patch).toMatchObject({ subject: 'x', files: [{ after: 'a.c' }] })
  })

  test('somebody else’s name', async () => {
    const said = await read(`${tagged}\nFrom: Bob <bob@example.org>\nSubject: y\n\n${patch}`)
    expect(said?.patch).toMatchObject({ author: { name: 'Bob', address: 'bob@example.org' }, subject: 'y' })
  })
})

describe('changes of any kind', () => {
  test.each([
    [
      'a rename',
      git('diff --git a/a b/b', 'similarity index 100%', 'rename from a', 'rename to b'),
      'patch b',
    ],
    ['a mode', git('diff --git a/run b/run', 'old mode 100644', 'new mode 100755'), 'patch run'],
    ['an empty file', git('diff --git a/e b/e', 'new file mode 100644', 'index 0000000..e69de29'), 'patch e'],
    [
      'a deleted file',
      git('diff --git a/e b/e', 'deleted file mode 100644', 'index e69de29..0000000'),
      'patch e',
    ],
    [
      'a binary file',
      git(
        'diff --git a/i.png b/i.png',
        'new file mode 100644',
        `index ${'0'.repeat(40)}..${'1'.repeat(40)}`,
        'GIT binary patch',
        'literal 0',
        'HcmV?d00001',
        '',
        'literal 0',
        'HcmV?d00001',
        '',
      ),
      'patch i.png',
    ],
    [
      'a plain diff without git',
      git('--- a/a.c\t2026-01-05', '+++ b/a.c\t2026-01-05', '@@ -1 +1 @@', '-x', '+y'),
      'patch a.c',
    ],
    [
      'quilt',
      git(
        'Index: linux/a.c',
        '='.repeat(67),
        '--- linux.orig/a.c',
        '+++ linux/a.c',
        '@@ -1 +1 @@',
        '-x',
        '+y',
      ),
      'patch a.c',
    ],
    [
      'Subversion',
      git(
        'Index: src/a.c',
        '='.repeat(67),
        '--- src/a.c\t(revision 7)',
        '+++ src/a.c\t(working copy)',
        '@@ -1 +1 @@',
        '-x',
        '+y',
      ),
      'patch src/a.c',
    ],
    [
      'CVS',
      git(
        'Index: src/a.c',
        '='.repeat(67),
        'RCS file: /cvs/src/a.c,v',
        'retrieving revision 1.1',
        'diff -u -r1.1 a.c',
        '--- src/a.c\t1.1',
        '+++ src/a.c\t2 Jan',
        '@@ -1 +1 @@',
        '-x',
        '+y',
      ),
      'patch src/a.c',
    ],
    [
      'git with --no-prefix',
      git(
        'diff --git src/a.c src/a.c',
        'index 1111111..2222222 100644',
        '--- src/a.c',
        '+++ src/a.c',
        '@@ -1 +1 @@',
        '-x',
        '+y',
      ),
      'patch src/a.c',
    ],
    [
      'no newline at the end',
      git(
        'diff --git a/a b/a',
        '--- a/a',
        '+++ b/a',
        '@@ -1 +1 @@',
        '-x',
        '\\ No newline at end of file',
        '+y',
        '\\ No newline at end of file',
      ),
      'patch a',
    ],
    [
      'empty lines that lost their space',
      git('diff --git a/a b/a', '--- a/a', '+++ b/a', '@@ -1,3 +1,3 @@', ' x', '', '-y', '+z'),
      'patch a',
    ],
  ])('%s', async (_, raw, expected) => expect(await say(raw)).toBe(expected))
})

describe('several patches in one mail are one, as git takes them', () => {
  const two = [formatted('[PATCH 1/2] one', 'a.c'), formatted('[PATCH 2/2] two', 'b.c')] as const
  test('attached', async () => {
    const said = await read(
      tagged + parts('\nTwo.', attachment('1.patch', two[0]), attachment('2.patch', two[1])),
    )
    expect(said).toMatchObject({
      disposition: { kind: 'new' },
      tags: { position: undefined },
      patch: { files: [{ after: 'a.c' }, { after: 'b.c' }] },
    })
  })

  test('attached to an answer: without a place in a series', async () => {
    const said = await read(
      `${head}Subject: Re: [PATCH 3/4] y\n${parts('\nTwo.', attachment('1.patch', two[0]), attachment('2.patch', two[1]))}`,
    )
    expect(said).toMatchObject({
      tags: { position: undefined, total: undefined, title: 'one' },
      patch: { files: [{ after: 'a.c' }, { after: 'b.c' }] },
    })
  })
})

describe('damaged on the way: told, not repaired', () => {
  const hunk = 'a line in a hunk is neither context nor added nor removed (a.c)'
  test.each([
    [
      'wrapped lines',
      `${tagged}\n${patch.replace(' one\n', ' one of these\nlines\n')}`,
      `new damaged: ${hunk}`,
    ],
    [
      'format=flowed',
      `${tagged}Content-Type: text/plain; format=flowed\n\n${patch.replace(' one\n', ' one of these\nlines\n')}`,
      `new damaged: it was sent as format=flowed, which wraps the lines of a patch: ${hunk}`,
    ],
    [
      'non-breaking spaces',
      `${tagged}${utf8}\n${patch.replace(' one\n', '\u00a0one\n')}`,
      `new damaged: its spaces were turned into non-breaking spaces: ${hunk}`,
    ],
    ['cut', `${tagged}\n${patch.split('-old')[0]}`, 'new damaged: it ends in the middle of a hunk (a.c)'],
    [
      'a binary patch that lost its data',
      git(
        'diff --git a/i b/i',
        `index ${'0'.repeat(40)}..${'1'.repeat(40)} 100644`,
        'GIT binary patch',
        'literal 9',
        'QQQ',
      ),
      'new damaged: git apply: corrupt binary patch at line 6: QQQ',
    ],
    [
      'only the names of the files',
      git('--- a/a.c', '+++ b/a.c', 'and so on'),
      'new damaged: git apply: No valid patches in input',
    ],
    [
      'a part of a series',
      `${head}Subject: [PATCH 2/3] x\n\n${patch.split('-old')[0]}`,
      'new damaged: it ends in the middle of a hunk (a.c)',
    ],
    [
      'out of the tree',
      `${tagged}\n${diff('../x')}`,
      'new unsafe: it changes "../x", which is out of the source folder',
    ],
    [
      'a diff in a question, cut: nobody asked for a word about it',
      `${head}Subject: How?\n\n${patch.split('-old')[0]}`,
      'not-a-patch: a diff that nobody calls a patch',
    ],
    [
      'a wrapped patch in an answer: the same',
      `${head}Subject: Re: [PATCH] x\n\n${patch.replace(' one\n', ' one of these\nlines\n')}`,
      'not-a-patch: a reply with a patch that cannot be applied',
    ],
  ])('%s', async (_, raw, expected) => expect(await say(raw)).toBe(expected))
})

describe('in an answer', () => {
  const re = `${head}Subject: Re: [PATCH v2 3/4] y\n`
  const quote = '> diff --git a/x b/x\n> @@ -1 +1 @@\n> -x\n> +y\n'
  const bare = diff('a.c').replace(/^---\n(?:.*\n)*?\n/, '')

  test.each([
    [
      'signed off, with a message of its own',
      `${re}\n${quote}\nNo, like this:\n\nSubject: [PATCH] z\n\n${patch}`,
    ],
    ['below scissors, with a subject', `${re}\nNo.\n\n-- >8 --\nSubject: [PATCH] z\n\nWhy.\n${diff('a.c')}`],
    ['as git format-patch writes it', `${re}\n${quote}\n${formatted('[PATCH] z', 'a.c')}`],
    [
      'attached by git format-patch',
      re + parts(`\n${quote}\nAttached.`, attachment('z.patch', formatted('[PATCH] z', 'a.c'))),
    ],
    [
      'sent by git send-email',
      `From: Ann <ann@example.org>\nMessage-ID: <20260105120000.1234-1-ann@example.org>\nSubject: Re: [PATCH] y\n\nWhy.\n${diff('a.c')}`,
    ],
  ])('a patch: %s', async (_, raw) => {
    expect(await say(raw)).toBe('patch a.c')
    expect((await read(raw))?.tags).toMatchObject({
      patch: true,
      reply: true,
      position: undefined,
      version: 1,
    })
  })

  test('its title, version and author are its own', async () => {
    const raw = `${re}\nNo.\n\n-- >8 --\nFrom: Bob <bob@example.org>\nSubject: [PATCH v5] a title\n that is folded\n\n${patch}`
    expect(await read(raw)).toMatchObject({
      tags: { title: 'a title that is folded', version: 5 },
      patch: { subject: 'a title that is folded', author: { name: 'Bob', address: 'bob@example.org' } },
    })
  })

  test.each([
    ['how about this?', `${re}\n${quote}\nHow about this?\n\n${bare}`, 'a reply that quotes a diff'],
    ['a snippet', `${re}\nUntested:\n\n${bare}`, 'a reply that carries a diff'],
    ['with a diffstat, but nobody signs', `${re}\nUntested:\n${diff('a.c')}`, 'a reply that carries a diff'],
    [
      'scissors above a bare diff',
      `${re}\nSo?\n\n------ >8 ------\n\n${bare}`,
      'a reply that carries a diff',
    ],
    ['a quoted patch', `${re}\n> ${patch.replaceAll('\n', '\n> ')}\nThanks.`, 'a reply that quotes a diff'],
    [
      'a tag for the quoted patch, and a remark',
      `${re}\n${quote}\nSigned-off-by: Bob <bob@example.org>\n\n${bare}`,
      'a reply that quotes a diff',
    ],
    [
      'a whole mail below, without quotation marks',
      `${re}\nThanks.\n\n-----Original Message-----\nFrom: Bob\nSubject: [PATCH] y\n\n${patch}`,
      'a reply that carries a diff',
    ],
    [
      'the same by Outlook',
      `${re}\nThanks.\n\nFrom: Bob <bob@example.org>\nSent: Monday\nTo: Ann\nSubject: [PATCH] y\n\n${patch}`,
      'a reply that carries a diff',
    ],
  ])('no patch: %s', async (_, raw, why) => expect(await say(raw)).toBe(`not-a-patch: ${why}`))
})

describe('no patch', () => {
  test.each([
    ['a question', `${head}Subject: x\n\nHow?\n`, 'discussion'],
    ['a tag without a diff', `${tagged}\nWhy.\n`, 'patch without a diff'],
    ['an empty mail', `${tagged}\n`, 'an empty mail'],
    ['a pull request', `${head}Subject: [GIT PULL] x\n\n${patch}`, 'pull request'],
    ['a part of a pull request', `${head}Subject: [PULL 3/12] x\n\n${patch}`, 'pull request'],
    [
      'a pull request with its whole diff',
      `${head}Subject: x\n\nThe following changes since commit 0123456789ab:\n\n  x\n\nare available in the git repository at:\n\n  git://x y\n\n${patch}`,
      'pull request',
    ],
    [
      'tip-bot',
      `${head}Subject: [tip: x86/urgent] x\n\nThe following commit has been merged into the x86/urgent branch of tip:\n\nCommit-ID:     0123456789\n${patch}`,
      'commit notification',
    ],
    [
      'the stable queue',
      `${head}Subject: Patch "x: y" has been added to the 6.1-stable tree\n\n${patch}`,
      'stable queue notice',
    ],
  ])('%s', async (_, raw, why) => expect(await say(raw)).toBe(`not-a-patch: ${why}`))

  test.each([
    ['an interdiff', `Interdiff against v1:\n${diff('a.c')}`],
    [
      'a range-diff',
      'Range-diff against v1:\n1:  1111111 ! 1:  2222222 x\n    @@ a.c\n    -+old\n    ++new\n',
    ],
  ])('%s in a cover letter', async (_, body) => {
    const said = await read(`${head}Subject: [PATCH v2 0/2] x\n\nHello.\n\n${body}`)
    expect(said).toMatchObject({ disposition: { kind: 'new' }, tags: { position: 0 }, patch: undefined })
  })
})
