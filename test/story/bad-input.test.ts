// Mail that nobody should send: each ends in a stored disposition, and the good patch behind it is tested all the same.
import { afterEach, describe, expect, it } from 'vitest'
import type { Disposition } from '../../src/model/mail.ts'
import type { RawMail } from '../../src/ports/mail-source.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'

const head = (id: string, subject: string) =>
  `From: Rosa Quill <rosa@example.com>\nTo: tally-devel@example.org\nSubject: ${subject}\nMessage-ID: <${id}@example.com>\nDate: Mon, 05 Jan 2026 11:00:00 +0000\n`

const diff = (file: string) => `---\n
diff --git a/${file} b/${file}
index 1111111..2222222 100644
--- a/${file}
+++ b/${file}
@@ -1 +1 @@
-int a;
+int b;
--
2.39.5
`

const raw = (bytes: string | Buffer, where = 'test'): RawMail => ({
  raw: Buffer.from(bytes),
  arrivedAt: Date.UTC(2026, 0, 5, 11),
  where,
})

const bulk = () => {
  const line = `${Buffer.alloc(57, 'x').toString('base64')}\r\n`
  return (
    `${head('bulk', '[PATCH] bulk: a picture')}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n` +
    `--b\nContent-Type: text/plain\n\n${diff('src/a.c')}\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n` +
    `Content-Disposition: attachment; filename=big.png\n\n${line.repeat(Math.ceil(30e6 / 57))}\n--b--\n`
  )
}

const bad: [string, () => RawMail, Disposition['kind'][]][] = [
  ['no bytes at all', () => raw(''), ['unreadable', 'not-a-patch']],
  [
    'bytes that are no mail',
    () => raw(Buffer.from([0, 255, 254, 0, 10, 13, 0, 128])),
    ['unreadable', 'not-a-patch'],
  ],
  ['an empty body', () => raw(`${head('empty', '[PATCH] nothing')}\n`), ['not-a-patch']],
  [
    'a charset that does not exist',
    () =>
      raw(
        `${head('charset', '[PATCH] odd')}Content-Type: text/plain; charset=klingon-8\n\n${diff('src/a.c')}`,
      ),
    ['patch', 'damaged'],
  ],
  [
    'a patch without Message-ID',
    () => raw(`From: rosa@example.com\nSubject: [PATCH] anonymous\n\n${diff('src/a.c')}`),
    ['patch'],
  ],
  ['an attachment of 30 MB', () => raw(bulk()), ['damaged', 'patch']],
  [
    'a path that leads out',
    () => raw(`${head('out', '[PATCH] out')}\n${diff('../../etc/passwd')}`),
    ['unsafe'],
  ],
  [
    'an absolute path',
    () =>
      raw(
        `${head('abs', '[PATCH] abs')}\n---\n\n--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-root\n+toor\n`,
      ),
    ['unsafe'],
  ],
  [
    'a mail cut in the middle of its diff',
    () => raw(`${head('cut', '[PATCH] cut')}\n${diff('src/a.c').slice(0, -24)}`),
    ['damaged', 'not-a-patch'],
  ],
  [
    'MIME without end',
    () => raw(`${head('nest', 'deep')}${'Content-Type: multipart/mixed; boundary=b\n\n--b\n'.repeat(500)}`),
    ['not-a-patch', 'unreadable'],
  ],
]

describe('bad input', () => {
  let flow: Flow | undefined
  afterEach(() => flow?.close())

  it.each(bad)('%s: it is stored, and the flow goes on', async (_, make, kinds) => {
    flow = await openFlow(() => ({
      ending: { kind: 'finished', exitCode: 0 },
      output: 'TAP version 13\n1..1\nok 1 - counts\n',
    }))
    const good = raw(`${head('good', '[PATCH] good: rename a')}\n${diff('src/good.c')}`)
    await flow.bring([make(), good])
    await flow.settle()
    const [first, second] = await flow.wired.store.mails({})
    expect(kinds, JSON.stringify(first?.disposition)).toContain(first?.disposition.kind)
    const series = second?.disposition.kind === 'patch' ? second.disposition.series : ''
    expect((await flow.wired.store.verdict(series))?.finding.kind).toBe('all-well')
    expect(flow.sent.map(mail => mail.inReplyTo)).toContain('<good@example.com>')
  })
})
