// Where our mail goes: a Maildir, and a real SMTP server on the loopback that is told what to refuse.
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { maildirSink } from '../../src/adapters/maildir/sink.ts'
import { smtpSink } from '../../src/adapters/smtp/sink.ts'
import { secret } from '../../src/config/secret.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import type { MailSink } from '../../src/ports/mail-sink.ts'
import { temporaryFolder } from './mail-stores.ts'

const outgoing = (more: Partial<OutgoingMail> = {}): OutgoingMail => ({
  messageId: '<reply-1@bot.example.org>',
  from: { name: 'Grapevine', address: 'bot@example.org' },
  to: [{ name: 'Sofia Ödegård', address: 'sofia@example.org' }],
  cc: [{ name: 'The "list"', address: 'list@example.org' }],
  subject: 'Re: [PATCH v2 1/2] tally: count to 10',
  inReplyTo: '<patch-1@example.org>',
  references: ['<cover@example.org>', '<patch-1@example.org>'],
  headers: { 'Auto-Submitted': 'auto-replied', 'X-Grapevine': 'finding=new-failures' },
  text: 'Hello,\n\n.a line with a dot\nFrom here on\n\nBye\n',
  date: Date.UTC(2026, 0, 5, 12),
  ...more,
})

type Received = { from: string; to: string[]; raw: string }
type Server = { sink: MailSink; received: Received[]; port: number }

const refusal = (responseCode: number, message: string): Error =>
  Object.assign(new Error(message), { responseCode })

const smtpServer = async (
  options: SMTPServerOptions = {},
  user?: { user: string; password: string },
): Promise<Server> => {
  const received: Received[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: user ? ['STARTTLS'] : ['STARTTLS', 'AUTH'],
    allowInsecureAuth: true,
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', chunk => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom === false ? '' : (mailFrom?.address ?? '')
        received.push({
          from,
          to: rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString(),
        })
        done(null, 'queued as 4711')
      })
    },
    ...options,
  })
  server.on('error', () => undefined)
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', () => ready()))
  onTestFinished(() => new Promise<void>(closed => server.close(() => closed())))
  const { port } = server.server.address() as AddressInfo
  return {
    sink: smtpSink({
      host: '127.0.0.1',
      port,
      secure: false,
      timeoutMs: 2000,
      login: user && { user: user.user, password: secret(user.password) },
    }),
    received,
    port,
  }
}

/** Speaks SMTP up to a point of our choice, and then hangs up or falls silent. */
const rawServer = async (
  serve: (line: string, socket: Socket, dataSeen: boolean) => void,
): Promise<MailSink> => {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    let held = ''
    let dataSeen = false
    socket.write('220 test\r\n')
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      held += chunk.toString()
      for (let end = held.indexOf('\r\n'); end !== -1; end = held.indexOf('\r\n')) {
        const line = held.slice(0, end)
        held = held.slice(end + 2)
        serve(line, socket, dataSeen)
        if (line === 'DATA') dataSeen = true
      }
    })
  })
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', () => ready()))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(closed => server.close(closed))
  })
  const { port } = server.address() as AddressInfo
  return smtpSink({ host: '127.0.0.1', port, secure: false, timeoutMs: 300 })
}

const politely = (line: string, socket: Socket, dataSeen: boolean): void => {
  if (line === 'DATA') socket.write('354 go on\r\n')
  else if (!dataSeen || line === '.') socket.write('250 ok\r\n')
}

const headersOf = (raw: string): string => raw.replaceAll('\r\n', '\n').split('\n\n', 1)[0] ?? ''

