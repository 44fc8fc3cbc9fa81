// grapevine.yaml and the environment in, one frozen Config out, or one error that names every bad field.
import { readFile, stat } from 'node:fs/promises'
import { availableParallelism, hostname, totalmem } from 'node:os'
import { dirname, resolve } from 'node:path'
import { check } from './check.ts'
import { defaultSourceName } from './check-sources.ts'
import type {
  BugsPolicy,
  Config,
  GithubAppConfig,
  ImageConfig,
  Login,
  LoginConfig,
  PowerConfig,
  ProjectConfig,
  Secret,
  SourceConfig,
  TrackerConfig,
} from './config.ts'
import { parseYaml, type YamlFile } from './document.ts'
import { ConfigError, type Path, type Problem, showPath } from './problem.ts'
import type { ConfigFile, SecretPlace } from './schema.ts'
import { findSecret, lackingSecret, secret } from './secret.ts'

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
  const outside = [...environmentProblems(env), ...(await missingRepositories(yaml, from.folder, options))]
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

type Secrets = { at(path: Path): Secret | undefined; problems: Problem[]; warnings: string[] }

type SecretAt = { path: Path; place: SecretPlace; manyLines?: boolean }

const logins = (path: Path, given: { password?: SecretPlace | undefined; token?: SecretPlace | undefined }) =>
  (['password', 'token'] as const).flatMap((key): SecretAt[] => {
    const place = given[key]
    return place === undefined ? [] : [{ path: [...path, key], place }]
  })

/** Every place of the file that names a secret. */
const secretPlaces = ({ mail, projects, farm, trackers, github, web }: ConfigFile): SecretAt[] => {
  const inSources = (path: Path, sources: SourceFile[]) =>
    sources.flatMap((source, at) => (source.kind === 'imap' ? logins([...path, at], source) : []))
  return [
    ...(mail.smtp === undefined ? [] : logins(['mail', 'smtp'], mail.smtp)),
    ...(mail.dkim === undefined
      ? []
      : [{ path: ['mail', 'dkim', 'key'], place: mail.dkim.key, manyLines: true }]),
    ...inSources(['mail', 'inbox'], mail.inbox),
    ...(github === undefined
      ? []
      : [
          { path: ['github', 'key'], place: github.key, manyLines: true },
          { path: ['github', 'secret'], place: github.secret },
        ]),
    ...(['github', 'oidc'] as const).flatMap((kind): SecretAt[] => {
      const place = web.login[kind]?.secret
      return place === undefined ? [] : [{ path: ['web', 'login', kind, 'secret'], place }]
    }),
    ...web.hooks.map(({ secret }, at): SecretAt => ({ path: ['web', 'hooks', at, 'secret'], place: secret })),
    ...Object.entries(trackers).map(
      ([name, tracker]): SecretAt =>
        tracker.kind === 'bugzilla'
          ? { path: ['trackers', name, 'key'], place: tracker.key }
          : { path: ['trackers', name, 'token'], place: tracker.token },
    ),
    ...Object.entries(farm.hosts).flatMap(([name, { power }]): SecretAt[] =>
      power === undefined || power.kind === 'command'
        ? []
        : [{ path: ['farm', 'hosts', name, 'power', 'password'], place: power.password }],
    ),
    ...Object.entries(projects).flatMap(([name, { sources }]) =>
      inSources(['projects', name, 'sources'], sources),
    ),
  ]
}

const findSecrets = async (
  yaml: YamlFile,
  file: ConfigFile | undefined,
  { isLater, ...from }: { folder: string; env: NodeJS.ProcessEnv; isLater: boolean },
): Promise<Secrets> => {
  const found = new Map<string, Secret>()
  const secrets: Secrets = { at: path => found.get(showPath(path)), problems: [], warnings: [] }
  for (const { path, place, manyLines } of file === undefined ? [] : secretPlaces(file)) {
    const shown = showPath(path)
    const one = await findSecret(place, { ...from, ...(manyLines ? { manyLines } : {}) })
    if ('problem' in one && isLater) found.set(shown, lackingSecret(`${shown}: ${one.problem}`))
    else if ('problem' in one) secrets.problems.push({ ...yaml.place(path), path: shown, says: one.problem })
    else {
      found.set(shown, one.secret)
      if (one.warning !== undefined) secrets.warnings.push(`${shown}: ${one.warning}`)
    }
  }
  return secrets
}

type Context = { folder: string; secrets: Secrets }

