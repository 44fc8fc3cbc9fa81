// Who else vouches for people who log in, by the configuration.
import { githubDoor } from '../adapters/oidc/github.ts'
import { openidDoor } from '../adapters/oidc/openid.ts'
import type { Config } from '../config/config.ts'
import type { Door } from '../ports/login.ts'

export type Doors = { github: Door | undefined; oidc: Door | undefined }

/** Connects to nothing yet; a secret that cannot be read is said by whoever needs it. */
export const doorsOf = ({ web: { login }, github }: Pick<Config, 'web' | 'github'>): Doors => ({
  github: login.github && {
    ...lazily(() => login.github && githubDoor({ ...login.github, ...siteOf(github) })),
  },
  oidc: login.oidc && { ...lazily(() => login.oidc && openidDoor(login.oidc)) },
})

const siteOf = (github: Config['github']) => ({
  site: github?.site ?? 'https://github.com',
  api: github?.api ?? 'https://api.github.com',
  ca: github?.ca,
  proxy: github?.proxy,
})

/** Made when somebody logs in by it: its secret may be a file that comes later. */
const lazily = (make: () => Door | undefined): Door => {
  let made: Door | undefined
  const door = (): Door => {
    made ??= make()
    if (!made) throw new Error('a door that nobody configured')
    return made
  }
  return { begin: async back => door().begin(back), end: async given => door().end(given) }
}
