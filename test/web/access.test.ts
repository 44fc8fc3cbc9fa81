// Who is logged in: links by mail, sessions, forms of others, and limits.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dayMs } from '../../src/model/instant.ts'
import { safePath } from '../../src/web/access/place.ts'
import { may, roleOf } from '../../src/web/access/role.ts'
import { app } from '../../src/web/app.ts'
import type { Pages } from '../../src/web/parts.ts'
import type { fakeClock } from '../fakes/clock.ts'
import { config, type Flow, openFlow } from '../fakes/flow.ts'
import { type Browser, browser } from './browser.ts'
import { webParts } from './open.ts'

let flow: Flow
let pages: Pages

const open = async (login: Partial<ReturnType<typeof config>['web']['login']> = {}, url?: string) => {
  const { web } = flow.wired.config
  const changed = { ...flow.wired.config, web: { ...web, url, login: { ...web.login, ...login } } }
  const wired = { ...flow.wired, config: changed }
  return app(webParts(wired))
}

beforeEach(async () => {
  flow = await openFlow(() => ({ outcome: 'passed' }) as never)
  pages = await open()
})
afterEach(() => flow.close())

const advance = (ms: number) => (flow.wired.clock as ReturnType<typeof fakeClock>).advance(ms)

const mails = () => flow.wired.store.repliesAt('pending')

/** The path in the newest mail. */
const linkIn = async (count = 1): Promise<string> => {
  await expect.poll(async () => (await mails()).length).toBe(count)
  const text = (await mails()).at(-1)?.mail.text ?? ''
  return /http:\/\/localhost(\/login\/link\?\S+)/.exec(text)?.[1] ?? `no link in ${text}`
}

const logIn = async (one: Browser, address = 'olga@example.org', to = '/known'): Promise<Response> => {
  const before = (await mails()).length
  await one.post('/login/mail', { address, to })
  const link = await linkIn(before + 1)
  const token = new URL(link, 'http://localhost').searchParams.get('token') ?? ''
  await one.get(link)
  return one.post('/login/link', { token, to })
}

describe('by a link in a mail', () => {
  test('an operator logs in, is led back, and logs out', async () => {
    const one = browser(pages)
    const answer = await logIn(one)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/known'])
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^grapevine=[\w-]{43}; Max-Age=1209600; Path=\/; HttpOnly; SameSite=Lax$/)
    const page = await (await one.get('/login')).text()
    expect(page).toContain('You are logged in as olga@example.org')
    expect(page).toContain('href="/operations"')
    const out = await one.post('/logout')
    expect(out.status).toBe(303)
    expect(await (await one.get('/login')).text()).not.toContain('You are logged in')
    const done = await flow.wired.store.audits({ limit: 9 })
    expect(done.map(({ who, what }) => `${who}: ${what}`)).toEqual([
      'olga@example.org: log out',
      'olga@example.org: log in',
    ])
  })

  test('the mail says what it is for', async () => {
    const one = browser(pages)
    await one.post('/login/mail', { address: ' Olga@Example.org ', to: '/operations' })
    await linkIn()
    const [reply] = await mails()
    expect(reply?.mail.to).toEqual([{ name: '', address: 'olga@example.org' }])
    const text = `Subject: ${reply?.mail.subject}\n\n${reply?.mail.text.replace(/token=[\w-]{43}/, 'token=TOKEN')}`
    await expect(text).toMatchFileSnapshot('golden/login.txt')
  })

  test('everybody gets the same answer, and others no mail', async () => {
    const say = async (address: string) => {
      const answer = await browser(pages).post('/login/mail', { address })
      return `${answer.status} ${answer.headers.get('location')} ${await answer.text()}`
    }
    const [a, b, c] = [await say('olga@example.org'), await say('eve@example.org'), await say('nonsense')]
    expect(a).toBe('303 /login/sent ')
    expect(b).toBe(a)
    expect(c).toBe(a)
    expect(await (await browser(pages).get('/login/sent')).text()).toContain('for 15 minutes')
    await linkIn()
    expect(await mails()).toHaveLength(1)
  })

  test('a link counts once, and not for long', async () => {
    const one = browser(pages)
    await one.post('/login/mail', { address: 'olga@example.org' })
    const token = new URL(await linkIn(), 'http://localhost').searchParams.get('token') ?? ''
    expect((await browser(pages).post('/login/link', { token })).status).toBe(303)
    expect((await one.post('/login/link', { token })).status).toBe(410)
    expect(one.cookies.size).toBe(0)
    await one.post('/login/mail', { address: 'olga@example.org' })
    const late = new URL(await linkIn(2), 'http://localhost').searchParams.get('token') ?? ''
    await advance(15 * 60_000)
    expect((await one.post('/login/link', { token: late })).status).toBe(410)
  })

  test('looking at a link does not use it up', async () => {
    const one = browser(pages)
    await one.post('/login/mail', { address: 'olga@example.org' })
    const link = await linkIn()
    for (let i = 0; i < 3; i++) expect((await one.get(link)).status).toBe(200)
    const token = new URL(link, 'http://localhost').searchParams.get('token') ?? ''
    expect((await one.post('/login/link', { token })).status).toBe(303)
  })

  test('no mailbox is filled', async () => {
    for (let i = 0; i < 5; i++) await browser(pages).post('/login/mail', { address: 'olga@example.org' })
    await linkIn(3)
    await browser(pages).post('/login/mail', { address: 'nobody@example.org' })
    expect(await mails()).toHaveLength(3)
  })

  test('guessing is slow', async () => {
    const one = browser(pages)
    const answers: number[] = []
    for (let i = 0; i < 21; i++) answers.push((await one.post('/login/link', { token: `guess ${i}` })).status)
    expect(answers.slice(0, 20).every(status => status === 410)).toBe(true)
    expect(answers[20]).toBe(429)
  })

  test('files that may be long are not read without end', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.7' }
    const ask = async (path: string) => (await pages.request(path, { headers })).status
    for (let times = 0; times < 240; times++) await ask('/runs/nobody/log')
    expect(await ask('/runs/nobody/log')).toBe(429)
    expect(await ask('/series/nobody/evidence/0123456789ab')).toBe(429)
    expect(await ask('/runs/nobody')).toBe(404)
  })

  test('no link is made from what a request calls itself', async () => {
    const answer = await pages.request('http://evil.example/login/mail', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', host: 'evil.example' },
      body: 'address=olga%40example.org',
    })
    expect(answer.status).toBe(503)
    expect(await mails()).toEqual([])
  })
})

