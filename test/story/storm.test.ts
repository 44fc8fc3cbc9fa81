// A thousand real mails by SMTP, while everything between the list and the replies is killed and started again: nothing is lost, and
// nothing is twice.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTransport } from 'nodemailer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publicInboxSource } from '../../src/adapters/public-inbox/source.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Mail } from '../../src/model/mail.ts'
import type { Store } from '../../src/ports/store.ts'
import { dryRun } from '../../src/wiring/dry-run.ts'
import { pending } from '../../src/wiring/pending.ts'
import { startDovecot, type TestDovecot } from '../real/dovecot.ts'
import { startPostfix, type TestPostfix } from '../real/postfix.ts'
import { startPostgres, type TestPostgres } from '../real/postgres.ts'
import { redisOf } from '../real/redis.ts'

const corpora = new URL('../../../shared/corpora/', import.meta.url).pathname
const here = existsSync(corpora)
if (!here) console.log('skipped: the mail corpora are not here (../shared/corpora)')

const bot = 'bot@bot.test'
const password = 'correct horse'
const lists = [
  { name: 'ltp', address: 'ltp@lists.linux.it', corpus: 'lore-ltp' },
  { name: 'serial', address: 'linux-serial@vger.kernel.org', corpus: 'lore-linux-serial' },
]
const ofEach = 500
/** So often each of the five is killed. */
const rounds = 3
/** Mails under way at the same time. */
const lanes = 6

type Posting = { to: string; raw: Buffer }

const postingsOf = async ({ address, corpus }: (typeof lists)[number]): Promise<Posting[]> => {
  const path = join(corpora, corpus, 'dev.public-inbox.bundle')
  const postings: Posting[] = []
  for await (const { mails } of publicInboxSource({ name: corpus, path }).read(undefined)) {
    for (const { raw } of mails) postings.push({ to: address, raw })
    if (postings.length >= ofEach) break
  }
  return postings.slice(0, ofEach)
}

/** Mails of the lists in turn, each with a mark by which it is known again. */
const allPostings = async (): Promise<Posting[]> => {
  const [one = [], other = []] = await Promise.all(lists.map(postingsOf))
  return one
    .flatMap((posting, i) => [posting, ...(other[i] ? [other[i]] : [])])
    .map(({ to, raw }, n) => ({ to, raw: Buffer.concat([Buffer.from(`X-Storm: ${n}\n`), raw]) }))
}

/** Message-IDs of the patches, as they are without a storm. */
const placedInCalm = async (
  postings: Posting[],
  placed: (mails: Mail[]) => Set<string | undefined>,
): Promise<Set<string | undefined>> => {
  const all = await Promise.all(
    lists.map(async ({ name, address }) => {
      const mine = postings.filter(({ to }) => to === address)
      const mails = mine.map(({ raw }, n) => ({ raw, arrivedAt: Date.UTC(2026, 0, 1) + n, where: `${n}` }))
      const { store, ...calm } = await dryRun({
        project: { name, listTags: [name] },
        assemble: { quietMs: 10_000, deadlineMs: 86_400_000, partialMs: 1_800_000 },
        source: {
          name,
          async *read() {
            yield { mails, cursor: 1 }
          },
          watch: () => () => {},
        },
      })
      await store.close()
      return placed(calm.mails)
    }),
  )
  return new Set(all.flatMap(ids => [...ids]))
}

