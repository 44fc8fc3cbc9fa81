// A GitHub on loopback, as far as issues go: pages, ETags, `since`, labels, what is private, and what goes wrong there: both rate limits, answers
// that are lost, pages for people. Shapes and headers are recorded ones (shapes.ts).
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Schemas } from './recorded.ts'
import {
  errorAnswer,
  headersOf,
  invalidAnswer,
  issueAnswer,
  issueCommentAnswer,
  labelAnswer,
  pageOf,
  repositoryAnswer,
  userAnswer,
} from './shapes.ts'

type Label = Schemas['label']
type User = { login: string; id: number; type: 'User' | 'Bot' } | null
export type FakeIssue = {
  number: number
  id: number
  title: string
  body: string | null
  user: User
  state: 'open' | 'closed'
  state_reason: NonNullable<Schemas['issue']['state_reason']> | null
  labels: Label[]
  created_at: string
  updated_at: string
  html_url: string
  comments: number
  locked: boolean
  pull_request?: { url: string }
}
type FakeComment = {
  id: number
  body: string
  user: User
  created_at: string
  updated_at: string
  html_url: string
}

type Body =
  | Schemas['issue']
  | Schemas['issue'][]
  | Schemas['issue-comment']
  | Schemas['issue-comment'][]
  | Schemas['label'][]
  | Schemas['full-repository']
  | Schemas['simple-user']
  | Schemas['basic-error']
  | Schemas['validation-error']
type Answer = { status: number; body?: Body; headers?: Record<string, string> }
/** What goes wrong with the next request, or with all. */
export type Trouble = {
  /** secondary: of bursts, by status and words only. */
  limit?: 'primary' | 'secondary' | 'secondary-silent'
  /** It is done, and the answer is lost. */
  lose?: 'next write'
  /** The first so many reads end with a page for people. */
  broken?: number
  /** Only what has `private: true` in it. */
  hidden?: boolean
}

export type FakeGithub = {
  api: string
  trouble: Trouble
  issues: Map<number, FakeIssue>
  comments: Map<number, FakeComment[]>
  moved: Set<number>
  deleted: Set<number>
  /** `GET /repos/… 200`, in order. */
  asked: string[]
  /** Requests that counted for the limit: a 304 does not. */
  counted: number
  repository: Pick<Schemas['full-repository'], 'private' | 'archived'> & {
    permissions: NonNullable<Schemas['full-repository']['permissions']>
  }
  now: number
  put(title: string, more?: Partial<FakeIssue>): FakeIssue
  say(number: number, body: string, login?: string): FakeComment
  close(): Promise<void>
}

export const token = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz'
export const botLogin = 'grapevine-bot'
const owner = 'tally'
const name = 'tally'
const reasons = ['completed', 'not_planned', 'duplicate', 'reopened'] as const
const root = `/repos/${owner}/${name}`

const no = (status: number, message: string): Answer => ({ status, body: errorAnswer(status, message) })
const invalid = (field: string, more: { code?: string; message?: string } = {}): Answer => ({
  status: 422,
  body: invalidAnswer([{ resource: 'Issue', code: 'invalid', field, ...more }]),
})
/** Of a pull request that is listed as an issue. */
const noPages = { diff_url: null, html_url: null, patch_url: null }
const userOf = (login: string): NonNullable<User> => ({ login, id: login.length, type: 'User' })

