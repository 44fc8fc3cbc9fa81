// A GitHub on loopback, as far as Apps go: tokens of the App (RS256) and of its installations are verified, webhooks are signed, and pull
// requests, comments, checks and statuses are there as docs.github.com/rest has them. Also what goes wrong: limits, lost answers, 404, ETags.
import { createHash, createHmac, generateKeyPairSync, randomUUID, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type GitServer, serveGit } from './git-server.ts'

type Account = { login: string; id: number; type: 'User' | 'Bot' }
export type FakePull = {
  number: number
  title: string
  body: string | null
  state: 'open' | 'closed'
  merged_at: string | null
  draft: boolean
  user: Account | null
  head: { sha: string; ref: string; repo: null }
  base: { sha: string; ref: string }
  html_url: string
  updated_at: string
}
export type FakeCheck = {
  id: number
  name: string
  head_sha: string
  external_id: string
  status: string
  conclusion: string | null
  output: { title: string; summary: string; annotations_count: number }
  annotations: Record<string, unknown>[]
}
type Comment = {
  id: number
  number: number
  body: string
  user: Account
  created_at: string
  updated_at: string
  html_url: string
  performed_via_github_app: { id: number } | null
}
type Answer = { status: number; body?: unknown; headers?: Record<string, string> }

export type FakeApp = {
  api: string
  site: string
  key: string
  id: number
  secret: string
  pulls: Map<number, FakePull>
  comments: Map<number, Comment>
  checks: Map<number, FakeCheck>
  statuses: Record<string, unknown>[]
  reactions: Record<string, unknown>[]
  roles: Map<string, { permission: string; role_name: string }>
  permissions: Record<string, string>
  /** `GET /repos/… 200`, in order. */
  asked: string[]
  /** Where it is installed. */
  repositories: Set<string>
  trouble: { limit?: 'primary' | 'secondary'; lose?: 'next write' }
  /** Where OWNER/NAME.git are. */
  gitFolder: string
  put(number: number, more?: Partial<FakePull>): FakePull
  say(number: number, body: string, user?: Account, app?: number): Comment
  /** As GitHub sends a webhook: its headers, and the body that is signed. */
  hook(name: string, payload: object): { headers: Record<string, string>; body: string }
  close(): Promise<void>
}

export const owned = 'tally/tally'
const ann: Account = { login: 'ann', id: 583_231, type: 'User' }
const installation = 77

const no = (status: number, message: string): Answer => ({
  status,
  body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status) },
})