describe('a session', () => {
  test('its token is known to the browser alone', async () => {
    const one = browser(pages)
    await logIn(one)
    const token = one.cookies.get('grapevine') ?? ''
    expect(await flow.wired.store.session(token)).toBeUndefined()
    const other = browser(pages)
    other.cookies.set('grapevine', 'A'.repeat(43))
    expect(await (await other.get('/login')).text()).not.toContain('You are logged in')
  })

  test('it lasts while it is used, and ends when it is not', async () => {
    const one = browser(pages)
    await logIn(one)
    const isIn = async () => (await (await one.get('/login')).text()).includes('You are logged in')
    for (let i = 0; i < 3; i++) {
      await advance(13 * dayMs)
      expect(await isIn()).toBe(true)
    }
    await advance(14 * dayMs)
    expect(await isIn()).toBe(false)
  })

  test('it ends at last, however often it is used', async () => {
    const one = browser(pages)
    await logIn(one)
    let days = 0
    for (; days < 200; days += 10) {
      if (!(await (await one.get('/login')).text()).includes('You are logged in')) break
      await advance(10 * dayMs)
    }
    expect(days).toBe(90)
  })

  test('who is no operator any more is none at once', async () => {
    const one = browser(pages)
    await logIn(one)
    expect((await one.get('/operations')).status).toBe(200)
    const { config: before } = flow.wired
    const later = app(webParts({ ...flow.wired, config: { ...before, operators: [] } }))
    const again = browser(later)
    again.cookies.set('grapevine', one.cookies.get('grapevine') ?? '')
    const answer = await again.get('/operations?x=1')
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/login?to=%2Foperations%3Fx%3D1'])
  })

  test('a submitter is no operator', async () => {
    pages = await open({ submitters: ['@example.net'] })
    const one = browser(pages)
    await logIn(one, 'sofia@example.net')
    const answer = await one.get('/operations')
    expect(answer.status).toBe(403)
    expect(await answer.text()).toContain('Only operators may do that.')
  })

  test('by TLS its cookie is of this host alone', async () => {
    pages = await open({}, 'https://grapevine.example.org')
    const one = browser(pages)
    await one.post('/login/mail', { address: 'olga@example.org' })
    await expect.poll(async () => (await mails()).length).toBe(1)
    const token = /token=([\w-]{43})/.exec((await mails())[0]?.mail.text ?? '')?.[1] ?? ''
    const answer = await one.post('/login/link', { token })
    expect(answer.headers.get('set-cookie')).toMatch(/^__Host-grapevine=.*; HttpOnly; Secure; SameSite=Lax$/)
    expect(await (await one.get('/login')).text()).toContain('You are logged in')
  })
})

