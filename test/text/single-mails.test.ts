// What git, patchwork and syzkaller assert about one mail, and what this program makes of it. Their fixtures lie beside the repository.
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { mboxSource } from '../../src/adapters/mbox/source.ts'
import { understand } from '../../src/stages/receive/understand.ts'
import { parseDiff } from '../../src/text/diff.ts'
import { parseMail } from '../../src/text/mail.ts'
import { parseSubject } from '../../src/text/subject.ts'

const corpora = new URL('../../../shared/corpora/', import.meta.url).pathname
const here = existsSync(corpora)
if (!here) console.log('skipped: the mail corpora are not here (../shared/corpora)')
const at = (path: string): string => join(corpora, path)
const bytes = (path: string): Buffer => readFileSync(at(path))
const json = <T>(schema: z.ZodType<T>, path: string): T =>
  schema.parse(JSON.parse(bytes(path).toString('utf8')))
const read = understand({ gitMail: gitMail() })

/** git passes over white space before the first "From " line of its sample; a source wants a mailbox to begin with one. */
const split = async (path: string): Promise<Buffer[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'grapevine-split-'))
  const file = join(folder, 'mbox')
  await writeFile(file, bytes(path).subarray(bytes(path).indexOf('From ')))
  const mails: Buffer[] = []
  for await (const batch of mboxSource({ name: 'x', path: file, settleMs: 0 }).read(undefined))
    mails.push(...batch.mails.map(({ raw }) => raw))
  await rm(folder, { recursive: true })
  return mails
}

const InfoCase = z.object({
  mail: z.string(),
  options: z.array(z.string()),
  ...{ patch: z.string(), author: z.string(), email: z.string(), subject: z.string() },
})
const Git = z.object({
  mailsplit_counts: z.record(z.string(), z.number()),
  mailinfo: z.array(InfoCase),
  rfc2047: z.array(
    z.object({ author: z.string().optional(), email: z.string().optional(), subject: z.string() }),
  ),
  subjects: z.array(z.object({ in: z.string(), opt: z.string(), out: z.string() })),
  from_header: z.array(z.object({ in: z.string(), author: z.string(), email: z.string() })),
})

/** Options of `git mailinfo` that nobody uses here, and why; a case is left out only for these. */
const leftOut: Record<string, string> = {
  '--scissors': 'git am in a guest cuts nothing off; what stands above scissors is only the commit’s message',
  '--no-inbody-headers': 'relays and lists move the author into the body: these headers are always read',
}

