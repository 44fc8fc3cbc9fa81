import { createHash } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { noBlobs } from '../../src/adapters/blobs/none.ts'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Blobs } from '../../src/ports/blobs.ts'
import type { RawMail } from '../../src/ports/mail-source.ts'
import { receive } from '../../src/stages/receive/receive.ts'
import { understand } from '../../src/stages/receive/understand.ts'
import { diff, type Letter, letter, project, start } from '../fakes/list.ts'

const own = '<ours@bot.example.org>'

const setUp = async (blobs: Blobs = noBlobs()) => {
  const real = await openStore({ folder: ':memory:' })
  onTestFinished(() => real.close())
  const store = { ...real, isOurs: async (id: string) => id === own }
  const take = (mails: RawMail[], cursor: unknown = 1) =>
    receive({ store, blobs, gitMail: gitMail() })({
      project,
      source: 'test',
      cursor,
      listTags: ['LTP'],
      mails,
    })
  return { store, take }
}

const raw = (text: string | Buffer): RawMail => ({ raw: Buffer.from(text), arrivedAt: start, where: 'test' })

/** `not-a-patch: why`, of one mail; of a patch that cannot be used `new, damaged: why`. */
const disposition = async (mail: Letter | RawMail): Promise<string> => {
  const { raw } = 'raw' in mail ? mail : letter(mail)
  const [said] = await understand({ gitMail: gitMail() })([raw], ['LTP'])
  const { kind, ...more } = said?.disposition ?? { kind: 'none' }
  const against = said?.patch?.unusable
  return [kind, ...Object.values(more)].join(': ') + (against ? `, ${against.kind}: ${against.why}` : '')
}

const head = 'From: Ann <ann@example.org>\nMessage-ID: <a@example.org>\nSubject: [PATCH] x\n'

