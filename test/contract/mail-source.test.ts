// mbox, Maildir and public-inbox: what all of them promise, and what only one of them can get wrong.
import { existsSync } from 'node:fs'
import { appendFile, mkdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { maildirSource } from '../../src/adapters/maildir/source.ts'
import { mboxSource } from '../../src/adapters/mbox/source.ts'
import { publicInboxSource } from '../../src/adapters/public-inbox/source.ts'
import {
  arrival,
  follow,
  mailSourceContract,
  mailsOf,
  readBatches,
  sampleMail,
  sampleMails,
  texts,
} from './mail-source.ts'
import {
  archiveStore,
  asctime,
  commitMails,
  git,
  maildirStore,
  makeArchive,
  mboxrd,
  mboxStore,
  temporaryFolder,
} from './mail-stores.ts'

mailSourceContract('mbox', mboxStore, mboxSource({ name: 'x', path: '/nowhere/list.mbox' }))
mailSourceContract('maildir', maildirStore, maildirSource({ name: 'x', path: '/nowhere/Maildir' }))
mailSourceContract(
  'public-inbox',
  archiveStore,
  publicInboxSource({ name: 'x', path: '/nowhere/list.git' }),
  250,
)

const text = (raw: Buffer): string => raw.toString('latin1')
const mboxWith = async (content: string | Buffer, options: { quoting?: 'mboxo'; settleMs?: number } = {}) => {
  const path = join(await temporaryFolder(), 'list.mbox')
  await writeFile(path, content)
  return { path, source: () => mboxSource({ name: 'list', path, settleMs: 0, ...options }) }
}

describe('mbox', () => {
  it('reads mboxo: only one > is taken off, and only from >From', async () => {
    const { source } = await mboxWith(
      'From a Mon Jan  5 12:00:00 2026\nA: b\n\n>From x\n>>From y\n> From z\n\n',
      {
        quoting: 'mboxo',
      },
    )
    expect(texts(mailsOf(await readBatches(source())))).toEqual(['A: b\n\nFrom x\n>>From y\n> From z\n'])
  })

  it.each([
    'From sofia@example.org Mon Jan  5 12:00:00 2026',
    'From 7319f8ac938eb254b320daf91448d57642966ece Mon Sep 17 00:00:00 2001',
    'From mboxrd@z Thu Jan  1 00:00:00 1970',
    'From - Mon Jan 05 12:00:00 2026',
    'From MAILER-DAEMON Mon Jan  5 12:00:00 2026 +0100',
    'From sofia at example.org  Mon Jan  5 12:00 CET 2026',
    'From "so fia"@example.org Mon, 5 Jan 2026 12:00:00 +0100',
    'From  Mon Jan  5 12:00:00 2026',
    'From sofia@example.org Mon Jan  5 12:00:00 2026 remote from relay',
  ])('parts mails at %s', async line => {
    const { source } = await mboxWith(
      `From a Mon Jan  5 12:00:00 2026\nA: 1\n\none\n\n${line}\nA: 2\n\ntwo\n\n`,
    )
    expect(texts(mailsOf(await readBatches(source())))).toEqual(['A: 1\n\none\n', 'A: 2\n\ntwo\n'])
  })

  it.each([
    'From now on, everything is different',
    'From what I saw on Mon Jan  5 12:00:00 2026',
    'From: Sofia <sofia@example.org>',
    'From sofia@example.org on Monday',
    'Fromage',
  ])('does not part mails at prose: %s', async line => {
    const raw = `A: 1\n\none\n\n${line}\nmore\n`
    const { source } = await mboxWith(`From a Mon Jan  5 12:00:00 2026\n${raw}\n`)
    expect(texts(mailsOf(await readBatches(source())))).toEqual([raw])
  })

  it('wants a blank line before it parts mails', async () => {
    const raw = 'A: 1\n\na patch:\nFrom 7319f8ac Mon Sep 17 00:00:00 2001\nFrom: x\n'
    const { source } = await mboxWith(`From a Mon Jan  5 12:00:00 2026\n${raw}\n`)
    expect(texts(mailsOf(await readBatches(source())))).toEqual([raw])
  })

  it('parts mails with CRLF line ends, and keeps those', async () => {
    const mail = 'A: 1\r\n\r\none\r\n'
    const one = `From a Mon Jan  5 12:00:00 2026\r\n${mail}\r\n`
    const { source } = await mboxWith(one + one)
    expect(texts(mailsOf(await readBatches(source())))).toEqual([mail, mail])
  })

  it('finds mails wherever the pieces that it reads begin and end', async () => {
    const filler = (n: number) =>
      sampleMail(n, `${'x'.repeat(62)}\n`.repeat(4096).slice(0, 262_144 - 700 + n))
    const raws = Array.from({ length: 120 }, (_, n) => filler(n * 5))
    const { source } = await mboxWith(Buffer.concat(raws.map((raw, n) => mboxrd(raw, arrival(n)))))
    expect(texts(mailsOf(await readBatches(source()))).map(t => t.length)).toEqual(
      raws.map(raw => raw.length),
    )
  })

  it('takes the time from Received where the "From " line has none that means something', async () => {
    const lines = ['From 7319f8ac Mon Sep 17 00:00:00 2001', 'From mboxrd@z Thu Jan  1 00:00:00 1970']
    const { source } = await mboxWith(
      lines
        .map(line =>
          `${line}\n${text(sampleMail(1, ''))}\n`
            .replaceAll('\n>', '\n>>')
            .replace(/^From (here|now)/gm, '>From $1'),
        )
        .join(''),
    )
    const times = mailsOf(await readBatches(source())).map(mail => mail.arrivedAt)
    expect(times).toEqual([Date.UTC(2026, 0, 5, 10), Date.UTC(2026, 0, 5, 10)])
  })

  it('takes the time of the file where the mail tells none', async () => {
    const { source, path } = await mboxWith(`From a ${asctime(0)}\nA: b\n\nc\n\n`)
    await utimes(path, 1_700_000_000, 1_700_000_000)
    expect(mailsOf(await readBatches(source()))[0]?.arrivedAt).toBe(1_700_000_000_000)
  })

  it('hands out a mail that is cut off, and again when it has grown', async () => {
    const whole = mboxrd(sampleMail(1), arrival(1))
    const cut = Buffer.concat([mboxrd(sampleMail(0), arrival(0)), whole.subarray(0, 150)])
    const { source, path } = await mboxWith(cut)
    const next = follow(source)
    expect(await next()).toEqual([text(sampleMail(0)), expect.stringMatching(/^Received/)])
    expect(await next()).toEqual([])
    await appendFile(path, Buffer.concat([whole.subarray(150), mboxrd(sampleMail(2), arrival(2))]))
    expect(await next()).toEqual([text(sampleMail(1)), text(sampleMail(2))])
    expect(await next()).toEqual([])
  })

  it('misses nothing and repeats only the last mail, wherever a writer was interrupted', async () => {
    const file = Buffer.concat(sampleMails(0, 3).map((raw, n) => mboxrd(raw, arrival(n))))
    for (let cut = 1; cut < file.length; cut += 7) {
      const { source, path } = await mboxWith(file.subarray(0, cut))
      const next = follow(source)
      // No separator is whole yet: then it is not an mbox, so far.
      const before = await next().catch(() => [])
      await appendFile(path, file.subarray(cut))
      const after = await next()
      const whole = [...before, ...after].filter(mail => sampleMails(0, 3).some(raw => text(raw) === mail))
      expect(new Set(whole).size, `cut at ${cut}`).toBe(3)
      expect(before.length + after.length, `cut at ${cut}`).toBeLessThanOrEqual(4)
    }
  })

  it('waits for a writer that is at it', async () => {
    const whole = mboxrd(sampleMail(0), arrival(0))
    const { source, path } = await mboxWith(whole.subarray(0, 200), { settleMs: 60_000 })
    const reading = readBatches(source())
    // Others who read it meanwhile, and do not wait, are through.
    for (let i = 0; i < 5; i++) await readBatches(mboxSource({ name: 'other', path, settleMs: 0 }))
    await appendFile(path, whole.subarray(200))
    expect(texts(mailsOf(await reading))).toEqual([text(sampleMail(0))])
  })

  it('reads a file that was replaced or shortened from the start', async () => {
    const { source, path } = await mboxStore().then(async store => {
      await store.add(sampleMails(0, 3))
      return store
    })
    const next = follow(source)
    await next()
    await writeFile(`${path}.new`, Buffer.concat(sampleMails(7, 12).map((raw, n) => mboxrd(raw, arrival(n)))))
    await rename(`${path}.new`, path)
    expect(await next()).toEqual(sampleMails(7, 12).map(text))
    await truncate(path, mboxrd(sampleMail(7), arrival(0)).length)
    expect(await next()).toEqual([text(sampleMail(7))])
  })

  it('names the file and the place when it is no mbox', async () => {
    const { source, path } = await mboxWith('Subject: a mail, not a mailbox\n\nhello\n')
    await expect(readBatches(source())).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining(`${path}, byte 0`),
    })
  })

  it('keeps memory bounded on a mail without end', async () => {
    const line = Buffer.alloc(1 << 20, `${'x'.repeat(1023)}\n`)
    const { source, path } = await mboxWith(`From a Mon Jan  5 12:00:00 2026\nA: 1\n\n`)
    for (let i = 0; i < 70; i++) await appendFile(path, line)
    await appendFile(path, Buffer.concat([Buffer.from('\n'), mboxrd(sampleMail(2), arrival(2))]))
    const mails = mailsOf(await readBatches(source()))
    expect(mails[0]?.raw.length).toBeLessThanOrEqual(64 * 2 ** 20)
    expect(mails.slice(1).map(mail => text(mail.raw))).toEqual([text(sampleMail(2))])
  })
})

