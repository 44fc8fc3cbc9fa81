import { describe, expect, test } from 'vitest'
import { parseMail, UnreadableMail } from '../../src/text/mail.ts'

const mail = (headers: string[], body = 'Hello') => parseMail(Buffer.from([...headers, '', body].join('\n')))
const from = 'From: Ann <ann@example.org>'

describe('headers', () => {
  test('decoded, unfolded, white space collapsed', async () => {
    const parsed = await mail([
      'From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <J.M@Example.org>',
      'Subject: =?utf-8?q?[PATCH]_gr=C3=BC=C3=9Fe:?=\n  =?utf-8?q?_mehr?=\n\tdavon',
      'To: a@example.org, "B, b" <b@example.org>',
      'Cc: team: c@example.org, D <d@example.org>;',
      'Message-ID: <1@example.org>',
      'List-Id: The list <dev.example.org>',
    ])
    expect(parsed).toMatchObject({
      from: { name: 'Jürgen Müller', address: 'j.m@example.org' },
      subject: '[PATCH] grüße: mehr davon',
      to: [
        { name: '', address: 'a@example.org' },
        { name: 'B, b', address: 'b@example.org' },
      ],
      cc: [{ address: 'c@example.org' }, { name: 'D', address: 'd@example.org' }],
      messageId: '<1@example.org>',
      listId: 'dev.example.org',
      text: expect.stringMatching(/^Hello\n?$/),
    })
  })

  test('a missing, empty or broken one is no value', async () => {
    const parsed = await mail([
      'Subject: x',
      'Message-ID:',
      'From: nobody',
      'Date: when it rains',
      'In-Reply-To: <yes>',
    ])
    expect(parsed).toMatchObject({
      messageId: undefined,
      from: undefined,
      author: undefined,
      date: undefined,
      ancestors: [],
    })
  })

  test.each([
    ['Message-ID: <a@b> (added by postmaster@c)', '<a@b>'],
    ['Message-ID: =?utf-8?q?=3Ca=40b=3E?=', '<a@b>'],
    ['Message-ID: a@b', '<a@b>'],
    ['Message-ID: PASTE-MESSAGE-ID-HERE', undefined],
    ['Message-ID: <>', undefined],
  ])('%s', async (header, id) => expect((await mail([from, header])).messageId).toBe(id))

  test('In-Reply-To first, then References from the newest; repeated headers count, what has no @ does not', async () => {
    const parsed = await mail([
      from,
      'References: <1@x> <2@x>\n <3@x> deadbeef x () y ! com',
      'References: <4@x>',
      'In-Reply-To: <3@x> (Ann on Monday)',
    ])
    expect(parsed.ancestors).toEqual(['<3@x>', '<4@x>', '<2@x>', '<1@x>'])
  })

  test('a date that lies is told as it stands', async () => {
    expect((await mail([from, 'Date: Mon, 1 Feb 2077 00:00:00 +0000'])).date).toBe(Date.UTC(2077, 1, 1))
  })
})

