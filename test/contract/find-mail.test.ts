// Was a mail of ours delivered? Asked of real mailboxes and files; and mail of before `since` is passed over in every kind of source.
import { writeFile } from 'node:fs/promises'
import { expect, it, onTestFinished } from 'vitest'
import { noBlobs } from '../../src/adapters/blobs/none.ts'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { FileSourceConfig, SourceConfig } from '../../src/config/config.ts'
import { findMail } from '../../src/wiring/find-mail.ts'
import { readSource } from '../../src/wiring/reading.ts'
import { openSource } from '../../src/wiring/sources.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { fakeClock } from '../fakes/clock.ts'
import { dovecotWithUsers } from './imap-store.ts'
import { arrival, mailsOf, readBatches, sampleMail, sampleMails, texts } from './mail-source.ts'
import { archiveStore, maildirStore, mboxStore } from './mail-stores.ts'

const { store: mailbox } = await dovecotWithUsers(10)

type Given = { list?: SourceConfig[]; inbox?: SourceConfig[]; to?: string[] }

/** Project tally with its list's sources, and the bot's mailboxes; the mail that is looked for went `to` these. */
const setUp = async ({ list = [], inbox = [], to = ['tally@example.org'] }: Given) => {
  const real = await openStore({ folder: ':memory:' })
  onTestFinished(() => real.close())
  const mail = { to: to.map(address => ({ name: '', address })), cc: [] }
  const store = { ...real, replyByMessageId: async () => ({ mail }), isOurs: async () => false }
  const project = {
    name: 'tally',
    list: { name: '', address: 'Tally@example.org' },
    listTags: [],
    sources: list,
  }
  const pushed: unknown[] = []
  const wired = {
    ...{ store, blobs: noBlobs(), gitMail: gitMail(), clock: fakeClock(), log: () => {} },
    config: { watch: {}, projects: [project], mail: { inbox, out: { kind: 'smtp' } } },
    project: () => project,
    queue: {
      push: async (...pushes: { data: object }[]) => void pushed.push(...pushes.map(one => one.data)),
    },
  } as unknown as Wired
  return { wired, pushed, look: (n: number) => findMail(wired)(`<${n}@example.org>`) }
}

const mboxAt = async (path: string): Promise<FileSourceConfig> => ({
  ...{ kind: 'mbox', name: 'list', since: undefined, path },
})

it('finds a mail in a mailbox, in a file that nobody has read yet, and in what was read and is gone', async () => {
  const inbox = await mailbox()
  const list = await mboxStore()
  await inbox.add([sampleMail(1)])
  await list.add([sampleMail(2)])
  const { look } = await setUp({ list: [await mboxAt(list.path)], inbox: [inbox.config] })
  expect([await look(1), await look(2), await look(3)]).toEqual(['here', 'here', 'absent'])
  await writeFile(list.path, '')
  expect(await look(2)).toBe('here')
})

it('absent needs a witness that answered: a list that the mail went to, or the bot itself', async () => {
  const [inbox, list] = [await mailbox(), await mboxStore()]
  const dead = { ...inbox.config, port: 1 }
  const mbox = await mboxAt(list.path)
  const gone = await mboxAt('/nowhere/list.mbox')
  const answer = async (given: Given) => (await setUp(given)).look(7)
  expect(await answer({ inbox: [dead], list: [mbox] })).toBe('absent')
  expect(await answer({ inbox: [dead], list: [mbox], to: ['sofia@example.org'] })).toBe('unknown')
  expect(await answer({ inbox: [inbox.config], list: [gone] })).toBe('absent')
  expect(await answer({ inbox: [inbox.config, dead] })).toBe('unknown')
  expect(await answer({ list: [mbox, gone] })).toBe('unknown')
  expect(await answer({})).toBe('unknown')
})

it('a mail of the bot’s mailbox is queued for the project whose list it came by', async () => {
  const inbox = await mailbox()
  const to = (address: string, n: number) => Buffer.concat([Buffer.from(`To: <${address}>\n`), sampleMail(n)])
  await inbox.add([to('tally@EXAMPLE.org', 1), to('bot@example.org', 2)])
  const { wired, pushed } = await setUp({ inbox: [inbox.config] })
  await readSource(wired, { project: '@bot', source: openSource(inbox.config) })
  expect(pushed).toMatchObject([{ project: 'tally' }, { project: '@bot' }])
  expect(await readSource(wired, { project: '@bot', source: openSource(inbox.config) })).toEqual([])
})

const kinds = {
  mbox: async () => {
    const { add, path } = await mboxStore()
    return { add, config: { kind: 'mbox', name: 'x', path } as const }
  },
  maildir: async () => {
    const { add, path } = await maildirStore()
    return { add, config: { kind: 'maildir', name: 'x', path } as const }
  },
  'public-inbox': async () => {
    const { add, path } = await archiveStore()
    return { add, config: { kind: 'public-inbox', name: 'x', path } as const }
  },
  imap: async () => {
    const { add, config } = await mailbox()
    return { add, config }
  },
}
it.each(Object.entries(kinds))(
  '%s: mail of before `since` is passed over, and not looked at again',
  async (_kind, make) => {
    const { add, config } = await make()
    const source = openSource({ ...config, since: arrival(2) })
    await add(sampleMails(0, 4))
    const batches = await readBatches(source)
    expect(texts(mailsOf(batches))).toEqual(sampleMails(2, 4).map(raw => raw.toString('latin1')))
    expect(await readBatches(source, batches.at(-1)?.cursor)).toEqual([])
  },
)

it('keeps where it is when all that is there is older', async () => {
  const { add, config } = await mailbox()
  await add(sampleMails(0, 4))
  const source = openSource({ ...config, since: Date.now() })
  const batches = await readBatches(source)
  expect(batches).toMatchObject([{ mails: [], cursor: { uid: 4 } }])
  expect(await readBatches(source, batches[0]?.cursor)).toEqual([])
})