const toConfig = (
  file: ConfigFile,
  { path, env, secrets }: { path: string; env: NodeJS.ProcessEnv; secrets: Secrets },
): Config => {
  const folder = dirname(path)
  const context = { folder, secrets }
  const data = env.GRAPEVINE_DATA ? resolve(env.GRAPEVINE_DATA) : resolve(folder, file.data)
  const farmData = file.farm.data === undefined ? resolve(data, 'farm') : resolve(folder, file.farm.data)
  const farm = env.GRAPEVINE_FARM_DATA ? resolve(env.GRAPEVINE_FARM_DATA) : farmData
  const { backup } = file.farm
  return {
    file: path,
    data,
    administrator: file.administrator,
    bot: file.bot,
    mail: toMail(file.mail, context),
    operators: file.operators ?? [file.administrator.address],
    redisUrl: env.REDIS_URL ? secret(env.REDIS_URL) : undefined,
    databaseUrl: env.DATABASE_URL ? secret(env.DATABASE_URL) : undefined,
    assemble: {
      quietMs: file.assemble.quiet,
      deadlineMs: file.assemble.deadline,
      partialMs: file.assemble.partial,
    },
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
      power: {
        afterMs: file.farm.power.after,
        cooldownMs: file.farm.power.cooldown,
        perDay: file.farm.power.perDay,
      },
      hosts: Object.entries(file.farm.hosts).map(([name, host]) => ({
        name,
        power: host.power && toPower(host.power, { ...context, path: ['farm', 'hosts', name, 'power'] }),
      })),
    },
    notices: toNotices(file.notices),
    watch: {
      oldestMs: file.watch.oldest,
      stuckMs: file.watch.stuck,
      expiresMs: file.watch.expires,
      settleMs: file.watch.settle,
      certificates: file.watch.certificates,
    },
    web: toWeb(file.web, context),
    github: file.github && toGithub(file.github, context),
    traces: file.traces,
    keepLogsMs: file.keepLogs,
    trackers: Object.entries(file.trackers).map(([name, tracker]) =>
      toTracker(name, tracker, { ...context, path: ['trackers', name] }),
    ),
    host: env.GRAPEVINE_HOST || hostname(),
    projects: Object.entries(file.projects).map(([name, project]) => toProject(name, project, context)),
  }
}

const lacking = (path: Path): never => {
  throw new Error(`${showPath(path)} has no secret`)
}

type PowerFile = NonNullable<ConfigFile['farm']['hosts'][string]['power']>

const toPower = (power: PowerFile, { folder, secrets, path }: Context & { path: Path }): PowerConfig => {
  if (power.kind === 'command') return power
  const password = secrets.at([...path, 'password']) ?? lacking([...path, 'password'])
  const { user } = power
  if (power.kind === 'ipmi') {
    const { kind, host, port, cipher } = power
    return { kind, host, port, user, password, cipher }
  }
  const { kind, url, system } = power
  return { kind, url: url.replace(/\/+$/, ''), system, user, password, ca: inFolder(power.ca, folder) }
}

const toNotices = ({
  every,
  gap,
  announce,
  remind,
  hold,
  bug,
}: ConfigFile['notices']): Config['notices'] => ({
  ...{ hold, bug, everyMs: every, gapMs: gap, announceMs: announce, remindMs: remind },
})

const withoutSlash = (url: string): string => url.replace(/\/+$/, '')