export const startGithub = async (): Promise<FakeGithub> => {
  let lastId = 1_000_000
  const server = createServer((request, response) => {
    receive(request)
      .then(body => handle(request, response, body))
      .catch(() => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const time = () => new Date(Math.floor(github.now / 1000) * 1000).toISOString().replace('.000Z', 'Z')
  const github: FakeGithub = {
    ...{ api: `http://127.0.0.1:${port}`, trouble: {}, issues: new Map(), comments: new Map() },
    ...{ moved: new Set(), deleted: new Set(), asked: [], counted: 0, now: Date.UTC(2026, 10, 22, 12) },
    repository: {
      private: false,
      archived: false,
      permissions: { pull: true, triage: true, push: false, admin: false },
    },
    put(title, more = {}) {
      const number = more.number ?? github.issues.size + 1
      const made: FakeIssue = {
        ...{
          number,
          id: ++lastId,
          title,
          body: null,
          user: userOf('ann'),
          state: 'open',
          state_reason: null,
        },
        ...{ labels: [], created_at: time(), updated_at: time(), comments: 0, locked: false },
        html_url: `https://github.com/${owner}/${name}/issues/${number}`,
        ...more,
      }
      github.issues.set(number, made)
      github.comments.set(number, [])
      return made
    },
    say(number, body, login = 'ann') {
      const id = ++lastId
      const issue = github.issues.get(number)
      if (!issue) throw new Error(`there is no issue ${number}`)
      const said = {
        ...{ id, body, user: userOf(login), created_at: time(), updated_at: time() },
        html_url: `${issue.html_url}#issuecomment-${id}`,
      }
      github.comments.get(number)?.push(said)
      Object.assign(issue, { comments: issue.comments + 1, updated_at: time() })
      return said
    },
    close: () => new Promise(resolve => server.close(() => resolve())),
  }

  const label = (text: string): Label => labelAnswer(`${owner}/${name}`, text)
  const told = ({ pull_request, user, ...issue }: FakeIssue): Schemas['issue'] =>
    issueAnswer(`${owner}/${name}`, {
      ...{ ...issue, user: user && userAnswer(user) },
      ...(pull_request ? { pull_request: { ...pull_request, ...noPages } } : {}),
    })
  const said = (comment: FakeComment) => issueCommentAnswer(`${owner}/${name}`, comment)
  const page = <T>(list: T[], url: URL, tell: (one: T[]) => Body): Answer => {
    const { from, to, link } = pageOf(url, list.length)
    return { status: 200, body: tell(list.slice(from, to)), headers: link }
  }
  const listed = (url: URL): Answer => {
    const of = (key: string) => url.searchParams.get(key)
    const since = of('since')
    const by = of('sort') === 'updated' ? 'updated_at' : 'created_at'
    const up = of('direction') === 'asc' ? 1 : -1
    const list = [...github.issues.values()]
      .filter(one => (of('state') ?? 'open') === 'all' || one.state === (of('state') ?? 'open'))
      .filter(one => since === null || one.updated_at >= since)
      .filter(one => of('creator') === null || one.user?.login === of('creator'))
      .sort((a, b) => up * (a[by] === b[by] ? a.number - b.number : a[by] < b[by] ? -1 : 1))
    return page(list, url, some => some.map(told))
  }
  const patched = (issue: FakeIssue, given: Record<string, unknown>): Answer => {
    const { state, state_reason } = given
    if (state !== 'open' && state !== 'closed') return invalid('state')
    const reason = reasons.find(
      one => one === (state === 'open' ? 'reopened' : (state_reason ?? 'completed')),
    )
    if (reason === undefined) return invalid('state_reason')
    Object.assign(issue, { state, state_reason: reason, updated_at: time() })
    return { status: 200, body: told(issue) }
  }
  const ofIssue = (issue: FakeIssue, rest: string, { method, url, given }: Given): Answer => {
    const number = issue.number
    if (rest === '' && method === 'GET') return { status: 200, body: told(issue) }
    if (rest === '' && method === 'PATCH') return patched(issue, given)
    if (rest === '/comments' && method === 'GET')
      return page(github.comments.get(number) ?? [], url, some => some.map(said))
    if (rest === '/comments' && method === 'POST') {
      const body = String(given.body ?? '')
      if (issue.locked) return no(403, 'Unable to create comment because issue is locked.')
      if (body.trim() === '') return invalid('body', { code: 'missing_field' })
      if (body.length > 65_536)
        return invalid('body', {
          ...{ code: 'custom', message: 'body is too long (maximum is 65536 characters)' },
        })
      return { status: 201, body: said(github.say(number, body, botLogin)) }
    }
    if (rest === '/labels' && method === 'POST') {
      for (const text of given.labels as string[])
        if (!issue.labels.some(one => one.name === text)) issue.labels.push(label(text))
      issue.updated_at = time()
      return { status: 200, body: issue.labels }
    }
    const [, gone] = /^\/labels\/(.+)$/.exec(rest) ?? []
    if (gone !== undefined && method === 'DELETE') {
      const left = issue.labels.filter(one => one.name !== decodeURIComponent(gone))
      if (left.length === issue.labels.length) return no(404, 'Label does not exist')
      issue.labels = left
      return { status: 200, body: left }
    }
    return no(404, 'Not Found')
  }
  type Given = { method: string; url: URL; given: Record<string, unknown> }
  const answer = (request: Given): Answer => {
    const { method, url, given } = request
    const path = url.pathname
    if (path === '/user') return { status: 200, body: userAnswer(userOf(botLogin)) }
    if (github.trouble.hidden || (path !== root && !path.startsWith(`${root}/`))) return no(404, 'Not Found')
    if (path === root)
      return {
        status: 200,
        body: repositoryAnswer(`${owner}/${name}`, { id: 1, has_issues: true, ...github.repository }),
      }
    if (path === `${root}/issues` && method === 'GET') return listed(url)
    if (path === `${root}/issues` && method === 'POST') {
      const labels = ((given.labels ?? []) as string[]).map(label)
      const made = github.put(String(given.title), {
        body: String(given.body),
        user: userOf(botLogin),
        labels,
      })
      return { status: 201, body: told(made) }
    }
    const [, number = '', rest = ''] = /^\/issues\/(\d+)(\/.*)?$/.exec(path.slice(root.length)) ?? []
    if (github.moved.has(Number(number)))
      return {
        status: 301,
        body: { ...errorAnswer(301, 'Moved Permanently'), url: `${github.api}/repositories/2/issues/5` },
        headers: { location: `${github.api}/repositories/2/issues/5` },
      }
    if (github.deleted.has(Number(number))) return no(410, 'This issue was deleted')
    const issue = github.issues.get(Number(number))
    return issue ? ofIssue(issue, rest, request) : no(404, 'Not Found')
  }
  const limits = (left: number) => headersOf({ left, now: github.now })
  const refused = (): Answer | undefined => {
    const { limit } = github.trouble
    const secondary =
      'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.'
    if (limit === 'primary')
      return { ...no(403, 'API rate limit exceeded for user ID 13.'), headers: limits(0) }
    if (limit === 'secondary')
      return { ...no(403, secondary), headers: { ...limits(4000), 'retry-after': '60' } }
    return limit === 'secondary-silent' ? { ...no(429, secondary), headers: limits(4000) } : undefined
  }
  const handle = (request: IncomingMessage, response: ServerResponse, text: string): unknown => {
    const method = request.method ?? 'GET'
    const url = new URL(request.url ?? '/', github.api)
    const isKnown = request.headers.authorization === `Bearer ${token}`
    const send = ({ status, body, headers = {} }: Answer): void => {
      github.asked.push(`${method} ${url.pathname}${url.search} ${status}`)
      if (status !== 304) github.counted += 1
      const json = body === undefined ? '' : JSON.stringify(body)
      response.writeHead(status, {
        ...limits(4999),
        'github-authentication-token-expiration': '2026-12-01 10:00:00 UTC',
        ...headers,
      })
      response.end(json)
    }
    const trouble = refused()
    if (trouble) return send(trouble)
    if (!isKnown) return send(no(401, 'Bad credentials'))
    if (method === 'GET' && (github.trouble.broken ?? 0) > 0) {
      github.trouble.broken = (github.trouble.broken ?? 0) - 1
      github.asked.push(`${method} ${url.pathname} 502`)
      response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Unicorn</h1>')
      return undefined
    }
    const given = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
    const result = answer({ method, url, given })
    if (method !== 'GET' && github.trouble.lose === 'next write') {
      delete github.trouble.lose
      github.asked.push(`${method} ${url.pathname} lost`)
      response.destroy()
      return undefined
    }
    const etag = `W/"${createHash('sha256')
      .update(JSON.stringify(result.body ?? ''))
      .digest('hex')}"`
    if (method !== 'GET' || result.status !== 200) return send(result)
    const headers = { ...result.headers, etag }
    return send(request.headers['if-none-match'] === etag ? { status: 304, headers } : { ...result, headers })
  }
  return github
}

const receive = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
