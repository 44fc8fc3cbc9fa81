// Bounces: those of servers that follow the RFCs, and those that write only text.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseDsn, statusIn } from '../../src/text/dsn.ts'

const corpora = new URL('../../../shared/corpora/mikel-mail/emails/', import.meta.url).pathname
const here = existsSync(corpora)
if (!here) console.log('skipped: the mail corpora are not here (../shared/corpora)')
const real = (path: string) => parseDsn(readFileSync(join(corpora, path)))

const google = [
  'bbbbvhvbbvkjbhfbvbvjhb@gmail.com',
  'bscdbcjhasbcjhbdscbhbsdhcbj@gmail.com',
  'egyfefsdvsfvvhjsd@gmail.com',
  'kfhejkfbsjkjsbhds@gmail.com',
  'qfvhgsvhgsduiohncdhcvhsdfvsfygusd@gmail.com',
].map(address => ({ addresses: [address], action: 'failed', status: '5.1.1' }))

// Each was read by a person.
describe.skipIf(!here)('bounces that nobody here wrote', () => {
  test.each(['multi_address_bounce1', 'multi_address_bounce2'])(
    '%s: Postfix; five unknown users of one mail, each with a block of its own',
    async name => {
      const dsn = await real(`multipart_report_emails/${name}.eml`)
      expect(dsn.recipients).toEqual(google)
    },
  )

  test('multipart_report_multiple_status: InterMail; a first part is called delivery-status, but is words', async () => {
    expect(await real('multipart_report_emails/multipart_report_multiple_status.eml')).toMatchObject({
      messageIds: ['<4c2a146147ac8_61ff157c4ec1652df@s.h.c.mail>'],
      recipients: [{ addresses: ['u@ci.com'], action: 'failed', status: '5.3.0' }],
    })
  })

  test('report_422: sendmail; a full mailbox, tried for five days yet: a warning, for which nobody falls silent', async () => {
    expect(await real('multipart_report_emails/report_422.eml')).toMatchObject({
      messageIds: ['<15655788.13.1200472642578.JavaMail.Administrator@mail.ttttt.com.au>'],
      recipients: [{ addresses: ['fraser@oooooooo.com.au'], action: 'delayed', status: '4.2.2' }],
    })
  })

  test('report_530: sendmail; the block says 5.3.0 where the words also say 5.1.1: the block counts', async () => {
    expect(await real('multipart_report_emails/report_530.eml')).toMatchObject({
      messageIds: ['<200712232303.lBNN3jDq002941@mail12.rrrr.com.au>'],
      recipients: [{ addresses: ['edwin@zzzzzzz.com'], action: 'failed', status: '5.3.0' }],
    })
  })

  test('raw_email_with_mimepart_without_content_type: sendmail; deferred for a day', async () => {
    expect(await real('mime_emails/raw_email_with_mimepart_without_content_type.eml')).toMatchObject({
      messageIds: ['<89d7557c0610181510r6fa5ebd8n66a7deec71ade118@mail.gmail.com>'],
      recipients: [{ addresses: ['larose.julie@courrier.uqam.ca'], action: 'delayed', status: '4.5.0' }],
    })
  })
})

const textBounce = (body: string, from = 'MAILER-DAEMON@mx.example.org'): Buffer =>
  Buffer.from(
    `Return-Path: <>\nFrom: ${from}\nTo: bot@bot.test\nSubject: failure notice\nMessage-ID: <bounce@mx.example.org>\n\n${body}`,
  )
const ours = '<grapevine.r1@bot.test>'

// Texts as the servers' own sources and manuals have them.
describe('bounces of text alone', () => {
  test('qmail: paragraphs, and a copy of the mail below a line', async () => {
    const dsn = await parseDsn(
      textBounce(`Hi. This is the qmail-send program at mx.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<Gone@Example.org>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <gone@example.org>: no such user
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

Return-Path: <bot@bot.test>
From: Grapevine <bot@bot.test>
To: Gone <gone@example.org>
Cc: list@lists.test
Message-ID: ${ours}
Subject: Re: [PATCH] x

4.2.2 is said in here, by us.
`),
    )
    expect(dsn).toMatchObject({ messageIds: [ours], recipients: [], textStatus: '5.1.1' })
    expect(dsn.mentioned).toContain('gone@example.org')
    expect(dsn.mentioned).not.toContain('list@lists.test')
  })

  test('Exim: no status, a reply code only; the copy begins with its own words', async () => {
    const dsn = await parseDsn(
      textBounce(`This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  gone@example.org
    SMTP error from remote mail server after RCPT TO:<gone@example.org>:
    host mx.example.org [192.0.2.1]: 550 Unrouteable address

------ This is a copy of the message, including all the headers. ------

Message-ID: ${ours}
To: list@lists.test
`),
    )
    expect(dsn).toMatchObject({ messageIds: [ours], textStatus: '5.0.0', mentioned: ['gone@example.org'] })
  })

  test('Gmail: words, and the server’s answer', async () => {
    const dsn = await parseDsn(
      textBounce(`** Address not found **

Your message wasn't delivered to gone@example.org because the address couldn't be found.

The response from the remote server was:
550 5.1.1 The email account that you tried to reach does not exist.

----- Original message -----

Message-ID: ${ours}
`),
    )
    expect(dsn).toMatchObject({ messageIds: [ours], textStatus: '5.1.1', mentioned: ['gone@example.org'] })
  })

  test('Exchange: the diagnostic text with the headers below it', async () => {
    const dsn = await parseDsn(
      textBounce(`Delivery has failed to these recipients or groups:

gone@example.org<mailto:gone@example.org>
The email address you entered couldn't be found.

Diagnostic information for administrators:

Generating server: ex.example.org

gone@example.org
Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'

Original message headers:

Received: from mx
Message-ID: ${ours}
`),
    )
    expect(dsn).toMatchObject({ messageIds: [ours], textStatus: '5.1.10', mentioned: ['gone@example.org'] })
  })
})

test('reads anything without throwing, and quickly', async () => {
  const nasty = [
    Buffer.alloc(0),
    Buffer.from('\0'.repeat(1000)),
    Buffer.from(`Content-Type: multipart/report; boundary=x\n\n${'--x\n'.repeat(20_000)}`),
    textBounce('a@'.repeat(200_000)),
    textBounce(`${'550 '.repeat(100_000)}\n${'-'.repeat(200_000)}`),
    textBounce(`Message-ID:${' '.repeat(200_000)}<x`),
    textBounce(`${'1.'.repeat(200_000)}`),
    textBounce(`${'x'.repeat(300_000)}@${'y.'.repeat(100_000)}`),
  ]
  for (const raw of nasty) {
    const before = process.cpuUsage()
    await parseDsn(raw)
    expect(process.cpuUsage(before).user).toBeLessThan(1_500_000)
  }
})

test.each([
  ['550 5.1.1 no such user', '5.1.1'],
  ['550 no such user', '5.0.0'],
  ['host 192.0.2.5 said: 450-4.2.0 greylisted', '4.2.0'],
  ['421 try later', '4.0.0'],
  ['sent at 5.1.1.1 on 2026.5.1', undefined],
  ['250 2.0.0 fine', undefined],
])('%s: %s', (words, status) => expect(statusIn(words)).toBe(status))
