// Whom a reply may go to: forged and rewritten senders, programs, addresses that only stand in the text; and thousands of hostile mails.
import { domainToASCII } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Address, ParsedMail } from '../../src/model/mail.ts'
import { composeReply } from '../../src/stages/reply/compose.ts'
import { isProgram, type ReachInput, reach } from '../../src/stages/reply/reach.ts'
import { compose } from '../../src/text/compose.ts'
import { parseMail } from '../../src/text/mail.ts'
import { dice } from '../fakes/hostile.ts'
import { input, single, verdict } from '../story/verdicts.ts'

const list: Address = { name: 'Tally', address: 'tally-devel@lists.example.org' }
const bot: Address = { name: 'Grapevine', address: 'grapevine@example.org' }

const raw = (...headers: string[]): Buffer =>
  Buffer.from(
    `Subject: [PATCH] x\r\nMessage-ID: <a@example.com>\r\n${headers.join('\r\n')}\r\n\r\nFrom: Inner <inner@example.com>\r\n\r\nBecause.\r\n`,
  )

const of = async (headers: string[], more: Partial<ReachInput> = {}) =>
  reach({
    mail: await parseMail(raw(...headers)),
    head: raw(...headers).toString('latin1'),
    isOwn: false,
    list,
    never: [bot],
    aligned: async () => false,
    isSilenced: async () => false,
    ...more,
  })

/** The address, or why not. */
const author = async (headers: string[], more: Partial<ReachInput> = {}): Promise<string> => {
  const { author, address } = await of(headers, more)
  return author.may ? (address?.address ?? '') : author.why
}

const notProven = 'Reply-To: is not From:, and no signature (DKIM) proves From:'

describe('who wrote it', () => {
  it.each([
    ['plain', ['From: Ann <ann@example.com>'], 'ann@example.com'],
    ['replies to the list', ['From: Ann <ann@example.com>', `Reply-To: ${list.address}`], 'ann@example.com'],
    [
      'replies to herself and the list',
      ['From: Ann <ann@example.com>', `Reply-To: ANN@example.com, ${list.address}`],
      'ann@example.com',
    ],
    ['replies elsewhere', ['From: Ann <ann@example.com>', 'Reply-To: evil@example.net'], notProven],
    [
      'rewritten by the list, kept in Reply-To:',
      [`From: "Ann via tally" <${list.address}>`, 'Reply-To: Ann <ann@example.com>'],
      'ann@example.com',
    ],
    [
      'rewritten by the list, kept in Cc:',
      [`From: "Ann via tally" <${list.address}>`, 'Cc: Ann <ann@example.com>'],
      'ann@example.com',
    ],
    [
      'rewritten by the list, kept in X-Original-From:',
      [`From: "'Ann' via tally" <${list.address}>`, 'X-Original-From: Ann <ann@example.com>'],
      'ann@example.com',
    ],
    [
      'rewritten by the list’s host',
      ['From: Ann via tally <bounces-ann@lists.example.org>', 'Reply-To: Ann <ann@example.com>'],
      'ann@example.com',
    ],
    [
      'rewritten by somebody else',
      ['From: "Ann via relay" <devnull+ann@example.net>', 'Reply-To: Ann <ann@example.com>'],
      notProven,
    ],
    [
      'X-Original-From: without rewriting',
      ['From: Eve <eve@example.net>', 'X-Original-From: Ann <ann@example.com>'],
      notProven,
    ],
    [
      'only in the text',
      [`From: "Inner via tally" <${list.address}>`],
      'its address does not stand in the headers of the mail',
    ],
    ['the list', [`From: Tally <${list.address}>`], 'its address is the list’s, or the bot’s own'],
    ['the bot', ['From: x <Grapevine+tag@EXAMPLE.org>'], 'its address is the list’s, or the bot’s own'],
    [
      'the bot, wide',
      ['From: x <grapevine@ｅｘａｍｐｌｅ.org>'],
      'its address is none that mail can be sent to',
    ],
    ['nobody', ['Date: x'], 'the mail names no author'],
    ['noreply', ['From: Forge <noreply@example.com>'], 'its address is a program’s'],
  ])('%s', async (_, headers, said) => {
    expect(await author(headers)).toBe(said)
  })

  it('a signature that proves From: makes a Reply-To: harmless; one that cannot be checked does not', async () => {
    const headers = ['From: Ann <ann@example.com>', 'Reply-To: other@example.net']
    expect(await author(headers, { aligned: async () => true })).toBe('ann@example.com')
    expect(await author(headers, { aligned: async () => 'unknown' })).toContain('could not be checked')
    const relay = ['From: "Ann via relay" <devnull+ann@example.net>', 'Reply-To: Ann <ann@example.com>']
    expect(await author(relay, { aligned: async () => true })).toBe('ann@example.com')
  })

  it('nobody asks the DNS where nothing depends on it', async () => {
    const aligned = () => Promise.reject(new Error('asked'))
    expect(await author(['From: Ann <ann@example.com>'], { aligned })).toBe('ann@example.com')
  })

  it('the list hears of a forged author, but not of a program', async () => {
    const forged = await of(['From: Ann <ann@example.com>', 'Reply-To: evil@example.net'])
    expect(forged.list).toEqual({ may: true })
    const programs = [
      ['From: Ann <ann@example.com>', 'Auto-Submitted: auto-generated'],
      ['From: Ann <ann@example.com>', 'Return-Path: <>'],
      ['From: Mailman <mailman-owner@example.com>'],
    ]
    for (const headers of programs) {
      const { author, list } = await of(headers)
      expect([author.may, list.may]).toEqual([false, false])
    }
    const own = await of(['From: Ann <ann@example.com>'], { isOwn: true })
    expect([own.author.may, own.list.may]).toEqual([false, false])
    expect((await of([], { mail: undefined })).list.may).toBe(false)
  })

  it('who wants no mail gets none', async () => {
    const isSilenced = async (address: string) => address === 'ann@example.com'
    expect(await author(['From: Ann <ann@example.com>'], { isSilenced })).toContain('came back')
  })
})

