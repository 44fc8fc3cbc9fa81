// A browser that is logged in: a random token in its cookie, of which the database knows only the digest.
import { randomBytes } from 'node:crypto'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { Session, Viewer } from '../../model/access.ts'
import { dayMs, type Millis } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'
import { sha256 } from '../../text/digest.ts'
import type { Asked, WebParts } from '../parts.ts'
import { saidScheme } from './asker.ts'
import { type Proven, roleOf } from './role.ts'

/** 256 bits, base64url. */
export const randomToken = (): string => randomBytes(32).toString('base64url')

export const digestOf = (token: string): string => sha256(token)

const name = 'grapevine'
/** Seen again so much later, a session is saved again: not at each page. */
const seenEveryMs: Millis = 5 * 60_000
/** However often somebody comes back: then they log in again. */
const longestMs: Millis = 90 * dayMs

const isSecure = (c: Asked, parts: Pick<WebParts, 'config'>): boolean =>
  parts.config.web.url?.startsWith('https:') ?? saidScheme(c, parts) === 'https'

/** `__Host-`: of this host alone, and only by TLS (RFC 6265bis, 4.1.3.2); without TLS no browser would take it. */
export const cookieOf = (c: Asked, parts: Pick<WebParts, 'config'>) => ({
  ...{ path: '/', httpOnly: true, sameSite: 'Lax' as const, secure: isSecure(c, parts) },
  ...(isSecure(c, parts) ? { prefix: 'host' as const } : {}),
})

export const readCookie = (c: Asked, parts: WebParts, named = name): string | undefined =>
  isSecure(c, parts) ? getCookie(c, named, 'host') : getCookie(c, named)

const writeToken = (c: Asked, parts: WebParts, { token, forMs }: { token: string; forMs: Millis }) =>
  setCookie(c, name, token, { ...cookieOf(c, parts), maxAge: Math.max(1, Math.floor(forMs / 1000)) })

const isToken = (text: string | undefined): text is string => text !== undefined && /^[\w-]{43}$/.test(text)

const endOf = ({ config, clock }: WebParts, createdAt: number): number => {
  const { sessionMs } = config.web.login
  return Math.min(clock.now() + sessionMs, createdAt + Math.max(longestMs, sessionMs))
}

/** Who logs in; always by a new token. undefined: nobody who may. Throws the store's Faults. */
export const logIn = async (c: Asked, parts: WebParts, proven: Proven): Promise<Viewer | undefined> => {
  const role = roleOf(parts.config, proven)
  if (role === undefined) return undefined
  const { store } = await parts.wired()
  const now = parts.clock.now()
  const token = randomToken()
  const viewer: Viewer = { ...proven, name: oneLine(proven.name, 120), role }
  const expiresAt = endOf(parts, now)
  await store.saveSession({
    ...{ id: digestOf(token), viewer, csrf: randomToken(), createdAt: now, seenAt: now, expiresAt },
  })
  writeToken(c, parts, { token, forMs: expiresAt - now })
  return viewer
}

/** Of the cookie. undefined: nobody is logged in, or not any more. Throws the store's Faults. */
export const sessionOf = async (c: Asked, parts: WebParts): Promise<Session | undefined> => {
  const token = readCookie(c, parts)
  if (!isToken(token)) return undefined
  const { store } = await parts.wired()
  const now = parts.clock.now()
  const session = await store.session(digestOf(token))
  if (!session || session.expiresAt <= now) return undefined
  const role = roleOf(parts.config, session.viewer)
  if (role === undefined) return undefined
  const seen = { ...session, viewer: { ...session.viewer, role } }
  if (now - session.seenAt < seenEveryMs) return seen
  const later = { ...seen, seenAt: now, expiresAt: endOf(parts, session.createdAt) }
  await store.saveSession(later)
  writeToken(c, parts, { token, forMs: later.expiresAt - now })
  return later
}

/** Throws the store's Faults. */
export const logOut = async (c: Asked, parts: WebParts): Promise<void> => {
  const token = readCookie(c, parts)
  if (isToken(token)) await (await parts.wired()).store.dropSession(digestOf(token))
  deleteCookie(c, name, cookieOf(c, parts))
}
