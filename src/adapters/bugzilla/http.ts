// One request to a Bugzilla's REST interface: over TLS, through a proxy, with the key where this version reads it; errors become Faults.
import type { Dispatcher } from 'undici'
import { z } from 'zod'
import type { BugzillaConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Clock } from '../../ports/clock.ts'
import { dispatcherOf } from '../dispatcher.ts'
import { noAnswer, refusalOf, strangeAnswer } from './fault.ts'
import { type Rate, rateLimit } from './limit.ts'

/** Where a version reads the key from. 5.0 and 5.2 read no header: they answer as if to anybody, and do not say so. */
export type KeyWay = 'header' | 'query'

export type Asked<T> = {
  method: 'GET' | 'POST' | 'PUT'
  /** Below `rest/`. */
  path: string
  query?: Record<string, string | string[]>
  body?: Record<string, unknown>
  answer: z.ZodType<T>
}

/** What came back, and what time it was there then. */
export type Answered<T> = { value: T; at: Instant }

export type Http = {
  ask<T>(asked: Asked<T>, key: KeyWay | undefined): Promise<Answered<T>>
  close(): Promise<void>
}

const answerMs: Millis = 60_000
const maxAnswerBytes = 64 * 1024 * 1024

const errorBody = z.object({
  error: z.literal([true, 1]),
  code: z.coerce.number().catch(0),
  message: z.string().catch('no reason given'),
})

/** Loaded when something is asked: the pages hardly ever do. */
const undici = () => import('undici')

const connect = (config: BugzillaConfig): Promise<Dispatcher> =>
  dispatcherOf(config, {
    ...{ connectMs: 15_000, answerMs, largest: maxAnswerBytes, connections: 4 },
    unread: ({ message }) =>
      new Fault('refused', 'later', `tracker ${config.name}: its ca cannot be read: ${message}`),
  })

const urlOf = (
  { url }: BugzillaConfig,
  { path, query = {} }: Pick<Asked<unknown>, 'path' | 'query'>,
): URL => {
  const full = new URL(`rest/${path}`, url)
  for (const [name, values] of Object.entries(query))
    for (const value of [values].flat()) full.searchParams.append(name, value)
  return full
}

/** Talks to one Bugzilla. Its Faults never hold the key, nor an address with one. */
export const openHttp = (config: BugzillaConfig, { clock, rate }: { clock: Clock; rate: Rate }): Http => {
  let dispatcher: Promise<Dispatcher> | undefined
  const turn = rateLimit(clock, rate)
  const connected = async () => {
    dispatcher ??= connect(config)
    return dispatcher.catch(error => {
      dispatcher = undefined
      throw error
    })
  }
  return {
    async ask(asked, way) {
      const key = config.key.reveal()
      const isWrite = asked.method !== 'GET'
      const what = `${config.name}: ${asked.method} rest/${asked.path}`
      const through = await connected()
      await turn({ waits: !isWrite })
      const sent = await send(config, { asked, way, key, through }).catch(error => {
        throw noAnswer(what, error, { isWrite, key })
      })
      return read(asked, sent, { what, config, key, now: clock.now() })
    },
    async close() {
      await (await dispatcher?.catch(() => undefined))?.destroy()
    },
  }
}

type Sent = { status: number; date: string; location: string; text: string }

const send = async (
  config: BugzillaConfig,
  {
    asked,
    way,
    key,
    through,
  }: { asked: Asked<unknown>; way: KeyWay | undefined; key: string; through: Dispatcher },
): Promise<Sent> => {
  const { method, body } = asked
  const url = urlOf(config, asked)
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'grapevine' }
  if (way === 'header') headers['x-bugzilla-api-key'] = key
  // Addresses stand in the logs of servers and proxies; what writes has a body for it.
  if (way === 'query' && body === undefined) url.searchParams.set('Bugzilla_api_key', key)
  if (body !== undefined) headers['content-type'] = 'application/json'
  const content = way === 'query' ? { ...body, Bugzilla_api_key: key } : body
  const { request } = await undici()
  const answer = await request(url, {
    ...{ method, headers, dispatcher: through },
    ...(body === undefined ? {} : { body: JSON.stringify(content) }),
  })
  const text = await answer.body.text()
  const header = (name: string) => String(answer.headers[name] ?? '')
  return { status: answer.statusCode, date: header('date'), location: header('location'), text }
}

const read = <T>(
  { answer }: Asked<T>,
  { status, date, location, text }: Sent,
  { what, config, key, now }: { what: string; config: BugzillaConfig; key: string; now: Instant },
): Answered<T> => {
  if (status >= 300 && status < 400) {
    const to = URL.canParse(location) ? ` to ${new URL(location).origin}` : ''
    throw strangeAnswer(what, status, `it leads on${to}, which is not followed, as the key would go there`)
  }
  const body = parsed(text)
  if (body === undefined) throw strangeAnswer(what, status, 'its answer is not JSON')
  const error = errorBody.safeParse(body)
  if (error.success) {
    const { code, message } = error.data
    throw refusalOf(what, { code, message: message.replaceAll(key, '***') }, config)
  }
  if (status >= 400) throw strangeAnswer(what, status, 'it does not say why')
  const value = answer.safeParse(body)
  if (!value.success) {
    const issue = value.error.issues[0]
    throw new Fault(
      'malformed',
      'later',
      `${what}: its answer is not what Bugzilla says: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    )
  }
  const at = Date.parse(date)
  return { value: value.data, at: Number.isNaN(at) ? now : at }
}

const parsed = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text)
    return value === null ? undefined : value
  } catch {
    return undefined
  }
}
