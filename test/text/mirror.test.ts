import { describe, expect, test } from 'vitest'
import { readBugmail } from '../../src/text/bugmail.ts'
import { findCommands } from '../../src/text/command.ts'
import {
  answered,
  commentWords,
  holdsWords,
  mailWords,
  masked,
  namedIds,
  shownName,
  withRaw,
} from '../../src/text/mirror.ts'

describe('addresses', () => {
  test.each([
    ['Ann <ann@example.org> wrote:', 'Ann wrote:'],
    ['ask ann.b+c@mail.example.org, please', 'ask [address], please'],
    ['<mailto:ann@example.org>', ''],
    ['(ann@exämple.org)', '([address])'],
    ['root@localhost and user@host', 'root@localhost and user@host'],
    ['https://lore.example.org/r/1234@example.org', 'https://lore.example.org/r/1234@example.org'],
    ['@decorator and a @ b', '@decorator and a @ b'],
    ['Signed-off-by: Ann <ann@example.org>', 'Signed-off-by: Ann'],
  ])('%s', (text, told) => {
    expect(masked(text)).toBe(told)
  })

  test.each([
    ['Ann Author', 'Ann Author'],
    ['ann@example.org', 'Somebody'],
    ['', 'Somebody'],
    ['"Ann" <ann@example.org>', 'Ann'],
    ['A\r\nBcc: x@example.org', 'A Bcc:'],
    ['x@y', 'Somebody'],
  ])('the name %j', (name, told) => {
    expect(shownName(name)).toBe(told)
  })
})

const quoted = (count: number) => Array.from({ length: count }, (_, n) => `> line ${n + 1}`)

describe('what a mail says', () => {
  test('long quotations are cut to their end, what stands behind the last word goes', () => {
    const text = [
      'On Monday Ann wrote:',
      ...quoted(20),
      'Yes.',
      '',
      'Am Montag schrieb Ben:',
      ...quoted(3),
      '',
    ].join('\n')
    expect(mailWords(text, false).split('\n')).toEqual([
      'On Monday Ann wrote:',
      '> [… 12 lines]',
      ...quoted(20).slice(-8),
      'Yes.',
    ])
  })

  test.each([
    ['a signature', 'Yes.\n\n-- \nAnn, Example Inc.\n'],
    [
      'the footer of a list',
      'Yes.\n_______________________________________________\nlist mailing list\nlist@example.org',
    ],
    ['a command', '/grapevine track 7\nYes.'],
    ['control characters', '\u0000Y\u001bes\u202e.\r\n'],
  ])('without %s', (_, text) => {
    expect(mailWords(text, false)).toBe('Yes.')
  })

  test.each(['', '> only\n> this', '-- \nAnn', '/grapevine track'])('%j says nothing', text => {
    expect(mailWords(text, false)).toBe('')
  })

  test('a small diff stays, a patch goes', () => {
    const text = 'Like this:\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b'
    expect(mailWords(text, false)).toContain('+b')
    expect(mailWords(text, true)).toBe('Like this:\n\n(The patch itself is in the mail.)')
  })
})

describe('what a comment says', () => {
  test.each([
    ['(In reply to ann@example.org from comment #3)\nYes.', '(In reply to comment #3)\nYes.', 3],
    [
      '(In reply to Ann Author from comment #12)\nYes.',
      '(In reply to Ann Author from comment #12)\nYes.',
      12,
    ],
    ['(In reply to comment #0)\nYes.', '(In reply to comment #0)\nYes.', 0],
    ['As comment #3 says.', 'As comment #3 says.', undefined],
  ])('%s', (text, told, number) => {
    expect(commentWords(text)).toBe(told)
    expect(answered(text)).toBe(number)
  })

  test('no line of it is a command, or an end', () => {
    expect(commentWords('a\n/grapevine cancel\n-- \nFrom here on')).toBe(
      'a\n /grapevine cancel\n --\n From here on',
    )
    expect(findCommands(commentWords('x\n/grapevine cancel'))).toEqual([])
  })
})

test('two texts are one if the words of the one stand in the other, unquoted', () => {
  expect(holdsWords('Ann writes:\n\nIt  breaks\nhere.\n\nlink', 'It breaks here.')).toBe(true)
  expect(holdsWords('> It breaks here.\n\nNo.', 'It breaks here.')).toBe(false)
  expect(holdsWords('anything', '')).toBe(false)
  expect(holdsWords('anything', '> a quotation')).toBe(false)
})

test('Message-IDs are found in links, too, but not in quotations', () => {
  const text =
    'https://l.example/tally/a%2Bb%40example.org/ and <c@example.org>, x\n> d@example.org\nno: a @ b %zz@x'
  expect(namedIds(text)).toEqual(['<a+b@example.org>', '<c@example.org>', '<@>', '<%zz@x>'])
})

test('what must stay whole takes its place after the lines were made', () => {
  expect(withRaw(['  [mail]', '[other]', 'x [mail]'], { mail: 'long' })).toEqual([
    '  long',
    '[other]',
    'x [mail]',
  ])
})

// What is quadratic takes minutes, and the test's time is up.
test.each([
  'a'.repeat(300_000),
  'a@'.repeat(100_000),
  '@a.'.repeat(80_000),
  '(In reply to '.repeat(20_000),
  '> '.repeat(90_000),
  '<'.repeat(200_000),
  `${'On '.repeat(100)}\n`.repeat(500),
])('a hostile text (%#) is read in no time', text => {
  expect(mailWords(text, false).length).toBeLessThanOrEqual(200_001)
  expect(commentWords(text).length).toBeLessThanOrEqual(220_000)
  expect(namedIds(text).length).toBeLessThanOrEqual(100_000)
  expect(holdsWords(text, 'never said')).toBe(false)
})

const bugmail = (more: string[]) => Buffer.from([...more, 'From: x@example.org', '', 'Comment #9'].join('\n'))

test.each([
  [
    ['X-Bugzilla-Type: changed', 'X-Bugzilla-ID: 12', 'Message-ID: <bug-13-2@http.x/>'],
    { bug: 12, isNew: false },
  ],
  [['X-Bugzilla-Type: new', 'Message-ID: <bug-13-2-8181@http.x/>'], { bug: 13, isNew: true }],
  [['X-Bugzilla-Type: changed', 'Subject: [Bug 14] it breaks'], { bug: 14, isNew: false }],
  [['X-Bugzilla-Type: admin', 'Message-ID: <bug-13-2@http.x/>'], undefined],
  [['Message-ID: <bug-13-2@http.x/>'], undefined],
  [['X-Bugzilla-Type: changed', 'X-Bugzilla-ID: 12; rm', 'Subject: hello'], undefined],
])('bugmail: %j', (headers, told) => {
  expect(readBugmail(bugmail(headers))).toEqual(told)
})

test.each([
  ['track', { do: 'track' }],
  ['track 7', { do: 'track', bug: '7' }],
  ['track bug #7.', { do: 'track', bug: '#7' }],
  ['track <https://bugs.example.org/7>', { do: 'track', bug: 'https://bugs.example.org/7' }],
  ['untrack', { do: 'untrack' }],
  ['track 7 8', { do: 'unknown', why: '"8" is too much', nearest: '/grapevine track [BUG]' }],
  ['track ../x', { do: 'unknown', why: '"../x" is no bug', nearest: '/grapevine track [BUG]' }],
  ['untrack 7', { do: 'unknown', why: '"7" is too much', nearest: '/grapevine untrack' }],
])('/grapevine %s', (line, request) => {
  expect(findCommands(`/grapevine ${line}`).map(one => one.request)).toEqual([request])
})
