// A Bugzilla on loopback, made after observations of real ones: what is odd in them is odd here, so that whoever forgets it fails.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Asking, routes } from './routes.ts'
import { type Account, type FakeBug, type FakeComment, Refused, type Version } from './state.ts'
import { shuffled } from './views.ts'

export type BugzillaOptions = {
  version?: Version
  /** Path that it lies under, like `/bugzilla`. */
  prefix?: string
  tls?: { cert: string; key: string }
  requireLogin?: boolean
  /** Nobody who is not logged in sees whole logins. */
  hideLogins?: boolean
}

/** One request as a web server would log it. */
export type Logged = {
  method: string
  path: string
  query: URLSearchParams
  status: number
  keyIn: 'query' | 'header' | 'body' | ''
}

export type FakeBugzilla = Required<Pick<BugzillaOptions, 'requireLogin' | 'hideLogins'>> & {
  /** Where show_bug.cgi would be, ending in "/". */
  url: string
  version: Version
  /** Its clock, in ms; tests move it. */
  now: number
  accounts: Account[]
  bugs: Map<number, FakeBug>
  requests: Logged[]
  /** before: the next write gets no answer, and is not done · after: it is done · page: a proxy answers in its place, with 502 */
  trouble: 'none' | 'before' | 'after' | 'page' | 'down'
  /** Comments can be read so long after their time. */
  lateMs: number
  addBug(more?: Partial<FakeBug>): FakeBug
  say(bug: FakeBug, comment: Partial<FakeComment> & { text: string }): FakeComment
  close(): Promise<void>
}

export const bot: Account = {
  ...{ login: 'bot@bugs.test', name: 'Sync Bot', key: 'K'.repeat(40) },
  ...{ editbugs: true, insider: false, secret: false },
}
const ann: Account = {
  ...{ login: 'ann@bugs.test', name: 'Ann Reporter <ann@bugs.test>', key: 'A'.repeat(40) },
  ...{ editbugs: false, insider: false, secret: false },
}

