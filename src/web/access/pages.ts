// Log in, by a mailed link or by somebody who vouches; log out.
import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import type { Viewer } from '../../model/access.ts'
import { Fault } from '../../model/fault.ts'
import type { Door } from '../../ports/login.ts'
import { isMailable } from '../../text/compose.ts'
import { type Doors, doorsOf } from '../../wiring/doors.ts'
import { linkForMs, sendLoginLink } from '../../wiring/login-mail.ts'
import { turns } from '../../wiring/wire.ts'
import { page, trouble } from '../layout.ts'
import type { Asked, Env, Pages, WebParts } from '../parts.ts'
import { linkBody, loginBody, sentBody } from './forms.ts'
import { limit } from './limits.ts'
import { baseOf, safePath } from './place.ts'
import { type Proven, roleOf } from './role.ts'
import { formOf } from './same-site.ts'
import { cookieOf, digestOf, logIn, logOut, randomToken, readCookie } from './session.ts'

const field = async (c: Asked, name: string): Promise<string> => {
  const value = (await formOf(c))?.[name]
  return typeof value === 'string' ? value.trim() : ''
}

const audit = async (
  { wired, clock }: WebParts,
  { name, address, by, what }: Pick<Viewer, 'name' | 'address' | 'by'> & { what: string },
) => {
  const who = address === undefined || address === name ? name : `${name} <${address}>`
  const { store } = await wired()
  await store.addAudit({
    ...{ id: randomUUID(), at: clock.now(), who, by: 'web', what, about: '', reason: `by ${by}`, came: '' },
  })
}

const noBase = (c: Asked, parts: WebParts) =>
  trouble(c, parts, {
    ...{ status: 503, title: 'Nobody can log in yet' },
    says: 'The address of these pages is not in the configuration, so that no link to them can be made.',
    remedy: 'Whoever runs the service sets web.url.',
  })

const noEntry = (c: Asked, parts: WebParts, { says, remedy }: { says: string; remedy: string }) =>
  trouble(c, parts, { status: 403, title: 'You are not logged in', says, remedy })

/** Says and does nothing but that, whoever it is. */
const letIn = async (c: Asked, parts: WebParts, { proven, to }: { proven: Proven; to: string }) => {
  const viewer = await logIn(c, parts, proven)
  if (!viewer)
    return noEntry(c, parts, {
      says: `You are ${proven.name}, and that name may not log in here.`,
      remedy: 'To read, you need not log in. If you should be able to, ask the operators.',
    })
  await audit(parts, { ...viewer, what: 'log in' })
  return c.redirect(to, 303)
}

/** Not waited for: how long it takes would tell who may log in. */
const sendLink = async (parts: WebParts, given: { address: string; base: string; to: string }) => {
  const address = given.address.toLowerCase()
  const proven: Proven = { name: address, address, by: 'mail' }
  if (!isMailable(address) || roleOf(parts.config, proven) === undefined) return
  const token = randomToken()
  const to = given.to === '/' ? '' : `&to=${encodeURIComponent(given.to)}`
  const url = `${given.base}/login/link?token=${token}${to}`
  const link = digestOf(token)
  const isSent = await sendLoginLink(await parts.wired(), { address, link, url, name: parts.name })
  if (!isSent) parts.log('warn', `log in: ${address} asked for too many links`)
}

const mailPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  // One after another: of several at once each would be the first that is counted.
  const inTurn = turns()
  pages.post('/login/mail', limit(parts, 'login'), async c => {
    const base = baseOf(c, parts)
    if (base === undefined) return noBase(c, parts)
    const [address, to] = [await field(c, 'address'), safePath(await field(c, 'to'))]
    // While the database is away nobody gets a link: that is said to everybody alike.
    await (await parts.wired()).store.session('')
    inTurn(() => sendLink(parts, { address, base, to })).catch((error: Error) =>
      parts.log('error', `log in: a link was not sent: ${error.message}`),
    )
    return c.redirect('/login/sent', 303)
  })
  pages.get('/login/sent', c =>
    page(c, parts, { title: 'Look into your mail', here: 'login', body: sentBody(linkForMs / 60_000) }),
  )
  pages.get('/login/link', async c => {
    const to = safePath(c.req.query('to'))
    const token = c.req.query('token') ?? ''
    const shown = await page(c, parts, { title: 'Log in', here: 'login', body: linkBody({ token, to }) })
    // It holds the link's secret.
    shown.headers.set('cache-control', 'no-store')
    return shown
  })
  pages.post('/login/link', limit(parts, 'login'), async c => {
    const { store } = await parts.wired()
    const link = await store.takeLoginLink(digestOf(await field(c, 'token')), parts.clock.now())
    if (!link)
      return trouble(c, parts, {
        ...{ status: 410, title: 'This link is over' },
        says: `It was used already, or is older than ${linkForMs / 60_000} minutes, or was cut off in the mail.`,
        remedy: 'Ask for a new one.',
      })
    const proven: Proven = { name: link.address, address: link.address, by: 'mail' }
    return letIn(c, parts, { proven, to: safePath(await field(c, 'to')) })
  })
  return pages
}

const awayName = 'grapevine-away'
const awayForS = 600

type Away = { kept: string; to: string }

/** What the browser holds until it is back. */
const awayOf = (c: Asked, parts: WebParts): Away => {
  const [kept = '', to = ''] = (readCookie(c, parts, awayName) ?? '').split('.')
  return { kept, to: safePath(Buffer.from(to, 'base64url').toString('utf8')) }
}

const doorPages = (parts: WebParts, { by, door }: { by: 'github' | 'oidc'; door: Door }): Pages => {
  const pages = new Hono<Env>()
  const backAt = `/login/${by}/back`
  pages.get(`/login/${by}`, limit(parts, 'login'), async c => {
    const base = baseOf(c, parts)
    if (base === undefined) return noBase(c, parts)
    const { url, kept } = await door.begin(`${base}${backAt}`)
    const to = Buffer.from(safePath(c.req.query('to'))).toString('base64url')
    setCookie(c, awayName, `${kept}.${to}`, { ...cookieOf(c, parts), maxAge: awayForS })
    return c.redirect(url, 303)
  })
  pages.get(backAt, limit(parts, 'login'), async c => {
    const base = baseOf(c, parts)
    if (base === undefined) return noBase(c, parts)
    const { kept, to } = awayOf(c, parts)
    deleteCookie(c, awayName, cookieOf(c, parts))
    try {
      const vouched = await door.end({ kept, url: `${base}${backAt}${new URL(c.req.url).search}` })
      return await letIn(c, parts, { proven: { ...vouched, by }, to })
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'refused' || error.retry !== 'never') throw error
      parts.log('warn', error.message)
      return noEntry(c, parts, {
        says: 'Who was asked for you did not vouch for you, or too much time passed.',
        remedy: error.remedy === undefined ? 'Please try again.' : `To be sure: ${error.remedy}.`,
      })
    }
  })
  return pages
}

/** `doors` for tests. */
export const accessPages = (parts: WebParts, doors: Doors = doorsOf(parts.config)): Pages => {
  const pages = new Hono<Env>()
  const issuer = parts.config.web.login.oidc?.issuer
  pages.get('/login', c => {
    const ways = {
      ...{ to: safePath(c.req.query('to')), hasGithub: doors.github !== undefined },
      oidc: issuer === undefined ? undefined : new URL(issuer).host,
    }
    return page(c, parts, { title: 'Log in', here: 'login', body: loginBody(ways, c.get('viewer')) })
  })
  pages.route('/', mailPages(parts))
  if (doors.github) pages.route('/', doorPages(parts, { by: 'github', door: doors.github }))
  if (doors.oidc) pages.route('/', doorPages(parts, { by: 'oidc', door: doors.oidc }))
  pages.post('/logout', async c => {
    const viewer = c.get('viewer')
    await logOut(c, parts)
    if (viewer) await audit(parts, { ...viewer, what: 'log out' })
    return c.redirect('/', 303)
  })
  return pages
}
