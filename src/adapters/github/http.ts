// One request to GitHub's REST API by octokit: paced and retried by its plugins, what has not changed is not sent again (ETag), and limits
// are kept. https://docs.github.com/rest
import { readFile } from 'node:fs/promises'
import type { Octokit } from 'octokit'
import { Agent, type Dispatcher, ProxyAgent, fetch as undiciFetch } from 'undici'
import type { z } from 'zod'
import type { GithubTrackerConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Clock } from '../../ports/clock.ts'
import { limited, limitedUntil, noAnswer, type Refusal, refusalOf, type Said } from './fault.ts'

export type Asked<T> = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Path below the API, beginning with "/"; what stands in it is encoded. */
  path: string
  query?: Record<string, string | number>
  body?: Record<string, unknown>
  answer: z.ZodType<T>
}

export type Answered<T> = { value: T; header(name: string): string }

export type Http = {
  ask<T>(asked: Asked<T>): Promise<Answered<T>>
  close(): Promise<void>
}

const answerMs: Millis = 60_000
const apiVersion = '2022-11-28'
/** Of reads, after a second; who asks asks again later. */
const readRetries = 1
const maxKept = 200

const dispatcherOf = async ({ name, ca: path, proxy }: GithubTrackerConfig): Promise<Dispatcher> => {
  const ca =
    path === undefined
      ? undefined
      : await readFile(path).catch((error: Error) => {
          throw new Fault('refused', 'later', `tracker ${name}: its ca cannot be read: ${error.message}`)
        })
  const tls = ca === undefined ? {} : { ca }
  const common = {
    headersTimeout: answerMs,
    bodyTimeout: answerMs,
    maxResponseSize: 64 << 20,
    connections: 4,
  }
  return proxy === undefined
    ? new Agent({ ...common, connect: { timeout: 15_000, ...tls } })
    : new ProxyAgent({ ...common, uri: proxy, requestTls: tls })
}

let clients = 0
const quiet = () => undefined

/** octokit is large: it is loaded when something is asked. */
const connect = async (
  config: GithubTrackerConfig,
): Promise<{ octokit: Octokit; dispatcher: Dispatcher }> => {
  const dispatcher = await dispatcherOf(config)
  const { Octokit } = await import('octokit')
  clients += 1
  const octokit = new Octokit({
    baseUrl: config.api,
    userAgent: 'grapevine',
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    // Waiting for a limit to pass would hold up all that comes behind: it is put off instead, and the pace is kept.
    throttle: {
      id: `grapevine-${clients}`,
      onRateLimit: () => false,
      onSecondaryRateLimit: () => false,
    },
    retry: { retries: readRetries, doNotRetry: [304, 400, 401, 403, 404, 409, 410, 422, 429, 451] },
    request: {
      // A redirect of a write would become a read that succeeds.
      redirect: 'manual',
      fetch: (url: string, init: Parameters<typeof undiciFetch>[1]) =>
        undiciFetch(url, { ...init, dispatcher, signal: AbortSignal.timeout(answerMs) }),
    },
  })
  return { octokit, dispatcher }
}

type Kept = { etag: string; data: unknown; headers: Record<string, unknown> }

const urlOf = ({ path, query = {} }: Asked<unknown>): string => {
  const words = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)])
  return words.length === 0 ? path : `${path}?${new URLSearchParams(words).toString()}`
}

/** What octokit throws, as far as it is told by its shape: errors of two copies of a class are not the same. */
const saidIn = (error: unknown): Said | undefined => {
  const given = error as {
    status?: unknown
    message?: unknown
    response?: { headers?: Record<string, unknown> }
  }
  if (typeof given?.status !== 'number' || given.response === undefined) return undefined
  return {
    status: given.status,
    headers: given.response.headers ?? {},
    message: String(given.message ?? ''),
  }
}

/** Talks to one repository's GitHub as the token's owner. Throws Faults; those of a clear no are Refusals. */
export const openHttp = (config: GithubTrackerConfig, { clock }: { clock: Clock }): Http => {
  let connection: ReturnType<typeof connect> | undefined
  let blockedUntil: Instant = 0
  const kept = new Map<string, Kept>()
  const keep = (url: string, { etag, data, headers }: Kept): void => {
    kept.delete(url)
    if (etag !== '') kept.set(url, { etag, data, headers })
    for (const oldest of kept.keys()) {
      if (kept.size <= maxKept) break
      kept.delete(oldest)
    }
  }
  const connected = (): ReturnType<typeof connect> => {
    connection ??= connect(config).catch(error => {
      connection = undefined
      throw error
    })
    return connection
  }
  const failed = (what: string, error: unknown, isWrite: boolean): Fault | Refusal => {
    const said = saidIn(error)
    if (said === undefined) return noAnswer(what, error, isWrite)
    const until = limitedUntil(said, clock.now())
    if (until === undefined) return refusalOf(what, said, isWrite)
    blockedUntil = Math.max(blockedUntil, until)
    return limited(config.name, blockedUntil)
  }
  const send = async (asked: Asked<unknown>): Promise<Kept> => {
    const { method, body } = asked
    const isWrite = method !== 'GET'
    const url = urlOf(asked)
    const what = `${config.name}: ${method} ${asked.path}`
    const { octokit } = await connected()
    if (clock.now() < blockedUntil) throw limited(config.name, blockedUntil)
    const known = isWrite ? undefined : kept.get(url)
    try {
      const { status, data, headers } = await octokit.request(`${method} ${url}`, {
        ...(body === undefined ? {} : { data: body }),
        headers: {
          accept: 'application/vnd.github+json',
          'x-github-api-version': apiVersion,
          authorization: `Bearer ${config.token.reveal()}`,
          ...(known === undefined ? {} : { 'if-none-match': known.etag }),
        },
        // A write that got no answer may have been done: whoever asked looks for it first.
        ...(isWrite ? { request: { retries: 0 } } : {}),
      })
      if (Number(status) >= 300)
        throw refusalOf(what, { status, headers, message: 'it is elsewhere' }, isWrite)
      const fresh = { etag: isWrite ? '' : String(headers.etag ?? ''), data, headers }
      if (!isWrite) keep(url, fresh)
      return fresh
    } catch (error) {
      if (error instanceof Fault) throw error
      const said = saidIn(error)
      if (known !== undefined && said?.status === 304) {
        keep(url, known)
        return { ...known, headers: { ...known.headers, ...said.headers } }
      }
      throw failed(what, error, isWrite)
    }
  }
  return {
    async ask(asked) {
      const { data, headers } = await send(asked)
      const value = asked.answer.safeParse(data)
      if (value.success) return { value: value.data, header: name => String(headers[name] ?? '') }
      const issue = value.error.issues[0]
      throw new Fault(
        'malformed',
        'later',
        `${config.name}: ${asked.method} ${asked.path}: its answer is not what GitHub says: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
        {
          remedy:
            'Is trackers.….api the base of the REST API? For GitHub Enterprise Server it ends in /api/v3.',
        },
      )
    },
    async close() {
      const open = await connection?.catch(() => undefined)
      await open?.dispatcher.close()
    },
  }
}