const world = (options: BugzillaOptions): Omit<FakeBugzilla, 'url' | 'close'> => {
  let lastComment = 0
  let lastBug = 0
  const bugs = new Map<number, FakeBug>()
  const state: Omit<FakeBugzilla, 'url' | 'close'> = {
    version: options.version ?? '5.2',
    now: Date.UTC(2026, 0, 5, 12),
    ...{ accounts: [{ ...bot }, { ...ann }], bugs, requests: [], trouble: 'none', lateMs: 0 },
    ...{ requireLogin: options.requireLogin ?? false, hideLogins: options.hideLogins ?? false },
    addBug(more = {}) {
      const id = more.id ?? lastBug + 1
      lastBug = Math.max(lastBug, id)
      const bug: FakeBug = {
        ...{ id, creator: 'ann@bugs.test', product: 'Tally', component: 'core', version: '1' },
        ...{ summary: `bug ${id}`, status: 'CONFIRMED', resolution: '', dupeOf: null, keywords: [] },
        ...{ whiteboard: '', seeAlso: [], flags: [], groups: [], createdAt: state.now, changedAt: state.now },
        ...{ comments: [], attachments: [], history: [] },
        ...more,
      }
      bugs.set(id, bug)
      if (bug.comments.length === 0) state.say(bug, { text: 'It breaks.', creator: bug.creator })
      return bug
    },
    say(bug, comment) {
      const said: FakeComment = {
        ...{ id: ++lastComment, bug: bug.id, count: bug.comments.length, creator: 'ann@bugs.test' },
        ...{ time: state.now, visibleAt: state.now + state.lateMs, isPrivate: false, attachment: null },
        ...comment,
      }
      bug.comments.push(said)
      bug.changedAt = Math.max(bug.changedAt, said.time)
      return said
    },
  }
  return state
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const page = (response: ServerResponse, status: number) =>
  response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>Software error:</h1>')

const parsedBody = (text: string): Record<string, unknown> | 'array' => {
  if (text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? 'array' : (value as Record<string, unknown>)
  } catch {
    throw new Refused(400, 32_000, "Could not parse the 'params' argument as valid JSON.")
  }
}

type Key = { key: string | undefined; keyIn: Logged['keyIn'] }

/** 5.0 and 5.2 do not look at headers; an empty key is nobody's. */
const keyOf = (
  version: Version,
  request: IncomingMessage,
  query: URLSearchParams,
  body: Record<string, unknown>,
): Key => {
  const inQuery = query.get('Bugzilla_api_key') ?? query.get('api_key')
  if (inQuery !== null) return { key: inQuery, keyIn: 'query' }
  const inBody = body.Bugzilla_api_key ?? body.api_key
  if (inBody !== undefined) return { key: String(inBody), keyIn: 'body' }
  const header = request.headers['x-bugzilla-api-key']
  if (header === undefined) return { key: undefined, keyIn: '' }
  return { key: version === '5.3.3' ? String(header) : undefined, keyIn: 'header' }
}

const accountOf = (accounts: Account[], key: string | undefined): Account | undefined => {
  if (key === undefined || key === '') return undefined
  const account = accounts.find(one => one.key === key)
  if (account === undefined) throw new Refused(400, 306, 'The API key you specified is invalid.')
  return account
}

/** Writes to one bug at the same time: one of them dies of a deadlock, with the status of a success. */
const deadlocks = () => {
  const busy = new Set<number>()
  return async <T>(bug: number, act: () => T): Promise<T> => {
    if (busy.has(bug)) throw new Refused(201, 100_500, 'DBD::MariaDB::db do failed: Deadlock found')
    busy.add(bug)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    busy.delete(bug)
    return act()
  }
}

export const startBugzilla = async (options: BugzillaOptions = {}): Promise<FakeBugzilla> => {
  const { prefix = '', tls } = options
  const state = world(options)
  const alone = deadlocks()

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    logged: Logged,
    url: URL,
  ): Promise<void> => {
    const body = parsedBody(await bodyOf(request))
    if (body === 'array') return void page(response, 500)
    const { key, keyIn } = keyOf(state.version, request, logged.query, body)
    logged.keyIn = keyIn
    const asker = accountOf(state.accounts, key)
    const path = url.pathname.slice(`${prefix}/rest/`.length).split('/').map(decodeURIComponent)
    const isWrite = logged.method !== 'GET'
    if (isWrite && asker === undefined) throw new Refused(401, 410, 'You must log in first.')
    if (state.requireLogin && asker === undefined && path[0] !== 'version')
      throw new Refused(401, 410, 'You must log in first.')
    if (isWrite && state.trouble === 'before') {
      state.trouble = 'none'
      return void request.socket.destroy()
    }
    const asking: Asking = { method: logged.method, path, query: logged.query, body, asker, state }
    const act = () => routes(asking)
    const [status, value] = isWrite ? await alone(Number(path[1] ?? 0), act) : act()
    if (isWrite && state.trouble === 'after') {
      state.trouble = 'none'
      return void request.socket.destroy()
    }
    logged.status = status
    send(response, status, value)
  }
  const send = (response: ServerResponse, status: number, value: unknown) =>
    response
      .writeHead(status, {
        'content-type': 'application/json; charset=UTF-8',
        date: new Date(state.now).toUTCString(),
      })
      .end(JSON.stringify(shuffled(value)))

  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://any')
    const { searchParams: query, pathname: path } = url
    const logged: Logged = { method: request.method ?? '', path, query, status: 0, keyIn: '' }
    state.requests.push(logged)
    if (state.trouble === 'down') return void request.socket.destroy()
    if (state.trouble === 'page' || !path.startsWith(`${prefix}/rest/`))
      return void page(response, state.trouble === 'page' ? 502 : 404)
    if (request.method === 'HEAD') return void response.writeHead(404).end()
    if (/text\/html/.test(request.headers.accept ?? '')) return void page(response, 200)
    answer(request, response, logged, url).catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error
      logged.status = error.status
      const code = state.version === '5.3.3' ? String(error.code) : error.code
      send(response, error.status, {
        error: true,
        code,
        message: error.message,
        documentation: 'https://docs.test/',
      })
    })
  }
  const server = tls ? createTlsServer(tls, handle) : createServer(handle)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(state, {
    url: `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${port}${prefix}/`,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  })
}