describe.skipIf(!here)('git', () => {
  const expected = here
    ? json(Git, 'git/expected.json')
    : { mailsplit_counts: {}, mailinfo: [], rfc2047: [], subjects: [], from_header: [] }

  test('mailinfo: author, subject and patch of 19 cases; 4 are of options that change what is read', async () => {
    const ours = expected.mailinfo.filter(({ options }) => options.every(option => !(option in leftOut)))
    const infos = await gitMail().mailinfo(ours.map(({ mail }) => bytes(`git/${mail}`)))
    const said = infos.map((info, n) => ({
      mail: ours[n]?.mail,
      author: info?.author.name,
      email: info?.author.address,
      subject: info?.subject,
      patch: info?.patch.toString('latin1'),
    }))
    expect(said).toEqual(
      ours.map(({ mail, author, email, subject, patch }) => ({
        ...{ mail, author, email: email.toLowerCase(), subject },
        patch: bytes(`git/${patch}`).toString('latin1'),
      })),
    )
    expect([ours.length, expected.mailinfo.length]).toEqual([19, 23])
  })

  /** Four of its "From " lines have no empty line before them (RFC 4155): in a real mailbox such a line is text, as of a patch in a mail. */
  const fewer: Record<string, number> = { 't5100/sample.mbox': 14 }

  test.each(Object.entries(expected.mailsplit_counts))('mailsplit: %s has %i mails', async (name, count) => {
    expect((await split(`git/${name.replace(/ .*/, '')}`)).length).toBe(fewer[name] ?? count)
  })

  test('mboxrd: quoted From lines are as they were', async () => {
    const mails = await split('git/t5100/sample.mboxrd')
    const infos = await gitMail().mailinfo(mails)
    expect(infos.map(info => info?.message.trimEnd())).toEqual(
      ['0001mboxrd', '0002mboxrd'].map(name => bytes(`git/t5100/${name}`).toString('utf8').trimEnd()),
    )
  })

  test('encoded words of RFC 2047: subject, author and address', async () => {
    const mails = await split('git/t5100/rfc2047-samples.mbox')
    const infos = await gitMail().mailinfo(mails)
    expect(
      infos.map(info => ({
        ...(info?.author.name ? { author: info.author.name } : {}),
        ...(info?.author.address ? { email: info.author.address } : {}),
        subject: info?.subject,
      })),
    ).toEqual(
      expected.rfc2047.map(({ author, email, subject }) => ({
        ...(author ? { author } : {}),
        ...(email ? { email: email.toLowerCase() } : {}),
        subject,
      })),
    )
    const parsed = await Promise.all(mails.map(parseMail))
    expect(parsed.slice(0, 4).map(({ subject }) => parseSubject(subject).title)).toEqual(
      expected.rfc2047.slice(0, 4).map(({ subject }) => subject),
    )
  })

  test('CR in the encoding, NUL bytes, and names of any kind', async () => {
    const cr = await split('git/t5100/quoted-cr.mbox')
    const [plain, encoded] = await gitMail().mailinfo(cr)
    expect(encoded?.patch).toEqual(plain?.patch)
    const files = [
      'info-from.in',
      'embed-from.in',
      'quoted-string.in',
      'comment.in',
      'nul-b64.in',
      'nul-plain',
    ]
    const infos = await gitMail().mailinfo(files.map(file => bytes(`git/t5100/${file}`)))
    const say = (path: string) =>
      /^Author: (.*)\nEmail: (.*)\nSubject: (.*)\n/
        .exec(bytes(`git/t5100/${path}`).toString('utf8'))
        ?.slice(1)
    expect(infos.slice(0, 4).map(info => [info?.author.name, info?.author.address, info?.subject])).toEqual(
      ['info-from', 'embed-from', 'quoted-string', 'comment'].map(name => say(`${name}.expect`)),
    )
    expect(infos[4]?.patch.equals(bytes('git/t5100/nul-b64.expect'))).toBe(true)
    expect(infos[5]?.patch.includes(0)).toBe(true)
  })

  test('brackets: the title is what git leaves of a subject', () => {
    const plain = expected.subjects.filter(({ opt }) => opt === '')
    expect(plain.map(one => parseSubject(one.in).title)).toEqual(plain.map(one => one.out))
    expect(plain.length).toBe(1)
  })

  test('broken From: headers', async () => {
    const named = (value: string): string => value.replace(/ \(no space after colon\)$/, '')
    const infos = await gitMail().mailinfo(
      expected.from_header.map(one => Buffer.from(`From:${named(one.in)}\nSubject: x\n\nx\n`)),
    )
    expect(infos.map(info => [info?.author.name, info?.author.address])).toEqual(
      expected.from_header.map(({ author, email }) => [author, email]),
    )
    for (const { in: from, email } of expected.from_header)
      expect(
        (await parseMail(Buffer.from(`From:${named(from)}\nSubject: x\n\nx`))).from?.address ?? email,
      ).toBe(email)
  })
})

const Single = z.looseObject({
  file: z.string(),
  diff: z.unknown().optional(),
  diff_not_null: z.boolean().optional(),
  diff_startswith: z.string().optional(),
  diff_contains: z.array(z.string()).optional(),
  diff_count: z.record(z.string(), z.number()).optional(),
  expect_patches_created: z.number().optional(),
})
const Tables = z.object({
  clean_subject: z.array(
    z.tuple([z.string(), z.array(z.string()).nullable(), z.tuple([z.string(), z.array(z.string())])]),
  ),
  is_comment_subject: z.array(z.string()),
  split_prefixes: z.record(z.string(), z.array(z.string())),
})

