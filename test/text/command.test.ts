import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Request } from '../../src/model/command.ts'
import { findCommands, readCommand } from '../../src/text/command.ts'
import { commandText } from '../../src/text/command-text.ts'

const lines = (text: string): string[] => findCommands(text).map(({ line }) => line)
const asked = (text: string): Request[] => findCommands(text).map(({ request }) => request)
const nearest = (command: string): string => {
  const request = readCommand(command)
  return request.do === 'unknown' ? request.nearest : `understood: ${request.do}`
}

test.each<[line: string, request: Request]>([
  ['/grapevine test', { do: 'test', images: [] }],
  ['/Grapevine  TEST', { do: 'test', images: [] }],
  ['/grapevine test.', { do: 'test', images: [] }],
  ['/grapevine test: ', { do: 'test', images: [] }],
  ['/grapevine: test', { do: 'test', images: [] }],
  ['/grapevine-test', { do: 'test', images: [] }],
  ['\ufeff/grapevine\u00a0test\u00a0on\u2003Debian\t \u00a0', { do: 'test', images: ['debian'] }],
  ['/grapevine test on debian, win11 and busybox', { do: 'test', images: ['debian', 'win11', 'busybox'] }],
  ['/grapevine test on debian debian', { do: 'test', images: ['debian'] }],
  ['/grapevine test against stable/6.1', { do: 'test', images: [], against: 'stable/6.1' }],
  ['/grapevine test against v6.1.', { do: 'test', images: [], against: 'v6.1' }],
  ['/grapevine test against Main on debian', { do: 'test', images: ['debian'], against: 'Main' }],
  ['/grapevine retest', { do: 'retest' }],
  ['/grapevine', { do: 'help' }],
  ['/grapevine help!', { do: 'help' }],
  ['/grapevine status?', { do: 'status' }],
  ['/grapevine unsubscribe', { do: 'unsubscribe' }],
  ['/grapevine resume', { do: 'resume' }],
  ['/grapevine resume Alpha', { do: 'resume', host: 'Alpha' }],
  ['/grapevine drain alpha.example.org', { do: 'drain', host: 'alpha.example.org' }],
  ['/grapevine release', { do: 'release' }],
  ['/grapevine release s3f2a91c07be4d5a', { do: 'release', series: 's3f2a91c07be4d5a' }],
  [
    '/grapevine notice The server moves. Wait for it.',
    { do: 'notice', text: 'The server moves. Wait for it.' },
  ],
  ['/grapevine confirm cabc-0123', { do: 'confirm', token: 'cabc-0123' }],
  ['/grapevine incident', { do: 'incident', what: 'list' }],
  ['/grapevine Incident: Show I12AB.', { do: 'incident', what: 'show', id: 'I12AB' }],
  ['/grapevine incident confirm', { do: 'incident', what: 'confirm' }],
  ['/grapevine incident real i1', { do: 'incident', what: 'real', id: 'i1' }],
  ['/grapevine incident merge i1 i2', { do: 'incident', what: 'merge', id: 'i1', into: 'i2' }],
  [
    '/grapevine incident open No network at all!',
    { do: 'incident', what: 'open', text: 'No network at all' },
  ],
  [
    '/grapevine incident resolve i1 A new cable, and a new disk.',
    { do: 'incident', what: 'resolve', id: 'i1', text: 'A new cable, and a new disk' },
  ],
  [
    '/grapevine incident amend i1 Doing: a larger disk comes',
    { do: 'incident', what: 'amend', id: 'i1', field: 'doing', text: 'a larger disk comes' },
  ],
  ['/grapevine known', { do: 'known', what: 'list' }],
  ['/grapevine known list.', { do: 'known', what: 'list' }],
  ['/grapevine Known: Reject K12AB', { do: 'known', what: 'reject', id: 'K12AB' }],
  ['/grapevine known confirm k1', { do: 'known', what: 'confirm', id: 'k1' }],
  [
    '/grapevine known confirm k1 https://bugs.example.org/Show?id=1 <https://bugs.example.org/Show?id=1>',
    { do: 'known', what: 'confirm', id: 'k1', bug: 'https://bugs.example.org/Show?id=1' },
  ],
])('%j is understood', (line, request) => {
  expect(asked(`Hello,\n${line}\nthanks`)).toEqual([request])
})

