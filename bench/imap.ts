// How soon a mail is in hand after it was delivered, and what the first start on a mailbox of 100,000 mails takes. With a real Dovecot.
import { execFile } from 'node:child_process'
import { chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { imapSource } from '../src/adapters/imap/source.ts'
import type { ImapSourceConfig } from '../src/config/config.ts'
import { secret } from '../src/config/secret.ts'
import type { Cursor, MailSource } from '../src/ports/mail-source.ts'
import { startDovecot, type TestDovecot } from '../test/real/dovecot.ts'
import { type Bench, median, type Row, row } from './row.ts'

const deliveries = 20
const many = 100_000

const mail = (n: number): Buffer =>
  Buffer.from(
    `From: Sofia <sofia@example.org>\nTo: list@example.org\nSubject: mail ${n}\nMessage-ID: <${n}@example.org>\n\n${'A line of a mail as it is sent to a list, with a word or two.\n'.repeat(60)}`,
  )

const configOf = ({ host, ports, ca, user, password }: TestDovecot): ImapSourceConfig => ({
  ...{ kind: 'imap', name: 'bench', since: undefined, host, port: ports.imaps, secure: true, ca },
  ...{ mailbox: 'INBOX', login: { user, password: secret(password) } },
})

/** From the server's word that a mail is delivered until its bytes are here; one after another, at rest in between. */
const latencies = async (
  dovecot: TestDovecot,
  { watched, read, restMs }: { watched: MailSource; read: MailSource; restMs: number },
): Promise<number[]> => {
  let cursor: Cursor
  let inHand = Promise.withResolvers<number>()
  const take = async () => {
    for await (const batch of read.read(cursor)) {
      cursor = batch.cursor
      if (batch.mails.length > 0) inHand.resolve(performance.now())
    }
  }
  let running = take()
  const stop = watched.watch(() => {
    running = running.then(take)
  })
  const spans: number[] = []
  for (let n = 0; n < deliveries; n++) {
    await sleep(restMs)
    inHand = Promise.withResolvers()
    await dovecot.deliver(mail(n))
    const delivered = performance.now()
    spans.push(Math.max(0, (await inHand.promise) - delivered))
  }
  stop()
  await running
  return spans
}

const latencyRows = async (): Promise<Row[]> => {
  const cases = [
    { name: 'sessions put aside (imap_hibernate_timeout = 1s)', settings: '', restMs: 1500 },
    { name: 'a Dovecot as it comes', settings: 'imap_hibernate_timeout = 0', restMs: 700 },
  ]
  const rows: Row[] = []
  for (const { name, settings, restMs } of cases) {
    const dovecot = await startDovecot({ settings })
    try {
      const shared = imapSource(configOf(dovecot))
      const one = await latencies(dovecot, { watched: shared, read: shared, restMs })
      const apart = { watched: imapSource(configOf(dovecot)), read: imapSource(configOf(dovecot)), restMs }
      const anew = await latencies(dovecot, apart)
      rows.push(
        row(`delivered → in hand, ${name}: median`, median(one), 'ms', { less: settings === '' ? 100 : 600 }),
        row('the slowest of 20', Math.max(...one), 'ms'),
        row('the same, logging in for each mail: median', median(anew), 'ms'),
      )
    } finally {
      await dovecot.remove()
    }
  }
  return rows
}

type Said = { mails: number; bytes: number; seconds: number; peakKiB: number }

const reader = async (...args: string[]): Promise<Said> => {
  const file = fileURLToPath(new URL('imap-reader.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args])
  return JSON.parse(stdout)
}

/** Written where Dovecot looks for them: it has the same mails as if they had been delivered. */
const fill = (dovecot: TestDovecot): void => {
  const folder = join(dovecot.maildir(), 'cur')
  mkdirSync(folder, { recursive: true })
  const { uid, gid } = statSync(dovecot.folder)
  const from = Math.floor(Date.now() / 1000) - many
  for (let n = 0; n < many; n++) {
    const file = join(folder, `${from + n}.M${n}P1.localhost:2,`)
    writeFileSync(file, mail(n))
    if (process.getuid?.() === 0) chownSync(file, uid, gid)
  }
}

const firstStart = async (): Promise<Row[]> => {
  const dovecot = await startDovecot()
  try {
    fill(dovecot)
    const { login: _, ...config } = configOf(dovecot)
    const empty = await reader()
    const given = JSON.stringify({ ...config, user: dovecot.user, password: dovecot.password })
    const read = await reader(given)
    if (read.mails !== many) throw new Error(`${read.mails} of ${many} mails were read`)
    return [
      row('first start: mails read', read.mails, 'mails'),
      row('of them', read.bytes / 2 ** 20, 'MiB'),
      row('took', read.seconds, 's'),
      row('mails a second', read.mails / read.seconds, 'mails/s', { more: 1000 }),
      row('peak memory of the process', read.peakKiB / 1024, 'MiB'),
      row('peak memory of one that reads nothing', empty.peakKiB / 1024, 'MiB'),
      row('ratio', read.peakKiB / empty.peakKiB, 'times', { less: 3 }),
    ]
  } finally {
    await dovecot.remove()
  }
}

export const imap: Bench = async () => [...(await latencyRows()), ...(await firstStart())]
