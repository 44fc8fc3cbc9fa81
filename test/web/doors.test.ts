// Logging in by somebody else's word: OpenID Connect and GitHub, against servers that speak their protocols.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { app } from '../../src/web/app.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { fakeGithub, app as githubApp } from '../fakes/login/github.ts'
import { client, type FakeOpenid, fakeOpenid } from '../fakes/login/openid.ts'
import { type Browser, browser } from './browser.ts'
import { webParts } from './open.ts'

let flow: Flow
let closings: (() => Promise<void>)[] = []

beforeEach(async () => {
  flow = await openFlow(async () => ({ ending: { kind: 'finished', exitCode: 0 }, output: '' }))
})
afterEach(async () => {
  for (const close of closings) await close()
  closings = []
  await flow.close()
})

const secretOf = (text: string) => ({ reveal: () => text })

const open = (login: Partial<Config['web']['login']>, github?: Config['github']): Browser => {
  const { config } = flow.wired
  const web = { ...config.web, login: { ...config.web.login, ...login } }
  return browser(app(webParts({ ...flow.wired, config: { ...config, web, github } })))
}

/** Goes there as a browser does, and says with which address it comes back. */
const go = async (one: Browser, by: 'oidc' | 'github', to = '/known'): Promise<string> => {
  const away = await one.get(`/login/${by}?to=${encodeURIComponent(to)}`)
  expect(away.status).toBe(303)
  const there = await fetch(away.headers.get('location') ?? '', { redirect: 'manual' })
  const { pathname, search } = new URL(there.headers.get('location') ?? '')
  return pathname + search
}

const isIn = async (one: Browser): Promise<boolean> =>
  (await (await one.get('/login')).text()).includes('You are logged in as')

describe('OpenID Connect', () => {
  let openid: FakeOpenid
  beforeEach(async () => {
    openid = await fakeOpenid()
    closings.push(openid.close)
  })

  const browse = (more: { secret?: string; issuer?: string } = {}) =>
    open({
      oidc: {
        ...{ issuer: more.issuer ?? openid.issuer, client: client.id, ca: undefined },
        ...{ secret: secretOf(more.secret ?? client.secret), operators: ['@corp.example'] },
      },
    })

  test('whose address is verified logs in, and is led back', async () => {
    openid.token = { email: 'olga@corp.example', email_verified: true }
    const one = browse()
    expect(await (await one.get('/login')).text()).toContain(`Log in with ${new URL(openid.issuer).host}`)
    const answer = await one.get(await go(one, 'oidc', '/operations'))
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/operations'])
    expect((await one.get('/operations')).status).toBe(200)
    expect([...one.cookies.keys()]).toEqual(['grapevine'])
    const [audit] = await flow.wired.store.audits({ limit: 1 })
    expect(audit).toMatchObject({ who: 'olga@corp.example', what: 'log in', reason: 'by oidc' })
  })

  test('an address that only userinfo tells counts as well', async () => {
    openid.userinfo = { email: 'olga@corp.example', email_verified: 'true' }
    const one = browse()
    await one.get(await go(one, 'oidc'))
    expect(await isIn(one)).toBe(true)
  })

  const untold: [string, Record<string, unknown>][] = [
    ['an address that is not verified', { email: 'olga@corp.example', email_verified: false }],
    ['an address of which nobody says whether it is', { email: 'olga@corp.example' }],
    ['no address', {}],
    ['an address that may not log in', { email: 'eve@example.org', email_verified: true }],
    ['a token for somebody else', { email: 'olga@corp.example', email_verified: true, aud: 'another' }],
    [
      'a token of another issuer',
      { email: 'olga@corp.example', email_verified: true, iss: 'http://evil.example' },
    ],
    ['a token that is over', { email: 'olga@corp.example', email_verified: true, exp: 1000 }],
    ['a token of another login', { email: 'olga@corp.example', email_verified: true, nonce: 'another' }],
  ]
  test.each(untold)('%s does not', async (_, claims) => {
    openid.token = claims
    const one = browse()
    const answer = await one.get(await go(one, 'oidc'))
    expect(answer.status).toBe(403)
    expect(await isIn(one)).toBe(false)
  })

  test('a token that others signed does not', async () => {
    openid.token = { email: 'olga@corp.example', email_verified: true }
    openid.forge()
    const one = browse()
    expect((await one.get(await go(one, 'oidc'))).status).toBe(403)
    expect(await isIn(one)).toBe(false)
  })

  test('a login that began in another browser does not count here', async () => {
    openid.token = { email: 'olga@corp.example', email_verified: true }
    const back = await go(browse(), 'oidc')
    const victim = browse()
    expect((await victim.get(back)).status).toBe(403)
    const busy = browse()
    await go(busy, 'oidc')
    expect((await busy.get(back)).status).toBe(403)
    expect(await isIn(busy)).toBe(false)
    expect(openid.exchanged()).toBe(0)
  })

  test('a code counts once', async () => {
    openid.token = { email: 'olga@corp.example', email_verified: true }
    const one = browse()
    const away = await one.get('/login/oidc')
    const kept = new Map(one.cookies)
    const there = await fetch(away.headers.get('location') ?? '', { redirect: 'manual' })
    const { pathname, search } = new URL(there.headers.get('location') ?? '')
    expect((await one.get(pathname + search)).status).toBe(303)
    const again = browse()
    for (const [name, value] of kept) again.cookies.set(name, value)
    expect((await again.get(pathname + search)).status).toBe(403)
  })

  test('who says no there is not logged in', async () => {
    const one = browse()
    const away = new URL((await one.get('/login/oidc')).headers.get('location') ?? '')
    const state = away.searchParams.get('state') ?? ''
    const answer = await one.get(`/login/oidc/back?error=access_denied&state=${state}`)
    expect(answer.status).toBe(403)
  })

  test('a wrong secret of ours is refused', async () => {
    openid.token = { email: 'olga@corp.example', email_verified: true }
    const one = browse({ secret: 'wrong' })
    expect((await one.get(await go(one, 'oidc'))).status).toBe(403)
  })

  test('while it is away that is said, and it is asked again', async () => {
    await openid.close()
    closings = []
    const one = browse()
    expect((await one.get('/login/oidc')).status).toBe(503)
    expect((await one.get('/login')).status).toBe(200)
  })
})

