// What turning a file into a Config needs besides the file: the folder that its paths are against, and its secrets.
import { resolve } from 'node:path'
import type { Login, Secret } from './config.ts'
import type { Secrets } from './find-secrets.ts'
import { type Path, showPath } from './problem.ts'

export type Context = { folder: string; secrets: Secrets }

const lacking = (path: Path): never => {
  throw new Error(`${showPath(path)} has no secret`)
}

/** The secret at a path where the schema asks for one. */
export const secretOf = ({ secrets }: Context, path: Path): Secret => secrets.at(path) ?? lacking(path)

/** undefined: there is neither; check.ts said so. */
export const toLogin = (user: string, path: Path, secrets: Secrets): Login | undefined => {
  const token = secrets.at([...path, 'token'])
  const password = secrets.at([...path, 'password'])
  return token ? { user, token } : password && { user, password }
}

export const inFolder = (path: string | undefined, folder: string): string | undefined =>
  path === undefined ? undefined : resolve(folder, path)

export const withoutSlash = (url: string): string => url.replace(/\/+$/, '')
