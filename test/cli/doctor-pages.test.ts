// What the doctor says of the pages: free or ours, found where mails link to, and who can log in.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { type Finding, runCheck } from '../../src/cli/doctor/check.ts'
import { pageChecks } from '../../src/cli/doctor/pages.ts'
import type { Config } from '../../src/config/config.ts'

const secret = (value: string) => ({ reveal: () => value })

let server: Server | undefined
afterEach(() => void server?.close())

const serve = async (body: string): Promise<number> => {
  server = createServer((_, answer) => answer.end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

const ask = async (
  web: Partial<Config['web']>,
  more: Partial<Config> = {},
): Promise<Map<string, Finding>> => {
  const login = { sessionMs: 1, submitters: [], github: undefined, oidc: undefined }
  const given = { host: '127.0.0.1', port: 0, url: undefined, login, hooks: [], ...web }
  const config = { operators: [], github: undefined, ...more, web: given } as unknown as Config
  const findings = await Promise.all(
    pageChecks(config).map(check => runCheck(check, new AbortController().signal)),
  )
  return new Map(findings.map(one => [one.name, one]))
}

const healthy = JSON.stringify({ ok: true, database: true, bot: 1 })

test('a free address is as good as one at which the pages are; another program there is told', async () => {
  expect((await ask({})).get('pages')?.says).toContain('is free')
  const port = await serve(healthy)
  const url = `http://127.0.0.1:${port}`
  const found = await ask({ port, url })
  expect(found.get('pages')).toMatchObject({ says: `are served at 127.0.0.1:${port}`, remedy: undefined })
  expect(found.get('pages, for readers')).toMatchObject({ says: `are found at ${url}`, remedy: undefined })
  server?.close()
  const other = await serve('hello')
  const taken = await ask({ port: other, url: `http://127.0.0.1:${other}` })
  expect(taken.get('pages')).toMatchObject({ ok: true, remedy: expect.stringContaining('another port') })
  expect(taken.get('pages, for readers')).toMatchObject({
    says: `http://127.0.0.1:${other} answers with status 200, and not as the pages do`,
    remedy: expect.stringContaining('grapevine web'),
  })
})

test('an address that nobody answers at, hooks without one, and a key that is none are told', async () => {
  const hook = { name: 'chat', url: 'chat.example.org', secret: secret('x'), events: [], ca: undefined }
  const github = { key: secret('no key') } as Config['github']
  const found = await ask({ url: 'http://127.0.0.1:1', hooks: [hook] }, { github })
  expect(found.get('pages, for readers')?.says).toMatch(/^http:\/\/127\.0\.0\.1:1 does not answer \(/)
  expect(found.get('webhooks out')?.says).toBe('no address of the web: chat')
  expect(found.get('GitHub App')).toMatchObject({ ok: false, says: 'github.key is no private key' })
})

test('it is said who can log in, and how', async () => {
  expect((await ask({})).get('pages, to log in')).toMatchObject({ ok: true, says: 'nobody can' })
  const operators = ['olga@example.org'] as unknown as Config['operators']
  const found = await ask({ url: 'http://127.0.0.1:1' }, { operators })
  expect(found.get('pages, to log in')).toMatchObject({
    says: 'by a mailed link (1 operator)',
    remedy: undefined,
  })
})