describe('maildir', () => {
  it('leaves the folder as it is, and knows mails again that were read and flagged', async () => {
    const { source, add, path } = await maildirStore()
    await add(sampleMails(0, 5))
    const next = follow(source)
    expect(await next()).toEqual(sampleMails(0, 5).map(text))
    const name = `${arrival(2) / 1000}.M3P1.host`
    await rename(join(path, 'new', name), join(path, 'cur', `${name}:2,S`))
    expect(await next()).toEqual([])
    await rename(join(path, 'cur', `${name}:2,S`), join(path, 'cur', `${name}:2,RS`))
    await add(sampleMails(5, 6))
    expect(await next()).toEqual([text(sampleMail(5))])
  })

  it('finds a mail that is older than those already read', async () => {
    const { source, add, path } = await maildirStore()
    await add(sampleMails(0, 3))
    const next = follow(source)
    await next()
    await writeFile(join(path, 'cur', '1000000000.synced.host:2,S'), sampleMail(9))
    await utimes(join(path, 'cur', '1000000000.synced.host:2,S'), 1_000_000_000, 1_000_000_000)
    expect(await next()).toEqual([text(sampleMail(9))])
  })

  it('finds a mail that somebody reads (new → cur) while the folder is read', async () => {
    const { source, add, path } = await maildirStore()
    await add(sampleMails(0, 150))
    const name = `${arrival(149) / 1000}.M150P1.host`
    const found: string[] = []
    for await (const batch of source().read(undefined)) {
      if (found.length === 0) await rename(join(path, 'new', name), join(path, 'cur', `${name}:2,S`))
      found.push(...texts(batch.mails))
    }
    expect(found).toEqual(sampleMails(0, 150).map(text))
  })

  it('skips what is no mail: folders, dot files, mail still in tmp', async () => {
    const { source, path } = await maildirStore()
    await mkdir(join(path, 'new', 'folder'))
    await writeFile(join(path, 'new', '.hidden'), 'x')
    await writeFile(join(path, 'tmp', '1.x.host'), 'x')
    expect(await readBatches(source())).toEqual([])
  })

  it('names a file that cannot be read', async () => {
    const { source, path } = await maildirStore()
    await symlink('itself', join(path, 'new', 'itself'))
    await expect(readBatches(source())).rejects.toMatchObject({
      name: 'Fault',
      message: expect.stringContaining(join(path, 'new', 'itself')),
    })
  })
})

