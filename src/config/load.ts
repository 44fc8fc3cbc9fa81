// grapevine.yaml and the environment in, one frozen Config out, or one error that names every bad field.
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { check } from './check.ts'
import type { Config } from './config.ts'
import { parseYaml } from './document.ts'
import { findSecrets } from './find-secrets.ts'
import { ConfigError, type Problem } from './problem.ts'
import { missingRepositories } from './repository.ts'
import { toConfig } from './to-config.ts'

export type LoadOptions = {
  /** Else GRAPEVINE_CONFIG, else ./grapevine.yaml. */
  file?: string | undefined
  env: NodeJS.ProcessEnv
  /** later: a repository that is a path need not be there yet. Default: now. */
  repositories?: 'now' | 'later'
  /** later: one that cannot be had is a Fault where it is used, as who only looks things up needs none. Default: now. */
  secrets?: 'now' | 'later'
}

/** Throws ConfigError. Relative paths of the file are resolved against it, those of the environment against the working folder. */
export const loadConfig = async (options: LoadOptions): Promise<Config> => (await readConfig(options)).config

/** As loadConfig, and what is not an error but should be mended. */
export const readConfig = async (options: LoadOptions): Promise<{ config: Config; warnings: string[] }> => {
  const { env } = options
  const name = options.file ?? (env.GRAPEVINE_CONFIG || 'grapevine.yaml')
  const yaml = parseYaml(await readText(name, options))
  if (Array.isArray(yaml)) throw new ConfigError(name, yaml)
  const checked = check(yaml)
  const file = 'file' in checked ? checked.file : undefined
  const problems = 'problems' in checked ? checked.problems : []

  const path = resolve(name)
  const from = { folder: dirname(path), env }
  const missing = options.repositories === 'later' ? [] : await missingRepositories(yaml, from.folder)
  const outside = [...environmentProblems(env), ...missing]
  const secrets = await findSecrets(yaml, file, { ...from, isLater: options.secrets === 'later' })
  const all = [...problems, ...outside, ...secrets.problems].sort((a, b) => a.line - b.line)
  if (file === undefined || all.length > 0) throw new ConfigError(name, all)
  return {
    config: deepFreeze(toConfig(file, { path, env, secrets })),
    warnings: secrets.warnings,
  }
}

const readText = async (name: string, { file, env }: LoadOptions): Promise<string> => {
  const remedy =
    file === undefined && !env.GRAPEVINE_CONFIG
      ? 'Name it with --config FILE or GRAPEVINE_CONFIG, or write one: docs/configuring.md shows how.'
      : undefined
  const fail = (says: string) => new ConfigError(name, [{ line: 0, column: 0, path: '', says }], remedy)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(name))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const why: Record<string, string> = {
      ENOENT: 'there is no such file',
      EACCES: 'it may not be read',
      EISDIR: 'it is a folder',
      ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
    }
    throw fail(why[code] ?? `it cannot be read: ${code}`)
  }
}

const environmentProblems = (env: NodeJS.ProcessEnv): Problem[] => {
  const wanted = [
    {
      name: 'REDIS_URL',
      schemes: /^(rediss?:\/\/.|\/.)/,
      like: 'redis://host:6379, or be the path of a unix socket',
    },
    { name: 'DATABASE_URL', schemes: /^postgres(ql)?:\/\/./, like: 'postgres://user@host/database' },
  ]
  // The value may hold a password: it is not repeated.
  return wanted.flatMap(({ name, schemes, like }) =>
    env[name] && !schemes.test(env[name])
      ? [{ line: 0, column: 0, path: name, says: `this environment variable must look like ${like}` }]
      : [],
  )
}

const deepFreeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value))
    for (const inner of Object.values(Object.freeze(value))) deepFreeze(inner)
  return value
}
