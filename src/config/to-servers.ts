// The parts of a Config about other people's servers, and ours: pages, the GitHub App, trackers.
import type { Config, GithubAppConfig, LoginConfig, TrackerConfig } from './config.ts'
import { type Context, inFolder, secretOf, withoutSlash } from './context.ts'
import type { Path } from './problem.ts'
import type { ConfigFile } from './schema.ts'

export const toWeb = (web: ConfigFile['web'], context: Context): Config['web'] => {
  const { listen, url, proxies, metrics, hooks } = web
  const at = listen.lastIndexOf(':')
  const host = listen.slice(0, at).replace(/^\[|\]$/g, '')
  const { folder } = context
  return {
    ...{ host, port: Number(listen.slice(at + 1)), url: url && withoutSlash(url), metrics, proxies },
    login: toWebLogin(web.login, context),
    hooks: hooks.map((hook, index) => ({
      ...{ name: hook.name, url: hook.url, events: hook.events, ca: inFolder(hook.ca, folder) },
      secret: secretOf(context, ['web', 'hooks', index, 'secret']),
    })),
  }
}

const toWebLogin = (
  { session, submitters, github, oidc }: ConfigFile['web']['login'],
  context: Context,
): LoginConfig => ({
  ...{ sessionMs: session, submitters },
  github: github && { ...github, secret: secretOf(context, ['web', 'login', 'github', 'secret']) },
  oidc: oidc && {
    ...{ issuer: oidc.issuer, client: oidc.client, operators: oidc.operators },
    secret: secretOf(context, ['web', 'login', 'oidc', 'secret']),
    ca: inFolder(oidc.ca, context.folder),
  },
})

export const toGithub = (given: NonNullable<ConfigFile['github']>, context: Context): GithubAppConfig => ({
  ...{ id: given.app, api: withoutSlash(given.api), site: withoutSlash(given.site) },
  key: secretOf(context, ['github', 'key']),
  secret: secretOf(context, ['github', 'secret']),
  ...{ ca: inFolder(given.ca, context.folder), proxy: given.proxy },
})

export const toTracker = (
  name: string,
  tracker: ConfigFile['trackers'][string],
  { path, ...context }: Context & { path: Path },
): TrackerConfig => {
  const { proxy, expires: keyExpires } = tracker
  const common = { name, ca: inFolder(tracker.ca, context.folder), proxy, keyExpires }
  const secretAt = (key: string) => secretOf(context, [...path, key])
  if (tracker.kind === 'github') {
    const { kind, repository, api } = tracker
    return { ...common, kind, repository, api: withoutSlash(api), token: secretAt('token') }
  }
  const { kind, url, login } = tracker
  return { ...common, kind, url: `${withoutSlash(url)}/`, login, key: secretAt('key') }
}