test.each([
  ['tset', '/grapevine test [on IMAGE…] [against BRANCH]'],
  ['re-test', '/grapevine retest'],
  ['stauts', '/grapevine status'],
  ['fix: a bug', '/grapevine help'],
  ['x', '/grapevine help'],
  ['test debian', '/grapevine test on debian'],
  ['test debian, win11 against main', '/grapevine test on debian win11 against main'],
  ['test on', '/grapevine test [on IMAGE…] [against BRANCH]'],
  ['test against', '/grapevine test [on IMAGE…] [against BRANCH]'],
  ['test against a b', '/grapevine test [on IMAGE…] [against BRANCH]'],
  ['test against --upload-pack=x', '/grapevine test [on IMAGE…] [against BRANCH]'],
  ['test against main..evil', '/grapevine test [on IMAGE…] [against BRANCH]'],
  ['test on ../../etc', '/grapevine test [on IMAGE…] [against BRANCH]'],
  ['drain', '/grapevine drain HOST'],
  ['drain a b', '/grapevine drain HOST'],
  ['notice', '/grapevine notice TEXT'],
  ['cancel it please', '/grapevine cancel'],
  ['incident confrim i1', '/grapevine incident confirm [ID]'],
  ['incident __proto__', '/grapevine incident list'],
  ['incident confirm i1 i2', '/grapevine incident confirm [ID]'],
  ['incident confirm ../i1', '/grapevine incident confirm [ID]'],
  ['incident note', '/grapevine incident note ID TEXT'],
  ['incident list all', '/grapevine incident list'],
  ['incident open', '/grapevine incident open TEXT'],
  ['incident note i1', '/grapevine incident note ID TEXT'],
  ['incident amend i1', '/grapevine incident amend ID cause|doing|severity|owner|detail TEXT'],
  ['incident amend i1 cause', '/grapevine incident amend ID cause|doing|severity|owner|detail TEXT'],
  ['incident merge i1 host', '/grapevine incident merge ID INTO-ID'],
  [`incident open ${'x'.repeat(501)}`, '/grapevine incident open TEXT'],
  ['known conform k1', '/grapevine known confirm ID BUG-ADDRESS'],
  ['known bugs', '/grapevine known list'],
  ['known __proto__', '/grapevine known list'],
  ['known reject', '/grapevine known reject ID'],
  ['known reject k1 k2', '/grapevine known reject ID'],
  ['known confirm net/dns', '/grapevine known confirm ID BUG-ADDRESS'],
  ['known confirm k1 https://a.example/1 https://b.example/2', '/grapevine known confirm ID BUG-ADDRESS'],
  ['__proto__', '/grapevine help'],
  ['constructor', '/grapevine help'],
])('"%s" is answered with what could have been meant', (command, right) => {
  expect(nearest(command)).toBe(right)
})

test.each([
  ['quoted', '> /grapevine test\n>/grapevine test\n| /grapevine test'],
  ['indented', ' /grapevine test\n\t/grapevine test\n\u00a0\u00a0/grapevine test'],
  ['in a sentence', 'Write /grapevine test\nor `/grapevine test`'],
  ['another word', '/grapevines test\n/grapevine.test\n@grapevine test\ngrapevine test'],
  ['behind a signature', 'Hi\n-- \n/grapevine test'],
  ['behind a signature whose space got lost', 'Hi\n--\n/grapevine test'],
  ['behind a footer of Mailman', `Hi\n${'_'.repeat(47)}\n/grapevine test`],
  ['behind a footer of groups.io', 'Hi\n-=-=-=-=-=-=-=-=-=-=-=-\n/grapevine test'],
  ['behind a diff', 'Hi\ndiff --git a/a b/a\n--- a/a\n+++ b/a\n/grapevine test'],
  ['behind a plain diff', 'Hi\n--- a/a\n+++ b/a\n/grapevine test'],
  ['in a code block', '```\n/grapevine test\n```'],
  ['in a code block of tildes', '~~~~ text\n/grapevine test\n~~~\n~~~~'],
  [
    'behind Outlook’s head of a quoted mail',
    'Hi\n\nFrom: Ann <a@x.org>\nSent: Monday\nTo: list\n/grapevine test',
  ],
  [
    'behind the head of a forwarded mail',
    '\nFrom: a@x.org\nSubject: x\nDate: Mon\nTo: b@x.org\n\n/grapevine test',
  ],
  ['behind "Original Message"', 'Hi\n-----Original Message-----\n/grapevine test'],
])('%s it is no command', (_, text) => {
  expect(lines(text)).toEqual([])
})

test.each([
  ['a fence that nobody closes', '```\n/grapevine test'],
  ['closed code above', '```\nx\n```\n/grapevine test'],
  ['text below a quotation', '> /grapevine cancel\n\n/grapevine test\n\nBye'],
  ['below the --- of a patch', 'fix it\n\nSigned-off-by: A\n---\n/grapevine test\n\n a.c | 2 +-'],
  ['above a diff', '/grapevine test\n\ndiff --git a/a b/a\n/grapevine cancel'],
  ['git’s headers in the body', 'From: Ann <a@x.org>\nSubject: x\n\n/grapevine test'],
  ['the verb on the next line', '/grapevine \ntest\n'],
  ['CRLF', 'Hi\r\n/grapevine test\r\nBye'],
])('it counts with %s', (_, text) => {
  expect(asked(text)).toEqual([{ do: 'test', images: [] }])
})