const toWeb = (web: ConfigFile['web'], context: Context): Config['web'] => {
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

const secretOf = ({ secrets }: Context, path: Path): Secret => secrets.at(path) ?? lacking(path)

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

const toGithub = (given: NonNullable<ConfigFile['github']>, context: Context): GithubAppConfig => ({
  ...{ id: given.app, api: withoutSlash(given.api), site: withoutSlash(given.site) },
  key: secretOf(context, ['github', 'key']),
  secret: secretOf(context, ['github', 'secret']),
  ...{ ca: inFolder(given.ca, context.folder), proxy: given.proxy },
})

const toTracker = (
  name: string,
  tracker: ConfigFile['trackers'][string],
  { folder, secrets, path }: Context & { path: Path },
): TrackerConfig => {
  const { proxy, expires: keyExpires } = tracker
  const common = { name, ca: inFolder(tracker.ca, folder), proxy, keyExpires }
  const secretAt = (key: string) => secrets.at([...path, key]) ?? lacking([...path, key])
  if (tracker.kind === 'github') {
    const { kind, repository, api } = tracker
    return { ...common, kind, repository, api: api.replace(/\/+$/, ''), token: secretAt('token') }
  }
  const { kind, url, login } = tracker
  return { ...common, kind, url: `${url.replace(/\/+$/, '')}/`, login, key: secretAt('key') }
}

type SourceFile = ConfigFile['projects'][string]['sources'][number]

const toMail = (mail: ConfigFile['mail'], context: Context): Config['mail'] => {
  const key = context.secrets.at(['mail', 'dkim', 'key'])
  const { dkim, live, inbox, caps } = mail
  return {
    live,
    out: mailOut(mail, context),
    dkim: dkim && key && { domain: dkim.domain, selector: dkim.selector, key },
    inbox: inbox.map((source, at) =>
      toSource(source, {
        ...context,
        path: ['mail', 'inbox', at],
        name: defaultSourceName('inbox', source.kind, at),
      }),
    ),
    caps,
    lookForMs: mail.lookFor,
  }
}

const mailOut = ({ maildir, smtp }: ConfigFile['mail'], context: Context): Config['mail']['out'] => {
  const { folder, secrets } = context
  if (smtp === undefined) return { kind: 'maildir', path: resolve(folder, maildir ?? '') }
  const { host, port, secure, user } = smtp
  const login = user === undefined ? undefined : toLogin(user, ['mail', 'smtp'], secrets)
  return { kind: 'smtp', host, port, secure, ca: inFolder(smtp.ca, folder), login }
}

const inFolder = (path: string | undefined, folder: string): string | undefined =>
  path === undefined ? undefined : resolve(folder, path)

/** undefined: there is neither; check.ts said so. */
const toLogin = (user: string, path: Path, secrets: Secrets): Login | undefined => {
  const token = secrets.at([...path, 'token'])
  const password = secrets.at([...path, 'password'])
  return token ? { user, token } : password && { user, password }
}

const toSource = (
  source: SourceFile,
  { folder, secrets, path, name }: Context & { path: Path; name: string },
): SourceConfig => {
  const common = { name: source.name ?? name, since: source.since }
  if (source.kind !== 'imap') return { ...common, kind: source.kind, path: resolve(folder, source.path) }
  const { kind, host, secure, user, mailbox, port = secure ? 993 : 143 } = source
  const login = toLogin(user, path, secrets)
  if (login === undefined) throw new Error(`${showPath(path)} has no login`)
  return { ...common, kind, host, port, secure, ca: inFolder(source.ca, folder), login, mailbox }
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

const toProject = (name: string, file: ProjectFile, context: Context): ProjectConfig => ({
  name,
  list: file.list,
  listId: file.listId?.toLowerCase(),
  archive: file.archive,
  sources: file.sources.map((source, at) =>
    toSource(source, {
      ...context,
      path: ['projects', name, 'sources', at],
      name: defaultSourceName(name, source.kind, at),
    }),
  ),
  listTags: file.listTags,
  recipe: {
    repository: repositoryAt(file.repository, context.folder),
    branch: file.branch,
    build: {
      image: file.build.image,
      prepare: file.build.prepare.map(toStep),
      steps: file.build.steps.map(toStep),
      artifacts: file.build.artifacts,
    },
    test: {
      images: file.test.images,
      steps: file.test.steps.map(({ report, files, pattern, only, ...step }) => ({
        ...toStep(step),
        ...defined({ report, files, pattern, only }),
        report,
      })),
      ...defined({ concerns: file.test.concerns, dependencies: file.test.dependencies }),
    },
    ignore: file.ignore,
  },
  branches: file.branches,
  reply: file.reply,
  trust: file.trust,
  proof: toProof(file.proof),
  bugs: file.bugs && toBugs(file.bugs),
  github: file.github && {
    pulls: file.github.pulls,
    series: file.github.series,
    comment: file.github.comment,
  },
})

const toBugs = ({ sync, rules, ...rest }: NonNullable<ProjectFile['bugs']>): BugsPolicy => ({
  ...rest,
  rules: rules.map(({ status, resolution, whiteboard, ...rule }) => ({
    ...rule,
    status,
    resolution,
    whiteboard,
  })),
  sync: sync && {
    ...{ products: sync.products, bugs: sync.bugs.map(String), flag: sync.flag, track: sync.track },
    idleMs: sync.idle,
  },
})

const toProof = ({ budget, alike, nightlyAt, ...rest }: ProjectFile['proof']): ProjectConfig['proof'] => ({
  ...rest,
  budgetMs: budget,
  nightlyAt,
  alike: { authors: alike.authors, withinMs: alike.within },
})

/** Without what is not there: a recipe's digest names jobs, and must not change with what it does not say. */
const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never

const deepFreeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value))
    for (const inner of Object.values(Object.freeze(value))) deepFreeze(inner)
  return value
}
