// Whose mail is it? A mailbox of several lists and of the bot itself.
import { expect, onTestFinished, test } from 'vitest'
import { noBlobs } from '../../src/adapters/blobs/none.ts'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import { receive } from '../../src/stages/receive/receive.ts'
import { routeMail } from '../../src/stages/receive/route.ts'
import { letter, start } from '../fakes/list.ts'

const route = routeMail([
  {
    project: 'tally',
    address: 'tally@lists.example.org',
    listId: 'tally.lists.example.org',
    listTags: ['TALLY'],
  },
  { project: 'other', address: 'Other@lists.example.org', listId: undefined, listTags: [] },
])

const cases: [string, string, string][] = [
  ['List-Id', 'List-Id: All on tally <TALLY.lists.example.org>', 'tally'],
  ['List-Id without brackets', 'list-id:tally.lists.example.org', 'tally'],
  ['a folded List-Id', 'List-Id: "a <b> c"\n\t<tally.lists.example.org>', 'tally'],
  ['the second of two', 'List-Id: <x.example.org>\nList-Id: <tally.lists.example.org>', 'tally'],
  ['List-Id before To', 'To: other@lists.example.org\nList-Id: <tally.lists.example.org>', 'tally'],
  ['To, whatever its case', 'To: A <a@example.org>,\n "B" <OTHER@lists.example.org>', 'other'],
  ['Cc', 'To: a@example.org\nCc: tally@lists.example.org', 'tally'],
  ['a List-Id that nobody has, and To', 'List-Id: <x.org>\nTo: other@lists.example.org', 'other'],
  ['an address that only looks alike', 'To: my-tally@lists.example.org', '@bot'],
  ['a longer List-Id', 'List-Id: <tally.lists.example.org.evil.org>', '@bot'],
  ['nothing', 'To: bot@example.org', '@bot'],
  ['what stands in the body', 'To: bot@example.org\n\nList-Id: <tally.lists.example.org>', '@bot'],
]
test.each(cases)('%s', (_name, headers, project) => {
  for (const ends of ['\n', '\r\n'])
    expect(route(Buffer.from(`${headers}\n\ntext\n`.replaceAll('\n', ends))).project).toBe(project)
})

test('mails of one batch go to their projects, with the bracket words of each list; a patch to the bot itself is none', async () => {
  const store = await openStore({ folder: ':memory:' })
  onTestFinished(() => store.close())
  const to = (headers: string, subject: string) => {
    const { raw } = letter({ subject, file: 'a.c' })
    return { raw: Buffer.concat([Buffer.from(`${headers}\n`), raw]), arrivedAt: start, where: 'test' }
  }
  const mails = [
    to('X-To: nobody', '[TALLY] [PATCH] one'),
    to('List-Id: <tally.lists.example.org>', '[TALLY] [PATCH] two'),
    to('Cc: other@lists.example.org', '[TALLY] [PATCH] three'),
  ]
  const given = { project: '@bot', source: 'inbox', listTags: [], cursor: 1, mails, route }
  const ids = await receive({ store, blobs: noBlobs(), gitMail: gitMail() })(given)
  const kept = await Promise.all(ids.map(id => store.mail(id)))
  expect(kept.map(mail => [mail?.project, mail?.patch !== undefined, mail?.tags?.tags])).toEqual([
    ['@bot', false, ['TALLY']],
    ['tally', true, []],
    ['other', true, ['TALLY']],
  ])
  // Mail to the bot waits until it is noted what it says to it.
  const decided = { kind: 'not-a-patch', why: "of no project's list" }
  expect(kept.map(mail => [mail?.disposition.kind, mail?.decided])).toEqual([
    ['new', decided],
    ['new', undefined],
    ['new', undefined],
  ])
})
