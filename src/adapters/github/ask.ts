// One question to GitHub's REST API, whoever asks: what has not changed is not sent again (ETag), limits are kept, and what goes wrong is a
// Fault. https://docs.github.com/rest
import type { z } from 'zod'
import { Fault } from '../../model/fault.ts'
import type { Instant } from '../../model/instant.ts'
import type { Clock } from '../../ports/clock.ts'
import { limited, limitedUntil, noAnswer, type Remedies, refusalOf, type Said } from './fault.ts'

export type Asked<T> = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Path below the API, beginning with "/"; what stands in it is encoded. */
  path: string
  query?: Record<string, string | number>
  body?: Record<string, unknown>
  answer: z.ZodType<T>
}

export type Answered<T> = { value: T; header(name: string): string }

export type Ask = <T>(asked: Asked<T>) => Promise<Answered<T>>

/** As much of octokit as is used. */
export type Client = {
  request(
    route: string,
    given: Record<string, unknown>,
  ): Promise<{ status: number; data: unknown; headers: Record<string, unknown> }>
}

export type Asking = {
  /** Who asks, for messages. */
  name: string
  clock: Clock
  remedies: Remedies
  client(): Promise<Client>
  headers?(): Record<string, string>
}

const apiVersion = '2022-11-28'
const maxKept = 200

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

/** What has an ETag, by its address; the oldest go. */
const keeper = () => {
  const kept = new Map<string, Kept>()
  return {
    get: (url: string) => kept.get(url),
    keep(url: string, { etag, data, headers }: Kept): void {
      kept.delete(url)
      if (etag !== '') kept.set(url, { etag, data, headers })
      for (const oldest of kept.keys()) {
        if (kept.size <= maxKept) break
        kept.delete(oldest)
      }
    },
  }
}

/** Throws Faults; those of a clear no are Refusals. */
export const asking = ({ name, clock, remedies, client, headers: own = () => ({}) }: Asking): Ask => {
  let blockedUntil: Instant = 0
  const kept = keeper()
  const failed = (of: { what: string; isWrite: boolean; remedies: Remedies }, error: unknown): Fault => {
    const said = saidIn(error)
    if (said === undefined) return noAnswer(of, error)
    const until = limitedUntil(said, clock.now())
    if (until === undefined) return refusalOf(of, said)
    blockedUntil = Math.max(blockedUntil, until)
    return limited(name, blockedUntil)
  }
  const send = async (asked: Asked<unknown>): Promise<Kept> => {
    const { method, body } = asked
    const isWrite = method !== 'GET'
    const url = urlOf(asked)
    const of = { what: `${name}: ${method} ${asked.path}`, isWrite, remedies }
    const { request } = await client()
    if (clock.now() < blockedUntil) throw limited(name, blockedUntil)
    const known = isWrite ? undefined : kept.get(url)
    try {
      const { status, data, headers } = await request(`${method} ${url}`, {
        ...(body === undefined ? {} : { data: body }),
        headers: {
          accept: 'application/vnd.github+json',
          'x-github-api-version': apiVersion,
          ...own(),
          ...(known === undefined ? {} : { 'if-none-match': known.etag }),
        },
        // A write that got no answer may have been done: whoever asked looks for it first.
        ...(isWrite ? { request: { retries: 0 } } : {}),
      })
      if (Number(status) >= 300) throw refusalOf(of, { status, headers, message: 'it is elsewhere' })
      const fresh = { etag: isWrite ? '' : String(headers.etag ?? ''), data, headers }
      if (!isWrite) kept.keep(url, fresh)
      return fresh
    } catch (error) {
      if (error instanceof Fault) throw error
      const said = saidIn(error)
      if (known !== undefined && said?.status === 304) {
        kept.keep(url, known)
        return { ...known, headers: { ...known.headers, ...said.headers } }
      }
      throw failed(of, error)
    }
  }
  return async asked => {
    const { data, headers } = await send(asked)
    const value = asked.answer.safeParse(data)
    if (value.success) return { value: value.data, header: header => String(headers[header] ?? '') }
    const issue = value.error.issues[0]
    throw new Fault(
      'malformed',
      'later',
      `${name}: ${asked.method} ${asked.path}: its answer is not what GitHub says: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
      { remedy: remedies.api },
    )
  }
}
