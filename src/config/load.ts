// grapevine.yaml and the environment in, one frozen Config out, or one error that names every bad field.
import { readFile, stat } from 'node:fs/promises'
import { availableParallelism, hostname, totalmem } from 'node:os'
import { dirname, resolve } from 'node:path'
import { check, defaultSourceName } from './check.ts'
import type { Config, ImageConfig, ProjectConfig, Secret } from './config.ts'
import { parseYaml, type YamlFile } from './document.ts'
import { ConfigError, type Problem, showPath } from './problem.ts'
import type { ConfigFile } from './schema.ts'
import { findSecret, secret } from './secret.ts'

export type LoadOptions = {
  /** Else GRAPEVINE_CONFIG, else ./grapevine.yaml. */
  file?: string | undefined
  env: NodeJS.ProcessEnv
  /** later: a repository that is a path need not be there yet. Default: now. */
  repositories?: 'now' | 'later'
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
  const outside = [...environmentProblems(env), ...(await missingRepositories(yaml, from.folder, options))]
  const password = await passwordOf(yaml, file, from)
  const all = [...problems, ...outside, ...password.problems].sort((a, b) => a.line - b.line)
  if (file === undefined || all.length > 0) throw new ConfigError(name, all)
  return {
    config: deepFreeze(toConfig(file, { path, env, password: password.secret })),
    warnings: password.warnings,
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

const isAddress = (repository: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(repository) || /^[\w.-]+(@[\w.-]+)?:/.test(repository)

const repositoryAt = (repository: string, folder: string): string =>
  isAddress(repository) ? repository : resolve(folder, repository)

const missingRepositories = async (
  yaml: YamlFile,
  folder: string,
  { repositories }: LoadOptions,
): Promise<Problem[]> => {
  const { value } = yaml
  const projects =
    typeof value === 'object' && value !== null && 'projects' in value ? value.projects : undefined
  if (repositories === 'later' || typeof projects !== 'object' || projects === null) return []
  const problems = Object.entries(projects).map(async ([name, project]): Promise<Problem[]> => {
    const repository: unknown = project?.repository
    if (typeof repository !== 'string' || repository === '' || isAddress(repository)) return []
    const there = await stat(resolve(folder, repository)).then(
      () => true,
      () => false,
    )
    const path = ['projects', name, 'repository']
    const says = `there is no repository at ${resolve(folder, repository)}`
    return there ? [] : [{ ...yaml.place(path), path: showPath(path), says }]
  })
  return (await Promise.all(problems)).flat()
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

type Password = { secret: Secret | undefined; problems: Problem[]; warnings: string[] }

const passwordOf = async (
  yaml: YamlFile,
  file: ConfigFile | undefined,
  from: { folder: string; env: NodeJS.ProcessEnv },
): Promise<Password> => {
  const place = file?.mail.smtp?.password
  if (place === undefined) return { secret: undefined, problems: [], warnings: [] }
  const path = ['mail', 'smtp', 'password']
  const found = await findSecret(place, from)
  if ('problem' in found)
    return {
      secret: undefined,
      problems: [{ ...yaml.place(path), path: showPath(path), says: found.problem }],
      warnings: [],
    }
  const warnings = found.warning === undefined ? [] : [`${showPath(path)}: ${found.warning}`]
  return { secret: found.secret, problems: [], warnings }
}

const toConfig = (
  file: ConfigFile,
  { path, env, password }: { path: string; env: NodeJS.ProcessEnv; password: Secret | undefined },
): Config => {
  const folder = dirname(path)
  const data = env.GRAPEVINE_DATA ? resolve(env.GRAPEVINE_DATA) : resolve(folder, file.data)
  const farmData = file.farm.data === undefined ? resolve(data, 'farm') : resolve(folder, file.farm.data)
  const farm = env.GRAPEVINE_FARM_DATA ? resolve(env.GRAPEVINE_FARM_DATA) : farmData
  const { backup } = file.farm
  return {
    file: path,
    data,
    administrator: file.administrator,
    bot: file.bot,
    mail: { live: file.mail.live, out: mailOut(file.mail, { folder, password }) },
    redisUrl: env.REDIS_URL ? secret(env.REDIS_URL) : undefined,
    databaseUrl: env.DATABASE_URL ? secret(env.DATABASE_URL) : undefined,
    assemble: { quietMs: file.assemble.quiet, deadlineMs: file.assemble.deadline },
    farm: {
      data: farm,
      slots: file.farm.slots ?? availableParallelism(),
      memoryMiB: file.farm.memory ?? Math.floor((totalmem() / 2 ** 20) * 0.75),
      pool: file.farm.pool,
      reserveMiB: file.farm.reserve,
      user: file.farm.user,
      backup: {
        folder: backup.folder === undefined ? resolve(farm, 'backups') : resolve(folder, backup.folder),
        keep: backup.keep,
      },
      accelerator: file.farm.accelerator,
      images: Object.entries(file.farm.images).map(([name, image]) => toImage(name, image)),
    },
    host: env.GRAPEVINE_HOST || hostname(),
    projects: Object.entries(file.projects).map(([name, project]) => toProject(name, project, folder)),
  }
}

const mailOut = (
  { maildir, smtp }: ConfigFile['mail'],
  { folder, password }: { folder: string; password: Secret | undefined },
): Config['mail']['out'] => {
  if (smtp === undefined) return { kind: 'maildir', path: resolve(folder, maildir ?? '') }
  const { host, port, secure, user } = smtp
  return { kind: 'smtp', host, port, secure, user, password }
}

const toImage = (name: string, image: ConfigFile['farm']['images'][string]): ImageConfig => {
  const hardware = { name, memoryMiB: image.memory, cpus: image.cpus }
  if (image.kind === 'imported') {
    const { kind, os, firmware, disk = os === 'windows' ? 'sata' : 'virtio' } = image
    return { ...hardware, kind, os, firmware, disk }
  }
  if (image.kind === 'libvirt') {
    const { kind, os, uri, domain, snapshot } = image
    return { ...hardware, kind, os, uri, domain, snapshot }
  }
  const { kind, packages } = image
  return { ...hardware, kind, packages, diskMiB: image.kind === 'debian' ? image.disk : 0 }
}

type ProjectFile = ConfigFile['projects'][string]

const toStep = ({ name, run, timeout }: ProjectFile['build']['steps'][number]) => ({
  name,
  run,
  timeoutMs: timeout,
})

const toProject = (name: string, file: ProjectFile, folder: string): ProjectConfig => ({
  name,
  list: file.list,
  sources: file.sources.map((source, index) => ({
    name: source.name ?? defaultSourceName(name, source.kind, index),
    kind: source.kind,
    path: resolve(folder, source.path),
  })),
  listTags: file.listTags,
  recipe: {
    repository: repositoryAt(file.repository, folder),
    branch: file.branch,
    build: {
      image: file.build.image,
      prepare: file.build.prepare.map(toStep),
      steps: file.build.steps.map(toStep),
      artifacts: file.build.artifacts,
    },
    test: {
      images: file.test.images,
      steps: file.test.steps.map(step => ({ ...toStep(step), report: step.report })),
    },
    ignore: file.ignore,
  },
})

const deepFreeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value))
    for (const inner of Object.values(Object.freeze(value))) deepFreeze(inner)
  return value
}
