// An OpenID provider that speaks the real protocol on the loopback: discovery, the code flow with PKCE, signed ID tokens, keys, userinfo.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Claims = Record<string, unknown>

export type FakeOpenid = {
  issuer: string
  /** What ID tokens say besides who, whom and when; and what userinfo says. */
  token: Claims
  userinfo: Claims
  /** For tests of what must not be believed: the key that signs. */
  forge(): void
  /** How often codes were exchanged. */
  exchanged(): number
  close(): Promise<void>
}

export const client = { id: 'grapevine', secret: 'the secret' }

type Given = { redirect: string; nonce: string; challenge: string }

const keys = () => generateKeyPairSync('rsa', { modulusLength: 2048 })

/** Made once: that takes its time. */
const honest = keys()

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

const bodyOf = async (request: IncomingMessage): Promise<URLSearchParams> => {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return new URLSearchParams(text)
}

const json = (response: ServerResponse, status: number, value: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

/** RFC 6749, 2.3.1: percent-encoded, then Basic. */
const isClient = ({ headers }: IncomingMessage): boolean => {
  const given = Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString()
  const [id = '', secret = ''] = given.split(':').map(text => decodeURIComponent(text.replaceAll('+', ' ')))
  return id === client.id && secret === client.secret
}

export const fakeOpenid = async (): Promise<FakeOpenid> => {
  let signer = honest.privateKey
  let exchanged = 0
  const codes = new Map<string, Given>()
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: FakeOpenid = {
    ...{ issuer, token: {}, userinfo: {} },
    forge() {
      signer = keys().privateKey
    },
    exchanged: () => exchanged,
    close: () =>
      new Promise(done => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }

  const idToken = (nonce: string): string => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: issuer, aud: client.id, sub: 'u1', iat: now, exp: now + 300, nonce, ...fake.token }
    const text = `${part({ alg: 'RS256', kid: 'k1', typ: 'JWT' })}.${part(claims)}`
    return `${text}.${sign('sha256', Buffer.from(text), signer).toString('base64url')}`
  }
  const exchange = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await bodyOf(request)
    const code = body.get('code') ?? ''
    const given = codes.get(code)
    codes.delete(code)
    exchanged += 1
    const challenge = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url')
    if (!isClient(request)) return json(response, 401, { error: 'invalid_client' })
    if (!given || given.challenge !== challenge || given.redirect !== body.get('redirect_uri'))
      return json(response, 400, { error: 'invalid_grant', error_description: 'no such code' })
    json(response, 200, {
      ...{ access_token: 'at', token_type: 'Bearer', expires_in: 300, id_token: idToken(given.nonce) },
    })
  }
  const authorize = (url: URL, response: ServerResponse) => {
    const asked = url.searchParams
    const code = randomUUID()
    const [redirect, nonce, challenge] = ['redirect_uri', 'nonce', 'code_challenge'].map(
      name => asked.get(name) ?? '',
    )
    if (asked.get('code_challenge_method') !== 'S256' || asked.get('client_id') !== client.id)
      return json(response, 400, { error: 'invalid_request' })
    codes.set(code, { redirect: redirect ?? '', nonce: nonce ?? '', challenge: challenge ?? '' })
    const back = new URL(redirect ?? '')
    back.searchParams.set('code', code)
    back.searchParams.set('state', asked.get('state') ?? '')
    response.writeHead(302, { location: back.href }).end()
  }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', issuer)
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json(response, 200, {
          ...{ issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token` },
          ...{ jwks_uri: `${issuer}/jwks`, userinfo_endpoint: `${issuer}/userinfo` },
          ...{ response_types_supported: ['code'], subject_types_supported: ['public'] },
          id_token_signing_alg_values_supported: ['RS256'],
          code_challenge_methods_supported: ['S256'],
        })
      case '/jwks':
        return json(response, 200, {
          keys: [{ ...honest.publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }],
        })
      case '/authorize':
        return authorize(url, response)
      case '/token':
        return exchange(request, response)
      case '/userinfo':
        if (request.headers.authorization !== 'Bearer at') return json(response, 401, {})
        return json(response, 200, { sub: 'u1', ...fake.userinfo })
      default:
        return json(response, 404, {})
    }
  }
  return fake
}
