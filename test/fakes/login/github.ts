// GitHub's login as it is: a code for whoever asks by state and challenge, errors with status 200, and who it is by the API.
import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type FakeGithub = {
  url: string
  login: string
  /** undefined: the app may not read addresses. */
  emails: { email: string; primary: boolean; verified: boolean }[] | undefined
  close(): Promise<void>
}

export const app = { id: 'Iv1.0123456789abcdef', secret: 'app secret' }

const json = (response: ServerResponse, status: number, value: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(value))
}

const bodyOf = async (request: IncomingMessage): Promise<URLSearchParams> => {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return new URLSearchParams(text)
}

export const fakeGithub = async (): Promise<FakeGithub> => {
  const codes = new Map<string, { challenge: string; redirect: string }>()
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: FakeGithub = {
    ...{ url, login: 'octo', emails: undefined },
    close: () =>
      new Promise(done => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
  const authorize = (asked: URLSearchParams, response: ServerResponse) => {
    const code = randomUUID().slice(0, 20)
    const redirect = asked.get('redirect_uri') ?? ''
    codes.set(code, { redirect, challenge: asked.get('code_challenge') ?? '' })
    const back = new URL(redirect)
    back.searchParams.set('code', code)
    back.searchParams.set('state', asked.get('state') ?? '')
    response.writeHead(302, { location: back.href }).end()
  }
  const exchange = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await bodyOf(request)
    const given = codes.get(body.get('code') ?? '')
    codes.delete(body.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url')
    if (body.get('client_id') !== app.id || body.get('client_secret') !== app.secret)
      return json(response, 200, {
        error: 'incorrect_client_credentials',
        error_description: 'The client_id and/or client_secret passed are incorrect.',
      })
    if (!given || given.challenge !== challenge || given.redirect !== body.get('redirect_uri'))
      return json(response, 200, {
        error: 'bad_verification_code',
        error_description: 'The code passed is incorrect or expired.',
      })
    json(response, 200, { access_token: 'ghu_token', token_type: 'bearer', scope: '' })
  }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', url)
    if (pathname === '/login/oauth/authorize') return authorize(searchParams, response)
    if (pathname === '/login/oauth/access_token') return exchange(request, response)
    if (request.headers.authorization?.toLowerCase() !== 'bearer ghu_token')
      return json(response, 401, { message: 'Requires authentication' })
    if (!request.headers['user-agent']) return json(response, 403, { message: 'Request forbidden' })
    if (pathname === '/user') return json(response, 200, { login: fake.login, id: 1, name: 'Octo' })
    if (pathname === '/user/emails' && fake.emails) return json(response, 200, fake.emails)
    return json(response, 403, { message: 'Resource not accessible by integration' })
  }
  return fake
}
