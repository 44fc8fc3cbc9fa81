// How long a mail of ours takes on its last way: from the push into the queue to the mail server's 250. Real Redis and Postfix, signed, with
// a copy to ourselves; over a connection made anew for each mail, and over one that is kept.
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { smtpSink } from '../src/adapters/smtp/sink.ts'
import { loadConfig } from '../src/config/load.ts'
import type { Reply } from '../src/model/reply.ts'
import type { MailSink } from '../src/ports/mail-sink.ts'
import { pushes } from '../src/stages/upkeep/sweep.ts'
import { starter } from '../src/wiring/queues.ts'
import { wire } from '../src/wiring/wire.ts'
import { startPostfix } from '../test/real/postfix.ts'
import { replyWorker } from '../workers/reply.ts'
import { smallConfig } from './config.ts'
import { type Bench, median, row } from './row.ts'

const rounds = 60

const replyOf = (id: string): Reply => ({
  ...{ id, kind: 'verdict', series: undefined, project: 'tally', thread: undefined },
  mail: {
    messageId: `<${id}@bot.test>`,
    from: { name: 'Grapevine', address: 'bot@bot.test' },
    to: [{ name: 'Ann', address: 'ann@dev.test' }],
    cc: [{ name: '', address: 'list@dev.test' }],
    subject: 'Re: [PATCH] x',
    inReplyTo: undefined,
    references: [],
    headers: { 'Auto-Submitted': 'auto-replied' },
    text: 'A line of a log, as long as such lines are, more or less.\n'.repeat(100),
    date: Date.now(),
  },
  state: { at: 'pending', notBefore: 0, tries: 0 },
})

export const delivery: Bench = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gv-delivery-'))
  const postfix = await startPostfix({ mailboxes: ['ann@dev.test', 'list@dev.test', 'bot@bot.test'] })
  mkdirSync(join(folder, 'tally.git'))
  const file = join(folder, 'grapevine.yaml')
  writeFileSync(file, smallConfig)
  const config = await loadConfig({ file, env: {} })
  const wired = await wire(config, () => undefined)
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const common = {
    host: '127.0.0.1',
    secure: false,
    copyTo: 'bot@bot.test',
    signer: { domain: 'bot.test', selector: 's', key: () => privateKey },
  }
  const measure = async (name: string, sink: MailSink) => {
    const answered = new Map<string, number>()
    const timed: MailSink = {
      ...sink,
      async send(mail, options) {
        const taken = await sink.send(mail, options)
        answered.set(mail.messageId, performance.now())
        return taken
      },
    }
    const worker = await replyWorker({ ...wired, sink: timed }, starter(wired))
    const took: number[] = []
    for (let n = 0; n < rounds; n++) {
      const reply = replyOf(`${name.replaceAll(/\W/g, '')}${n}`)
      await wired.store.addReply(reply)
      const begin = performance.now()
      await wired.queue.push(pushes.reply(reply.id, 0))
      while (!answered.has(reply.mail.messageId)) await sleep(1)
      took.push((answered.get(reply.mail.messageId) ?? 0) - begin)
      // As replies come: one at a time.
      await sleep(20)
    }
    await worker.close()
    await sink.close?.()
    const sorted = took.sort((a, b) => a - b)
    return [
      row(`${name}: push to 250, median`, median(sorted), 'ms', { less: 300 }),
      row(`${name}: push to 250, 95 %`, sorted[Math.floor(rounds * 0.95)] ?? 0, 'ms'),
    ]
  }
  try {
    return [
      ...(await measure('new connection, STARTTLS', smtpSink({ ...common, port: postfix.port }))),
      ...(await measure(
        'new connection, TLS',
        smtpSink({ ...common, secure: true, port: postfix.smtpsPort }),
      )),
      ...(await measure(
        'kept connection, TLS',
        smtpSink({ ...common, secure: true, port: postfix.smtpsPort, keepMs: 60_000 }),
      )),
    ]
  } finally {
    await wired.close()
    await postfix.end()
    rmSync(folder, { recursive: true, force: true })
  }
}