// One that took more than a moment would run into the test's time limit.
test.each([
  ['words', `/grapevine ${'test '.repeat(200_000)}`, 1],
  ['commas', `/grapevine test on ${','.repeat(500_000)}`, 1],
  ['commands', '/grapevine\n'.repeat(100_000), 5000],
  [
    'fences',
    `${Array.from({ length: 4000 }, (_, i) => `${'`'.repeat(3 + i)} x`).join('\n')}\n/grapevine test`,
    1,
  ],
  ['heads of mails', `${'From: x\n'.repeat(4000)}/grapevine test`, 1],
  ['spaces', `/grapevine${' '.repeat(1_000_000)}`, 1],
])('a mail of nothing but %s is read at once', (_, text, count) => {
  expect(findCommands(text)).toHaveLength(count)
})

const mime = (...parts: string[]) => Buffer.from(parts.join('\r\n'))

describe('what a reader sees of a mail', () => {
  test('soft breaks of quoted-printable are none', async () => {
    const raw = mime(
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      '/grapevine test on=',
      '=20debian against=C2=A0main',
      '',
    )
    expect(asked(await commandText(raw))).toEqual([{ do: 'test', images: ['debian'], against: 'main' }])
  })

  test('a mail of HTML only: quotations stay quotations, and long lines whole', async () => {
    const long = 'a-branch-with-a-very-long-name-of-which-nobody-knows-why/it-is-so-long-but-there-it-is'
    const raw = mime(
      'Content-Type: text/html; charset=utf-8',
      '',
      `<html><body><div>Hi,</div><div>/grapevine test on&nbsp;debian against ${long}</div>`,
      '<blockquote><div>/grapevine cancel</div></blockquote></body></html>',
    )
    expect(asked(await commandText(raw))).toEqual([{ do: 'test', images: ['debian'], against: long }])
  })

  test('attachments are not read, and plain text wins over HTML', async () => {
    const raw = mime(
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: multipart/alternative; boundary=c',
      '',
      '--c',
      'Content-Type: text/plain',
      '',
      '/grapevine status',
      '--c',
      'Content-Type: text/html',
      '',
      '<p>/grapevine cancel</p>',
      '--c--',
      '--b',
      'Content-Type: text/x-patch',
      'Content-Disposition: attachment; filename=a.patch',
      '',
      '/grapevine cancel',
      '--b',
      'Content-Type: message/rfc822',
      '',
      'From: a@example.org',
      'To: b@example.org',
      'Subject: x',
      '',
      '/grapevine cancel',
      '--b--',
    )
    expect(asked(await commandText(raw))).toEqual([{ do: 'status' }])
  })

  test('bytes that are no mail hold none', async () => {
    expect(await commandText(Buffer.alloc(0))).toBe('')
    expect(findCommands(await commandText(Buffer.from([0, 255, 10, 13, 0])))).toEqual([])
  })
})

// syzkaller's own tables, with `#syz` read as `/grapevine`. Shared: which lines are commands, and the verbs test, help and their like. Not
// shared: its other verbs, arguments on the lines below, and commands in subjects.
const corpus = new URL('../../../shared/corpora/syzkaller/', import.meta.url)
const here = existsSync(new URL('expected.json', corpus))
if (!here) console.warn(`syzkaller's cases are not checked: ${corpus.pathname} is not here`)

type Peer = {
  extract_command: { body: string; cmd: { Str: string; Args?: string } | null }[]
  parse: { file: string; res: { Commands?: { Str: string; Args?: string }[]; Subject?: string } }[]
}

const ours = (text: string) => text.replaceAll('#syz', '/grapevine')
const verbOf = (line: string) =>
  line
    .replace(/^\/grapevine[-:\s]+/i, '')
    .split(/\s+/)[0]
    ?.replace(/:$/, '')

describe.runIf(here)('syzkaller', () => {
  const peer: Peer = here
    ? JSON.parse(readFileSync(new URL('expected.json', corpus), 'utf8'))
    : { extract_command: [], parse: [] }

  test('the same lines are commands', () => {
    for (const { body, cmd } of peer.extract_command) {
      for (const text of [ours(body), ours(body).replaceAll('\n', '\r\n')]) {
        const [first] = lines(text)
        expect([text, first && verbOf(first)]).toEqual([text, cmd?.Str.replace(/:$/, '')])
      }
    }
  })

  test('mails carry the same commands', async () => {
    for (const { file, res } of peer.parse) {
      const raw = Buffer.from(ours(readFileSync(new URL(file, corpus), 'latin1')), 'latin1')
      const wanted = (res.Commands ?? []).filter(
        // Ours do not stand in subjects.
        ({ Str }) => !new RegExp(`#syz.*${Str}`).test(res.Subject ?? ''),
      )
      const found = lines(await commandText(raw))
      expect([file, ...found.map(verbOf)]).toEqual([file, ...wanted.map(({ Str }) => Str.replace(/:$/, ''))])
    }
  })
})