describe('names of programs', () => {
  it.each([
    'mailer-daemon@x.org',
    'MAILER-DAEMON@x.org',
    'postmaster@x.org',
    'no-reply@x.org',
    'no_reply@x.org',
    'noreply-1234@x.org',
    'do-not-reply@x.org',
    'donotreply@x.org',
    'tally-request@x.org',
    'tally-bounces@x.org',
    'tally-bounces+ann=example.com@x.org',
    'tally-owner@x.org',
    'owner-tally@x.org',
    'bounce-123-abc@x.org',
    'bounces+1-abc@x.org',
    'listserv@x.org',
    'mailman@x.org',
  ])('%s', address => expect(isProgram(address)).toBe(true))

  it.each([
    'ann@x.org',
    'noel.reply@x.org',
    'sys-admin@x.org',
    'postma@x.org',
    'bouncer@x.org',
    'owner@x.org',
  ])('not %s', address => expect(isProgram(address)).toBe(false))
})

const names = [
  'Ann Author',
  '"Ann, Author"',
  '=?utf-8?q?Ann=0D=0ABcc:_victim=40example.net?=',
  '"Ann <victim@example.net>, x"',
  'x'.repeat(1000),
  'Ann via tally',
  "'Ann' via tally",
  '\u202eann',
  '',
  '(comment (nested',
  '"',
  'Аnn', // Cyrillic A
]
const addressesThere = [
  'ann@example.com',
  'ANN@Example.COM',
  '"quoted local"@example.com',
  'ann@xn--bcher-kva.example',
  'ann@bücher.example',
  'аnn@example.com',
  'ann@[127.0.0.1]',
  'a@b@example.com',
  'ann@example.com\r\nBcc: victim@example.net',
  'ann@example.com>, <victim2@example.net',
  '<<ann@example.com>>',
  '@route.example:ann@example.com',
  'grapevine@example.org',
  'GRAPEVINE+x@example.org',
  'grapevine@ｅxample.org',
  'tally-devel@lists.example.org',
  'noreply@example.com',
  'mailer-daemon@example.com',
  `${'a'.repeat(300)}@example.com`,
  'ann..b@example.com',
  '',
]
const fields = ['From', 'Reply-To', 'Cc', 'To', 'X-Original-From', 'Sender', 'From', 'from', 'FROM ']
const extras = [
  'Auto-Submitted: auto-replied',
  'Return-Path: <>',
  'Precedence: bulk',
  'List-Id: <tally.example.org>',
  'Content-Type: multipart/report; boundary=x',
  'In-Reply-To: <x> <y@z> victim@example.net',
  'References: <\r\n a@b>',
  'Cc: undisclosed-recipients:;',
  'Cc: group: ann@example.com, bob@example.com;, carol@example.com',
  'Reply-To: group:victim2@example.net;',
  'X-Original-From: victim2@example.net',
]