const isJwt = (header: string | undefined, { publicKey, id }: { publicKey: string; id: number }): boolean => {
  const [head = '', claims = '', signature = ''] = (/^bearer (\S+)$/i.exec(header ?? '')?.[1] ?? '').split(
    '.',
  )
  if (signature === '') return false
  const given = Buffer.from(`${head}.${claims}`)
  if (!verify('RSA-SHA256', given, publicKey, Buffer.from(signature, 'base64url'))) return false
  const { iss, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const now = Date.now() / 1000
  return String(iss) === String(id) && iat <= now && exp > now && exp - iat <= 660
}

export const startGithubApp = async (gitFolder = '/nowhere'): Promise<FakeApp> => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  let lastId = 9_000_000
  const tokens = new Set<string>()
  /** Those with which git may push. */
  const writers = new Set<string>()
  const server = createServer((request, response) => {
    receive(request)
      .then(body => handle(request, response, body))
      .catch(() => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const time = () => new Date().toISOString().replace(/\.\d+Z/, 'Z')
  const fake: FakeApp = {
    ...{ api, site: `${api}/git`, key: privateKey, id: 4711, secret: randomUUID(), gitFolder },
    ...{ pulls: new Map(), comments: new Map(), checks: new Map(), statuses: [], reactions: [] },
    ...{ roles: new Map(), asked: [], trouble: {}, repositories: new Set([owned]) },
    permissions: {
      ...{ checks: 'write', contents: 'write', issues: 'read', metadata: 'read', pull_requests: 'write' },
      statuses: 'write',
    },
    put(number, more = {}) {
      const made: FakePull = {
        ...{ number, title: `Count ${number}`, body: null, state: 'open', merged_at: null, draft: false },
        ...{ user: ann, head: { sha: 'a'.repeat(40), ref: 'topic', repo: null }, updated_at: time() },
        base: { sha: 'b'.repeat(40), ref: 'main' },
        html_url: `https://github.com/${owned}/pull/${number}`,
        ...fake.pulls.get(number),
        ...more,
      }
      fake.pulls.set(number, made)
      return made
    },
    say(number, body, user = ann, app) {
      const id = ++lastId
      const said: Comment = {
        ...{ id, number, body, user, created_at: time(), updated_at: time() },
        html_url: `https://github.com/${owned}/pull/${number}#issuecomment-${id}`,
        performed_via_github_app: app === undefined ? null : { id: app },
      }
      fake.comments.set(id, said)
      return said
    },
    hook(name, payload) {
      const body = JSON.stringify({ repository: { full_name: owned }, sender: ann, ...payload })
      const signature = createHmac('sha256', fake.secret).update(body).digest('hex')
      const headers = {
        ...{ 'content-type': 'application/json', 'x-github-event': name },
        ...{ 'x-github-delivery': randomUUID(), 'x-hub-signature-256': `sha256=${signature}` },
      }
      return { headers, body }
    },
    close: () => new Promise(resolve => server.close(() => resolve())),
  }

  const page = (all: unknown[], url: URL, wrap = (list: unknown[]): unknown => list): Answer => {
    const size = Math.min(100, Number(url.searchParams.get('per_page') ?? 30))
    const at = Number(url.searchParams.get('page') ?? 1)
    return { status: 200, body: wrap(all.slice((at - 1) * size, at * size)) }
  }
  const putOutput = (check: FakeCheck, given: Record<string, unknown>): Answer => {
    const { annotations = [], ...output } = (given.output ?? {}) as {
      annotations?: Record<string, unknown>[]
    }
    if (annotations.length > 50) return no(422, 'No more than 50 annotations per request')
    if (check.status === 'completed' && given.status !== 'completed')
      return no(422, 'a check that is over is not begun again')
    check.annotations.push(...annotations)
    Object.assign(check, given, {
      output: { ...check.output, ...output, annotations_count: check.annotations.length },
    })
    return { status: 200, body: check }
  }
  type Given = { method: string; url: URL; rest: string; given: Record<string, unknown> }
  const ofChecks = ({ method, url, rest, given }: Given): Answer | undefined => {
    if (rest === '/check-runs' && method === 'POST') {
      const blank = { status: 'queued', conclusion: null, annotations: [] }
      const output = { title: '', summary: '', annotations_count: 0 }
      const check = { id: ++lastId, name: '', head_sha: '', external_id: '', ...blank, output }
      fake.checks.set(check.id, check)
      return { ...putOutput(check, given), status: 201 }
    }
    const [, sha] = /^\/commits\/(\w+)\/check-runs$/.exec(rest) ?? []
    if (sha !== undefined) {
      const all = [...fake.checks.values()].filter(
        one => one.head_sha === sha && one.name === url.searchParams.get('check_name'),
      )
      return page(all, url, list => ({ total_count: all.length, check_runs: list }))
    }
    const [, id = '', more] = /^\/check-runs\/(\d+)(\/annotations)?$/.exec(rest) ?? []
    const check = fake.checks.get(Number(id))
    if (check === undefined) return undefined
    if (more !== undefined) return page(check.annotations, url)
    return method === 'PATCH' ? putOutput(check, given) : { status: 200, body: check }
  }
  const ofComments = ({ method, url, rest, given }: Given): Answer | undefined => {
    if (rest === '/issues/comments') {
      const since = url.searchParams.get('since') ?? ''
      return page(
        [...fake.comments.values()].filter(one => one.updated_at >= since),
        url,
      )
    }
    const [, number] = /^\/issues\/(\d+)\/comments$/.exec(rest) ?? []
    if (number !== undefined && method === 'POST')
      return {
        status: 201,
        body: fake.say(
          Number(number),
          String(given.body),
          { login: 'grapevine[bot]', id: 5, type: 'Bot' },
          fake.id,
        ),
      }
    if (number !== undefined)
      return page(
        [...fake.comments.values()].filter(one => one.number === Number(number)),
        url,
      )
    const [, id = '', reaction] = /^\/issues\/comments\/(\d+)(\/reactions)?$/.exec(rest) ?? []
    const comment = fake.comments.get(Number(id))
    if (comment === undefined) return undefined
    if (reaction !== undefined) {
      fake.reactions.push({ comment: comment.id, ...given })
      return { status: 201, body: { id: ++lastId } }
    }
    if (method === 'DELETE') fake.comments.delete(comment.id)
    if (method === 'DELETE') return { status: 204 }
    if (method === 'PATCH') comment.body = String(given.body)
    return { status: 200, body: comment }
  }
  const ofRepository = (asked: Given): Answer => {
    const { method, url, rest, given } = asked
    if (rest === '/pulls') {
      const state = url.searchParams.get('state')
      const all = [...fake.pulls.values()].filter(one => state === 'all' || one.state === 'open')
      return page(
        all.sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1)),
        url,
      )
    }
    const [, number] = /^\/pulls\/(\d+)$/.exec(rest) ?? []
    const pull = fake.pulls.get(Number(number))
    if (pull) return { status: 200, body: pull }
    const [, login] = /^\/collaborators\/([^/]+)\/permission$/.exec(rest) ?? []
    const role = login === undefined ? undefined : fake.roles.get(decodeURIComponent(login))
    if (role) return { status: 200, body: role }
    if (rest.startsWith('/statuses/') && method === 'POST') {
      fake.statuses.push({ sha: rest.slice('/statuses/'.length), ...given })
      return { status: 201, body: { id: ++lastId } }
    }
    return ofChecks(asked) ?? ofComments(asked) ?? no(404, 'Not Found')
  }
  const asApp = (path: string, method: string, of: { permissions?: Record<string, string> }): Answer => {
    const events = ['pull_request', 'issue_comment', 'check_run', 'check_suite']
    if (path === '/app')
      return {
        status: 200,
        body: { id: fake.id, slug: 'grapevine', permissions: fake.permissions, events },
      }
    const [, asked = ''] = /^\/repos\/(.+)\/installation$/.exec(path) ?? []
    if (fake.repositories.has(asked))
      return {
        status: 200,
        body: { id: installation, app_slug: 'grapevine', permissions: fake.permissions, suspended_at: null },
      }
    if (path !== `/app/installations/${installation}/access_tokens` || method !== 'POST')
      return no(404, 'Not Found')
    const token = `ghs_${randomUUID()}`
    tokens.add(token)
    if (of.permissions?.contents !== 'read') writers.add(token)
    return { status: 201, body: { token, expires_at: new Date(Date.now() + 3_600_000).toISOString() } }
  }
  const answer = (request: IncomingMessage, url: URL, given: Record<string, unknown>): Answer => {
    const method = request.method ?? 'GET'
    const path = url.pathname
    const { authorization } = request.headers
    if (path === '/app-manifests/goodcode/conversions' && method === 'POST')
      return {
        status: 201,
        body: {
          ...{ id: fake.id, slug: 'grapevine', html_url: `${api}/apps/grapevine`, pem: fake.key },
          ...{ webhook_secret: fake.secret, client_id: 'Iv1.a', client_secret: 'hidden' },
        },
      }
    if (path.startsWith('/app') || path.endsWith('/installation'))
      return isJwt(authorization, { publicKey, id: fake.id })
        ? asApp(path, method, given)
        : no(401, 'A JSON web token could not be decoded')
    const [, token = ''] = /^(?:token|bearer) (\S+)$/i.exec(authorization ?? '') ?? []
    if (!tokens.has(token)) return no(401, 'Bad credentials')
    const [, repository = '', rest = ''] = /^\/repos\/([^/]+\/[^/]+)(.*)$/.exec(path) ?? []
    return fake.repositories.has(repository)
      ? ofRepository({ method, url, rest, given })
      : no(404, 'Not Found')
  }
  const limits = (left: number) => ({
    ...{ 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': String(left), 'x-ratelimit-resource': 'core' },
    'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 1800),
  })
  const refused = (): Answer | undefined => {
    const { limit } = fake.trouble
    if (limit === 'primary')
      return { ...no(403, 'API rate limit exceeded for installation ID 77.'), headers: limits(0) }
    const words = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.'
    return limit && { ...no(403, words), headers: { ...limits(4000), 'retry-after': '60' } }
  }
  const may: GitServer['may'] = (authorization, { isPush }) => {
    const [, basic = ''] = /^basic (\S+)$/i.exec(authorization ?? '') ?? []
    const [user, token = ''] = Buffer.from(basic, 'base64').toString().split(':')
    return user === 'x-access-token' && (isPush ? writers : tokens).has(token)
  }
  const handle = (request: IncomingMessage, response: ServerResponse, body: Buffer): unknown => {
    const url = new URL(request.url ?? '/', api)
    if (url.pathname.startsWith('/git/'))
      return serveGit({ folder: gitFolder, root: '/git', may }, { request, response, body })
    const given = body.length === 0 ? {} : (JSON.parse(body.toString()) as Record<string, unknown>)
    const result = refused() ?? answer(request, url, given)
    if (
      request.method !== 'GET' &&
      fake.trouble.lose === 'next write' &&
      url.pathname.startsWith('/repos/')
    ) {
      delete fake.trouble.lose
      fake.asked.push(`${request.method} ${url.pathname} lost`)
      return response.destroy()
    }
    const json = result.body === undefined ? '' : JSON.stringify(result.body)
    const etag = `W/"${createHash('sha256').update(json).digest('hex')}"`
    const isSame = request.method === 'GET' && request.headers['if-none-match'] === etag
    const status = isSame && result.status === 200 ? 304 : result.status
    fake.asked.push(`${request.method} ${url.pathname} ${status}`)
    response.writeHead(status, {
      ...{ 'content-type': 'application/json; charset=utf-8', date: new Date().toUTCString(), etag },
      ...{ ...limits(4999), ...result.headers },
    })
    return response.end(status === 304 || status === 204 ? undefined : json)
  }
  return fake
}

const receive = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
