// Tokens of the API: made once, kept as a digest, checked at each request. Beside the flow.
import { randomBytes } from 'node:crypto'
import type { ApiToken, Scope } from '../model/access.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { Store } from '../ports/store.ts'
import { oneLine } from '../text/clean.ts'
import { sha256 } from '../text/digest.ts'

/** So that scanners of secrets know what they have found. */
const prefix = 'gvt_'

/** What the store knows a token by. */
export const tokenId = (token: string): string => sha256(token)

export type NewToken = { name: string; scopes: Scope[]; by: string; now: Instant; expiresAt?: Instant }

/** Makes one; `token` is told once, and kept nowhere. Throws the store's Faults. */
export const addToken = async (
  store: Pick<Store, 'saveApiToken'>,
  { name, scopes, by, now, expiresAt }: NewToken,
): Promise<{ token: string; kept: ApiToken }> => {
  const token = `${prefix}${randomBytes(32).toString('base64url')}`
  const kept: ApiToken = {
    ...{ id: tokenId(token), name: oneLine(name, 60), scopes, by, createdAt: now, expiresAt },
    ...{ usedAt: undefined, revokedAt: undefined },
  }
  await store.saveApiToken(kept)
  return { token, kept }
}

const noteUseMs: Millis = 60_000

/** The token, if it is ours and holds. When it was last used is written down, once a minute. Throws the store's Faults. */
export const heldToken = async (
  store: Pick<Store, 'saveApiToken' | 'apiToken'>,
  token: string,
  now: Instant,
): Promise<ApiToken | undefined> => {
  if (!token.startsWith(prefix) || token.length > 100) return undefined
  const kept = await store.apiToken(tokenId(token))
  if (!kept || !isHeld(kept, now)) return undefined
  if (now - (kept.usedAt ?? 0) > noteUseMs) await store.saveApiToken({ ...kept, usedAt: now })
  return kept
}

/** Does it hold now? */
export const isHeld = ({ revokedAt, expiresAt }: ApiToken, now: Instant): boolean =>
  revokedAt === undefined && (expiresAt === undefined || now < expiresAt)

/** The one of that name, or whose id begins so; of those that hold. `no` says why there is none. */
export const findToken = (
  tokens: ApiToken[],
  named: string,
  now: Instant,
): { token: ApiToken } | { no: string } => {
  const held = tokens.filter(one => isHeld(one, now))
  const byName = held.filter(({ name }) => name === named)
  const found =
    byName.length > 0 || !/^[0-9a-f]{6,64}$/.test(named)
      ? byName
      : held.filter(({ id }) => id.startsWith(named))
  const [token, ...more] = found
  if (token === undefined) return { no: `there is no token "${oneLine(named, 60)}" that holds` }
  return more.length === 0 ? { token } : { no: `${found.length} tokens are named "${oneLine(named, 60)}"` }
}

/** It opens nothing any more. Repeatable. */
export const revokeToken = async (
  store: Pick<Store, 'saveApiToken'>,
  token: ApiToken,
  now: Instant,
): Promise<void> => store.saveApiToken({ ...token, revokedAt: token.revokedAt ?? now })