const markOf = (raw: Buffer): number | undefined => {
  const found = /^X-Storm: (\d+)\r?$/m.exec(raw.toString('latin1', 0, 8192))?.[1]
  return found === undefined ? undefined : Number(found)
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Mails are kept with line feeds alone, whatever way they came. */
const asKept = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')

const filesIn = (maildir: string): string[] =>
  ['new', 'cur'].flatMap(part => {
    const folder = join(maildir, part)
    return existsSync(folder) ? readdirSync(folder).map(file => join(folder, file)) : []
  })

/** Nothing of it is ever built: each series is answered at once, so that all is about the mail. */
const yaml = (folder: string, servers: { imap: number; ca: string; smtp: number }): string => `
data: ${folder}/data
administrator: { address: olga@operators.test }
bot: { name: Grapevine, address: ${bot} }
mail:
  live: true
  smtp: { host: 127.0.0.1, port: ${servers.smtp} }
  caps: { thread: 1000, author: 1000, total: 100000 }
  lookFor: 10 s
  inbox:
    - { kind: imap, host: 127.0.0.1, port: ${servers.imap}, secure: false, ca: ${servers.ca}, user: ${bot}, password: { env: STORM_PASSWORD } }
farm:
  images:
    busybox: { kind: busybox }
projects:
${lists
  .map(
    ({ name, address }) => `  ${name}:
    list: { address: ${address} }
    listId: ${address.replace('@', '.')}
    listTags: [${name}]
    repository: ${folder}/repository.git
    build: { image: busybox }
    test: { images: [busybox], steps: [{ name: none, run: 'true' }] }
    ignore: ['**', '**/.*', '.*']
    reply: { unchanged: say, list: always }
`,
  )
  .join('')}`

describe.skipIf(!here)('a storm', () => {
  let folder = ''
  let dovecot: TestDovecot
  let postfix: TestPostfix
  let postgres: TestPostgres
  let store: Store
  let child: ChildProcess | undefined
  let url = ''

  const startBot = () => {
    const env = { ...process.env, DATABASE_URL: url, STORM_PASSWORD: password }
    child = spawn(
      'bin/grapevine',
      ['start', '--until-stdin-ends', '--config', join(folder, 'grapevine.yaml')],
      {
        ...{ env, stdio: ['pipe', 'pipe', 'pipe'], cwd: new URL('../..', import.meta.url).pathname },
      },
    )
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', chunk => appendFileSync(join(folder, 'bot.log'), chunk))
  }
  const killBot = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  const kills: Record<string, () => Promise<void>> = {
    bot: async () => {
      await killBot()
      startBot()
    },
    redis: async () => {
      // The bot starts it, and starts it again.
      for (const pid of redisOf(folder)) process.kill(pid, 'SIGKILL')
    },
    postgres: async () => {
      await postgres.kill9()
      await postgres.start()
    },
    dovecot: async () => {
      await dovecot.kill9()
      await dovecot.start()
    },
    postfix: async () => {
      await postfix.kill9()
      await postfix.start()
    },
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gv-storm-'))
    postgres = await startPostgres({ durable: true })
    url = postgres.database('storm')
    dovecot = await startDovecot({ users: { [bot]: password } })
    const lmtp = `inet:127.0.0.1:${dovecot.ports.lmtp}`
    postfix = await startPostfix({
      mailboxes: [bot],
      aliases: Object.fromEntries(lists.map(({ address }) => [address, [bot]])),
      lmtp,
      // Whoever a reply is for: it ends in a mailbox of that name on this machine.
      settings: [`default_transport = lmtp:${lmtp}`],
    })
    execFileSync('git', ['init', '-q', '--bare', '-b', 'main', join(folder, 'repository.git')])
    mkdirSync(join(folder, 'data'))
    const servers = { imap: dovecot.ports.imap, ca: dovecot.ca, smtp: postfix.port }
    writeFileSync(join(folder, 'grapevine.yaml'), yaml(folder, servers))
    store = await openStore({ url, folder })
    startBot()
  }, 60_000)

  afterAll(async () => {
    await killBot()
    for (const pid of redisOf(folder)) process.kill(pid, 'SIGKILL')
    await store?.close()
    await postfix?.end()
    await dovecot?.remove()
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  /** What is killed may be asked: then it is not yet so. */
  const until = async (look: () => Promise<boolean>) => {
    while (!(await look().catch(() => false))) await sleep(100)
  }

  /** As a mail server does it: again and again until it is taken. */
  const post = async (transport: ReturnType<typeof createTransport>, { to, raw }: Posting) => {
    for (;;) {
      try {
        const envelope = { from: 'sender@lists.test', to: [to] }
        const late = sleep(10_000, undefined, { ref: false }).then(() =>
          Promise.reject(new Error('no answer')),
        )
        return await Promise.race([transport.sendMail({ envelope, raw }), late])
      } catch {
        await sleep(50)
      }
    }
  }

  test('a thousand mails, everything killed in between: each stored once, each patch placed, each reply sent once', async () => {
    const postings = await allPostings()
    expect(postings.length).toBe(lists.length * ofEach)
    const patience = { connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 5_000 }
    const transport = createTransport({ host: '127.0.0.1', port: postfix.port, ignoreTLS: true, ...patience })
    const order = Object.values({ ...kills })
    const steps = Array.from({ length: rounds }, () => order).flat()
    const size = Math.ceil(postings.length / steps.length)
    const stored = async () => (await store.dispositions()).reduce((sum, { count }) => sum + count, 0)
    for (const [n, kill] of steps.entries()) {
      const mine = postings.slice(n * size, (n + 1) * size)
      const sent = Array.from({ length: lanes }, async (_, lane) => {
        for (const posting of mine.filter((_, i) => i % lanes === lane)) await post(transport, posting)
      })
      // Whatever it is: it is killed while it works.
      await until(async () => (await stored()) >= n * size + size / 2)
      await kill()
      await Promise.all(sent)
    }
    transport.close()

    const inbox = () => filesIn(dovecot.maildir(bot))
    // All that the mail server has taken is in the mailbox, and all that is in the mailbox is done with. Some series are never whole.
    const isDone = async () => {
      const there = inbox().length
      const { mails, jobs, replies } = await pending(store)
      const left = mails + jobs + replies + (await store.seriesIn({ at: 'complete' })).length
      return postfix.queued() === 0 && left === 0 && (await stored()) >= there && inbox().length === there
    }
    await until(isDone)
    // Nothing comes after the last sweep.
    await sleep(3_000)
    await until(isDone)

    const inMailbox = inbox().map(file => asKept(readFileSync(file)))
    const mails = await store.mails({})
    const kept = new Set(mails.map(({ id }) => id))
    const all = new Set(inMailbox.map(sha256))
    expect([...all].filter(id => !kept.has(id))).toEqual([])
    expect(mails.length).toBe(all.size)
    const marks = new Set(inMailbox.map(markOf).filter(mark => mark !== undefined))
    expect(marks.size).toBe(postings.length)

    expect(mails.filter(({ disposition }) => disposition.kind === 'new')).toEqual([])
    const placed = (some: Mail[]) =>
      new Set(
        some.flatMap(({ disposition, parsed }) => (disposition.kind === 'patch' ? parsed?.messageId : [])),
      )
    const now = placed(mails)
    expect([...(await placedInCalm(postings, placed))].filter(id => !now.has(id))).toEqual([])
    expect(mails.filter(({ disposition }) => disposition.kind === 'unreadable')).toEqual([])
    const projects = new Map(mails.map(({ id, project }) => [id, project]))
    const wrong = inMailbox.filter(raw => {
      const mark = markOf(raw)
      return mark !== undefined && projects.get(sha256(raw)) !== lists[mark % 2]?.name
    })
    expect(wrong).toEqual([])

    const replies = (
      await Promise.all(
        (['pending', 'sending', 'sent', 'failed', 'unconfirmed'] as const).map(at => store.repliesAt(at)),
      )
    ).flat()
    expect(replies.length).toBeGreaterThan(100)
    expect(
      replies.filter(({ state }) => state.at !== 'sent').map(({ id, state }) => ({ id, state })),
    ).toEqual([])
    // The mail server itself may deliver a mail twice when it is killed: what it took is told by its queue id.
    const mailboxes = readdirSync(join(dovecot.folder, 'mail'))
    const delivered = mailboxes.flatMap(name => filesIn(join(dovecot.folder, 'mail', name, 'Maildir')))
    const taken = new Map<string, Set<string>>()
    for (const file of delivered) {
      const head = readFileSync(file, 'latin1').split(/\r?\n\r?\n/, 1)[0] ?? ''
      const id = /^Message-ID:\s*(<grapevine\.[^>]+>)/im.exec(head)?.[1]
      const queueId = /by mx\.test \(Postfix\)[^;]*\bid ([0-9A-Za-z]+)/.exec(head)?.[1]
      if (id === undefined || queueId === undefined) continue
      taken.set(id, (taken.get(id) ?? new Set()).add(queueId))
    }
    expect([...taken].filter(([, ids]) => ids.size !== 1)).toEqual([])
    expect([...taken.keys()].sort()).toEqual(replies.map(({ mail }) => mail.messageId).sort())
  }, 600_000)
})
