// The doctor's look at the pages: can they be served, are they found where mails say, who can log in, and whom do webhooks reach?
import { createPrivateKey } from 'node:crypto'
import { createServer } from 'node:net'
import type { Config, HookConfig } from '../../config/config.ts'
import { plural } from '../../model/words.ts'
import { oneLine } from '../../text/clean.ts'
import { type Answer, advice, bad, type Check, fine } from './check.ts'

const deadlineMs = 10_000
const answerMs = 4_000

/** What /healthz of the pages says. */
const isOurs = async (url: string, signal: AbortSignal): Promise<string | undefined> => {
  const either = AbortSignal.any([signal, AbortSignal.timeout(answerMs)])
  const answer = await fetch(`${url}/healthz`, { redirect: 'manual', signal: either }).catch(error => error)
  if (answer instanceof Error) return `does not answer (${oneLine(reasonOf(answer), 120)})`
  const health = await readJson(answer).catch(() => undefined)
  if (!isHealth(health)) return `answers with status ${answer.status}, and not as the pages do`
  return health.ok ? undefined : 'is served, but can show nothing: see "database"'
}

const reasonOf = ({ message, cause }: Error): string => (cause instanceof Error ? cause.message : message)

/** As web/app.ts says it. */
const isHealth = (said: unknown): said is { ok: boolean } =>
  typeof said === 'object' &&
  said !== null &&
  'ok' in said &&
  'database' in said &&
  typeof said.ok === 'boolean'

/** Whoever listens there may send without end: the first piece is all that is read. */
const readJson = async ({ body }: Response): Promise<unknown> => {
  const reader = body?.getReader()
  const chunk = await reader?.read()
  await reader?.cancel()
  return JSON.parse(Buffer.from(chunk?.value ?? []).toString())
}

/** undefined: it can be. */
const cannotBind = (host: string, port: number): Promise<string | undefined> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })

const localUrl = (host: string, port: number): string => {
  const to = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${to.includes(':') ? `[${to}]` : to}:${port}`
}

const askListen = async ({ host, port }: Config['web'], signal: AbortSignal): Promise<Answer> => {
  const where = `${host}:${port}`
  const why = await cannotBind(host, port)
  if (why === undefined) return fine(`${where} is free; "grapevine web" serves them there`)
  if (why === 'EADDRINUSE')
    return (await isOurs(localUrl(host, port), signal)) === undefined
      ? fine(`are served at ${where}`)
      : advice(`another program listens at ${where}`, 'Give web.listen another port, or end that program.')
  if (why === 'EADDRNOTAVAIL')
    return advice(`${host} is no address of this machine`, 'Set web.listen to an address that it has.')
  if (why === 'EACCES')
    return advice(`${where} may not be listened at`, 'Use a port above 1023 in web.listen, behind a proxy.')
  return advice(`${where} cannot be listened at: ${why}`, 'Look at web.listen.')
}

const askUrl = async (url: string, signal: AbortSignal): Promise<Answer> => {
  const why = await isOurs(url, signal)
  return why === undefined
    ? fine(`are found at ${url}`)
    : advice(
        `${url} ${why}`,
        'Mails link to it: start "grapevine web", and have the proxy pass on to web.listen, or correct web.url.',
      )
}

const askLogin = ({ operators, web }: Config): Answer => {
  const { github, oidc, submitters } = web.login
  const ways = [
    ...(web.url !== undefined && operators.length > 0
      ? [`by a mailed link (${plural(operators.length, 'operator')})`]
      : []),
    ...(github ? [`by GitHub (${plural(github.operators.length, 'operator')})`] : []),
    ...(oidc ? [`by ${oneLine(oidc.issuer, 100)} (${plural(oidc.operators.length, 'operator')})`] : []),
  ]
  const count = operators.length + (github?.operators.length ?? 0) + (oidc?.operators.length ?? 0)
  if (ways.length === 0)
    return advice(
      'nobody can',
      'Set web.url, and name operators: a mailed link logs them in. Reading needs no login.',
    )
  if (count === 0)
    return advice(`${ways.join(', ')}, but nobody is an operator`, 'Name operators in the configuration.')
  return fine(`${ways.join(', ')}${submitters.length > 0 ? '; others to hand in patches' : ''}`)
}

const isAddress = ({ url }: HookConfig): boolean =>
  URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)

const askHooks = (hooks: HookConfig[]): Answer => {
  const wrong = hooks.filter(hook => !isAddress(hook)).map(({ name }) => oneLine(name, 60))
  return wrong.length > 0
    ? advice(
        `no address of the web: ${wrong.join(', ')}`,
        'Give each of web.hooks a url that begins with https://.',
      )
    : fine(plural(hooks.length, 'webhook'))
}

const askKey = (key: string): Answer => {
  try {
    createPrivateKey(key)
    return fine('the private key can be used')
  } catch {
    return bad('github.key is no private key', 'Give it the PEM file that GitHub made for the App, as it is.')
  }
}

/** Of the pages all is advice: patches are tested without them. */
export const pageChecks = (config: Config): Check[] => {
  const { web, github } = config
  const { url, hooks } = web
  return [
    { name: 'pages', deadlineMs, ask: signal => askListen(web, signal) },
    ...(url === undefined
      ? []
      : [{ name: 'pages, for readers', deadlineMs, ask: (signal: AbortSignal) => askUrl(url, signal) }]),
    { name: 'pages, to log in', deadlineMs, ask: () => askLogin(config) },
    ...(github === undefined
      ? []
      : [{ name: 'GitHub App', deadlineMs, ask: () => askKey(github.key.reveal()) }]),
    ...(hooks.length === 0 ? [] : [{ name: 'webhooks out', deadlineMs, ask: () => askHooks(hooks) }]),
  ]
}
