// How long a patch waits: from its delivery into the mailbox to the first command in a guest, and from the end of the last test to the
// mail server's 250. Real Dovecot, Postfix, Redis, QEMU; bot and worker are processes of their own, as in the product.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseDocument } from 'yaml'
import { makeDemo } from '../examples/demo/make-mailbox.ts'
import { openStore } from '../src/adapters/sql/store.ts'
import { startDovecot } from '../test/real/dovecot.ts'
import { startPostfix } from '../test/real/postfix.ts'
import { type Bench, median, row } from './row.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const rounds = 15
const author = 'rosa.quill@example.com'
const list = 'tally-devel@example.org'

type Event = { at: number; on: 'up' | 'begin' | 'end' }

/** The demo's first patch, which is all well, as a new one. */
const patch = (mailbox: string, n: number): Buffer => {
  const [mail = ''] = readFileSync(mailbox, 'utf8')
    .split(/^From /m)
    .filter(one => one.includes('[PATCH] count: a last'))
  return Buffer.from(
    mail
      .slice(mail.indexOf('\n') + 1)
      .replace(/^Message-Id: .*/im, `Message-ID: <latency-${n}@example.com>`)
      .replace(/^Subject: .*/im, `Subject: [PATCH] count: a last line without newline, once more ${n}`),
  )
}

type Servers = { imap: number; ca: string; password: string; smtp: number }

const configure = async (folder: string, { imap, ca, password, smtp }: Servers): Promise<string> => {
  const document = parseDocument(readFileSync(at('../examples/demo/grapevine.yaml'), 'utf8'))
  document.setIn(['data'], join(folder, 'data'))
  document.setIn(['farm', 'data'], at('../.grapevine/farm'))
  document.setIn(['mail'], { live: true, smtp: { host: '127.0.0.1', port: smtp } })
  document.setIn(['projects', 'tally', 'repository'], join(folder, 'input/tally.git'))
  const source = { kind: 'imap', host: '127.0.0.1', port: imap, secure: false, ca, user: 'sofia' }
  document.setIn(
    ['projects', 'tally', 'sources'],
    [{ ...source, password: { file: join(folder, 'password') } }],
  )
  document.setIn(['projects', 'tally', 'reply'], { unchanged: 'say' })
  writeFileSync(join(folder, 'password'), password, { mode: 0o600 })
  const file = join(folder, 'grapevine.yaml')
  writeFileSync(file, document.toString())
  await makeDemo({ folder: join(folder, 'input') })
  return file
}

const processOf = (args: string[], onLine: (line: string) => void) => {
  const child = spawn(at('../node_modules/.bin/node'), args, { stdio: ['pipe', 'pipe', 'inherit'] })
  createInterface({ input: child.stdout }).on('line', onLine)
  return {
    async stop() {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

/** Tries until there is something. */
const until = async <T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> => {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(20)
  }
}

export const latency: Bench = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-latency-'))
  const dovecot = await startDovecot()
  const postfix = await startPostfix({ mailboxes: [author, list, 'grapevine@example.org'] })
  const events: Event[] = []
  const config = await configure(folder, {
    ...{ imap: dovecot.ports.imap, ca: dovecot.ca, password: dovecot.password, smtp: postfix.port },
  })
  const log = (line: string) => console.error(line)
  const bot = processOf([at('../src/cli/main.ts'), 'start', '--until-stdin-ends', '--config', config], log)
  const host = processOf([at('latency-host.ts'), config], line =>
    line.startsWith('{') ? void events.push(JSON.parse(line)) : log(line),
  )
  const store = await openStore({ folder: join(folder, 'data') })
  const [begins, ends, whole]: [number[], number[], number[]] = [[], [], []]
  try {
    await until(() => events.find(({ on }) => on === 'up'))
    // The first one makes the template, and tests the base.
    for (let n = 0; n <= rounds; n++) {
      const raw = patch(join(folder, 'input/list.mbox'), n)
      events.length = 0
      await dovecot.deliver(raw)
      const delivered = Date.now()
      const sent = await until(async () => {
        const [mail] = await store.mailsByMessageId(`<latency-${n}@example.com>`)
        const series = mail && 'series' in mail.disposition ? mail.disposition.series : undefined
        const [reply] = series === undefined ? [] : await store.repliesOf(series)
        return reply?.state.at === 'sent' ? reply.state.when : undefined
      })
      if (n > 0) {
        const began = events.find(({ on }) => on === 'begin')?.at ?? Number.NaN
        const ended = events.findLast(({ on }) => on === 'end')?.at ?? Number.NaN
        begins.push((began - delivered) / 1000)
        ends.push((sent - ended) / 1000)
        whole.push((sent - delivered) / 1000)
        log(`${n}: begun after ${began - delivered} ms, sent ${sent - ended} ms after the last test`)
      }
      // As on an idle system: whatever is kept ready is ready again.
      await sleep(3_000)
    }
  } finally {
    await Promise.all([bot.stop(), host.stop()])
    await store.close()
    await dovecot.remove()
    await postfix.end()
    rmSync(folder, { recursive: true, force: true })
  }
  return [
    row('delivery to the first command in a guest, median', median(begins), 's', { less: 0.7 }),
    row('delivery to the first command in a guest, longest', Math.max(...begins), 's'),
    row("end of the last test to the mail server's 250, median", median(ends), 's', { less: 0.3 }),
    row("end of the last test to the mail server's 250, longest", Math.max(...ends), 's'),
    row('delivery to the reply sent, median', median(whole), 's'),
  ]
}