describe.each([
  [
    'maildir',
    async () => {
      const path = join(await temporaryFolder(), 'Maildir')
      const read = async () => {
        const names = await readdir(join(path, 'new'))
        return Promise.all(names.map(name => readFile(join(path, 'new', name), 'utf8')))
      }
      return { sink: maildirSink({ path }), read }
    },
  ],
  [
    'smtp',
    async () => {
      const { sink, received } = await smtpServer()
      return { sink, read: async () => received.map(({ raw }) => raw) }
    },
  ],
] as const)('%s: what every sink promises', (_kind, make) => {
  it('hands over the mail with its threading, ids and headers, once each', async () => {
    const { sink, read } = await make()
    await sink.send(outgoing())
    const [raw = ''] = await read()
    const headers = headersOf(raw)
    expect(headers).toContain('Message-ID: <reply-1@bot.example.org>')
    expect(headers).toContain('In-Reply-To: <patch-1@example.org>')
    expect(headers.replace(/\n\s+/g, ' ')).toContain('References: <cover@example.org> <patch-1@example.org>')
    expect(headers).toContain('Auto-Submitted: auto-replied')
    expect(headers).toContain('Date: Mon, 05 Jan 2026 12:00:00 +0000')
    expect(headers).toContain('Subject: Re: [PATCH v2 1/2] tally: count to 10')
    expect(headers).toMatch(/^To: =\?UTF-8\?Q\?Sofia_=C3=96deg=C3=A5rd\?= <sofia@example\.org>$/m)
    expect(headers).not.toMatch(/^(Bcc|X-Mailer):/im)
    const names = headers.match(/^[A-Za-z-]+(?=:)/gm) ?? []
    expect(new Set(names).size).toBe(names.length)
    expect(raw.replaceAll('\r\n', '\n')).toContain('\n\nHello,\n\n.a line with a dot\nFrom here on\n\nBye\n')
  })

  it('sends long lines and other letters as quoted-printable, the rest as it is', async () => {
    const { sink, read } = await make()
    await sink.send(outgoing({ text: `${'x'.repeat(1200)}\nÖl\n` }))
    const [raw = ''] = await read()
    expect(headersOf(raw)).toContain('Content-Transfer-Encoding: quoted-printable')
    expect(Math.max(...raw.split(/\r?\n/).map(line => line.length))).toBeLessThanOrEqual(78)
    expect(raw).not.toMatch(/[^\x00-\x7f]/)
    expect(raw).not.toContain('flowed')
    await sink.send(outgoing({ messageId: '<reply-2@bot.example.org>' }))
    const second = (await read()).find(mail => mail.includes('<reply-2@'))
    expect(headersOf(second ?? '')).toContain('Content-Transfer-Encoding: 7bit')
  })

  it('has plain line breaks and no control characters in the text, whatever a log brought', async () => {
    const { sink, read } = await make()
    await sink.send(outgoing({ text: '10%\r20%\r\n.\r\n\x1b[1mbold\0\ud800\n' }))
    const raw = (await read())[0]?.replaceAll('\r\n', '\n') ?? ''
    expect(raw).not.toMatch(/[^\n\x20-\x7e]/)
    expect(raw).toContain('\n10%\n20%\n.\n=1B[1mbold=00=EF=BF=BD\n')
  })

  it('lets nothing from a subject or a name into the headers', async () => {
    const { sink, read } = await make()
    const evil = 'x\r\nBcc: victim@example.net\r\n\r\nbody\u2028\0'
    await sink.send(outgoing({ subject: evil, to: [{ name: evil, address: 'sofia@example.org' }] }))
    const [raw = ''] = await read()
    expect(headersOf(raw)).not.toMatch(/^(Bcc|body)/im)
    expect(headersOf(raw)).toMatch(/^Message-ID:/m)
    expect(headersOf(raw)).toContain('Subject: x Bcc: victim@example.net body')
  })

  it.each<[string, Partial<OutgoingMail>]>([
    [
      'a line break in an address',
      { to: [{ name: '', address: 'a@b.org\r\nRCPT TO:<victim@example.net>' }] },
    ],
    ['two addresses in one', { to: [{ name: '', address: 'a@example.org,victim@example.net' }] }],
    ['an address in brackets', { cc: [{ name: '', address: '<a@example.org>' }] }],
    ['no domain', { cc: [{ name: '', address: 'root' }] }],
    ['a line break in the Message-ID', { messageId: '<a@b>\r\nBcc: <victim@example.net>' }],
    ['a reference that is none', { references: ['a b'] }],
    ['a line break in a header', { headers: { 'X-A': 'a\nBcc: victim@example.net' } }],
    ['a header that is made elsewhere', { headers: { bcc: 'victim@example.net' } }],
    ['a colon in a header name', { headers: { 'Bcc: victim@example.net\nX': 'a' } }],
    ['nobody to send it to', { to: [], cc: [] }],
  ])('refuses %s for good', async (_what, more) => {
    const { sink, read } = await make()
    await expect(sink.send(outgoing(more))).rejects.toMatchObject({
      name: 'Fault',
      kind: 'refused',
      retry: 'never',
    })
    expect(await read().catch(() => [])).toEqual([])
  })

  it('says that it is there', async () => {
    const { sink } = await make()
    expect(await sink.probe()).toEqual(expect.any(String))
  })
})

