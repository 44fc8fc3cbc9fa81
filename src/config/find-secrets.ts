// Every secret that a file names, found where it says: the file in, the secrets and what is wrong with them out.
import type { Secret } from './config.ts'
import type { YamlFile } from './document.ts'
import { type Path, type Problem, showPath } from './problem.ts'
import type { ConfigFile, SecretPlace } from './schema.ts'
import { findSecret, lackingSecret } from './secret.ts'

export type Secrets = { at(path: Path): Secret | undefined; problems: Problem[]; warnings: string[] }

type SecretAt = { path: Path; place: SecretPlace; manyLines?: boolean }

const logins = (path: Path, given: { password?: SecretPlace | undefined; token?: SecretPlace | undefined }) =>
  (['password', 'token'] as const).flatMap((key): SecretAt[] => {
    const place = given[key]
    return place === undefined ? [] : [{ path: [...path, key], place }]
  })

/** Every place of the file that names a secret. */
const secretPlaces = ({ mail, projects, farm, trackers, github, web }: ConfigFile): SecretAt[] => {
  const inSources = (path: Path, sources: ConfigFile['mail']['inbox']) =>
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

/** `isLater`: one that cannot be had is a Fault where it is used. */
export const findSecrets = async (
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
