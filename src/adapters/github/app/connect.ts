// The App and its installations, by probot: each repository is asked as the installation that holds it. Loaded when something is asked first.
import { createPrivateKey } from 'node:crypto'
import type { Probot } from 'probot'
import type { Dispatcher } from 'undici'
import type { GithubAppConfig } from '../../../config/config.ts'
import { Fault } from '../../../model/fault.ts'
import type { Repository } from '../../../model/forge.ts'
import type { Instant, Millis } from '../../../model/instant.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Remote } from '../../../ports/forge.ts'
import { type Answered, type Ask, type Asked, asking, type Client } from '../ask.ts'
import { orGone, Refusal, type Remedies } from '../fault.ts'
import { putOff, requestBy, retry, wayOut } from '../http.ts'
import { accessToken, installation } from './answers.ts'

const name = 'GitHub App'

export const appRemedies: Remedies = {
  login: 'github.app and github.key must be of the same App, and the clock of this machine right.',
  ca: 'github.ca names the authority that signed its certificate.',
  api: 'Is github.api the base of the REST API? For GitHub Enterprise Server it ends in /api/v3.',
}

const quiet = () => undefined

/** probot speaks of what it does by itself; we say it by Faults. */
const silent: Record<string, unknown> = {
  ...{ trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, fatal: quiet },
  child: () => silent,
}

type ProbotOptions = NonNullable<ConstructorParameters<typeof Probot>[0]>

const keyOf = ({ key }: GithubAppConfig): string => {
  const pem = key.reveal()
  try {
    createPrivateKey(pem)
    return pem
  } catch {
    throw new Fault('refused', 'never', `${name}: github.key is no private key (PEM)`, {
      remedy: 'Download it anew from the page of the App, under "Private keys".',
    })
  }
}

/** Constructed only where somebody configured it. Faults: refused (key, ca). */
export const openProbot = async (
  config: GithubAppConfig,
  { isPaced = true }: Pick<AppOptions, 'isPaced'> = {},
): Promise<{ probot: Probot; dispatcher: Dispatcher }> => {
  const privateKey = keyOf(config)
  const secret = config.secret.reveal()
  if (secret === '') throw new Fault('refused', 'never', `${name}: github.secret is empty`)
  const dispatcher = await wayOut({ ...config, name })
  const { Probot, ProbotOctokit } = await import('probot')
  const probot = new Probot({
    ...{ appId: config.id, privateKey, secret, baseUrl: config.api },
    log: silent as unknown as NonNullable<ProbotOptions['log']>,
    // probot's own handlers would wait for hours.
    Octokit: ProbotOctokit.defaults((given: { throttle?: object }) => ({
      ...{ ...given, retry, userAgent: 'grapevine' },
      throttle: { ...given.throttle, enabled: isPaced, ...putOff },
    })),
    request: requestBy(dispatcher) as NonNullable<ProbotOptions['request']>,
  })
  await probot.ready()
  return { probot, dispatcher }
}

const hour: Millis = 3_600_000
const tenMinutes: Millis = 600_000

type Place = { id: number; ask: Ask; at: Instant }

export type AppHttp = {
  /** As the App itself. */
  ask: Ask
  /** As its installation in that repository. */
  askIn<T>(repository: Repository, asked: Asked<T>): Promise<Answered<T>>
  remote(repository: Repository): Promise<Remote>
  close(): Promise<void>
}

export const pathOf = (repository: Repository): string => {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || repository.split('/').some(word => /^\.+$/.test(word)))
    throw new Fault('malformed', 'never', `${name}: "${repository.slice(0, 100)}" is no owner/name`)
  return `/repos/${repository}`
}

export type AppOptions = {
  clock: Clock
  /** Does git write there? Elsewhere its token is for reading. */
  pushesTo(repository: Repository): boolean
  /** false: a server without limits, as those of one's own are by default; else it is one write in a second. */
  isPaced?: boolean
}

/** Talks to GitHub as the App. Throws Faults; those of a clear no are Refusals. */
export const openApp = (
  config: GithubAppConfig,
  { clock, pushesTo, isPaced = true }: AppOptions,
): AppHttp => {
  let connection: ReturnType<typeof openProbot> | undefined
  const connected = (): ReturnType<typeof openProbot> => {
    connection ??= openProbot(config, { isPaced }).catch(error => {
      connection = undefined
      throw error
    })
    return connection
  }
  const clientOf = async (id?: number): Promise<Client> =>
    (await (await connected()).probot.auth(id)) as unknown as Client
  const ask = asking({ name, clock, remedies: appRemedies, client: () => clientOf() })
  const places = new Map<Repository, Place>()
  const tokens = new Map<Repository, { token: string; until: Instant }>()
  /** One for each installation: limits and ETags are its own. */
  const asks = new Map<number, Ask>()

  const placeOf = async (repository: Repository): Promise<Place> => {
    const known = places.get(repository)
    if (known && clock.now() < known.at + hour) return known
    const path = `${pathOf(repository)}/installation`
    const found = await orGone(ask({ method: 'GET', path, answer: installation }))
    if (found === undefined)
      throw new Fault('refused', 'later', `${name}: it is not installed in ${repository}`, {
        remedy: installRemedy(config),
      })
    const { value } = found
    if (value.suspended_at != null)
      throw new Fault('refused', 'later', `${name}: its installation in ${repository} is suspended`)
    const own =
      asks.get(value.id) ?? asking({ name, clock, remedies: appRemedies, client: () => clientOf(value.id) })
    asks.set(value.id, own)
    const place = { id: value.id, ask: own, at: clock.now() }
    places.set(repository, place)
    return place
  }
  /** Installed anew, or with another key: looked for once more by whoever asks next. */
  const forget = (repository: Repository, error: unknown): never => {
    if (error instanceof Refusal && [401, 403, 404].includes(error.status)) places.delete(repository)
    throw error
  }
  return {
    ask,
    async askIn(repository, asked) {
      const place = await placeOf(repository)
      return place.ask(asked).catch(error => forget(repository, error))
    },
    async remote(repository) {
      const known = tokens.get(repository)
      const fresh = known && clock.now() < known.until ? known : await tokenFor(repository)
      tokens.set(repository, fresh)
      const basic = Buffer.from(`x-access-token:${fresh.token}`).toString('base64')
      const { ca, proxy } = config
      return {
        ...{ url: `${config.site}/${repository}.git`, header: `Authorization: Basic ${basic}` },
        ...(ca === undefined ? {} : { ca }),
        ...(proxy === undefined ? {} : { proxy }),
      }
    },
    async close() {
      const open = await connection?.catch(() => undefined)
      await open?.dispatcher.close()
    },
  }

  /** For git alone: of one repository, and for its contents only. */
  async function tokenFor(repository: Repository): Promise<{ token: string; until: Instant }> {
    const { id } = await placeOf(repository)
    const contents = pushesTo(repository) ? 'write' : 'read'
    const of = { repositories: [repository.split('/')[1] ?? ''], permissions: { contents } }
    const path = `/app/installations/${id}/access_tokens`
    const { value } = await ask({ method: 'POST', path, body: of, answer: accessToken }).catch(error =>
      forget(repository, error),
    )
    return { token: value.token, until: Math.min(value.expires_at - tenMinutes, clock.now() + hour) }
  }
}

const installRemedy = ({ site }: GithubAppConfig): string =>
  `Install it there: its page below ${site}/settings/apps, "Install App".`