describe('maildir', () => {
  const folder = async () => {
    const path = join(await temporaryFolder(), 'Maildir')
    return { path, sink: maildirSink({ path }) }
  }

  it('has a mail once, however often it is sent, also after it was read', async () => {
    const { path, sink } = await folder()
    await Promise.all([sink.send(outgoing()), sink.send(outgoing()), sink.send(outgoing())])
    const [name = '', ...more] = await readdir(join(path, 'new'))
    expect(more).toEqual([])
    expect(name).toMatch(/^reply-1@bot\.example\.org-[0-9a-f]{16}\.eml$/)
    await rename(join(path, 'new', name), join(path, 'cur', `${name}:2,S`))
    expect((await sink.send(outgoing())).answer).toContain('already')
    expect(await readdir(join(path, 'new'))).toEqual([])
    expect(await readdir(join(path, 'tmp'))).toEqual([])
  })

  it('finds what it has, and only that', async () => {
    const { path, sink } = await folder()
    expect(await sink.find('<reply-1@bot.example.org>')).toBe('absent')
    await sink.send(outgoing())
    expect(await sink.find('<reply-1@bot.example.org>')).toBe('here')
    expect(await sink.find('<reply@bot.example.org>')).toBe('absent')
    const [name = ''] = await readdir(join(path, 'new'))
    await rename(join(path, 'new', name), join(path, 'cur', `${name}:2,RS`))
    expect(await sink.find('<reply-1@bot.example.org>')).toBe('here')
  })

  it('keeps Message-IDs out of trouble that are no file names', async () => {
    const { path, sink } = await folder()
    const ids = ['<../../etc/passwd@x>', '<../../etc/passwd/@x>', `<${'a'.repeat(500)}@x>`, '<Ö/:2,S@x>']
    for (const messageId of ids) await sink.send(outgoing({ messageId }))
    expect((await readdir(join(path, 'new'))).length).toBe(ids.length)
    expect(await readdir(path)).toEqual(['cur', 'new', 'tmp'])
  })

  it('says which folder cannot be written', async () => {
    const { path, sink } = await folder()
    await writeFile(path, 'a file')
    await expect(sink.probe()).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(path),
    })
    await mkdir(`${path}-other`)
  })
})

