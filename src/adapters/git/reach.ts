// How git is let in by a forge: by a header that stands in the environment, never in an argument that all users of a machine can read, and for
// that server alone. Used by pull.ts.
import type { Remote } from '../../ports/forge.ts'
import { environment } from './run.ts'

const isLoopback = (url: string): boolean =>
  /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?\//.test(url)

/** For `runGit`: git-config(1), GIT_CONFIG_COUNT. A redirect is not followed: the header would go along. */
export const reachEnvironment = ({ url, header, ca, proxy }: Remote): Record<string, string> => {
  const server = URL.canParse(url) ? `${new URL(url).origin}/` : undefined
  const settings: [string, string][] = [
    ['http.followRedirects', 'false'],
    ['credential.helper', ''],
    ...(server === undefined || header === ''
      ? []
      : [[`http.${server}.extraHeader`, header] as [string, string]]),
    ...(proxy === undefined ? [] : [['http.proxy', proxy] as [string, string]]),
  ]
  const variables = settings.flatMap(([key, value], n) => [
    [`GIT_CONFIG_KEY_${n}`, key],
    [`GIT_CONFIG_VALUE_${n}`, value],
  ])
  return {
    ...Object.fromEntries(variables),
    GIT_CONFIG_COUNT: String(settings.length),
    // Wins over `http.sslCAInfo`: one that this machine has set would, too.
    ...(ca === undefined ? {} : { GIT_SSL_CAINFO: ca }),
    // What was told to go through a proxy does so, whatever the machine's other programs do.
    ...(proxy === undefined ? {} : { NO_PROXY: '', no_proxy: '' }),
    // In the clear only where nobody else listens.
    ...(isLoopback(url) ? { GIT_ALLOW_PROTOCOL: `${environment.GIT_ALLOW_PROTOCOL}:http` } : {}),
  }
}
