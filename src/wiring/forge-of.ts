// GitHub, as the configuration names it, behind its ports.
import { githubForge, type RepositoryUse } from '../adapters/github/app/forge.ts'
import { githubHook } from '../adapters/github/app/hook.ts'
import type { Config } from '../config/config.ts'
import type { Clock } from '../ports/clock.ts'
import type { Forge, ForgeHook } from '../ports/forge.ts'

/** What it has to do in which repository, each once. */
export const usesOf = ({ projects }: Pick<Config, 'projects'>): RepositoryUse[] => {
  const uses = projects.flatMap(({ github }): RepositoryUse[] => [
    ...(github?.pulls === undefined ? [] : [{ repository: github.pulls, use: 'pulls' as const }]),
    ...(github?.series === undefined ? [] : [{ repository: github.series, use: 'series' as const }]),
  ])
  return [...new Map(uses.map(one => [`${one.use} ${one.repository}`, one])).values()]
}

/** undefined: there is none in the configuration, and nothing of it is loaded. Nothing is asked yet. */
export const forgeOf = (config: Config, clock: Clock): Forge | undefined =>
  config.github && githubForge(config.github, { clock, uses: usesOf(config) })

/** What verifies its webhooks; needs no network. */
export const forgeHookOf = ({ github }: Config, clock: Clock): ForgeHook | undefined =>
  github && githubHook(github, { clock })
