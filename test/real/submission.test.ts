// A submission server as providers have it: TLS by an authority of its own, and a login by password or by token, which Dovecot knows.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SmtpOptions, smtpSink } from '../../src/adapters/smtp/sink.ts'
import type { Login } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import { startDovecot, type TestDovecot } from './dovecot.ts'
import { startPostfix, type TestPostfix } from './postfix.ts'

let folder: string
let dovecot: TestDovecot
let postfix: TestPostfix
beforeAll(async () => {
  // Both servers' users reach the socket.
  folder = mkdtempSync(join(tmpdir(), 'gv-auth-'))
  chmodSync(folder, 0o777)
  const auth = join(folder, 'auth')
  dovecot = await startDovecot({
    settings: `service auth {\n  unix_listener ${auth} {\n    mode = 0666\n  }\n}\n`,
  })
  postfix = await startPostfix({ mailboxes: ['ann@dev.test'], auth })
})
afterAll(async () => {
  await postfix.end()
  await dovecot.remove()
  rmSync(folder, { recursive: true, force: true })
})

let count = 0
const mail = (): OutgoingMail => ({
  messageId: `<${++count}@bot.test>`,
  from: { name: '', address: 'bot@bot.test' },
  to: [{ name: '', address: 'ann@dev.test' }],
  cc: [],
  subject: 'x',
  inReplyTo: undefined,
  references: [],
  headers: {},
  text: 'Hello\n',
  date: 0,
})

const sinkOf = (login: Login | undefined, more: Partial<SmtpOptions> = {}) =>
  smtpSink({ host: 'localhost', port: postfix.submissionPort, secure: false, ca: postfix.ca, login, ...more })
const password = (): Login => ({ user: dovecot.user, password: secret(dovecot.password) })

test.each(['STARTTLS', 'TLS from the first byte'])('logs in by password over %s', async how => {
  const more = how === 'STARTTLS' ? {} : { secure: true, port: postfix.smtpsPort }
  const sink = sinkOf(password(), more)
  expect(await sink.probe()).toMatch(/answers and lets us in$/)
  expect((await sink.send(mail())).answer).toMatch(/^250 /)
})

test('logs in by token, which is asked for anew each time', async () => {
  const tokens = [dovecot.token(dovecot.user, -60), dovecot.token()]
  const login: Login = {
    user: dovecot.user,
    token: { reveal: () => tokens.shift() ?? '' },
  }
  const fault = await sinkOf(login)
    .send(mail())
    .catch(error => error)
  expect(fault).toMatchObject({ kind: 'refused', retry: 'later', remedy: expect.stringContaining('token') })
  expect((await sinkOf(login).send(mail())).answer).toMatch(/^250 /)
})

test.each<[string, () => Login | undefined, Partial<SmtpOptions>, string]>([
  ['a wrong password', () => ({ user: dovecot.user, password: secret('guess') }), {}, 'user and password'],
  ['TLS from the first byte where there is none', password, { secure: true }, '`secure: false`'],
  ['a certificate that nobody vouches for', password, { ca: '/etc/ssl/certs/ca-certificates.crt' }, '`ca`'],
  ['an authority that is not there', password, { ca: '/nowhere/ca.pem' }, ''],
])('%s: said with a remedy, and tried again later', async (_, login, more, remedy) => {
  const fault = await sinkOf(login(), more)
    .send(mail())
    .catch(error => error)
  expect(fault.message).not.toMatch(/[0-9A-F]{8}|Node\.js/)
  expect(fault).toMatchObject({ name: 'Fault', kind: expect.stringMatching(/refused|unreachable/) })
  expect(fault.retry).not.toBe('never')
  expect(`${fault.remedy} ${fault.message}`).toContain(remedy)
  expect(fault.message).not.toContain('guess')
})

test('a kept connection is used again; one that the server ended meanwhile costs nothing', async () => {
  const sink = sinkOf(password(), { keepMs: 60_000 })
  const logins = () => postfix.log().split('sasl_method=').length
  const before = logins()
  const connects = () => postfix.log().split(': connect from').length
  const first = connects()
  await sink.send(mail())
  await sink.send(mail())
  expect(connects() - first).toBe(1)
  expect(logins() - before).toBe(2)
  await postfix.restart()
  expect((await sink.send(mail())).answer).toMatch(/^250 /)
  await sink.close?.()
})
