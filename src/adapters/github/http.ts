// One request to GitHub's REST API by octokit: paced and retried by its plugins, what has not changed is not sent again (ETag), and limits
// are kept. https://docs.github.com/rest
import type { Octokit } from 'octokit'
import type { Dispatcher, fetch } from 'undici'
import type { GithubTrackerConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Clock } from '../../ports/clock.ts'
import { dispatcherOf } from '../dispatcher.ts'
import { type Ask, asking, type Client } from './ask.ts'
import { trackerRemedies } from './fault.ts'

export type Http = {
  ask: Ask
  close(): Promise<void>
}

const answerMs: Millis = 60_000

/** Loaded when something is asked: the pages hardly ever do. */
const undici = () => import('undici')

/** `name`: who asks, for messages. */
export const wayOut = ({
  name,
  ...way
}: Pick<GithubTrackerConfig, 'name' | 'ca' | 'proxy'>): Promise<Dispatcher> =>
  dispatcherOf(way, {
    ...{ connectMs: 15_000, answerMs, largest: 64 << 20, connections: 4 },
    unread: ({ message }) => new Fault('refused', 'later', `${name}: its ca cannot be read: ${message}`),
  })

let clients = 0
const quiet = () => undefined

/** Waiting for a limit to pass would hold up all that comes behind: it is put off instead, and the pace is kept. */
export const putOff = { onRateLimit: () => false, onSecondaryRateLimit: () => false }

/** Of reads, after a second; who asks asks again later. */
export const retry = { retries: 1, doNotRetry: [304, 400, 401, 403, 404, 409, 410, 422, 429, 451] }

export const requestBy = (dispatcher: Dispatcher) => ({
  // A redirect of a write would become a read that succeeds.
  redirect: 'manual' as const,
  fetch: async (url: string, init: Parameters<typeof fetch>[1]) =>
    (await undici()).fetch(url, { ...init, dispatcher, signal: AbortSignal.timeout(answerMs) }),
})

/** octokit is large: it is loaded when something is asked. */
const connect = async (
  config: GithubTrackerConfig,
): Promise<{ octokit: Octokit; dispatcher: Dispatcher }> => {
  const dispatcher = await wayOut({ ...config, name: `tracker ${config.name}` })
  const { Octokit } = await import('octokit')
  clients += 1
  const octokit = new Octokit({
    baseUrl: config.api,
    userAgent: 'grapevine',
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    throttle: { id: `grapevine-${clients}`, ...putOff },
    ...{ retry, request: requestBy(dispatcher) },
  })
  return { octokit, dispatcher }
}

/** Talks to one repository's GitHub as the token's owner. Throws Faults; those of a clear no are Refusals. */
export const openHttp = (config: GithubTrackerConfig, { clock }: { clock: Clock }): Http => {
  let connection: ReturnType<typeof connect> | undefined
  const connected = (): ReturnType<typeof connect> => {
    connection ??= connect(config).catch(error => {
      connection = undefined
      throw error
    })
    return connection
  }
  return {
    ask: asking({
      ...{ name: config.name, clock, remedies: trackerRemedies },
      client: async () => (await connected()).octokit as Client,
      headers: () => ({ authorization: `Bearer ${config.token.reveal()}` }),
    }),
    async close() {
      const open = await connection?.catch(() => undefined)
      await open?.dispatcher.close()
    },
  }
}
