// Who else vouches for people who log in, by the configuration.
import type { Config } from '../config/config.ts'
import type { Door } from '../ports/login.ts'

export type Doors = { github: Door | undefined; oidc: Door | undefined }

/** Connects to nothing yet; a secret that cannot be read is said by whoever needs it. */
export const doorsOf = ({ web: { login }, github }: Pick<Config, 'web' | 'github'>): Doors => ({
  github:
    login.github &&
    lazily(async given => (await import('../adapters/oidc/github.ts')).githubDoor(given), {
      ...login.github,
      ...siteOf(github),
    }),
  oidc:
    login.oidc &&
    lazily(async given => (await import('../adapters/oidc/openid.ts')).openidDoor(given), login.oidc),
})

const siteOf = (github: Config['github']) => ({
  site: github?.site ?? 'https://github.com',
  api: github?.api ?? 'https://api.github.com',
  ca: github?.ca,
  proxy: github?.proxy,
})

/** Loaded and made when somebody logs in by it: its secret may be a file that comes later. */
const lazily = <Given>(make: (given: Given) => Promise<Door>, given: Given): Door => {
  let making: Promise<Door> | undefined
  const door = (): Promise<Door> => {
    making ??= make(given).catch(error => {
      making = undefined
      throw error
    })
    return making
  }
  return { begin: async back => (await door()).begin(back), end: async told => (await door()).end(told) }
}