describe('text', () => {
  test.each([
    ['base64', Buffer.from('Grüße\n').toString('base64')],
    ['quoted-printable', 'Gr=C3=BC=C3=9Fe\n'],
    ['8bit', 'Grüße\n'],
  ])('%s', async (encoding, body) => {
    const parsed = await mail(
      [from, 'Content-Type: text/plain; charset=utf-8', `Content-Transfer-Encoding: ${encoding}`],
      body,
    )
    expect(parsed.text.trim()).toBe('Grüße')
  })

  test('a charset that does not exist, or that lies, does no harm', async () => {
    expect((await mail([from, 'Content-Type: text/plain; charset=y'], 'Hello')).text).toContain('Hello')
    const raw = Buffer.concat([
      Buffer.from(`${from}\nContent-Type: text/plain; charset=utf-8\n\nGr`),
      Buffer.from([0xfc, 0xdf, 0x65]),
    ])
    expect((await parseMail(raw)).text).toMatch(/^Gr.*e/)
  })

  test('attached text belongs to it, pictures do not', async () => {
    const parsed = await mail(
      [from, 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b'],
      [
        '--b\nContent-Type: text/plain\n\nSee the patch.',
        '--b\nContent-Type: application/octet-stream; name=x.patch\nContent-Disposition: attachment; filename=x.patch\n\ndiff --git a/x b/x',
        '--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=',
        '--b--',
      ].join('\n'),
    )
    expect(parsed.text).toMatch(/^See the patch\.\s+diff --git a\/x b\/x\s*$/)
  })

  test('CRLF is LF', async () => {
    expect((await parseMail(Buffer.from(`${from}\r\n\r\none\r\ntwo\r\n`))).text).toMatch(/^one\ntwo\n*$/)
  })
})

describe('who wrote it', () => {
  const list = "From: 'Ann A' via Dev <dev@lists.example.org>"
  const ann = { name: 'Ann A', address: 'ann@example.org' }
  test.each([
    [['From: Ann A <ann@example.org>'], ''],
    [[list, 'X-Original-From: Ann A <ann@example.org>', 'Reply-To: Bob <bob@example.org>'], ''],
    [[list, 'Reply-To: Ann A <ann@example.org>'], ''],
    [[list, 'Reply-To: Dev <dev@lists.example.org>', 'Cc: Bob <b@c.d>, Ann A <ann@example.org>'], ''],
    [[list], 'From: Ann A <ann@example.org>\n\nText'],
    [
      ['From: Ann A via B4 Relay <devnull+ann.example.org@kernel.org>', 'Reply-To: ann@example.org'],
      'From: Ann A <ann@example.org>\n\nText',
    ],
    [['From: Ann A via <dev@lists.example.org>', 'X-Original-From: Ann A <ann@example.org>'], ''],
  ])('%j %s', async (headers, body) => {
    const { author } = await mail([...headers, 'Subject: x'], body === '' ? 'Text' : body)
    expect(author).toEqual(ann)
  })

  test('somebody else’s patch is sent by the sender', async () => {
    const { author } = await mail([from], 'From: Bob <bob@example.org>\n\nText')
    expect(author).toEqual({ name: 'Ann', address: 'ann@example.org' })
  })

  test('without a trace, the list', async () => {
    expect((await mail([list, 'Reply-To: Bob <bob@example.org>'])).author?.address).toBe(
      'dev@lists.example.org',
    )
  })
})

describe('programs', () => {
  test.each([
    ['syzbot+0123456789@example.org', 'bot'],
    ['patchwork-bot+netdev@example.org', 'bot'],
    ['pr-tracker-bot@example.org', 'bot'],
    ['noreply@example.org', 'bot'],
    ['do-not-reply@example.org', 'bot'],
    ['MAILER-DAEMON@example.org', 'bounce'],
    ['dev-bounces@example.org', 'list-manager'],
    ['postmaster@example.org', undefined],
    ['abbot@example.org', undefined],
    ['botany@example.org', undefined],
    ['robert@example.org', undefined],
  ])('from %s', async (address, kind) => {
    expect((await mail([`From: X <${address}>`, 'Subject: Re: [PATCH] x'])).auto).toBe(kind)
  })

  test('a patch of a bot is a patch', async () => {
    expect(
      (await mail(['From: X <fix-bot@example.org>', 'Subject: [LTP] [PATCH 1/2] x'])).auto,
    ).toBeUndefined()
  })

  test.each([
    ['Auto-Submitted: auto-replied', 'auto-reply'],
    ['Auto-Submitted: auto-generated (rejected)', 'bot'],
    ['Auto-Submitted: auto-notified; owner-email=x', 'bot'],
    ['Auto-Submitted: no', undefined],
    ['Return-Path: <>', 'bounce'],
    ['Return-Path: <ann@example.org>', undefined],
    ['Content-Type: multipart/report; report-type=delivery-status; boundary=b', 'bounce'],
    ['X-Failed-Recipients: x@y.z', 'bounce'],
    ['Precedence: auto_reply', 'auto-reply'],
    ['Precedence: bulk', undefined],
    ['Precedence: list', undefined],
    ['X-Auto-Response-Suppress: All', 'auto-reply'],
    ['X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply', undefined],
    ['Subject: Out of Office: [PATCH] x', 'auto-reply'],
    ['Subject: Automatic reply: x', 'auto-reply'],
    ['Subject: Re: Out of order parts', undefined],
    ['Subject: Abwesenheitsnotiz: x', 'auto-reply'],
    ['X-List-Administrivia: yes', 'list-manager'],
    ['Subject: confirm 0123456789abcdef0123456789abcdef01234567', 'list-manager'],
    ['Content-Type: multipart/report; report-type=disposition-notification; boundary=b', 'auto-reply'],
    ['X-Autoreply-From: ann@example.org', 'auto-reply'],
    ['Subject: Please confirm your message', 'auto-reply'],
    ['Subject: example.org mailing list memberships reminder', 'list-manager'],
    ['Subject: Majordomo results', 'list-manager'],
    ['X-GitHub-Reason: mention', 'bot'],
    ['X-Bugzilla-Type: changed', 'bot'],
    // Debian's tracker and the lists of kvack.org put it on what people write.
    ['X-Loop: owner@bugs.debian.org', undefined],
    ['X-Patchwork-Bot: notify', undefined],
    ['Precedence: junk', undefined],
  ])('%s', async (header, kind) => {
    const { auto } = await mail([from, header])
    expect(auto).toBe(kind)
  })
})

describe('damage', () => {
  test.each([
    ['Content-Type: text/plain; format=flowed', 'x', ['format-flowed']],
    ['X: y', '\u00a0context', ['non-breaking-spaces']],
    ['Content-Transfer-Encoding: rot13', 'x', ['undecodable']],
    ['X: y', 'x', []],
  ])('%s', async (header, body, damage) => {
    expect((await mail([from, header], body)).damage).toEqual(damage)
  })
})

describe('hostile mail is read or refused, and nothing else', () => {
  const nested = (depth: number): string =>
    Array.from(
      { length: depth },
      (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n`,
    ).join('')
  const cases: [string, string | Buffer][] = [
    ['nothing', ''],
    ['zero bytes', Buffer.alloc(1000)],
    ['no headers', 'diff --git a/x b/x\n'],
    ['nested 1,000 deep', `${from}\n${nested(1000)}Content-Type: text/plain\n\nx`],
    ['one line of 50 MB', Buffer.concat([Buffer.from(`${from}\n\n`), Buffer.alloc(50 << 20, 'x')])],
    ['a header of 50 MB', Buffer.concat([Buffer.from(`${from}\nSubject: `), Buffer.alloc(50 << 20, 'x')])],
    [
      '100,000 recipients',
      `${from}\nTo: ${Array.from({ length: 100_000 }, (_, n) => `a${n}@b.cc`).join(', ')}\n\nx`,
    ],
    ['200,000 headers', `${from}\n${'X: y\n'.repeat(200_000)}\nx`],
    [
      '200,000 parts',
      `${from}\nContent-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(200_000)}`,
    ],
    ['flowed without end', `${from}\nContent-Type: text/plain; format=flowed\n\n${'a \n'.repeat(500_000)}`],
    ['open comments', `${from}\nTo: ${'('.repeat(200_000)}\n\nx`],
    ['open angles', `${from}\nTo: ${'<'.repeat(200_000)}\nReferences: ${'<'.repeat(100_000)}\n\nx`],
    ['half encoded words', `${from}\nSubject: ${'=?utf-8?q?a'.repeat(10_000)}\n\nx`],
    ['broken base64', `${from}\nContent-Transfer-Encoding: base64\n\n=A=B=C\u0000%%%`],
    ['half a boundary', `${from}\nContent-Type: multipart/mixed; boundary="x\n\n--x\n\nx`],
    ['a prototype', `${from}\n__proto__: x\nconstructor: y\nList-__proto__: <z>\n\nx`],
  ]
  test.each(cases)('%s', async (_, raw) => {
    const outcome = await parseMail(Buffer.from(raw)).catch((error: unknown) => error)
    if (outcome instanceof Error) {
      expect(outcome).toBeInstanceOf(UnreadableMail)
      expect(outcome.message).toMatch(/^[^\n]+$/)
    } else expect(outcome).toHaveProperty('text')
  })

  test('an attachment of 30 MB costs no more than the first of it', async () => {
    const raw = Buffer.concat([
      Buffer.from(
        `${from}\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n--b\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\n`,
      ),
      Buffer.alloc(30 << 20, 'QUJD'),
      Buffer.from('\n--b--\n'),
    ])
    expect((await parseMail(raw)).text.trim()).toBe('Hello')
  })
})
