// A conversation with a Redfish service: logs in, asks, and logs out, as BMCs have few sessions to give. Used by redfish.ts.
import type { Agent } from 'undici'
import { z } from 'zod'
import { Fault, type FaultKind } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'

export type Redfish = {
  /** Of the BMC, without "/" at its end. */
  url: string
  user: string
  /** Asked for at each login. */
  password: () => string
  /** PEM of the authority that signed its certificate, or that certificate; undefined: those that Node.js knows. */
  ca: string | undefined
  timeoutMs?: Millis
}

export type RedfishSession = {
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>
  /** `of`: the resource that is changed by it, whose ETag some services want to see. */
  post(path: string, body: object, of: string): Promise<void>
  fault(kind: FaultKind, words: string, more?: { remedy?: string; cause?: unknown }): Fault
}

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: string }
type Send = (method: 'GET' | 'POST' | 'DELETE', path: string, more?: Sent) => Promise<Answer>
type Sent = { body?: object; headers?: Record<string, string> }

const sessionsPath = '/redfish/v1/SessionService/Sessions'
const mostBytes = 1024 * 1024

/** Loaded when something is asked: the pages hardly ever do. */
const undici = () => import('undici')

/** Logs in, lets `act` ask, and logs out whatever happens. */
export const withSession = async <T>(
  given: Redfish,
  act: (session: RedfishSession) => Promise<T>,
): Promise<T> => {
  const { url, ca, timeoutMs = 60_000 } = given
  const { Agent } = await undici()
  const agent = new Agent({ connect: { ...(ca === undefined ? {} : { ca }), timeout: 15_000 } })
  const send = sender(given, agent, AbortSignal.timeout(timeoutMs))
  try {
    const { headers, leave } = await login(given, send)
    try {
      return await act(
        sessionOf(url, (method, path, more = {}) =>
          send(method, path, { ...more, headers: { ...headers, ...more.headers } }),
        ),
      )
    } finally {
      await leave()
    }
  } finally {
    await agent.destroy()
  }
}

const faultAt =
  (url: string): RedfishSession['fault'] =>
  (kind, words, more = {}) =>
    new Fault(kind, kind === 'malformed' ? 'never' : 'later', `Redfish ${new URL(url).host}: ${words}`, more)

/** The address of a path that the service named: another machine than the one that was configured gets no password. */
const within = (url: string, path: string): string => {
  const whole = new URL(path, `${url}/`)
  if (whole.origin === new URL(url).origin) return whole.href
  throw faultAt(url)('malformed', `it points to another machine: ${oneLine(path, 100)}`)
}

const sender =
  ({ url }: Redfish, agent: Agent, signal: AbortSignal): Send =>
  async (method, path, { body, headers = {} } = {}) => {
    try {
      const { request } = await undici()
      const answer = await request(within(url, path), {
        ...{ method, signal, dispatcher: agent },
        headers: {
          accept: 'application/json',
          'odata-version': '4.0',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const chunks: Buffer[] = []
      let size = 0
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > mostBytes) throw faultAt(url)('malformed', 'its answer is longer than 1 MiB')
        chunks.push(chunk)
      }
      const text = Buffer.concat(chunks).toString()
      return { status: answer.statusCode, headers: answer.headers, body: text }
    } catch (error) {
      throw lost(url, error, signal)
    }
  }

const lost = (url: string, error: unknown, signal: AbortSignal): Fault => {
  if (error instanceof Fault) return error
  const fault = faultAt(url)
  if (signal.aborted) return fault('timeout', 'no answer in time', { cause: error })
  const words = oneLine(error instanceof Error ? error.message || error.name : String(error))
  if (/certificate|self[- ]signed|altnames/i.test(words))
    return fault('refused', `its certificate is not trusted: ${words}`, {
      cause: error,
      remedy: 'name the authority that signed it, or the certificate itself, as farm.hosts: ca (PEM)',
    })
  return fault('unreachable', words, {
    cause: error,
    remedy: 'check that the BMC has power and network, and farm.hosts: url',
  })
}

/** DSP0266 "Redfish session login authentication"; services without sessions, or with none left, take the password each time (Basic). */
const login = async (
  { url, user, password }: Redfish,
  send: Send,
): Promise<{ headers: Record<string, string>; leave: () => Promise<void> }> => {
  const secret = password()
  const answer = await send('POST', sessionsPath, { body: { UserName: user, Password: secret } })
  const [token] = [answer.headers['x-auth-token']].flat()
  if (answer.status < 300 && token !== undefined) {
    const headers = { 'x-auth-token': token }
    const [place] = [answer.headers.location].flat()
    // A session that stays ends by itself after a while.
    const leave = async () => {
      if (place !== undefined) await send('DELETE', place, { headers }).catch(() => {})
    }
    return { headers, leave }
  }
  if (answer.status === 401 || answer.status === 403) throw refusal(url, 'log in', answer)
  const basic = Buffer.from(`${user}:${secret}`).toString('base64')
  return { headers: { authorization: `Basic ${basic}` }, leave: async () => {} }
}

const sessionOf = (url: string, send: Send): RedfishSession => {
  const fault = faultAt(url)
  return {
    fault,
    async get(path, schema) {
      const answer = await send('GET', path)
      if (answer.status !== 200) throw refusal(url, path, answer)
      const parsed = schema.safeParse(asJson(answer.body))
      if (parsed.success) return parsed.data
      throw fault('malformed', `${oneLine(path, 100)} is not what Redfish says it is`, {
        cause: parsed.error,
      })
    },
    async post(path, body, of) {
      const first = await send('POST', path, { body })
      // 412 and 428: it wants to know that we have seen the newest state (RFC 9110 §13.1.1).
      const answer =
        first.status === 412 || first.status === 428
          ? await send('POST', path, { body, headers: await match(send, of) })
          : first
      if (answer.status >= 300) throw refusal(url, path, answer)
    },
  }
}

const match = async (send: Send, path: string): Promise<Record<string, string>> => {
  const [etag] = [(await send('GET', path)).headers.etag].flat()
  return { 'if-match': etag ?? '*' }
}

const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const ErrorBody = z.object({
  error: z.object({
    message: z.string().optional(),
    '@Message.ExtendedInfo': z.array(z.object({ Message: z.string().optional() })).optional(),
  }),
})

const refusal = (url: string, what: string, { status, body }: Answer): Fault => {
  const fault = faultAt(url)
  const parsed = ErrorBody.safeParse(asJson(body))
  const told = parsed.success
    ? (parsed.data.error['@Message.ExtendedInfo']?.find(({ Message }) => Message)?.Message ??
      parsed.data.error.message)
    : undefined
  const words = `${oneLine(what, 100)}: status ${status}${told === undefined ? '' : `: ${oneLine(told.slice(0, 800), 200)}`}`
  if (status === 401) return fault('refused', words, { remedy: 'check farm.hosts: user and password' })
  if (status === 403)
    return fault('refused', words, { remedy: 'give the user the right Operator or Administrator in the BMC' })
  return fault(status >= 500 ? 'unreachable' : 'refused', words)
}