describe('GitHub', () => {
  const start = async (operators = ['Octo'], submitters: string[] = []) => {
    const github = await fakeGithub()
    closings.push(github.close)
    const config = {
      ...{ id: 1, key: secretOf('key'), secret: secretOf('hook'), api: github.url, site: github.url },
      ...{ ca: undefined, proxy: undefined },
    }
    const login = {
      github: { client: githubApp.id, secret: secretOf(githubApp.secret), operators },
      submitters,
    }
    return {
      github,
      one: open(login, config),
      wrong: () => open({ github: { ...login.github, secret: secretOf('no') } }, config),
    }
  }

  test('an operator logs in by name', async () => {
    const { one } = await start()
    const answer = await one.get(await go(one, 'github', '/operations'))
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/operations'])
    expect((await one.get('/operations')).status).toBe(200)
    expect((await flow.wired.store.audits({ limit: 1 }))[0]).toMatchObject({
      who: 'octo',
      reason: 'by github',
    })
  })

  test('others hand in patches by their verified main address, or not at all', async () => {
    const { github, one } = await start(['somebody'], ['@example.net'])
    github.emails = [
      { email: 'olga@example.org', primary: false, verified: true },
      { email: 'sofia@example.net', primary: true, verified: true },
    ]
    await one.get(await go(one, 'github'))
    expect(await isIn(one)).toBe(true)
    expect((await one.get('/operations')).status).toBe(403)
    await one.post('/logout')
    github.emails = [{ email: 'sofia@example.net', primary: true, verified: false }]
    expect((await one.get(await go(one, 'github'))).status).toBe(403)
  })

  test('a state that is not ours, a code that is none, and a wrong secret', async () => {
    const { one, wrong } = await start()
    const back = await go(one, 'github')
    expect((await one.get(back.replace(/state=[^&]+/, 'state=another'))).status).toBe(403)
    const state = new URL(`http://x${await go(one, 'github')}`).searchParams.get('state')
    expect((await one.get(`/login/github/back?code=none&state=${state}`)).status).toBe(403)
    const two = wrong()
    expect((await two.get(await go(two, 'github'))).status).toBe(403)
    expect([await isIn(one), await isIn(two)]).toEqual([false, false])
  })
})
