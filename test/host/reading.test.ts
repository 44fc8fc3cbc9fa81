// The loops that read: a server that never answers holds up nobody, and a long reading tells how far it is.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { noBlobs } from '../../src/adapters/blobs/none.ts'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { ImapSourceConfig, SourceConfig } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'
import type { MailSource } from '../../src/ports/mail-source.ts'
import { readSource, readSources } from '../../src/wiring/reading.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { sampleMail, sampleMails } from '../contract/mail-source.ts'
import { mboxStore } from '../contract/mail-stores.ts'
import { fakeClock } from '../fakes/clock.ts'

const setUp = async (sources: SourceConfig[]) => {
  const store = await openStore({ folder: ':memory:' })
  onTestFinished(() => store.close())
  const project = { name: 'tally', list: { name: '', address: 't@example.org' }, listTags: [], sources }
  const [pushed, said]: [unknown[], string[]] = [[], []]
  const queued = Promise.withResolvers<void>()
  const clock = fakeClock()
  const wired = {
    ...{ store, blobs: noBlobs(), gitMail: gitMail(), clock },
    log: (_level: string, what: string) => void said.push(what),
    config: { projects: [project], mail: { inbox: [] }, watch: {} },
    project: () => project,
    queue: {
      push: async (...pushes: unknown[]) => {
        pushed.push(...pushes)
        if (pushes.length > 0) queued.resolve()
      },
    },
  } as unknown as Wired
  return { wired, clock, pushed, said, queued: queued.promise }
}

const silentServer = async (): Promise<ImapSourceConfig> => {
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  onTestFinished(() => void server.close())
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    ...{
      kind: 'imap',
      name: 'silent',
      since: undefined,
      host: '127.0.0.1',
      port,
      secure: false,
      ca: undefined,
    },
    ...{ mailbox: 'INBOX', login: { user: 'sofia', password: secret('x') } },
  }
}

test('a server that never answers holds up neither the other sources nor the end', async () => {
  const mbox = await mboxStore()
  await mbox.add([sampleMail(1)])
  const file = { kind: 'mbox', name: 'file', path: mbox.path, since: undefined } as const
  const { wired, queued } = await setUp([await silentServer(), file])
  const stop = new AbortController()
  const { over } = readSources(wired, { sweepMs: 1000, signal: stop.signal })
  await queued
  stop.abort()
  await over
})

test('a long reading tells every ten seconds how far it is, and each mail that could not be read', async () => {
  const { wired, clock, pushed, said } = await setUp([])
  const source: MailSource = {
    name: 'list',
    watch: () => () => {},
    async *read() {
      for (let n = 0; n < 10; n++) {
        await clock.advance(3000)
        const mails = sampleMails(2 * n, 2 * n + 2).map(raw => ({ raw, arrivedAt: n, where: '' }))
        yield { mails, cursor: n, ...(n === 3 ? { troubles: ['UID 7 cannot be read'] } : {}) }
      }
    },
  }
  await readSource(wired, { project: 'tally', source })
  expect(pushed.length).toBe(20)
  expect(said).toEqual([
    'list: UID 7 cannot be read',
    'list: 8 mails read so far, up to 1970-01-01T00:00:00.003Z',
    'list: 16 mails read so far, up to 1970-01-01T00:00:00.007Z',
  ])
})
