// Logging in by OpenID Connect (Core 1.0): discovery, the code flow with PKCE, state and nonce; only a verified address counts.
import * as client from 'openid-client'
import { z } from 'zod'
import type { Secret } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Door, Vouched } from '../../ports/login.ts'
import type { Way } from '../dispatcher.ts'
import { loginFault } from './fault.ts'
import { type Kept, keptOf, sayKept } from './kept.ts'
import { mayBePlain, requestBy } from './request.ts'

export type OpenidDoor = Way & { issuer: string; client: string; secret: Secret }

const claims = z.object({
  sub: z.string(),
  email: z.string().max(320).optional(),
  // Some say it as text.
  email_verified: z
    .union([z.boolean(), z.enum(['true', 'false']).transform(text => text === 'true')])
    .optional(),
})

const addressIn = (said: unknown): string | undefined => {
  const { data } = claims.safeParse(said)
  return data?.email_verified === true ? data.email : undefined
}

export const openidDoor = (given: OpenidDoor): Door => {
  const who = new URL(given.issuer).host
  let discovered: Promise<client.Configuration> | undefined
  const discover = () => {
    discovered ??= client
      .discovery(
        new URL(given.issuer),
        given.client,
        undefined,
        client.ClientSecretBasic(given.secret.reveal()),
        {
          [client.customFetch]: requestBy(given),
          // By itself it takes TLS for a signature (Core 1.0, 3.1.3.7): here the signature counts as well.
          execute: [
            client.enableNonRepudiationChecks,
            ...(mayBePlain(given.issuer) ? [client.allowInsecureRequests] : []),
          ],
        },
      )
      .catch(error => {
        discovered = undefined
        throw error
      })
    return discovered
  }
  const begin = async (back: string) => {
    const config = await discover()
    const kept: Kept = {
      ...{
        state: client.randomState(),
        verifier: client.randomPKCECodeVerifier(),
        nonce: client.randomNonce(),
      },
    }
    const url = client.buildAuthorizationUrl(config, {
      ...{ redirect_uri: back, scope: 'openid email', state: kept.state, nonce: kept.nonce },
      code_challenge: await client.calculatePKCECodeChallenge(kept.verifier),
      code_challenge_method: 'S256',
    })
    return { url: url.href, kept: sayKept(kept) }
  }
  const end = async (url: string, { state, verifier, nonce }: Kept): Promise<Vouched> => {
    const config = await discover()
    const tokens = await client.authorizationCodeGrant(config, new URL(url), {
      ...{ expectedState: state, pkceCodeVerifier: verifier, expectedNonce: nonce, idTokenExpected: true },
    })
    const said = tokens.claims()
    if (!said) throw new Fault('malformed', 'later', `log in by ${who}: there is no ID token`)
    const address =
      addressIn(said) ??
      (config.serverMetadata().userinfo_endpoint === undefined
        ? undefined
        : addressIn(await client.fetchUserInfo(config, tokens.access_token, said.sub)))
    if (address === undefined)
      throw new Fault('refused', 'never', `log in by ${who}: it vouches for no mail address`, {
        remedy: 'verify your address there',
      })
    return { name: address, address }
  }
  return {
    begin: back => begin(back).catch(error => Promise.reject(unready(who, error))),
    end: ({ url, kept }) =>
      end(url, keptOf(who, kept)).catch(error => Promise.reject(loginFault(who, error))),
  }
}

/** Before anybody was asked it is nobody's no. */
const unready = (who: string, error: unknown): Fault => {
  const fault = loginFault(who, error)
  return fault.kind === 'refused'
    ? new Fault('malformed', 'later', fault.message, {
        ...{ cause: error, remedy: 'check web.login.oidc.issuer: what it says of itself is not usable' },
      })
    : fault
}