describe('what becomes of a mail', () => {
  const cases: [string, Letter | RawMail, string][] = [
    ['a patch', { subject: '[LTP] [PATCH] x' }, 'new'],
    ['a cover', { subject: '[PATCH 0/3] x' }, 'new'],
    ['a cover with an interdiff', { subject: '[PATCH v2 0/3] x', file: 'a.c' }, 'new'],
    ['a patch that replies to a discussion', { subject: '[PATCH] x', re: 'other' }, 'new'],
    ['a patch titled as a reply', { subject: '[PATCH] Re: [PATCH] x' }, 'new'],
    ['a signed patch without [PATCH]', { subject: 'x: y' }, 'new'],
    [
      'a base64 patch',
      raw(
        `${head}Content-Transfer-Encoding: base64\n\n${Buffer.from(`Why.\n${diff('a.c')}`).toString('base64')}\n`,
      ),
      'new',
    ],
    [
      'CR in the encoding',
      raw(
        `${head}Content-Transfer-Encoding: base64\n\n${Buffer.from(`Why.\n${diff('a.c')}`.replaceAll('\n', '\r\n')).toString('base64')}\n`,
      ),
      'new',
    ],
    ['from the wire', raw(`${head}\nWhy.\n${diff('a.c')}`.replaceAll('\n', '\r\n')), 'new'],
    [
      'a charset that does not exist',
      raw(`${head}Content-Type: text/plain; charset=y\n\nWhy.\n${diff('a.c')}`),
      'new',
    ],
    [
      'an attached patch',
      raw(
        `${head}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee there.\n--b\nContent-Type: text/x-patch; name=x.patch\nContent-Disposition: attachment; filename=x.patch\nContent-Transfer-Encoding: base64\n\n${Buffer.from(diff('a.c')).toString('base64')}\n--b--\n`,
      ),
      'new',
    ],
    ['a discussion', { subject: 'How about it?', file: undefined }, 'not-a-patch: discussion'],
    [
      'a diff in a question',
      raw(`${head.replace('[PATCH] ', '')}\nLike so?\n${diff('a.c')}`),
      'not-a-patch: a diff that nobody calls a patch',
    ],
    [
      'a review',
      { subject: 'Re: [PATCH] x', body: '> diff --git a/x b/x\n> @@ -1 +1 @@\nNo.' },
      'not-a-patch: a reply that quotes a diff',
    ],
    [
      'a counter-proposal',
      {
        subject: 'Re: [PATCH] x',
        body: 'How about this?\n\ndiff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-old\n+new',
      },
      'not-a-patch: a reply that carries a diff',
    ],
    ['an answer', { subject: 'Re: [PATCH] x', body: 'Thanks.' }, 'not-a-patch: discussion'],
    ['a pull request', { subject: '[GIT PULL] x', file: undefined }, 'not-a-patch: pull request'],
    ['a part of a pull request', { subject: '[PULL 3/12] x' }, 'not-a-patch: pull request'],
    [
      'a pull request without a tag',
      {
        subject: 'x',
        file: undefined,
        body: 'The following changes since commit 0123456789ab:\n\n  x\n\nare available in the Git repository at:\n\n  git://x y',
      },
      'not-a-patch: pull request',
    ],
    ['tip-bot', { subject: '[tip: x86/urgent] x' }, 'not-a-patch: commit notification'],
    [
      'a merged commit',
      { subject: 'x', body: 'The following commit has been merged into the x branch of tip:' },
      'not-a-patch: commit notification',
    ],
    [
      'the stable queue',
      { subject: 'Patch "x: y" has been added to the 5.3-stable tree' },
      'not-a-patch: stable queue notice',
    ],
    ['a tag without a diff', { subject: '[PATCH] x', file: undefined }, 'not-a-patch: patch without a diff'],
    ['an empty mail', raw(`${head}\n`), 'not-a-patch: an empty mail'],
    ['an absence', { subject: 'Out of office: [PATCH] x', file: undefined }, 'automatic: auto-reply'],
    [
      'a bounce with a patch in it',
      { subject: '[PATCH] x', headers: ['Return-Path: <>'] },
      'automatic: bounce',
    ],
    ['no mail at all', raw(Buffer.from([0, 1, 2, 255])), 'unreadable: it has none of the headers of a mail'],
    [
      'a path out of the tree',
      { subject: '[PATCH] x', file: '../../etc/passwd' },
      'new, unsafe: it changes "../../etc/passwd", which is out of the source folder',
    ],
    [
      'an absolute path',
      { subject: '[PATCH] x', file: '/etc/passwd' },
      'new, unsafe: it changes "/etc/passwd", which is out of the source folder',
    ],
    [
      'git’s own folder',
      { subject: '[PATCH] x', file: '.git/hooks/post-checkout' },
      'new, unsafe: it changes ".git/hooks/post-checkout", which is out of the source folder',
    ],
    [
      'wrapped lines',
      raw(
        `${head}Content-Type: text/plain; format=flowed\n\nWhy.\n${diff('a.c').replace(' one\n', ' one of these\nlines\n')}`,
      ),
      'new, damaged: it was sent as format=flowed, which wraps the lines of a patch: a line in a hunk is neither context nor added nor removed (a.c)',
    ],
    [
      'non-breaking spaces',
      raw(
        `${head}Content-Type: text/plain; charset=utf-8\n\nWhy.\n${diff('a.c').replace(' one\n', '\u00a0one\n')}`,
      ),
      'new, damaged: its spaces were turned into non-breaking spaces: a line in a hunk is neither context nor added nor removed (a.c)',
    ],
    [
      'a patch that was cut',
      raw(`${head}\nWhy.\n${diff('a.c').split('-old')[0]}`),
      'new, damaged: it ends in the middle of a hunk (a.c)',
    ],
  ]
  test.each(cases)('%s', async (_, mail, expected) => expect(await disposition(mail)).toBe(expected))
})

