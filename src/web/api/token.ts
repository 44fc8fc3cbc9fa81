// Who asks by the API: a token in the header, never a cookie, so that no foreign page can ask in somebody's name.
import type { MiddlewareHandler } from 'hono'
import type { ApiToken, Scope } from '../../model/access.ts'
import { heldToken } from '../../wiring/tokens.ts'
import type { Env, WebParts } from '../parts.ts'
import { Refused } from './problem.ts'

export type ApiEnv = {
  Variables: Env['Variables'] & {
    /** undefined: nobody in particular, who may read. */
    token: ApiToken | undefined
  }
}

/** The token of the header (RFC 6750 §2.1); '' if there is none. */
export const bearerOf = (header: string | undefined): string =>
  /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(header ?? '')?.[1] ?? ''

/** The token that was sent, if any. Throws Refused 401 for one that does not hold. */
export const tokenOf = async (parts: WebParts, header: string | undefined): Promise<ApiToken | undefined> => {
  if (header === undefined) return undefined
  const { store } = await parts.wired()
  const token = await heldToken(store, bearerOf(header), parts.clock.now())
  if (!token) throw new Refused(401, 'This token is unknown, over or revoked. Operators make a new one.')
  return token
}

/** Without a token everybody may read. */
export const readsToken =
  (parts: WebParts): MiddlewareHandler<ApiEnv> =>
  async (c, next) => {
    const token = await tokenOf(parts, c.req.header('authorization'))
    if (token) allow(token, 'read')
    c.set('token', token)
    await next()
  }

/** A token that may do everything may read. */
export const allow = (token: ApiToken | undefined, scope: Scope): ApiToken => {
  if (!token) throw new Refused(401, `This needs a token with the scope "${scope}".`)
  const has =
    token.scopes.includes(scope) ||
    (scope === 'read' && token.scopes.some(one => one === 'submit' || one === 'operate'))
  if (!has) throw new Refused(403, `The token "${token.name}" lacks the scope "${scope}".`)
  return token
}