describe('public-inbox', () => {
  it('leaves out what a later commit removes, but not what came again', async () => {
    const { source, path } = await archiveStore()
    const [a, b, c] = [sampleMail(0), sampleMail(1), sampleMail(2)]
    const history = [{ m: a }, { m: b }, { d: a }, { m: c }, { d: c }, { m: c }]
    await commitMails(
      path,
      history.map((files, n) => ({ at: arrival(n), files })),
    )
    expect(texts(mailsOf(await readBatches(source())))).toEqual([b, c].map(text))
  })

  it('reads the epochs of an archive one after another, and a new one when it comes', async () => {
    const path = await temporaryFolder()
    const epoch = async (n: number, raws: Buffer[]) =>
      commitMails(
        await makeArchive(join(path, 'git', `${n}.git`)),
        raws.map(m => ({ at: arrival(n), files: { m } })),
      )
    for (const n of [0, 1, 2]) await epoch(n, sampleMails(n * 2, n * 2 + 2))
    const next = follow(() => publicInboxSource({ name: 'list', path }))
    expect(await next()).toEqual(sampleMails(0, 6).map(text))
    await epoch(10, sampleMails(6, 8))
    expect(await next()).toEqual(sampleMails(6, 8).map(text))
    expect(await next()).toEqual([])
  })

  it('reads the rewritten part of a history, and all of it where the old one is gone', async () => {
    const { source, path, add } = await archiveStore()
    await add(sampleMails(0, 4))
    const next = follow(source)
    await next()
    git(path, 'update-ref', 'refs/heads/master', 'refs/heads/master~2')
    await add(sampleMails(5, 6))
    expect(await next()).toEqual([text(sampleMail(5))])
    git(path, 'update-ref', 'refs/heads/master', 'refs/heads/master~1')
    await add(sampleMails(7, 8))
    git(path, 'reflog', 'expire', '--expire=now', '--all')
    git(path, 'gc', '--quiet', '--prune=now')
    expect(await next()).toEqual([0, 1, 7].map(n => text(sampleMail(n))))
  })

  it('reads a bundle', async () => {
    const { path, add } = await archiveStore()
    await add(sampleMails(0, 3))
    const bundle = join(await temporaryFolder(), 'list.bundle')
    git(path, 'bundle', 'create', '--quiet', bundle, 'master')
    const next = follow(() => publicInboxSource({ name: 'list', path: bundle }))
    expect(await next()).toEqual(sampleMails(0, 3).map(text))
    await add(sampleMails(3, 4))
    git(path, 'bundle', 'create', '--quiet', bundle, 'master')
    expect(await next()).toEqual([text(sampleMail(3))])
  })

  it('reads the older format, one file a mail', async () => {
    const { source, path } = await archiveStore()
    const name = (n: number) => `${n}0/${'abcdef0123456789'.repeat(3).slice(0, 38)}`
    await commitMails(path, [
      { at: arrival(0), files: { [name(1)]: sampleMail(0) } },
      {
        at: arrival(1),
        files: { [name(1)]: sampleMail(0), [name(2)]: sampleMail(1), ssoma: Buffer.from('x') },
      },
      { at: arrival(2), files: { [name(2)]: sampleMail(1), [name(3)]: sampleMail(2) } },
    ])
    expect(texts(mailsOf(await readBatches(source())))).toEqual(sampleMails(0, 3).map(text))
  })

  it('reads an archive without its empty folders, and takes nothing from its configuration', async () => {
    const { source, path, add } = await archiveStore()
    await add(sampleMails(0, 2))
    git(path, 'pack-refs', '--all')
    await rm(join(path, 'refs'), { recursive: true })
    const mark = join(path, 'mark')
    await appendFile(
      join(path, 'config'),
      `[core]\n\tfsmonitor = "touch ${mark}"\n\tpager = "touch ${mark}"\n[bad\n`,
    )
    expect(texts(mailsOf(await readBatches(source())))).toEqual(sampleMails(0, 2).map(text))
    expect(existsSync(mark)).toBe(false)
  })

  it('says which archive is not whole', async () => {
    const { source, path, add } = await archiveStore()
    await add(sampleMails(0, 2))
    const blob = git(path, 'rev-parse', 'master:m')
    await rm(join(path, 'objects', blob.slice(0, 2), blob.slice(2)))
    await expect(readBatches(source())).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining(path),
      remedy: expect.any(String),
    })
  })
})