describe('the patch in a mail', () => {
  const patchOf = async (mail: Letter | RawMail) => {
    const { raw } = 'raw' in mail ? mail : letter(mail)
    return (await understand({ gitMail: gitMail() })([raw], []))[0]?.patch
  }

  test('is the same whatever carried it', async () => {
    const plain = await patchOf(raw(`${head}\nWhy.\n${diff('a.c')}`))
    const encoded = await patchOf(
      raw(
        `${head}Content-Transfer-Encoding: base64\n\n${Buffer.from(`Why.\n${diff('a.c')}`.replaceAll('\n', '\r\n')).toString('base64')}\n`,
      ),
    )
    expect(plain).toMatchObject({
      patchId: expect.stringMatching(/^[0-9a-f]{40}$/),
      files: [{ before: 'a.c', after: 'a.c', added: 1, removed: 1 }],
    })
    expect(encoded).toEqual(plain)
  })

  test('has the author that the body names, else the one whom the list hid', async () => {
    const body = 'From: Bob <bob@example.org>\n\nWhy.'
    expect((await patchOf({ subject: '[PATCH] x', body }))?.author).toEqual({
      name: 'Bob',
      address: 'bob@example.org',
    })
    const hidden = {
      subject: '[PATCH] x',
      from: "'Cy' via Dev <dev@example.org>",
      headers: ['Reply-To: Cy <cy@example.org>'],
    }
    expect((await patchOf(hidden))?.author).toEqual({ name: 'Cy', address: 'cy@example.org' })
  })

  test('has no id without `diff` lines, and names its base', async () => {
    const patch = await patchOf(
      raw(
        `${head}\nWhy.\n${diff('a.c').replace(/^diff --git.*\nindex.*\n/m, '')}base-commit: ${'ab'.repeat(20)}\n`,
      ),
    )
    expect(patch).toMatchObject({
      patchId: undefined,
      baseCommit: 'ab'.repeat(20),
      files: [{ after: 'a.c' }],
    })
  })

  test('lines in the text that look like the start of another patch change nothing', async () => {
    const odd = `${'0'.repeat(39)}1 x\ncommit ${'12'.repeat(20)}\nFrom ${'ab'.repeat(20)} Mon Sep 17 00:00:00 2001\n`
    const ids = await gitMail().patchIds([
      Buffer.from(odd + diff('a.c')),
      Buffer.from(''),
      Buffer.from(diff('a.c')),
    ])
    expect(ids).toEqual([ids[2], undefined, expect.stringMatching(/^[0-9a-f]{40}$/)])
  })
})

describe('receive', () => {
  test('keeps bytes, mails and the cursor, and tells what is new', async () => {
    const { store, take } = await setUp()
    const mails = [
      letter({ subject: '[PATCH] x' }),
      letter({ subject: 'Hm', file: undefined, at: 1 }),
      raw('\0'),
    ]
    const ids = await take(mails, { at: 3 })
    expect(ids).toEqual(mails.map(({ raw }) => createHash('sha256').update(raw).digest('hex')))
    expect(await store.cursor('test')).toEqual({ at: 3 })
    expect(await store.mail(ids[0] ?? '')).toMatchObject({
      project,
      source: 'test',
      arrivedAt: start,
      size: mails[0]?.raw.length,
      tags: { title: 'x' },
    })
    expect(await take(mails, { at: 3 })).toEqual([])
  })

  test('knows its own mails', async () => {
    const { store, take } = await setUp()
    await take([raw(`${head.replace('<a@example.org>', own)}\nWhy.\n${diff('a.c')}`)])
    expect((await store.mails({ kind: 'own' })).length).toBe(1)
  })

  test('stores no mail and no cursor when the bytes cannot be kept', async () => {
    const full = new Fault('exhausted', 'later', 'blob store: disk full')
    const { store, take } = await setUp({ ...noBlobs(), put: () => Promise.reject(full) })
    await expect(take([letter({ subject: '[PATCH] x' })])).rejects.toBe(full)
    expect(await store.cursor('test')).toBeUndefined()
    expect(await store.mails({})).toEqual([])
  })

  const zip = 'Content-Type: application/zip\nContent-Transfer-Encoding: base64'
  const big = (line: string) =>
    raw(
      `${head}Content-Type: multipart/mixed; boundary=b\n\n--b\n${zip}\n\n${`${line}\n`.repeat((13 << 20) / line.length)}\n--b\n\nWhy.\n${diff('a.c')}\n--b--\n`,
    )

  test('an attachment of 13 MB, with the patch behind it', async () => {
    const { store, take } = await setUp()
    await take([big('QUJDRAo='.repeat(9))])
    const [mail] = await store.mails({})
    expect(mail).toMatchObject({ disposition: { kind: 'new' }, patch: { files: [{ after: 'a.c' }] } })
  })

  test('one that is made to keep git busy for minutes stops nobody', async () => {
    const { store, take } = await setUp()
    await take([big('QUJD'.repeat(19)), letter({ subject: '[PATCH] x' })])
    expect(
      (await store.mails({})).map(mail => [
        mail.disposition.kind,
        mail.patch?.unusable?.kind,
        mail.tags?.title,
      ]),
    ).toEqual([
      ['new', 'damaged', 'x'],
      ['new', undefined, 'x'],
    ])
  })
})
