// An IMAP server that misbehaves as it is told to: a script over TCP, for what Dovecot cannot be made to do.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { ImapSourceConfig } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'

/** Answers a command (upper case, `UID FETCH` as one word) with lines, the tag left out for untagged ones; `hang up` and `say nothing` too. */
export type Answer = string[] | 'hang up' | 'say nothing'
export type Script = Record<string, (rest: string, count: number) => Answer | undefined>

export type FakeMailbox = {
  uidValidity: number
  uidNext: number
  modseq?: number
  mails: Map<number, string>
}

const fetched = (mailbox: FakeMailbox, rest: string): string[] => {
  const uids = (rest.split(' ')[0] ?? '').split(',').map(Number)
  return [...mailbox.mails.keys()].flatMap((uid, n) => {
    const text = mailbox.mails.get(uid) ?? ''
    if (!uids.includes(uid)) return []
    const date = '"05-Jan-2026 12:00:00 +0000"'
    const source = rest.includes('BODY') ? ` BODY[]<0> {${Buffer.byteLength(text)}}\r\n${text}` : ''
    return [`* ${n + 1} FETCH (UID ${uid} RFC822.SIZE ${text.length} INTERNALDATE ${date}${source})`]
  })
}

const usual = (mailbox: FakeMailbox): Script => ({
  CAPABILITY: () => ['* CAPABILITY IMAP4rev1 IDLE', 'OK done'],
  LIST: () => ['* LIST () "/" INBOX', 'OK done'],
  EXAMINE: () => [
    `* ${mailbox.mails.size} EXISTS`,
    `* OK [UIDVALIDITY ${mailbox.uidValidity}] x`,
    `* OK [UIDNEXT ${mailbox.uidNext}] x`,
    ...(mailbox.modseq === undefined ? [] : [`* OK [HIGHESTMODSEQ ${mailbox.modseq}] x`]),
    'OK [READ-ONLY] done',
  ],
  'UID SEARCH': rest => {
    const from = Number(/UID (\d+):/.exec(rest)?.[1] ?? 0)
    // As a real one does: `*` is the last mail, whatever its number.
    const last = Math.max(0, ...mailbox.mails.keys())
    const found = [...mailbox.mails.keys()].filter(uid => uid >= Math.min(from, last))
    return [`* SEARCH ${found.join(' ')}`.trimEnd(), 'OK done']
  },
  'UID FETCH': rest => [...fetched(mailbox, rest), 'OK done'],
  IDLE: () => ['+ idling'],
  LOGOUT: () => ['* BYE', 'OK done'],
})

/** Ends with the test. `asked` is every command so far. */
export const fakeImapServer = async (mailbox: FakeMailbox, script: Script = {}) => {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const all = { ...usual(mailbox), ...script }
  const serve = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write('* OK hello\r\n')
    let idling = ''
    let held = ''
    socket.on('data', chunk => {
      const lines = (held + String(chunk)).split('\r\n')
      held = lines.pop() ?? ''
      for (const line of lines) {
        if (line === 'DONE') {
          socket.write(`${idling} OK done\r\n`)
          continue
        }
        const [, tag = '', name = '', rest = ''] = /^(\S+) ((?:UID )?\S+) ?(.*)$/s.exec(line) ?? []
        const command = name.toUpperCase()
        if (command === 'IDLE') idling = tag
        asked.push(command)
        const count = asked.filter(one => one === command).length
        const answer = all[command]?.(rest, count) ?? usual(mailbox)[command]?.(rest, count) ?? ['OK done']
        if (answer === 'hang up') socket.destroy()
        else if (answer !== 'say nothing')
          socket.write(answer.map(one => (/^[*+]/.test(one) ? `${one}\r\n` : `${tag} ${one}\r\n`)).join(''))
        if (command === 'LOGOUT') socket.end()
      }
    })
  }
  const server = createServer(serve).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(done => server.close(done))
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const config: ImapSourceConfig = {
    ...{
      kind: 'imap',
      name: 'fake',
      since: undefined,
      host: '127.0.0.1',
      port,
      secure: false,
      ca: undefined,
    },
    ...{ login: { user: 'sofia', password: secret('x') }, mailbox: 'INBOX' },
  }
  return {
    config,
    asked,
    tell: (line: string) => {
      for (const socket of sockets) socket.write(`${line}\r\n`)
    },
  }
}