const hostile = (roll: (sides: number) => number): Buffer => {
  const pick = <T>(from: readonly T[]): T => from[roll(from.length)] as T
  const lines = ['Message-ID: <m@example.com>', `Subject: [PATCH] ${pick(names)} <subject@example.net>`]
  for (let i = 0; i < 1 + roll(5); i++)
    lines.push(`${i === 0 ? 'From' : pick(fields)}: ${pick(names)} <${pick(addressesThere)}>`)
  if (roll(3) === 0) lines.push(pick(extras))
  const text = `From: ${pick(names)} <inner@example.com>\r\nReply-To: body@example.net\r\nCc: victim@example.net\r\n\r\ndiff --git a/x b/x\r\n`
  const bytes = Buffer.from(`${lines.join(roll(9) === 0 ? '\n' : '\r\n')}\r\n\r\n${text}`)
  for (let i = roll(4) === 0 ? 1 + roll(4) : 0; i > 0; i--) bytes[roll(bytes.length)] = roll(256)
  return bytes
}

const asciiOf = (address: string): string => {
  const [local = '', domain = ''] = [
    address.slice(0, address.lastIndexOf('@')),
    address.slice(address.lastIndexOf('@') + 1),
  ]
  return `${local}@${domainToASCII(domain)}`.toLowerCase()
}

/** What the raw headers name, read in another way than the program does: every thing with an @ in a header that names people. */
const namedIn = (bytes: Buffer): Set<string> => {
  const head = bytes.toString('utf8').split(/\r?\n\r?\n/)[0] ?? ''
  const unfolded = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r\n|\n|\r/)
  const people = unfolded.filter(line => /^(?:from|reply-to|cc|x-original-from)\s*:/i.test(line))
  const found = people.flatMap(line => line.match(/[^\s<>,;:"()]+@[^\s<>,;:"()]+/g) ?? [])
  return new Set(found.map(address => asciiOf(address.normalize('NFC'))))
}

describe('ten thousand hostile mails', () => {
  const parsedOrNone = (bytes: Buffer): Promise<ParsedMail | undefined> =>
    parseMail(bytes).catch(() => undefined)
  const kinds = ['all-well', 'new-failures', 'nothing-to-test'] as const

  it('nobody is written to who is not named in the headers, or configured', async () => {
    const roll = dice(20261122)
    let written = 0
    const wrong: string[] = []
    for (let i = 0; i < 10_000; i++) {
      const bytes = hostile(roll)
      const mail = await parsedOrNone(bytes)
      const reachable = await reach({
        mail,
        head: bytes.toString('latin1'),
        isOwn: false,
        list,
        never: [bot],
        aligned: async () => ([true, false, 'unknown'] as const)[roll(3)] ?? false,
        isSilenced: async () => roll(20) === 0,
      })
      const kind = kinds[roll(3)] ?? 'all-well'
      const hears = {
        author: reachable.author.may ? reachable.address : undefined,
        list: reachable.list.may && kind === 'new-failures',
      }
      if (!hears.author && !hears.list) continue
      written++
      const reply = composeReply(
        input({
          ...{ hears, bot, verdict: verdict({ finding: { kind } }) },
          series: { ...single, title: mail?.subject ?? '', author: mail?.author ?? single.author },
          project: { name: 'tally', list },
          ...(mail ? { mail } : {}),
        }),
      )
      const allowed = new Set([...namedIn(bytes), list.address])
      const composed = compose(reply.mail)
      if (!composed.ok) wrong.push(`${i}: ${composed.why}`)
      else
        for (const to of composed.envelope.to) {
          const isOurs = /^grapevine(?:\+[^@]*)?@example\.org$/i.test(asciiOf(to))
          if (isOurs || !allowed.has(asciiOf(to)))
            wrong.push(`${i}: ${to} of ${JSON.stringify(bytes.toString('utf8').slice(0, 400))}`)
        }
      if (/[\p{Cc}]/u.test(reply.mail.subject + reply.mail.to.map(({ name }) => name).join('')))
        wrong.push(`${i}: control characters`)
    }
    expect(wrong.slice(0, 3)).toEqual([])
    expect(written).toBeGreaterThan(2000)
  }, 120_000)
})
