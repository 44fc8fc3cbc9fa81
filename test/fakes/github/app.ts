// A GitHub on loopback, as far as Apps go: tokens of the App (RS256) and of its installations are verified, webhooks are signed, and pull
// requests, comments, checks and statuses are there, in the shapes that GitHub sends (shapes.ts). Also what goes wrong: limits, lost answers,
// 404, ETags.
import { createHash, createHmac, generateKeyPairSync, randomUUID, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type GitServer, serveGit } from './git-server.ts'
import type { Schemas } from './recorded.ts'
import {
  type Account,
  annotationAnswer,
  appAnswer,
  checkAnswer,
  commentAnswer,
  errorAnswer,
  type FakeCheck,
  type FakeComment,
  type FakePull,
  headersOf,
  hookPayload,
  installationAnswer,
  invalidAnswer,
  madeAppAnswer,
  pageOf,
  permissionAnswer,
  pullAnswer,
  pullItem,
  reactionAnswer,
  statusAnswer,
  tokenAnswer,
} from './shapes.ts'

export type { FakeCheck, FakePull } from './shapes.ts'

type Body =
  | Schemas['pull-request']
  | Schemas['pull-request-simple'][]
  | Schemas['check-run']
  | { total_count: number; check_runs: Schemas['check-run'][] }
  | Schemas['check-annotation'][]
  | Schemas['issue-comment']
  | Schemas['issue-comment'][]
  | Schemas['status']
  | Schemas['reaction']
  | Schemas['repository-collaborator-permission']
  | Schemas['integration']
  | Schemas['installation']
  | Schemas['installation-token']
  | Schemas['basic-error']
  | Schemas['validation-error']
type Answer = { status: number; body?: Body; headers?: Record<string, string> }

export type FakeApp = {
  api: string
  site: string
  key: string
  id: number
  secret: string
  pulls: Map<number, FakePull>
  comments: Map<number, FakeComment>
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
  say(number: number, body: string, user?: Account, app?: number): FakeComment
  /** That body, with the headers that GitHub sends along. */
  signed(name: string, body: string): { headers: Record<string, string>; body: string }
  /** As GitHub sends a webhook: recorded, with these values in it. */
  hook(name: string, payload: object): { headers: Record<string, string>; body: string }
  close(): Promise<void>
}

export const owned = 'tally/tally'
const ann: Account = { login: 'ann', id: 583_231, type: 'User' }
const installation = 77

