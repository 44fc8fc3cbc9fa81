import { expect, test } from 'vitest'
import { dkimAuth } from '../../src/adapters/mailauth/verify.ts'
import { type SignOptions, sign, zone } from '../fakes/dkim.ts'

const mail = ({ from = 'Olga <olga@example.org>', body = 'Hello\n\n/grapevine pause\n' } = {}) =>
  [
    `From: ${from}`,
    'To: grapevine@bot.example',
    'Subject: pause',
    'Date: Mon, 5 Jan 2026 12:00:00 +0000',
    'Message-ID: <1@example.org>',
    '',
    body,
  ].join('\n')

const verify = async (
  raw: Buffer | string,
  dns = zone(['example.org', 'mail.example.org', 'evil.example']),
) => dkimAuth({ resolve: dns.resolve }).verify(Buffer.from(raw))

const signed = (options: Partial<SignOptions> = {}, raw = mail()) =>
  sign(raw, { domain: 'example.org', ...options })

test.each<[what: string, options: Partial<SignOptions>, aligned: boolean]>([
  ['the domain of From:', {}, true],
  ['a domain of the same organisation', { domain: 'mail.example.org' }, true],
  ['another domain', { domain: 'evil.example' }, false],
  ['a part of the body', { bodyLength: 5 }, false],
  ['nothing of the body', { bodyLength: 0 }, false],
  ['no Subject:', { headers: 'from:date:message-id' }, false],
  ['few headers', { headers: 'from:subject' }, true],
  ['a domain without a key', { domain: 'other.example.org' }, false],
])('a signature of %s', async (_, options, aligned) => {
  expect((await verify(await signed(options))).aligned).toBe(aligned)
})

test('no signature is no proof, and nobody is asked', async () => {
  const dns = zone(['example.org'])
  expect(await verify(mail(), dns)).toEqual({ dkim: [], aligned: false })
  expect(dns.asked).toEqual([])
})

test('line ends of a Maildir do no harm', async () => {
  const raw = String(await signed()).replaceAll('\r\n', '\n')
  expect((await verify(raw)).aligned).toBe(true)
})

test.each<[what: string, change: (raw: string) => string]>([
  ['a changed body', raw => raw.replace('Hello', 'Hullo')],
  ['a footer of the list', raw => `${raw}______\r\nfooter\r\n`],
  ['a changed subject', raw => raw.replace('Subject: pause', 'Subject: resume')],
  ['a second From:', raw => `From: Eve <eve@evil.example>\r\n${raw}`],
  ['a second From: below', raw => raw.replace('To: ', 'From: Eve <eve@evil.example>\r\nTo: ')],
  ['a second Subject:', raw => `Subject: resume\r\n${raw}`],
  [
    'two authors',
    raw => raw.replace('Olga <olga@example.org>', 'Olga <olga@example.org>, Eve <e@evil.example>'),
  ],
  ['twenty signatures', raw => `${'DKIM-Signature: v=1; d=example.org\r\n'.repeat(20)}${raw}`],
])('%s makes it no proof', async (_, change) => {
  expect((await verify(change(String(await signed())))).aligned).toBe(false)
})

test('what the sender signed for the From: of two is no proof either', async () => {
  const two = mail({ from: 'Olga <olga@example.org>, Eve <eve@evil.example>' })
  expect((await verify(await signed({}, two))).aligned).toBe(false)
})

test('a domain that only tries DKIM out has not signed', async () => {
  const proof = await verify(await signed(), zone(['example.org'], 't=y; '))
  expect(proof).toMatchObject({ aligned: false, dkim: [{ result: 'none' }] })
})

test('a DNS that fails leaves it unknown for half a minute, then it is asked again', async () => {
  const dns = zone(['example.org'])
  let now = 0
  const auth = dkimAuth({ resolve: dns.resolve, now: () => now })
  const raw = await signed()
  dns.fail()
  expect(await auth.verify(raw)).toMatchObject({ aligned: 'unknown', dkim: [{ result: 'unknown' }] })
  dns.answer()
  now = 29_999
  expect((await auth.verify(raw)).aligned).toBe('unknown')
  expect(dns.asked).toHaveLength(1)
  now = 30_000
  expect((await auth.verify(raw)).aligned).toBe(true)
  await auth.verify(raw)
  expect(dns.asked).toHaveLength(2)
})

test('a DNS that says nothing holds up whoever asks next no more, and its late answer counts', async () => {
  const dns = zone(['example.org'])
  const { promise: late, resolve: answer } = Promise.withResolvers<void>()
  let now = 0
  const auth = dkimAuth({
    resolve: async (name, type) => {
      await late
      return dns.resolve(name, type)
    },
    now: () => now,
  })
  const raw = await signed()
  const first = auth.verify(raw)
  now = 5000
  expect(await auth.verify(raw)).toEqual({ dkim: [], aligned: 'unknown' })
  answer()
  expect((await first).aligned).toBe(true)
  expect((await auth.verify(raw)).aligned).toBe(true)
})

test('says what is not covered, and when it was signed', async () => {
  const at = Date.UTC(2026, 0, 5, 12)
  const raw = await signed({ headers: 'from:subject:message-id', at })
  expect((await verify(raw)).dkim).toEqual([
    {
      domain: 'example.org',
      result: 'pass',
      aligned: true,
      uncovered: ['dkim-signature', 'to', 'date'],
      whole: true,
      signedAt: at,
    },
  ])
})

test.each([
  ['nothing', ''],
  ['no mail', '\0\xff\n\n\n'],
  [
    'a broken signature',
    `DKIM-Signature: v=1; a=rsa-sha256; d=example.org; h=from; b=%%%; bh=; s=\n${mail()}`,
  ],
  ['one of endless tags', `DKIM-Signature: ${'a=b; '.repeat(20_000)}\n${mail()}`],
  ['one that names endless headers', `DKIM-Signature: v=1; h=${'from:'.repeat(20_000)}\n${mail()}`],
])('%s is no proof and throws nothing', async (_, raw) => {
  expect((await verify(raw)).aligned).toBe(false)
})