describe('forms of others', () => {
  const cases: [string, Record<string, string>, Record<string, string>][] = [
    ['another site', {}, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a neighbour', {}, { 'sec-fetch-site': 'same-site' }],
    [
      'an older browser on another site',
      {},
      { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' },
    ],
    ['a sandboxed page', {}, { origin: 'null' }],
    ['a form without the secret', { csrf: '' }, {}],
    ['a form with another secret', { csrf: 'A'.repeat(43) }, {}],
    ['what is no form', {}, { 'content-type': 'text/plain' }],
  ]
  test.each(cases)('%s cannot log anybody out', async (_, fields, headers) => {
    const one = browser(pages)
    await logIn(one)
    await one.get('/login')
    expect((await one.post('/logout', fields, headers)).status).toBe(403)
    expect(await (await one.get('/login')).text()).toContain('You are logged in')
  })

  test('nor can another site log somebody in', async () => {
    const answer = await browser(pages).post(
      '/login/link',
      { token: 'x' },
      { 'sec-fetch-site': 'cross-site' },
    )
    expect(answer.status).toBe(403)
  })

  test('what is no form is taken for an empty one', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x', 'sec-fetch-site': 'same-origin' }
    const answer = await pages.request('/login/link', { method: 'POST', body: 'no form', headers })
    expect(answer.status).toBe(410)
  })

  test('what is too large is not read', async () => {
    const answer = await browser(pages).post('/login/mail', { address: 'a'.repeat(300_000) })
    expect(answer.status).toBe(413)
  })
})

test('who is led back stays here', () => {
  const inside = ['/', '/series?text=a%20b&at=held', '/incidents/i1']
  expect(inside.map(safePath)).toEqual(inside)
  const outside = [
    ...[
      '//evil.example',
      '/\\evil.example',
      'https://evil.example/',
      '/a\r\nb',
      '/..//evil.example',
      '',
      undefined,
    ],
    ...['/login', '/logout', '/\tx', `/${'a'.repeat(600)}`],
  ]
  expect(outside.map(safePath)).toEqual(outside.map(() => '/'))
})

test('roles follow from who vouches for whom', () => {
  const secret = { reveal: () => '' }
  const given = {
    operators: ['olga@example.org', 'anyone'],
    web: {
      ...config('/x').web,
      login: {
        ...{ sessionMs: 1, submitters: ['@example.net'] },
        github: { client: '', secret, operators: ['Octo'] },
        oidc: { issuer: '', client: '', secret, ca: undefined, operators: ['@corp.example'] },
      },
    },
  }
  const role = (by: 'mail' | 'github' | 'oidc', name: string, address: string | undefined) =>
    roleOf(given, { by, name, address })
  expect(role('mail', 'Olga', 'OLGA@example.org')).toBe('operator')
  expect(role('mail', 'olga@example.org', 'eve@example.org')).toBeUndefined()
  expect(role('github', 'octo', undefined)).toBe('operator')
  // Whoever vouches for an address elsewhere is no proof of ours.
  expect(role('github', 'olga@example.org', 'olga@example.org')).toBeUndefined()
  expect(role('oidc', 'x', 'a@corp.example')).toBe('operator')
  expect(role('oidc', 'x', 'a@notcorp.example')).toBeUndefined()
  expect(role('oidc', 'x', 'a@example.net')).toBe('submitter')
  expect(role('github', 'x', undefined)).toBeUndefined()
  const without = { ...given, web: { ...given.web, login: { ...given.web.login, github: undefined } } }
  expect(roleOf(without, { by: 'github', name: 'octo', address: undefined })).toBeUndefined()
  const viewer = { name: '', address: undefined, by: 'mail' as const }
  expect(may({ ...viewer, role: 'operator' }, 'submitter')).toBe(true)
  expect(may({ ...viewer, role: 'submitter' }, 'operator')).toBe(false)
})
