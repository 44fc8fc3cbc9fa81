// Mail as nobody should send it: seeds, mutations of them by a generator that gives the same mails again, and monsters one by one.
import { random } from './random.ts'

/** Numbers below something: the same seed, the same numbers. */
export const dice = (seed: number): ((below: number) => number) => {
  const next = random(seed)
  return below => Math.floor(next() * below)
}

const head =
  'From: Ann <ann@example.org>\nTo: list@example.org\nSubject: [PATCH v2 1/2] x\nMessage-ID: <a@example.org>\nDate: Mon, 5 Jan 2026 12:00:00 +0000\n'
const patch =
  'Why.\n\nSigned-off-by: Ann <ann@example.org>\n---\n a.c | 2 +-\n\ndiff --git a/a.c b/a.c\nindex 1111111..2222222 100644\n--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,2 @@\n one\n-old\n+new\n-- \n2.39.5\n'
const base64 = (text: string): string =>
  (
    Buffer.from(text)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\n')

/** Small mails of each kind that the bot reads. */
export const seeds: readonly Buffer[] = [
  `${head}\n${patch}`,
  `${head}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${base64(patch)}\n`,
  `${head}Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n${patch.replaceAll('=', '=3D')}`,
  `${head}Content-Type: text/plain; format=flowed\n\n${patch}`,
  `${head}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nSee there.\n--b\nContent-Type: text/x-patch; name="x.patch"\nContent-Disposition: attachment; filename="x.patch"\nContent-Transfer-Encoding: base64\n\n${base64(patch)}\n--b--\n`,
  `${head}MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="b"\n\n--b\nContent-Type: text/plain\n\n${patch}\n--b\nContent-Type: text/html\n\n<p>x\n--b--\n`,
  `${head.replace('[PATCH', 'Re: [PATCH')}In-Reply-To: <b@example.org>\nReferences: <c@example.org> <b@example.org>\n\n> diff --git a/x b/x\nNo.\n\n-- >8 --\nSubject: [PATCH] y\n\n${patch}`,
  `${head.replace('1/2', '0/2')}\nRange-diff:\n1: 1 ! 1: 2 x\n`,
  `Return-Path: <>\nFrom: MAILER-DAEMON@example.org\nSubject: Undelivered Mail Returned to Sender\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.cc\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\n${head}\n${patch}\n--b--\n`,
  `From: "=?utf-8?q?J=C3=BCrgen?= via Dev" <dev@example.org>\nX-Original-From: =?utf-8?b?SsO8cmdlbg==?= <j@example.org>\nSubject: =?utf-8?q?[PATCH]_gr=C3=BC=C3=9Fe?=\n\n${patch}`,
].map(text => Buffer.from(text))

type Roll = (below: number) => number
type Mutation = (mail: Buffer, roll: Roll) => Buffer

const lines = (mail: Buffer): string[] => mail.toString('latin1').split('\n')
const join = (all: string[]): Buffer => Buffer.from(all.join('\n'), 'latin1')
const insert = (mail: Buffer, at: number, what: Buffer | string): Buffer =>
  Buffer.concat([mail.subarray(0, at), Buffer.from(what as string, 'latin1'), mail.subarray(at)])
const headers = (all: string[]): number => Math.max(1, all.indexOf(''))
const spots: readonly string[] = [
  'Content-Type: multipart/mixed; boundary="b"',
  'Content-Type: text/plain; charset="y"; format=flowed; delsp=yes',
  'Content-Type: message/rfc822',
  'Content-Transfer-Encoding: base64',
  'Content-Transfer-Encoding: quoted-printable',
  'Content-Transfer-Encoding: uuencode',
  'In-Reply-To: <yes>',
  'Message-ID: <>',
  'From: "a" <b> c@d <e@f>',
  'Subject: Re: [PATCH 18446744073709551616/0] =?utf-8?b?////?= =?x?q?=?=',
  'Date: Thu, 99 Foo +1900 (((((',
  'References: =?utf-8?q?<a@b>?= <c',
  'Auto-Submitted: ;',
  'List-Id: <',
]

const mutations: readonly Mutation[] = [
  (mail, roll) => {
    const out = Buffer.from(mail)
    for (let n = roll(40); n >= 0; n -= 1) out[roll(Math.max(1, out.length))] = roll(256)
    return out
  },
  (mail, roll) => mail.subarray(0, roll(mail.length + 1)),
  (mail, roll) => {
    const all = lines(mail)
    const line = all[roll(headers(all))] ?? ''
    all.splice(roll(headers(all)), 0, ...Array<string>(1 + roll(300)).fill(line))
    return join(all)
  },
  (mail, roll) => {
    const all = lines(mail)
    all.splice(roll(headers(all)), 0, spots[roll(spots.length)] ?? '')
    return join(all)
  },
  (mail, roll) => {
    const all = lines(mail)
    all.splice(roll(all.length), 1 + roll(4))
    return join(all)
  },
  (mail, roll) => {
    const all = lines(mail)
    const moved = all.splice(roll(all.length), 1 + roll(8))
    all.splice(roll(all.length + 1), 0, ...moved)
    return join(all)
  },
  (mail, roll) => insert(mail, roll(mail.length + 1), '\0'.repeat(1 + roll(50))),
  (mail, roll) =>
    insert(mail, roll(mail.length + 1), String.fromCharCode(128 + roll(128)).repeat(1 + roll(9))),
  (mail, roll) => insert(mail, roll(mail.length + 1), 'x '.repeat(roll(20_000))),
  (mail, roll) =>
    insert(
      mail,
      roll(mail.length + 1),
      ['\r', '\r\n', '\n\n', '\n', '\u00a0', '=\n', '--b\n'][roll(7)] ?? '',
    ),
  mail => Buffer.from(mail.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
  (mail, roll) => {
    const depth = 1 + roll(30)
    const open = Array.from(
      { length: depth },
      (_, n) => `Content-Type: multipart/mixed; boundary=n${n}\n\n--n${n}\n`,
    )
    return Buffer.concat([Buffer.from(open.join('')), mail])
  },
]

/** `count` mails, made of the seeds and `more`; the same numbers give the same mails. */
export function* mutants(count: number, more: readonly Buffer[] = [], seed = 4): Generator<Buffer> {
  const roll = dice(seed)
  const from = [...seeds, ...more]
  for (let made = 0; made < count; made += 1) {
    let mail = from[roll(from.length)] ?? Buffer.alloc(0)
    if (roll(12) === 0) {
      const other = from[roll(from.length)] ?? mail
      mail = Buffer.concat([mail.subarray(0, roll(mail.length + 1)), other.subarray(roll(other.length + 1))])
    }
    for (let n = roll(4); n >= 0; n -= 1) mail = mutations[roll(mutations.length)]?.(mail, roll) ?? mail
    yield mail
  }
}

const mega = 1 << 20
/** A head, a filling that is repeated to `size` bytes, and an end. */
const filled = (start: string, filling: string, { size = 50 * mega, end = `\n${patch}` } = {}): Buffer =>
  Buffer.concat([Buffer.from(start), Buffer.alloc(size, filling), Buffer.from(end)])
const typed = (type: string): string => `${head}Content-Type: ${type}\n`
const encoding = (name: string): string => `${head}Content-Transfer-Encoding: ${name}\n\n`
const nested = (depth: number): string =>
  Array.from({ length: depth }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n`).join(
    '',
  )

/** Each made only when it is asked for. */
export const monsters: Readonly<Record<string, () => Buffer>> = {
  'MIME nested 1,000 deep': () => Buffer.from(`${head}${nested(1000)}\n${patch}`),
  'MIME nested 30,000 deep': () => Buffer.from(`${head}${nested(30_000)}\n${patch}`),
  'mails nested 10,000 deep': () =>
    Buffer.from(`${head}${'Content-Type: message/rfc822\n\n'.repeat(10_000)}${patch}`),
  '50 MB of one line': () => filled(`${head}\n`, 'x'),
  '50 MB of one header': () => filled(`${head}X-Y: `, 'x', { end: `\n\n${patch}` }),
  '50 MB of one subject': () => filled('From: a@b.cc\nSubject: [PATCH] ', '[a] ', { end: `\n\n${patch}` }),
  '50 MB of NUL': () => filled(`${head}\n`, '\0'),
  '50 MB of nothing but NUL': () => Buffer.alloc(50 * mega),
  '50 MB of base64 in one line': () => filled(encoding('base64'), 'QUJD'),
  '50 MB of base64 without a line end in it': () => filled(encoding('base64'), `${'QUJD'.repeat(19)}\n`),
  '50 MB of base64 in lines': () => filled(encoding('base64'), `${'QUJDRAo='.repeat(9)}\n`),
  '50 MB of quoted-printable that never ends its line': () =>
    filled(encoding('quoted-printable'), `${'x'.repeat(74)}=\n`),
  'a zipped attachment of 50 MB before the patch': () =>
    filled(
      `${typed('multipart/mixed; boundary=b')}\n--b\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\n`,
      `${'UEsDBAoAAAAA'.repeat(6)}\n`,
      { end: `\n--b\n\n${patch}\n--b--\n` },
    ),
  '50 MB of empty parts': () => filled(`${typed('multipart/mixed; boundary=b')}\n`, '--b\n\nx\n'),
  '50 MB of HTML': () => filled(`${typed('text/html')}\n`, '<div>'),
  '50 MB of format=flowed': () => filled(`${typed('text/plain; format=flowed')}\n`, 'a \n'),
  '50 MB of diff headers': () => filled(`${head}\n`, 'diff --git a/x b/x\n'),
  '50 MB of mode changes': () =>
    filled(`${head}\n---\n`, 'diff --git a/x b/x\nold mode 100644\nnew mode 100755\n'),
  '9 MB of mode changes': () =>
    filled(`${head}\n---\n`, 'diff --git a/x b/x\nold mode 100644\nnew mode 100755\n', { size: 9 * mega }),
  '50 MB of one hunk': () => filled(`${head}\n---\n--- a/x\n+++ b/x\n@@ -0,0 +1,99999999 @@\n`, '+x\n'),
  '9 MB of one hunk': () =>
    filled(`${head}\n---\n--- a/x\n+++ b/x\n@@ -0,0 +1,99999999 @@\n`, '+x\n', { size: 9 * mega }),
  '9 MB of one line in a hunk': () =>
    filled(`${head}\n---\n--- a/x\n+++ b/x\n@@ -0,0 +1,1 @@\n+`, 'x', { size: 9 * mega, end: '\n' }),
  '50 MB of CRLF': () => filled(`${head}\n`, 'x\r\n'),
  '50 MB of quotation marks': () => filled(`${head}\n`, '>\n'),
  '13 MB of quotation marks': () => filled(`${head}\n`, '>\n', { size: 13 * mega }),
  '13 MB of diff headers': () => filled(`${head}\n`, 'diff --git a/x b/x\n', { size: 13 * mega }),
  '13 MB of base64 in lines': () =>
    filled(encoding('base64'), `${'QUJDRAo='.repeat(9)}\n`, { size: 13 * mega }),
  '13 MB of base64 without a line end in it': () =>
    filled(encoding('base64'), `${'QUJD'.repeat(19)}\n`, { size: 13 * mega }),
  '13 MB of quoted-printable that never ends its line': () =>
    filled(encoding('quoted-printable'), `${'x'.repeat(74)}=\n`, { size: 13 * mega }),
  '13 MB of one line': () => filled(`${head}\n`, 'x', { size: 13 * mega }),
  '1 MB of empty lines': () => filled(`${head}\n`, '\n', { size: mega }),
  '1 MB of blanks': () => filled(`${head}\n`, ' ', { size: mega }),
  '1 MB of open brackets': () => filled('From: a@b.cc\nSubject: ', '[', { size: mega, end: `\n\n${patch}` }),
  '1 MB of Re:': () => filled('From: a@b.cc\nSubject: ', 'Re: ', { size: mega, end: `\n\n${patch}` }),
  '1 MB of blanks in X-Original-From': () =>
    filled(`${head}X-Original-From: `, ' a', { size: mega, end: `\n\n${patch}` }),
  '1 MB of comments in Date': () =>
    filled('From: a@b.cc\nSubject: [PATCH] x\nDate: ', '(', { size: mega, end: `\n\n${patch}` }),
  '1 MB of via': () =>
    filled('Subject: [PATCH] x\nFrom: "', 'a via ', { size: mega, end: `" <a@b.cc>\n\n${patch}` }),
  '1 MB of encoded words': () =>
    filled('From: a@b.cc\nSubject: ', '=?utf-8?q?a?= ', { size: mega, end: `\n\n${patch}` }),
  '1 MB of half encoded words': () =>
    filled('From: a@b.cc\nSubject: ', '=?utf-8?q?a', { size: mega, end: `\n\n${patch}` }),
  '1 MB of scissors': () => filled(`${head.replace('[PATCH', 'Re: [PATCH')}\n`, '-- >8 --\n', { size: mega }),
  '1 MB of From: in an answer': () =>
    filled(`${head.replace('[PATCH', 'Re: [PATCH')}\n`, 'From: a\n', { size: mega }),
  '1 MB of Content-Type parameters': () =>
    filled(typed('text/plain').trimEnd(), '; a*0=b', { size: mega, end: `\n\n${patch}` }),
  '250 KB of quotation marks in From': () =>
    filled('Subject: [PATCH] x\nFrom: "x', "'", { size: 250_000, end: `x" <a@b.cc>\n\n${patch}` }),
  '9 MB of blanks in a file name': () =>
    filled(`${head}\n---\n--- a/x`, ' ', { size: 9 * mega, end: 'y\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n' }),
  '9 MB of a quoted file name': () =>
    filled(`${head}\n---\ndiff --git "`, 'a', { size: 9 * mega, end: `\n${patch}` }),
  '1 MB of blank From: in an answer': () =>
    filled(`${head.replace('[PATCH', 'Re: [PATCH')}\n`, `From: ${' '.repeat(490)}x\n`, { size: mega }),
  '100,000 recipients': () =>
    Buffer.from(
      `${head}Cc: ${Array.from({ length: 100_000 }, (_, n) => `A ${n} <a${n}@b.cc>`).join(', ')}\n\n${patch}`,
    ),
  '100,000 recipients in groups': () =>
    Buffer.from(`${head}Cc: ${'g: a@b.cc; '.repeat(100_000)}\n\n${patch}`),
  '100,000 open comments in To': () => Buffer.from(`${head}Cc: ${'('.repeat(100_000)}\n\n${patch}`),
  '500,000 references': () =>
    filled(`${head}References: `, '<a@b.cc>\n ', { size: 5 * mega, end: `\n\n${patch}` }),
  '100,000 headers': () => filled(head, 'X-Y: z\n', { size: 700_000 }),
  '5,000,000 headers': () => filled(head, 'X-Y: z\n', { size: 35 * mega }),
  '100,000 From headers': () => filled(head, 'From: a@b.cc\n', { size: 1_300_000 }),
}