const no = (status: number, message: string): Answer => ({ status, body: errorAnswer(status, message) })

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
      const said: FakeComment = {
        ...{ id, number, body, user, created_at: time(), updated_at: time() },
        html_url: `https://github.com/${owned}/pull/${number}#issuecomment-${id}`,
        performed_via_github_app: app === undefined ? null : { id: app },
      }
      fake.comments.set(id, said)
      return said
    },
    hook(name, payload) {
      const whole = hookPayload(name, { sender: ann, ...payload }, owned)
      return fake.signed(name, JSON.stringify(whole))
    },
    signed(name, body) {
      const signature = createHmac('sha256', fake.secret).update(body).digest('hex')
      const headers = {
        ...{ 'content-type': 'application/json', 'x-github-event': name, accept: '*/*' },
        ...{ 'x-github-delivery': randomUUID(), 'x-hub-signature-256': `sha256=${signature}` },
        ...{ 'user-agent': 'GitHub-Hookshot/8d33975', 'x-github-hook-id': '443', 'content-length': '' },
        ...{ 'x-github-hook-installation-target-type': 'integration' },
      }
      headers['content-length'] = String(Buffer.byteLength(body))
      return { headers, body }
    },
    close: () => new Promise(resolve => server.close(() => resolve())),
  }

  const page = <T>(all: T[], url: URL, wrap: (list: T[]) => Body): Answer => {
    const { from, to, link } = pageOf(url, all.length)
    return { status: 200, body: wrap(all.slice(from, to)), headers: link }
  }
  const putOutput = (check: FakeCheck, given: Record<string, unknown>): Answer => {
    const { annotations = [], ...output } = (given.output ?? {}) as {
      annotations?: FakeCheck['annotations']
    }
    const wrong = (field: string) => ({
      status: 422,
      body: invalidAnswer([{ resource: 'CheckRun', code: 'invalid', field }]),
    })
    if (annotations.length > 50) return wrong('annotations')
    if (check.status === 'completed' && given.status !== 'completed') return wrong('status')
    check.annotations.push(...annotations)
    Object.assign(check, given, {
      output: { ...check.output, ...output, annotations_count: check.annotations.length },
    })
    return { status: 200, body: checkAnswer(owned, check) }
  }
  type Given = { method: string; url: URL; rest: string; given: Record<string, unknown> }
  const ofChecks = ({ method, url, rest, given }: Given): Answer | undefined => {
    if (rest === '/check-runs' && method === 'POST') {
      const blank = { status: 'queued' as const, conclusion: null, annotations: [] }
      const output = { title: '', summary: '', annotations_count: 0 }
      const check: FakeCheck = { id: ++lastId, name: '', head_sha: '', external_id: '', ...blank, output }
      fake.checks.set(check.id, check)
      return { ...putOutput(check, given), status: 201 }
    }
    const [, sha] = /^\/commits\/(\w+)\/check-runs$/.exec(rest) ?? []
    if (sha !== undefined) {
      const all = [...fake.checks.values()].filter(
        one => one.head_sha === sha && one.name === url.searchParams.get('check_name'),
      )
      return page(all, url, list => ({
        total_count: all.length,
        check_runs: list.map(one => checkAnswer(owned, one)),
      }))
    }
    const [, id = '', more] = /^\/check-runs\/(\d+)(\/annotations)?$/.exec(rest) ?? []
    const check = fake.checks.get(Number(id))
    if (check === undefined) return undefined
    const marks = (list: FakeCheck['annotations']) =>
      list.map(annotation => annotationAnswer(owned, { annotation, head: check.head_sha }))
    if (more !== undefined) return page(check.annotations, url, marks)
    return method === 'PATCH' ? putOutput(check, given) : { status: 200, body: checkAnswer(owned, check) }
  }
  const said = (list: FakeComment[]) => list.map(one => commentAnswer(owned, one))
  const ofComments = ({ method, url, rest, given }: Given): Answer | undefined => {
    if (rest === '/issues/comments') {
      const since = url.searchParams.get('since') ?? ''
      return page(
        [...fake.comments.values()].filter(one => one.updated_at >= since),
        url,
        said,
      )
    }
    const [, number] = /^\/issues\/(\d+)\/comments$/.exec(rest) ?? []
    if (number !== undefined && method === 'POST') {
      const bot = { login: 'grapevine[bot]', id: 5, type: 'Bot' as const }
      const made = fake.say(Number(number), String(given.body), bot, fake.id)
      return { status: 201, body: commentAnswer(owned, made) }
    }
    if (number !== undefined)
      return page(
        [...fake.comments.values()].filter(one => one.number === Number(number)),
        url,
        said,
      )
    const [, id = '', reaction] = /^\/issues\/comments\/(\d+)(\/reactions)?$/.exec(rest) ?? []
    const comment = fake.comments.get(Number(id))
    if (comment === undefined) return undefined
    if (reaction !== undefined) {
      fake.reactions.push({ comment: comment.id, ...given })
      const content = given.content as Schemas['reaction']['content']
      return { status: 201, body: reactionAnswer(++lastId, content) }
    }
    if (method === 'DELETE') fake.comments.delete(comment.id)
    if (method === 'DELETE') return { status: 204 }
    if (method === 'PATCH') comment.body = String(given.body)
    return { status: 200, body: commentAnswer(owned, comment) }
  }
  const ofRepository = (asked: Given): Answer => {
    const { method, url, rest, given } = asked
    if (rest === '/pulls') {
      const state = url.searchParams.get('state')
      const all = [...fake.pulls.values()].filter(one => state === 'all' || one.state === 'open')
      return page(
        all.sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1)),
        url,
        list => list.map(one => pullItem(owned, one)),
      )
    }
    const [, number] = /^\/pulls\/(\d+)$/.exec(rest) ?? []
    const pull = fake.pulls.get(Number(number))
    if (pull) return { status: 200, body: pullAnswer(owned, pull) }
    const [, login] = /^\/collaborators\/([^/]+)\/permission$/.exec(rest) ?? []
    const role = login === undefined ? undefined : fake.roles.get(decodeURIComponent(login))
    if (login !== undefined && role)
      return { status: 200, body: permissionAnswer(decodeURIComponent(login), role) }
    if (rest.startsWith('/statuses/') && method === 'POST') {
      const sha = rest.slice('/statuses/'.length)
      fake.statuses.push({ sha, ...given })
      const { state = '', context = '', description = '', target_url } = given as Record<string, string>
      const status = { id: ++lastId, sha, state, context, description, target_url: target_url ?? null }
      return { status: 201, body: statusAnswer(`${url.pathname.split('/').slice(2, 4).join('/')}`, status) }
    }
    return ofChecks(asked) ?? ofComments(asked) ?? no(404, 'Not Found')
  }
  const asApp = (path: string, method: string, of: { permissions?: Record<string, string> }): Answer => {
    const events = ['pull_request', 'issue_comment', 'check_run', 'check_suite']
    if (path === '/app')
      return {
        status: 200,
        body: appAnswer({ id: fake.id, permissions: fake.permissions, events }),
      }
    const [, asked = ''] = /^\/repos\/(.+)\/installation$/.exec(path) ?? []
    if (fake.repositories.has(asked))
      return {
        status: 200,
        body: installationAnswer({ id: installation, app: fake.id, permissions: fake.permissions }),
      }
    if (path !== `/app/installations/${installation}/access_tokens` || method !== 'POST')
      return no(404, 'Not Found')
    const token = `ghs_${randomUUID()}`
    tokens.add(token)
    if (of.permissions?.contents !== 'read') writers.add(token)
    return { status: 201, body: tokenAnswer(token, of.permissions ?? fake.permissions) }
  }
  const answer = (request: IncomingMessage, url: URL, given: Record<string, unknown>): Answer => {
    const method = request.method ?? 'GET'
    const path = url.pathname
    const { authorization } = request.headers
    if (path === '/app-manifests/goodcode/conversions' && method === 'POST')
      return {
        status: 201,
        body: madeAppAnswer({
          ...{ id: fake.id, url: `${api}/apps/grapevine`, key: fake.key, secret: fake.secret },
        }),
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
  const refused = (): Answer | undefined => {
    const { limit } = fake.trouble
    if (limit === 'primary')
      return {
        ...no(403, 'API rate limit exceeded for installation ID 77.'),
        headers: headersOf({ left: 0 }),
      }
    const words = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.'
    return limit && { ...no(403, words), headers: { ...headersOf({ left: 4000 }), 'retry-after': '60' } }
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
      ...{ ...headersOf({ left: 4999 }), etag, 'cache-control': 'private, max-age=60, s-maxage=60' },
      ...result.headers,
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