const corpus = new URL('../../../shared/corpora/linux-sparse.git', import.meta.url).pathname
describe.skipIf(!existsSync(corpus))('a real list (skipped where the corpus is not there)', () => {
  it('reads all 3,545 mails of linux-sparse once', async () => {
    const mails = mailsOf(await readBatches(publicInboxSource({ name: 'sparse', path: corpus })))
    expect(mails.length).toBe(3545)
    expect(new Set(mails.map(mail => mail.where)).size).toBe(3545)
    expect(mails.every((mail, i) => i === 0 || mail.raw.length > 0)).toBe(true)
  })

  it('writes them to an mbox and reads the same bytes again', async () => {
    const mails = mailsOf(await readBatches(publicInboxSource({ name: 'sparse', path: corpus })))
    const path = join(await temporaryFolder(), 'sparse.mbox')
    await writeFile(path, Buffer.concat(mails.map(mail => mboxrd(mail.raw, mail.arrivedAt))))
    const again = mailsOf(await readBatches(mboxSource({ name: 'sparse', path })))
    expect(again.map(mail => mail.arrivedAt)).toEqual(mails.map(mail => mail.arrivedAt))
    expect(again.every((mail, i) => mail.raw.equals(mails[i]?.raw ?? Buffer.alloc(0)))).toBe(true)
  })
})
