// Logging in by GitHub: OAuth 2.0 with PKCE and state, then who it is by the API.
// https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
import * as client from 'openid-client'
import { z } from 'zod'
import type { Secret } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Door } from '../../ports/login.ts'
import type { Way } from '../dispatcher.ts'
import { loginFault } from './fault.ts'
import { type Kept, keptOf, sayKept } from './kept.ts'
import { mayBePlain, requestBy } from './request.ts'

export type GithubDoor = Way & {
  client: string
  secret: Secret
  /** Bases of the pages and of the API, without "/" at their ends. */
  site: string
  api: string
}

const who = 'GitHub'
const user = z.object({ login: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/) })
const addresses = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }))

const configure = (given: GithubDoor): client.Configuration => {
  const config = new client.Configuration(
    {
      issuer: given.site,
      authorization_endpoint: `${given.site}/login/oauth/authorize`,
      token_endpoint: `${given.site}/login/oauth/access_token`,
    },
    given.client,
    undefined,
    client.ClientSecretPost(given.secret.reveal()),
  )
  config[client.customFetch] = requestBy(given)
  if (mayBePlain(given.site)) client.allowInsecureRequests(config)
  return config
}

/** The main one, if it is verified. An app that may not read addresses knows none: then the name has to do. */
const addressOf = async (ask: (path: string) => Promise<Response>): Promise<string | undefined> => {
  const answer = await ask('/user/emails')
  if (answer.status === 403 || answer.status === 404) return undefined
  const found = addresses.safeParse(await answer.json())
  return found.data?.find(({ primary, verified }) => primary && verified)?.email
}

export const githubDoor = (given: GithubDoor): Door => {
  const config = configure(given)
  const asker = (token: string) => (path: string) =>
    client.fetchProtectedResource(
      config,
      token,
      new URL(`${given.api}${path}`),
      'GET',
      undefined,
      new Headers({
        ...{ accept: 'application/vnd.github+json', 'user-agent': 'grapevine' },
      }),
    )
  const end = async (url: string, { state, verifier }: Kept) => {
    const checks = { expectedState: state, pkceCodeVerifier: verifier }
    const tokens = await client.authorizationCodeGrant(config, new URL(url), checks)
    const ask = asker(tokens.access_token)
    const answer = await ask('/user')
    const found = user.safeParse(await answer.json())
    if (!found.success)
      throw new Fault('malformed', 'later', `log in by ${who}: its word of who it is makes no sense`)
    return { name: found.data.login, address: await addressOf(ask) }
  }
  return {
    async begin(back) {
      const kept: Kept = { state: client.randomState(), verifier: client.randomPKCECodeVerifier(), nonce: '' }
      const url = client.buildAuthorizationUrl(config, {
        ...{ redirect_uri: back, scope: 'user:email', state: kept.state, allow_signup: 'false' },
        code_challenge: await client.calculatePKCECodeChallenge(kept.verifier),
        code_challenge_method: 'S256',
      })
      return { url: url.href, kept: sayKept(kept) }
    },
    end: ({ url, kept }) =>
      end(url, keptOf(who, kept)).catch(error => Promise.reject(loginFault(who, error))),
  }
}