describe.skipIf(!here)('patchwork', () => {
  const expected = here
    ? json(
        z.object({ single_mail_tests: z.array(Single), subject_tables: Tables }),
        'patchwork/expected.json',
      )
    : {
        single_mail_tests: [],
        subject_tables: { clean_subject: [], is_comment_subject: [], split_prefixes: {} },
      }
  const carries = (one: z.infer<typeof Single>): boolean =>
    one.diff_not_null === true ||
    one.diff_startswith !== undefined ||
    one.diff_count !== undefined ||
    one.expect_patches_created !== undefined

  /** Where patchwork is followed in what the diff is, but not in that it is submitted. */
  const otherwise: Record<string, string> = {
    'mail/0003-git-pull-request-with-diff.mbox': 'a pull request sums up many commits: nothing to apply',
    'mail/0010-invalid-charset.mbox': 'a diff without [PATCH], Signed-off-by or an id of git’s is a remark',
    'mail/0009-git-rename-with-diff.mbox':
      'its hunk was made up by hand: 7 lines are said, 6 are there, and git refuses it',
  }

  /** `diff_not_contains` is not asked: git keeps the HTML that follows the last hunk, and passes over it when it applies the patch. */
  test('single mails: the diff is the one that they assert', async () => {
    const singles = expected.single_mail_tests.filter(one => carries(one) && one.diff !== null)
    const infos = await gitMail().mailinfo(singles.map(({ file }) => bytes(`patchwork/${file}`)))
    for (const [n, one] of singles.entries()) {
      const diff = infos[n]?.patch.toString('latin1') ?? ''
      const start = one.diff_startswith
      expect({ file: one.file, has: start === undefined || diff.includes(start) }).toEqual({
        file: one.file,
        has: true,
      })
      for (const part of one.diff_contains ?? []) expect(diff).toContain(part)
      for (const [part, count] of Object.entries(one.diff_count ?? {}))
        expect([one.file, part, diff.split(part).length - 1]).toEqual([one.file, part, count])
      expect([one.file, parseDiff(diff).length > 0]).toEqual([one.file, true])
    }
    expect(expected.single_mail_tests.length).toBe(26)
  })

  test('single mails: what is submitted', async () => {
    const singles = expected.single_mail_tests
    const said = await read(
      singles.map(({ file }) => bytes(`patchwork/${file}`)),
      [],
    )
    expect(
      said.map(({ patch }, n) => [singles[n]?.file, patch !== undefined && patch.unusable === undefined]),
    ).toEqual(singles.map(one => [one.file, carries(one) && otherwise[one.file] === undefined]))
  })

  test('subjects: titles, tags, answers', () => {
    for (const [subject, drop, [clean, tags]] of expected.subject_tables.clean_subject) {
      const said = parseSubject(subject, drop ?? [])
      const title = clean.replace(/^\[[^\]]*\] (?=\S)/, '')
      const words = tags.filter(tag => !/^\d+\/\d+$/.test(tag))
      expect([subject, said.title, said.tags]).toEqual([subject, title, words])
    }
    for (const subject of expected.subject_tables.is_comment_subject)
      expect([subject, parseSubject(subject).reply]).toEqual([subject, true])
    for (const [inside, words] of Object.entries(expected.subject_tables.split_prefixes)) {
      const { patch, tags, position } = parseSubject(`[${inside}] x`)
      expect([inside, patch, tags, position]).toEqual([
        inside,
        words.includes('PATCH'),
        words.filter(word => word !== 'PATCH' && !/\//.test(word)),
        words.some(word => /\//.test(word)) ? 1 : undefined,
      ])
    }
  })

  describe('rules: who wrote it, which list, which id', () => {
    const author = { name: 'Existing Sender', address: 'existing@example.com' }
    const parse = (...headers: string[]) => parseMail(Buffer.from(`${headers.join('\n')}\nSubject: x\n\nx`))
    test.each([
      [
        [
          'From: Existing Sender via List <list@example.com>',
          'Reply-To: Existing Sender <existing@example.com>',
        ],
      ],
      [
        [
          'From: Existing Sender via List <list@example.com>',
          'Reply-To: A <a@b.cc>, Existing Sender <existing@example.com>, B <b@b.cc>',
        ],
      ],
      [
        [
          'From: Existing Sender via List <list@example.com>',
          'Cc: A <a@b.cc>, Existing Sender <existing@example.com>',
        ],
      ],
      [
        [
          'From: "\'Existing Sender\' via List" <list@googlegroups.com>',
          'X-Original-From: Existing Sender <existing@example.com>',
        ],
      ],
      [
        [
          'From: Existing Sender via <list@example.com>',
          'X-Original-From: Existing Sender <existing@example.com>',
        ],
      ],
      [
        [
          'From: Existing Sender <list@example.com>',
          'X-Original-From: Existing Sender <existing@example.com>',
        ],
      ],
      [['From: Existing Sender <EXISTING@Example.com>']],
    ])('%j', async headers => expect((await parse(...headers)).author).toEqual(author))

    test.each([
      ['List-Id:', undefined],
      ['List-Id:  ', undefined],
      ['List-Id: 1.example.com', '1.example.com'],
      ['List-Id: Test text <1.example.com>', '1.example.com'],
    ])('%s', async (header, id) => expect((await parse('From: a@b.cc', header)).listId).toBe(id))

    test.each([
      ['<x@y> (comment)', '<x@y>'],
      ['x@y', '<x@y>'],
      ['', undefined],
    ])('Message-ID: %s', async (header, id) => {
      expect((await parse('From: a@b.cc', `Message-ID: ${header}`)).messageId).toBe(id)
    })

    test('In-Reply-To first, then References from the newest, none twice', async () => {
      const { ancestors } = await parse('In-Reply-To: <4@x> (Ann)', 'References: <1@x> <2@x> <4@x> <3@x>')
      expect(ancestors).toEqual(['<4@x>', '<3@x>', '<2@x>', '<1@x>'])
    })
  })
})

describe.skipIf(!here)('syzkaller', () => {
  const Parsed = z.looseObject({
    file: z.string(),
    res: z.looseObject({ Patch: z.string().optional(), Subject: z.string().optional() }).nullish(),
  })
  const Patch = z.object({ text: z.string(), expected_diff: z.string(), title: z.string() })
  const Subject = z.object({
    subj: z.string(),
    ret: z.object({
      Title: z.string(),
      Seq: z.number().optional(),
      Total: z.number().optional(),
      Version: z.number().optional(),
      Tags: z.array(z.string()).optional(),
    }),
  })
  const expected = here
    ? json(
        z.looseObject({
          parse: z.array(Parsed),
          parse_patch: z.array(Patch),
          parse_patch_subject: z.array(Subject),
        }),
        'syzkaller/expected.json',
      )
    : { parse: [], parse_patch: [], parse_patch_subject: [] }

  test('subjects', () => {
    for (const { subj, ret } of expected.parse_patch_subject) {
      const { title, position, total, version, tags } = parseSubject(subj)
      expect([subj, title, position ?? 0, total ?? 0, version, tags]).toEqual([
        ...[subj, ret.Title, ret.Seq ?? 0, ret.Total ?? 0, ret.Version ?? 1],
        ret.Tags ?? [],
      ])
    }
  })

  test('diffs: the same files in text around them', () => {
    for (const { text, expected_diff } of expected.parse_patch) {
      const [theirs, ours] = [expected_diff, text].map(file => parseDiff(bytes(`syzkaller/${file}`)))
      expect([text, ours]).toEqual([text, theirs])
    }
    expect(expected.parse_patch.length).toBe(12)
  })

  test('mails with a patch: git finds the same files', async () => {
    const mails = expected.parse.filter(({ res }) => (res?.Patch ?? '') !== '')
    const infos = await gitMail().mailinfo(mails.map(({ file }) => bytes(`syzkaller/${file}`)))
    expect(infos.map((info, n) => [mails[n]?.file, parseDiff(info?.patch ?? '')])).toEqual(
      mails.map(({ file, res }) => [file, parseDiff(res?.Patch ?? '')]),
    )
    expect(mails.length).toBe(2)
  })
})