describe('smtp', () => {
  it('resolves with the answer, and hands the envelope over as it is', async () => {
    const { sink, received } = await smtpServer()
    expect((await sink.send(outgoing())).answer).toContain('queued as 4711')
    expect(received).toMatchObject([
      { from: 'bot@example.org', to: ['sofia@example.org', 'list@example.org'] },
    ])
    expect(await sink.find('<reply-1@bot.example.org>')).toBe('unknown')
  })

  it.each([
    [451, 'later'],
    [421, 'later'],
    [550, 'never'],
    [552, 'never'],
  ] as const)('maps a refusal of the mail with %i to %s', async (code, retry) => {
    const { sink } = await smtpServer({
      onData(stream, _session, done) {
        stream.resume()
        stream.on('end', () => done(refusal(code, 'not now')))
      },
    })
    await expect(sink.send(outgoing())).rejects.toMatchObject({
      kind: 'refused',
      retry,
      message: expect.stringMatching(new RegExp(`^smtp 127\\.0\\.0\\.1:\\d+: .*${code} not now`)),
    })
  })

  it('reports recipients that were refused, and sends to the others', async () => {
    const { sink, received } = await smtpServer({
      onRcptTo: ({ address }, _session, done) =>
        done(address.startsWith('list') ? refusal(550, 'no such list') : null),
    })
    expect(await sink.send(outgoing())).toMatchObject({
      answer: expect.stringContaining('queued as 4711'),
      refused: [
        { address: 'list@example.org', why: expect.stringContaining('550 no such list'), forGood: true },
      ],
    })
    expect(received[0]?.to).toEqual(['sofia@example.org'])
  })

  it.each([
    [[550, 550], 'never'],
    [[550, 451], 'later'],
  ] as const)('maps a refusal of all recipients (%j) to %s', async (codes, retry) => {
    const { sink } = await smtpServer({
      onRcptTo: ({ address }, _session, done) =>
        done(refusal(codes[address.startsWith('list') ? 1 : 0], 'no')),
    })
    await expect(sink.send(outgoing())).rejects.toMatchObject({ kind: 'refused', retry })
  })

  it('is told at once when nobody listens', async () => {
    const { port } = await smtpServer()
    const sink = smtpSink({ host: '127.0.0.1', port: port === 9 ? 10 : 9, secure: false, timeoutMs: 2000 })
    const fault = { kind: 'unreachable', retry: 'soon', remedy: expect.any(String) }
    await expect(sink.send(outgoing())).rejects.toMatchObject(fault)
    await expect(sink.probe()).rejects.toMatchObject(fault)
  })

  it('tells a server that turns us away from one that refuses the mail', async () => {
    const { sink } = await smtpServer({
      onConnect: (_session, done) => done(refusal(554, 'you are on a list')),
    })
    await expect(sink.send(outgoing())).rejects.toMatchObject({ kind: 'refused', retry: 'later' })
  })

  it('tries again soon when the connection is lost before the mail was handed over', async () => {
    const sink = await rawServer((line, socket, dataSeen) =>
      line.startsWith('RCPT') ? socket.destroy() : politely(line, socket, dataSeen),
    )
    await expect(sink.send(outgoing())).rejects.toMatchObject({ kind: 'unreachable', retry: 'soon' })
  })

  it('tries again soon when the server says nothing', async () => {
    const sink = await rawServer(() => undefined)
    await expect(sink.probe()).rejects.toMatchObject({ kind: 'unreachable', retry: 'soon' })
  })

  it.each(['lost', 'silent'])(
    'says that the mail may have got out when the connection is %s after it',
    async how => {
      const sink = await rawServer((line, socket, dataSeen) => {
        if (!(dataSeen && line === '.')) politely(line, socket, dataSeen)
        else if (how === 'lost') socket.destroy()
      })
      await expect(sink.send(outgoing())).rejects.toMatchObject({ kind: 'timeout', retry: 'later' })
    },
  )

  it('encrypts where the server offers it, also with a certificate of its own on this machine', async () => {
    let secured = false
    const { sink } = await smtpServer({
      disabledCommands: ['AUTH'],
      onMailFrom(_address, session, done) {
        secured = session.secure
        done()
      },
    })
    await sink.send(outgoing())
    expect(secured).toBe(true)
  })

  it('logs in, and says so where it is not let in', async () => {
    const onAuth: NonNullable<SMTPServerOptions['onAuth']> = ({ username, password }, _session, done) =>
      username === 'bot' && password === 'secret' ? done(null, { user: 'bot' }) : done(new Error('wrong'))
    const right = await smtpServer({ onAuth, authOptional: false }, { user: 'bot', password: 'secret' })
    await right.sink.send(outgoing())
    expect(right.received.length).toBe(1)
    const wrong = await smtpServer({ onAuth, authOptional: false }, { user: 'bot', password: 'guess' })
    const fault = await wrong.sink.probe().catch(error => error)
    expect(fault).toMatchObject({
      kind: 'refused',
      retry: 'later',
      remedy: expect.stringContaining('password'),
    })
    expect(`${fault.message} ${fault.remedy}`).not.toContain('guess')
  })
})
